#include "experiments/tasks/testsets/task.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/rng.h"
#include "core/io/file.h"
#include "experiments/corpus/source/plain_reader.h"
#include "experiments/datasets/layouts/read_examples.h"
#include "experiments/tasks/coded/task.h"
#include "experiments/tasks/testsets/spec.h"

namespace repro {
namespace {

constexpr const char* kTagNames[] = {"O",     "B-LOC", "I-LOC", "B-MISC", "I-MISC",
                                     "B-ORG", "I-ORG", "B-PER", "I-PER"};

/// An example as a line, and by what it is drawn.
struct DrawnLine {
  std::string id;
  std::string line;
};

/// The place of an example among all of its kind: by its id alone, so that translations have one.
std::uint64_t DrawOf(const std::string& id) {
  return MixSeed(1, "testsets " + id);
}

/// At most `count` of them, those that are drawn first, in the order they came in.
std::vector<DrawnLine> Drawn(std::vector<DrawnLine> lines, std::int64_t count) {
  if (static_cast<std::int64_t>(lines.size()) <= count) return lines;
  std::vector<std::uint64_t> draws;
  draws.reserve(lines.size());
  for (const DrawnLine& line : lines) draws.push_back(DrawOf(line.id));
  std::nth_element(draws.begin(), draws.begin() + count, draws.end());
  const std::uint64_t limit = draws[static_cast<std::size_t>(count)];
  std::erase_if(lines, [&](const DrawnLine& line) { return DrawOf(line.id) >= limit; });
  return lines;
}

class TestsetWriter {
 public:
  /// `coded`: the language that the English of the files is recoded to, or null.
  TestsetWriter(const TestsetsSpec& spec, const CodedLanguage* coded, TaskContext& context)
      : spec_(spec), coded_(coded), context_(context) {}

  Status Write() {
    const BenchmarkSettings& sizes = spec_.sizes;
    REPRO_RETURN_IF_ERROR(Nli(spec_.xnli_train, "train", sizes.train));
    REPRO_RETURN_IF_ERROR(Nli(spec_.xnli_dev, "dev", sizes.dev));
    REPRO_RETURN_IF_ERROR(Nli(spec_.xnli_test, "test", sizes.test));
    REPRO_RETURN_IF_ERROR(Tags());
    REPRO_RETURN_IF_ERROR(Parallel());
    REPRO_RETURN_IF_ERROR(Pairs());
    const Json labels = {{"xnli", LabelNames("xnli")}, {"tags", kTagNames}};
    return WriteFileAtomic(context_.out / "labels.json", labels.dump(1) + "\n");
  }

 private:
  Result<std::vector<LayoutFile>> Files(const SourceFilesSpec& list) {
    if (context_.stop) return Fail(ErrorCode::kInterrupted, "asked to stop");
    REPRO_ASSIGN_OR_RETURN(const auto files, SourceFilesOf(list, context_.task));
    REPRO_RETURN_IF_ERROR(VerifySourceFiles(files, 1, context_.stop));
    std::vector<LayoutFile> layout_files;
    for (const SourceFile& file : files) {
      layout_files.push_back({.path = file.path,
                              .layout = file.layout,
                              .language = file.language,
                              .encoding = file.encoding});
    }
    return layout_files;
  }

  std::string Text(const std::string& text) const {
    return coded_ == nullptr ? text : coded_->Encode(text);
  }

  Status Save(const std::string& name, const std::vector<DrawnLine>& lines) {
    std::string content;
    for (const DrawnLine& line : lines) content += line.line + "\n";
    return lines.empty() ? Status() : WriteFileAtomic(context_.out / name, content);
  }

  Status Nli(const SourceFilesSpec& list, const std::string& split, std::int64_t count) {
    REPRO_ASSIGN_OR_RETURN(const auto files, Files(list));
    if (files.empty()) return {};
    REPRO_ASSIGN_OR_RETURN(auto pairs, ReadAllExamples<NliPair>(files, {.needs_labels = true}));
    std::vector<DrawnLine> lines;
    for (NliPair& pair : pairs) {
      if (pair.language != spec_.language) continue;
      // Several training sets may number alike.
      const std::string id = split == "train" ? std::to_string(lines.size() + 1) : pair.id;
      Json line = {{"id", id},
                   {"premise", Text(pair.premise)},
                   {"hypothesis", Text(pair.hypothesis)},
                   {"label", *pair.label}};
      lines.push_back({id, CanonicalJson(line)});
    }
    return Save("xnli." + split + ".jsonl", Drawn(std::move(lines), count));
  }

  Result<std::vector<DrawnLine>> Sentences(const SourceFilesSpec& list) {
    REPRO_ASSIGN_OR_RETURN(const auto files, Files(list));
    std::vector<DrawnLine> lines;
    if (files.empty()) return lines;
    REPRO_ASSIGN_OR_RETURN(auto sentences, ReadAllExamples<TaggedSentence>(files, {}));
    for (TaggedSentence& sentence : sentences) {
      if (coded_ != nullptr) {
        CodedSentence coded = coded_->EncodeWords(sentence.words);
        sentence.tags = MovedTags(sentence.tags, coded.origins);
        sentence.words = std::move(coded.words);
      }
      Json line = {{"id", sentence.id},
                   {"words", std::move(sentence.words)},
                   {"tags", std::move(sentence.tags)}};
      lines.push_back({sentence.id, CanonicalJson(line)});
    }
    return lines;
  }

  Status Tags() {
    const BenchmarkSettings& sizes = spec_.sizes;
    REPRO_ASSIGN_OR_RETURN(auto train, Sentences(spec_.tags_train));
    REPRO_ASSIGN_OR_RETURN(auto dev, Sentences(spec_.tags_dev));
    REPRO_ASSIGN_OR_RETURN(auto test, Sentences(spec_.tags_test));
    if (spec_.tags_test.size() == 0) {
      const auto half = std::stable_partition(dev.begin(), dev.end(), [](const DrawnLine& line) {
        return MixSeed(1, "testsets half " + line.id) % 2 == 0;
      });
      test.assign(half, dev.end());
      dev.erase(half, dev.end());
    }
    REPRO_RETURN_IF_ERROR(Save("tags.train.jsonl", Drawn(std::move(train), sizes.train)));
    REPRO_RETURN_IF_ERROR(Save("tags.dev.jsonl", Drawn(std::move(dev), sizes.dev)));
    return Save("tags.test.jsonl", Drawn(std::move(test), sizes.test));
  }

  /// The lines of a file; their numbers name them.
  Result<std::vector<std::string>> Lines(const LayoutFile& file) {
    REPRO_ASSIGN_OR_RETURN(ByteSource source, ByteSource::Open(file.path));
    TextWindow window(std::move(source));
    std::vector<std::string> lines;
    while (const auto line = window.NextLine(PlainReader::kLongestLine)) {
      lines.emplace_back(line->text);
    }
    if (window.damage()) return tl::unexpected<Error>(*window.damage());
    return lines;
  }

  Status Parallel() {
    REPRO_ASSIGN_OR_RETURN(const auto files, Files(spec_.parallel));
    std::vector<DrawnLine> sentences;
    for (const LayoutFile& file : files) {
      REPRO_ASSIGN_OR_RETURN(const auto lines, Lines(file));
      for (std::size_t i = 0; i < lines.size(); ++i) {
        const std::string id = std::to_string(i + 1);
        sentences.push_back({id, CanonicalJson({{"id", id}, {"text", Text(lines[i])}})});
      }
    }
    return Save("parallel.jsonl", Drawn(std::move(sentences), spec_.sizes.parallel));
  }

  Status Pairs() {
    REPRO_ASSIGN_OR_RETURN(const auto files, Files(spec_.pairs));
    REPRO_ASSIGN_OR_RETURN(const auto source_files, Files(spec_.pairs_source));
    std::vector<DrawnLine> pairs;
    for (std::size_t f = 0; f < std::min(files.size(), source_files.size()); ++f) {
      REPRO_ASSIGN_OR_RETURN(const auto ours, Lines(files[f]));
      REPRO_ASSIGN_OR_RETURN(const auto theirs, Lines(source_files[f]));
      if (ours.size() != theirs.size()) {
        return Fail(ErrorCode::kCorrupt, "{} has {} lines, {} has {}; expected as many",
                    files[f].path.string(), ours.size(), source_files[f].path.string(),
                    theirs.size());
      }
      for (std::size_t i = 0; i < ours.size(); ++i) {
        const std::string id = std::to_string(pairs.size() + 1);
        pairs.push_back(
            {id, CanonicalJson({{"id", id}, {"text", Text(ours[i])}, {"source_text", theirs[i]}})});
      }
    }
    return Save("pairs.jsonl", pairs);
  }

  const TestsetsSpec& spec_;
  const CodedLanguage* coded_;
  TaskContext& context_;
};

}  // namespace

Status RunTestsetsTask(TaskContext& context) {
  REPRO_ASSIGN_OR_RETURN(const TestsetsSpec spec, FromJson<TestsetsSpec>(context.task.spec));
  std::optional<CodedLanguage> coded;
  if (spec.coded_language > 0) {
    REPRO_ASSIGN_OR_RETURN(coded, LoadCodedLanguage(context, spec.coded, spec.coded_language));
  }
  REPRO_RETURN_IF_ERROR(TestsetWriter(spec, coded ? &*coded : nullptr, context).Write());
  return context.events.status();
}

}  // namespace repro
