#include "experiments/tasks/benchmark/task.h"

#include "core/io/file.h"
#include "core/manifest/fields.h"
#include "experiments/corpus/babel/benchmark.h"
#include "experiments/corpus/babel/corpus_text.h"
#include "experiments/corpus/babel/gloss.h"
#include "experiments/tasks/benchmark/spec.h"

namespace repro {
namespace {

/// Writes the examples of one language as JSON lines.
class Writer {
 public:
  Writer(const Speaker& speaker, std::filesystem::path folder)
      : speaker_(speaker), folder_(std::move(folder)) {}

  Status Nli(Split split, const std::vector<NliExample>& examples) {
    for (std::size_t i = 0; i < examples.size(); ++i) {
      const NliExample& example = examples[i];
      Add({{"id", ExampleId("xnli", split, i)},
           {"premise", Text(example.premise)},
           {"hypothesis", Text(example.hypothesis)},
           {"label", static_cast<int>(example.label)}});
    }
    return Finish("xnli", split);
  }

  Status Topics(Split split, const std::vector<TopicExample>& examples) {
    for (std::size_t i = 0; i < examples.size(); ++i) {
      Add({{"id", ExampleId("topic", split, i)},
           {"text", Text(examples[i].proposition)},
           {"label", examples[i].label}});
    }
    return Finish("topic", split);
  }

  Status Tags(Split split, const std::vector<Proposition>& examples) {
    for (std::size_t i = 0; i < examples.size(); ++i) {
      speaker_.Say(examples[i], sentence_);
      Json words = Json::array();
      Json tags = Json::array();
      for (std::size_t w = 0; w < sentence_.size(); ++w) {
        words.push_back(TextOf(sentence_[w]));
        tags.push_back(TagNames()[sentence_[w].tag]);
      }
      Add({{"id", ExampleId("tags", split, i)},
           {"words", std::move(words)},
           {"tags", std::move(tags)}});
    }
    return Finish("tags", split);
  }

  Status Parallel(const std::vector<Proposition>& examples) {
    for (std::size_t i = 0; i < examples.size(); ++i) {
      Add({{"id", ExampleId("parallel", Split::kParallel, i)}, {"text", Text(examples[i])}});
    }
    return Save("parallel.jsonl");
  }

 private:
  std::string Text(const Proposition& proposition) {
    speaker_.Say(proposition, sentence_);
    std::string text;
    AppendText(sentence_, text);
    return text;
  }

  void Add(const Json& example) {
    content_ += CanonicalJson(example);
    content_.push_back('\n');
  }

  Status Finish(std::string_view task, Split split) {
    return Save(std::string(task) + "." + std::string(SplitName(split)) + ".jsonl");
  }

  Status Save(const std::string& name) {
    Status status = WriteFileAtomic(folder_ / name, content_);
    content_.clear();
    return status;
  }

  const Speaker& speaker_;
  std::filesystem::path folder_;
  Sentence sentence_;
  std::string content_;
};

}  // namespace

Status RunBenchmarkTask(TaskContext& context) {
  REPRO_ASSIGN_OR_RETURN(const BenchmarkSpec spec, FromJson<BenchmarkSpec>(context.task.spec));
  if (spec.source != "babel") {
    return Fail(ErrorCode::kInvalidArgument, "benchmark source '{}' is not at hand; expected babel",
                spec.source);
  }
  REPRO_ASSIGN_OR_RETURN(const BabelLanguage language, FindBabelLanguage(spec.language));
  const World world = MakeWorld(spec.babel, language.code, spec.null_world);
  const Anchors anchors(world.seed());
  const Speaker speaker(world, anchors, language);
  const Benchmark benchmark(world);
  Writer writer(speaker, context.out);

  struct Part {
    Split split;
    std::int64_t count;
  };
  std::vector<Part> parts = {{Split::kDev, spec.sizes.dev}, {Split::kTest, spec.sizes.test}};
  if (spec.with_train) parts.push_back({Split::kTrain, spec.sizes.train});
  for (const auto& [split, wanted] : parts) {
    const auto count = static_cast<int>(wanted);
    REPRO_RETURN_IF_ERROR(writer.Nli(split, benchmark.Nli(split, count)));
    REPRO_RETURN_IF_ERROR(writer.Topics(split, benchmark.Topics(split, count)));
    REPRO_RETURN_IF_ERROR(writer.Tags(split, benchmark.Tags(split, count)));
    if (context.stop.load())
      return Fail(ErrorCode::kInterrupted, "stopped while writing the benchmark");
  }
  REPRO_RETURN_IF_ERROR(writer.Parallel(benchmark.Parallel(static_cast<int>(spec.sizes.parallel))));
  const Json labels = {{"xnli", NliLabelNames()}, {"topic", TopicNames()}, {"tags", TagNames()}};
  REPRO_RETURN_IF_ERROR(WriteFileAtomic(context.out / "labels.json", labels.dump(1) + "\n"));
  return context.events.status();
}

}  // namespace repro
