#include <algorithm>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/hash.h"
#include "core/io/file.h"
#include "experiments/tasks/benchmark/spec.h"
#include "experiments/tasks/benchmark/task.h"
#include "experiments/tasks/controls/spec.h"
#include "experiments/tasks/controls/task.h"
#include "experiments/tasks/corpus/spec.h"
#include "experiments/tasks/corpus/task.h"
#include "tests/core/temp_folder.h"
#include "tests/experiments/task_fixture.h"

namespace repro {
namespace {

using testing::TaskFixture;
using testing::TempFolder;

std::vector<Json> JsonLines(const std::filesystem::path& path) {
  std::vector<Json> lines;
  std::istringstream content(ReadFile(path).value());
  for (std::string line; std::getline(content, line);) lines.push_back(ParseJson(line, "").value());
  return lines;
}

CorpusSpec SmallCorpus(const char* source, const char* code) {
  return {.source = source,
          .language = code,
          .nominal_gb = 4,
          .babel = {.seed = 9003, .size_exponent = 0.5, .sentences_at_1gb = 300}};
}

BenchmarkSpec SmallBenchmark(const char* code) {
  return {.source = "babel",
          .language = code,
          .with_train = std::string(code) == "en",
          .sizes = {.train = 360, .dev = 36, .test = 108, .parallel = 20},
          .babel = {.seed = 9003}};
}

TEST(CorpusTaskTest, WritesTextHeldOutAndStatistics) {
  const TempFolder folder;
  TaskFixture task(folder / "corpus");
  const Status status = task.Run(&RunCorpusTask, SmallCorpus("babel-wiki", "sw"));
  ASSERT_TRUE(status.has_value()) << status.error().message;
  const Json stats = LoadJson(task.out() / "stats.json").value();
  EXPECT_EQ(stats.at("language"), "sw");
  EXPECT_EQ(stats.at("sentences"), 600);  // 300 * sqrt(4)
  EXPECT_EQ(stats.at("heldout_sentences"), 200);
  EXPECT_EQ(stats.at("nominal_units"), 4);
  EXPECT_GT(stats.at("unique_share").get<double>(), 0.9);
  const std::string text = ReadFile(task.out() / "text.txt").value();
  EXPECT_EQ(stats.at("bytes"), text.size());
  EXPECT_NE(text, ReadFile(task.out() / "heldout.txt").value());
  EXPECT_EQ(task.MetricValue("corpus.sentences", "sw"), 600);
}

TEST(CorpusTaskTest, RefusesWhatItDoesNotKnow) {
  const TempFolder folder;
  const auto error = [&](const CorpusSpec& spec) {
    TaskFixture task(folder / "x");
    return task.Run(&RunCorpusTask, spec).error();
  };
  EXPECT_EQ(error(SmallCorpus("wiki", "sw")).code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(error(SmallCorpus("babel-wiki", "xx")).code, ErrorCode::kNotFound);
  EXPECT_EQ(error(SmallCorpus("babel-wiki", "hi_rom")).code, ErrorCode::kInvalidArgument);
}

TEST(BenchmarkTaskTest, WritesParallelFilesAndTrainsInTheSourceLanguageOnly) {
  const TempFolder folder;
  TaskFixture english(folder / "en");
  TaskFixture hindi(folder / "hi");
  ASSERT_TRUE(english.Run(&RunBenchmarkTask, SmallBenchmark("en")).has_value());
  ASSERT_TRUE(hindi.Run(&RunBenchmarkTask, SmallBenchmark("hi")).has_value());
  EXPECT_EQ(JsonLines(english.out() / "xnli.train.jsonl").size(), 360U);
  EXPECT_FALSE(std::filesystem::exists(hindi.out() / "xnli.train.jsonl"));
  for (const char* file : {"xnli.dev.jsonl", "xnli.test.jsonl", "topic.test.jsonl",
                           "tags.test.jsonl", "parallel.jsonl"}) {
    const auto left = JsonLines(english.out() / file);
    const auto right = JsonLines(hindi.out() / file);
    ASSERT_EQ(left.size(), right.size()) << file;
    for (std::size_t i = 0; i < left.size(); ++i) {
      EXPECT_EQ(left[i].at("id"), right[i].at("id"));
      if (left[i].contains("label")) {
        EXPECT_EQ(left[i].at("label"), right[i].at("label"));
      }
    }
  }
  const Json tagged = JsonLines(hindi.out() / "tags.test.jsonl").front();
  EXPECT_EQ(tagged.at("words").size(), tagged.at("tags").size());
  const Json labels = LoadJson(hindi.out() / "labels.json").value();
  EXPECT_EQ(labels.at("xnli"), (Json{"contradiction", "neutral", "entailment"}));
  EXPECT_EQ(labels.at("topic").size(), 8U);
  EXPECT_EQ(labels.at("tags").front(), "O");
}

// As for the corpora (corpus_text_test.cc): when the labelled data change on purpose,
// kBenchmarkVersion is raised and these are replaced by what the failing test prints.
TEST(BenchmarkTaskTest, BytesAreTheSameEverywhere) {
  const auto digest = [](const char* code, bool null_world) {
    const TempFolder folder;
    TaskFixture task(folder / code);
    BenchmarkSpec spec = SmallBenchmark(code);
    spec.null_world = null_world;
    EXPECT_TRUE(task.Run(&RunBenchmarkTask, spec).has_value());
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(task.out())) {
      files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    std::string all;
    for (const auto& file : files) {
      all += file.filename().string() + "\n" + ReadFile(file).value();
    }
    return Sha256Hex(all);
  };
  EXPECT_EQ(digest("en", false),
            "36ec19f761223cb8ad3959860cc422f55c43c1a1ff9e947f89f2422de9c2ca84");
  EXPECT_EQ(digest("ur", false),
            "7aa810a182bea17f397f5045829ffd20ea310876cd96958b0c883cf75dc0af15");
  EXPECT_EQ(digest("zh", true), "3b9fc6ffeba4ff7548ef4a4a6d05699c34a714d43b4e6447ad115c3e9abd9fd6");
}

TEST(BenchmarkTaskTest, RealTestSetsAreNotHere) {
  const TempFolder folder;
  TaskFixture task(folder / "x");
  BenchmarkSpec spec = SmallBenchmark("en");
  spec.source = "xnli";
  EXPECT_EQ(task.Run(&RunBenchmarkTask, spec).error().code, ErrorCode::kInvalidArgument);
}

TEST(ControlsTaskTest, ScoresEveryLanguageAndSaysWhetherItIsSound) {
  const TempFolder folder;
  TaskFixture english(folder / "en");
  TaskFixture hindi(folder / "hi");
  ASSERT_TRUE(english.Run(&RunBenchmarkTask, SmallBenchmark("en")).has_value());
  ASSERT_TRUE(hindi.Run(&RunBenchmarkTask, SmallBenchmark("hi")).has_value());
  TaskFixture controls(folder / "controls");
  controls.inputs = {{"en", english.out()}, {"hi", hindi.out()}};
  const ControlsSpec spec{.source_language = "en", .languages = {"en", "hi"}};
  const Status status = controls.Run(&RunControlsTask, spec);
  ASSERT_TRUE(status.has_value()) << status.error().message;
  for (const char* code : {"en", "hi"}) {
    for (const char* name : {"control.hypothesis_only.accuracy", "control.surface_lookup.accuracy",
                             "control.surface_regression.accuracy"}) {
      const auto value = controls.MetricValue(name, code);
      ASSERT_TRUE(value.has_value()) << name;
      EXPECT_NEAR(*value, 1.0 / 3, 0.03) << code << ' ' << name;
    }
  }
  const Json report = LoadJson(controls.out() / "controls.json").value();
  EXPECT_TRUE(report.at("languages").at("hi").at("within_tolerance").get<bool>());
}

TEST(ControlsTaskTest, ADamagedBenchmarkIsNamedByLine) {
  const TempFolder folder;
  TaskFixture english(folder / "en");
  ASSERT_TRUE(english.Run(&RunBenchmarkTask, SmallBenchmark("en")).has_value());
  const std::string good = ReadFile(english.out() / "xnli.train.jsonl").value();
  ASSERT_TRUE(PutFile(english.out() / "xnli.train.jsonl", good + "{\"id\":\"x\"}\n").has_value());
  TaskFixture controls(folder / "controls");
  controls.inputs = {{"en", english.out()}};
  const Status status =
      controls.Run(&RunControlsTask, ControlsSpec{.source_language = "en", .languages = {"en"}});
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(status.error().message.find("xnli.train.jsonl:361:1: no key `premise`"),
            std::string::npos)
      << status.error().message;
}

}  // namespace
}  // namespace repro
