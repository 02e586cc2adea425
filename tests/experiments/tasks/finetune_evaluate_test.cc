#include <algorithm>
#include <cmath>
#include <memory>
#include <sstream>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/hash.h"
#include "core/base/text.h"
#include "experiments/model/state_dict_adapter.h"
#include "experiments/tasks/evaluate/spec.h"
#include "experiments/tasks/evaluate/task.h"
#include "experiments/tasks/finetune/selection_file.h"
#include "experiments/tasks/finetune/spec.h"
#include "experiments/tasks/finetune/task.h"
#include "experiments/text/vocab_trainer.h"
#include "tests/core/temp_folder.h"
#include "tests/experiments/task_fixture.h"

namespace repro {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Two "languages" and labels that a word gives away: what is tested is the chain, not the learning.
class FinetuneEvaluateTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    at::set_num_threads(1);
    root_ = new testing::TempFolder;
    std::vector<VocabText> texts;
    for (const std::string code : {"aa", "bb"}) {
      const auto text = *root_ / (code + ".txt");
      ASSERT_TRUE(PutFile(text, testing::TinyText(code, 200)));
      texts.push_back({code, text, 1.0});
      WriteBenchmark(code);
    }
    const auto vocab = TrainVocabulary(texts, {.size = 150, .sample_sentences = 400});
    ASSERT_TRUE(vocab) << vocab.error().message;
    ASSERT_TRUE(PutFile(*root_ / "vocab/sp.model", vocab->model));
    ModelShape shape;
    shape.settings.layers = 1;
    shape.settings.hidden = 16;
    shape.settings.heads = 2;
    shape.settings.init_std = 0.1;
    shape.vocab_size = 150;
    shape.max_positions = 66;
    ASSERT_TRUE(SaveModel(*root_ / "pretrained", InitMlmModel(shape, 1)));
  }
  static void TearDownTestSuite() { delete root_; }

  static void WriteBenchmark(const std::string& code) {
    const auto folder = *root_ / ("benchmark-" + code);
    ASSERT_TRUE(PutFile(folder / "labels.json",
                        R"({"xnli": ["contradiction", "neutral", "entailment"],
                                    "topic": ["sea", "sky"], "tags": ["O", "B-PER"]})"));
    for (const std::string split : {"train", "dev", "test"}) {
      if (split == "train" && code != "aa") continue;
      std::string topics, pairs, tags;
      for (int i = 0; i < (split == "train" ? 48 : 12); ++i) {
        const std::string id = split + std::to_string(i);
        const auto index = static_cast<std::uint64_t>(i) + (split == "train" ? 0 : 500);
        const std::string word = testing::TinyWord(code, index % 40);
        const char* marks[] = {"koko", "zuzu", "mimi"};
        topics +=
            Json{{"id", id}, {"text", word + " " + marks[i % 2]}, {"label", i % 2}}.dump() + "\n";
        pairs += Json{{"id", id}, {"premise", word}, {"hypothesis", marks[i % 3]}, {"label", i % 3}}
                     .dump() +
                 "\n";
        tags += Json{{"id", id},
                     {"words", {word, i % 2 == 0 ? "koko" : "zuzu"}},
                     {"tags", {"O", i % 2 == 0 ? "B-PER" : "O"}}}
                    .dump() +
                "\n";
      }
      ASSERT_TRUE(PutFile(folder / ("topic." + split + ".jsonl"), topics));
      ASSERT_TRUE(PutFile(folder / ("xnli." + split + ".jsonl"), pairs));
      ASSERT_TRUE(PutFile(folder / ("tags." + split + ".jsonl"), tags));
    }
    std::string parallel;
    for (int i = 0; i < 10; ++i) {
      parallel += Json{{"id", "p" + std::to_string(i)},
                       {"text", testing::TinySentence(code, static_cast<std::uint64_t>(i))}}
                      .dump() +
                  "\n";
    }
    ASSERT_TRUE(PutFile(folder / "parallel.jsonl", parallel));
  }

  static FinetuneSpec Spec(const std::string& task, std::int64_t updates = 40) {
    FinetuneSpec spec;
    spec.task = task;
    spec.source_language = "aa";
    spec.languages = {"aa", "bb"};
    spec.settings.learning_rate = 5e-3;
    spec.settings.batch_size = 12;
    spec.settings.updates = updates;
    spec.settings.validate_every = 8;
    spec.settings.patience = 0;
    spec.settings.max_tokens = 32;
    spec.seed = 4;
    return spec;
  }
  void Connect(testing::TaskFixture& fixture, const std::string& role,
               const std::filesystem::path& model) {
    fixture.inputs = {{"aa", *root_ / "benchmark-aa"},
                      {"bb", *root_ / "benchmark-bb"},
                      {"vocab", *root_ / "vocab"},
                      {role, model}};
  }
  Status Finetune(testing::TaskFixture& fixture, const FinetuneSpec& spec) {
    Connect(fixture, "encoder", *root_ / "pretrained");
    return fixture.Run(&RunFinetuneTask, spec);
  }
  Status Evaluate(testing::TaskFixture& fixture, const std::string& measure,
                  const std::filesystem::path& model) {
    Connect(fixture, "model", model);
    return fixture.Run(&RunEvaluateTask, EvaluationSpec(measure));
  }
  static EvaluateSpec EvaluationSpec(const std::string& measure) {
    EvaluateSpec spec;
    spec.measure = measure;
    spec.source_language = "aa";
    spec.languages = {"aa", "bb"};
    spec.settings.pseudo_bits_sentences = 4;
    spec.max_tokens = 32;
    spec.seed = measure == "intrinsic" ? -1 : 4;
    return spec;
  }

  static inline testing::TempFolder* root_ = nullptr;
  testing::TempFolder folder_;
};

TEST_F(FinetuneEvaluateTest, EachTaskIsLearntScoredAndItsPredictionsKept) {
  for (const std::string task : {"xnli", "topic", "tags"}) {
    testing::TaskFixture finetune(folder_ / (task + "-finetune"));
    const Status trained = Finetune(finetune, Spec(task));
    ASSERT_TRUE(trained) << trained.error().message;
    const std::string metric = task + (task == "tags" ? ".f1" : ".accuracy");
    EXPECT_GT(finetune.MetricValue(metric, "aa").value(), 0.8) << task;
    EXPECT_TRUE(finetune.MetricValue(task + ".loss", "bb").has_value());

    testing::TaskFixture evaluate(folder_ / (task + "-evaluate"));
    const Status scored = Evaluate(evaluate, task, finetune.out());
    ASSERT_TRUE(scored) << scored.error().message;
    const double score = evaluate.MetricValue(metric, "aa").value();
    EXPECT_GT(score, 0.8) << task;
    const Json scores = LoadJson(evaluate.out() / "scores.json").value();
    EXPECT_EQ(scores.at("scores").at(metric).at("aa").get<double>(), score);
    EXPECT_EQ(evaluate.Events("metric").front().at("seed"), 4);
    EXPECT_EQ(evaluate.Events("metric").front().at("split"), "test");

    // The score again, from the predictions that were kept.
    std::istringstream lines(ReadFile(evaluate.out() / "predictions.jsonl").value());
    int right = 0, of_aa = 0, all = 0;
    for (std::string line; std::getline(lines, line);) {
      const Json row = ParseJson(line, "predictions").value();
      ++all;
      if (row.at("language") != "aa") continue;
      ++of_aa;
      right += row.at("gold") == row.at("pred") ? 1 : 0;
      if (task == "topic") {
        EXPECT_EQ(row.at("gold"), of_aa % 2 == 1 ? "sea" : "sky");
      }
    }
    EXPECT_EQ(all, 24);
    EXPECT_EQ(of_aa, 12);
    if (task != "tags") {
      EXPECT_DOUBLE_EQ(right / 12.0, score);
    }
  }
}

TEST_F(FinetuneEvaluateTest, SeedAloneDecidesAndAnInterruptionChangesNothing) {
  const FinetuneSpec spec = Spec("topic", 80);  // ten validations: time to stop after the first
  testing::TaskFixture whole(folder_ / "whole");
  ASSERT_TRUE(Finetune(whole, spec));
  const std::string expected = Sha256File(whole.out() / "model.safetensors").value();

  testing::TaskFixture stopped(folder_ / "stopped");
  Connect(stopped, "encoder", *root_ / "pretrained");
  Status status = stopped.RunUntil(&RunFinetuneTask, spec, [&] {
    const std::vector<Json> metrics = stopped.Events("metric");
    return std::any_of(metrics.begin(), metrics.end(),
                       [](const Json& metric) { return metric.at("split") == "dev"; });
  });
  ASSERT_FALSE(status) << "not stopped";
  ASSERT_EQ(status.error().code, ErrorCode::kInterrupted) << status.error().message;
  // Asked again before it has done anything: nothing is lost.
  stopped.stop = true;
  status = Finetune(stopped, spec);
  stopped.stop = false;
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kInterrupted) << status.error().message;
  status = Finetune(stopped, spec);
  ASSERT_TRUE(status) << status.error().message;
  const std::vector<Json> states = stopped.Events("state");
  EXPECT_EQ(std::count_if(states.begin(), states.end(),
                          [](const Json& state) {
                            return state.at("state") == "resumed" &&
                                   state.at("info").at("update") >= 8;
                          }),
            2);
  EXPECT_EQ(Sha256File(stopped.out() / "model.safetensors").value(), expected);
  EXPECT_EQ(Sha256File(stopped.out() / "selection.json").value(),
            Sha256File(whole.out() / "selection.json").value());

  testing::TaskFixture other(folder_ / "other");
  FinetuneSpec another = spec;
  another.seed = 5;
  ASSERT_TRUE(Finetune(other, another));
  EXPECT_NE(Sha256File(other.out() / "model.safetensors").value(), expected);
}

TEST_F(FinetuneEvaluateTest, PerLanguageSelectionKeepsAModelForEachAndEvaluateReadsThem) {
  testing::TaskFixture finetune(folder_ / "finetune");
  FinetuneSpec spec = Spec("topic");
  spec.selection = "per-language-dev";
  ASSERT_TRUE(Finetune(finetune, spec));
  const auto selection = SelectionFile::Load(finetune.out());
  ASSERT_TRUE(selection) << selection.error().message;
  for (const std::string code : {"aa", "bb"}) {
    const auto folder = finetune.out() / selection->folders.at(code);
    EXPECT_TRUE(std::filesystem::exists(folder / "model.safetensors")) << folder;
    const Json& best = selection->details.at("best").at(code);
    double highest = 0;
    for (const Json& row : selection->details.at("history")) {
      highest = std::max(highest, row.at("dev").at(code).at("score").get<double>());
    }
    EXPECT_EQ(best.at("dev_score").get<double>(), highest);
  }
  testing::TaskFixture evaluate(folder_ / "evaluate");
  const Status scored = Evaluate(evaluate, "topic", finetune.out());
  EXPECT_TRUE(scored) << scored.error().message;

  // Each language's own folder is what is read.
  for (const std::string code : {"aa", "bb"}) {
    SelectionFile elsewhere = *selection;
    elsewhere.folders.at(code) = "nowhere-" + code;
    ASSERT_TRUE(elsewhere.Save(finetune.out()));
    testing::TaskFixture missing(folder_ / ("evaluate-" + code));
    const Status status = Evaluate(missing, "topic", finetune.out());
    ASSERT_FALSE(status) << code;
    EXPECT_THAT(status.error().message, HasSubstr("nowhere-" + code));
  }
}

TEST_F(FinetuneEvaluateTest, IntrinsicMeasuresNeedNoFineTuning) {
  testing::TaskFixture evaluate(folder_ / "evaluate");
  const Status scored = Evaluate(evaluate, "intrinsic", *root_ / "pretrained");
  ASSERT_TRUE(scored) << scored.error().message;
  EXPECT_FALSE(evaluate.MetricValue("retrieval.accuracy", "aa").has_value());  // with itself
  // Ten sentences, both directions.
  const double right = evaluate.MetricValue("retrieval.accuracy", "bb").value() * 20;
  EXPECT_NEAR(right, std::round(right), 1e-9);
  // An untrained model is near the uniform distribution: log2(150) = 7.2 bits a piece.
  const Json scores = LoadJson(evaluate.out() / "scores.json").value();
  const Json& counts = scores.at("pseudo_bits").at("aa");
  EXPECT_EQ(counts.at("sentences"), 4);
  const double bits = evaluate.MetricValue("pseudo_bits.per_sentence", "aa").value() * 4;
  EXPECT_NEAR(bits / counts.at("pieces").get<double>(), 7.2, 0.7);
  EXPECT_NEAR(evaluate.MetricValue("pseudo_bits.per_character", "aa").value(),
              bits / counts.at("characters").get<double>(), 1e-9);
}

TEST_F(FinetuneEvaluateTest, PseudoBitsOfSentencesThatEveryModelReadsWhole) {
  std::istringstream file(ReadFile(*root_ / "benchmark-aa/parallel.jsonl").value());
  std::vector<std::int64_t> lengths;
  for (std::string line; std::getline(file, line);) {
    const Json sentence = ParseJson(line, "parallel.jsonl").value();
    lengths.push_back(CountCodePoints(sentence.at("text").get<std::string>()));
  }
  const std::int64_t shortest = *std::min_element(lengths.begin(), lengths.end());
  const auto evaluated = [&](std::int64_t characters) {
    auto evaluate = std::make_unique<testing::TaskFixture>(folder_ / std::to_string(characters));
    Connect(*evaluate, "model", *root_ / "pretrained");
    EvaluateSpec spec = EvaluationSpec("intrinsic");
    spec.settings.pseudo_bits_sentences = 100;
    spec.settings.pseudo_bits_characters = characters;
    const Status scored = evaluate->Run(&RunEvaluateTask, spec);
    EXPECT_TRUE(scored) << scored.error().message;
    return evaluate;
  };
  const auto some = evaluated(shortest);
  const Json counts = LoadJson(some->out() / "scores.json").value().at("pseudo_bits").at("aa");
  EXPECT_EQ(counts.at("sentences"), std::count(lengths.begin(), lengths.end(), shortest));
  EXPECT_EQ(counts.at("characters"),
            shortest * std::count(lengths.begin(), lengths.end(), shortest));
  EXPECT_FALSE(evaluated(1)->MetricValue("pseudo_bits.per_character", "aa"))
      << "of nothing there is no score";
}

TEST_F(FinetuneEvaluateTest, TranslationsThatAreTheSentencesThemselvesAreAllFound) {
  std::istringstream file(ReadFile(*root_ / "benchmark-aa/parallel.jsonl").value());
  std::vector<Json> lines;
  for (std::string line; std::getline(file, line);) {
    lines.push_back(ParseJson(line, "parallel.jsonl").value());
  }
  ASSERT_EQ(lines.size(), 10U);
  // Translation i is sentence i + `shift`: all are found, or none.
  for (const auto& [shift, accuracy] : {std::pair{0, 1.0}, std::pair{1, 0.0}}) {
    const auto other = folder_ / ("other-" + std::to_string(shift));
    std::filesystem::copy(*root_ / "benchmark-bb", other);
    std::string text;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const Json& sentence = lines[(i + static_cast<std::size_t>(shift)) % lines.size()];
      text += Json{{"id", lines[i].at("id")}, {"text", sentence.at("text")}}.dump() + "\n";
    }
    ASSERT_TRUE(PutFile(other / "parallel.jsonl", text));
    testing::TaskFixture evaluate(folder_ / ("evaluate-" + std::to_string(shift)));
    Connect(evaluate, "model", *root_ / "pretrained");
    evaluate.inputs["bb"] = other;
    EvaluateSpec spec = EvaluationSpec("intrinsic");
    spec.settings.pseudo_bits_sentences = 1;
    const Status scored = evaluate.Run(&RunEvaluateTask, spec);
    ASSERT_TRUE(scored) << scored.error().message;
    EXPECT_EQ(evaluate.MetricValue("retrieval.accuracy", "bb").value(), accuracy) << shift;
  }
}

TEST_F(FinetuneEvaluateTest, ParallelSentencesInAnotherOrderAreNamedByLine) {
  const auto other = folder_ / "other";
  std::filesystem::copy(*root_ / "benchmark-bb", other);
  std::string lines = ReadFile(other / "parallel.jsonl").value();
  lines.replace(lines.find("\"p3\""), 4, "\"q3\"");
  ASSERT_TRUE(PutFile(other / "parallel.jsonl", lines));
  testing::TaskFixture evaluate(folder_ / "evaluate");
  Connect(evaluate, "model", *root_ / "pretrained");
  evaluate.inputs["bb"] = other;
  const Status status = evaluate.Run(&RunEvaluateTask, EvaluationSpec("intrinsic"));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(status.error().message,
              HasSubstr("other/parallel.jsonl:4: `id` is `q3`, expected `p3` as in "));
}

TEST_F(FinetuneEvaluateTest, WrongInputsAreExplained) {
  testing::TaskFixture finetune(folder_ / "finetune");
  FinetuneSpec spec = Spec("topic");
  spec.settings.updates = 4;
  spec.settings.validate_every = 4;
  ASSERT_TRUE(Finetune(finetune, spec));
  testing::TaskFixture evaluate(folder_ / "evaluate");
  Status status = Evaluate(evaluate, "xnli", finetune.out());
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("fine-tuned for `topic`, asked to score `xnli`"));

  testing::TaskFixture unknown(folder_ / "unknown");
  status = Finetune(unknown, Spec("ner"));
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("unknown task `ner`"));

  testing::TaskFixture missing(folder_ / "missing");
  spec.source_language = "bb";  // has no training file
  status = Finetune(missing, spec);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(status.error().message, HasSubstr("topic.train.jsonl"));
}

}  // namespace
}  // namespace repro
