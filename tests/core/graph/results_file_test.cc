#include "core/graph/results_file.h"

#include <cmath>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/hash.h"
#include "core/io/byte_source.h"
#include "core/io/file.h"
#include "core/io/zstd_writer.h"
#include "tests/core/temp_folder.h"

namespace repro {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr const char* kPredictions =
    "{\"gold\":\"neutral\",\"id\":\"1\",\"language\":\"en\",\"pred\":\"entailment\"}\n"
    "{\"gold\":\"neutral\",\"id\":\"2\",\"language\":\"en\",\"pred\":\"neutral\"}\n";

Task MakeTask(std::string kind, std::map<std::string, std::string> inputs = {}) {
  Task task;
  task.label = kind + " of a test";
  task.kind = std::move(kind);
  task.spec = {{"seed", 1}, {"rate", 0.3}};
  task.inputs = std::move(inputs);
  task.work = 12;
  task.work_unit = "updates";
  task.key = ComputeTaskKey(task);
  return task;
}

CompletionRecord RecordOf(const Task& task, const std::map<std::string, std::string>& files) {
  CompletionRecord record;
  record.task = DescribeTask(task);
  for (const auto& [path, text] : files) {
    record.files.push_back({path, static_cast<std::int64_t>(text.size()), Sha256Hex(text)});
  }
  record.build = "a-build";
  record.wall_seconds = 2.5;
  record.peak_rss_bytes = 1000;
  record.finished_ms = 1'700'000'000'000;
  record.host = "box";
  record.imported = {{"machine", "box, a CPU"}};
  return record;
}

/// A pretraining without files, two evaluations of it with theirs, one more that has not run.
ResultsFile Sample() {
  ResultsFile results;
  const Task pretrain = MakeTask("pretrain");
  ResultsTask entry{.task = pretrain,
                    .record = RecordOf(pretrain, {{"model.safetensors", "weights"}})};
  entry.metrics.push_back(
      {.series = {.name = "pretrain.loss", .language = "", .split = "", .seed = -1},
       .points = {{.step = 1, .value = 9.125},
                  {.step = 2, .value = std::numeric_limits<double>::infinity()},
                  {.step = 3, .value = std::nan("")}}});
  results.tasks.push_back(entry);
  for (const char* seed : {"first", "second"}) {
    Task evaluate = MakeTask("evaluate", {{"model", pretrain.key}});
    evaluate.spec["seed"] = seed;
    evaluate.key = ComputeTaskKey(evaluate);
    ResultsTask scores{.task = evaluate,
                       .record = RecordOf(evaluate, {{"predictions.jsonl", kPredictions},
                                                     {"scores.json", "{ \"spaced\": 1 }\n"}})};
    scores.files = {{.path = "predictions.jsonl", .text = kPredictions},
                    {.path = "scores.json", .text = "{ \"spaced\": 1 }\n"}};
    results.tasks.push_back(scores);
  }
  results.tasks.push_back({.task = MakeTask("finetune", {{"model", pretrain.key}})});
  RunSpec run;
  run.point = "lab4";
  run.sweep = {{"languages", "lab4"}};
  run.pretrain_seed = 1;
  run.finetune_seeds = {1, 2};
  run.config = {{"vocab", {{"size", 200}}}};
  for (const ResultsTask& task : results.tasks) run.task_keys.push_back(task.task.key);
  run.key = Sha256Hex("run");
  InvocationRow invocation;
  invocation.experiment_id = "lab";
  invocation.scale = "desk";
  invocation.manifest = "lab.toml";
  invocation.manifest_hash = Sha256Hex("manifest");
  invocation.command_line = "repro run lab";
  invocation.state = "done";
  invocation.provenance = {{"host", {{"name", "box"}}}};
  invocation.started_ms = 5;
  invocation.ended_ms = 6;
  results.experiments.push_back(
      {.id = "lab", .scale = "desk", .invocations = {invocation}, .runs = {run}});
  results.sources.push_back(
      {.set = "verses", .name = "text/en.txt", .bytes = 7, .sha256 = Sha256Hex("source")});
  return results;
}

class ResultsFileTest : public ::testing::Test {
 protected:
  fs::path Write(const ResultsFile& results, const std::string& name = "a.results") const {
    const fs::path path = folder_.path() / name;
    const Status written = WriteResults(results, path);
    EXPECT_TRUE(written) << written.error().message;
    return path;
  }

  /// What reading says of the sample after `change` was made to its lines.
  Error ErrorAfter(const std::function<void(std::string&)>& change) const {
    std::string text = Unpacked(Write(Sample()));
    change(text);
    const fs::path path = folder_.path() / "changed";
    auto out = ZstdWriter::Open(path);
    EXPECT_TRUE(out && out->Write(text) && out->Finish());
    const auto read = ReadResults(path);
    return read ? Error{ErrorCode::kFailed, "it was read"} : read.error();
  }

  static std::string Unpacked(const fs::path& path) {
    auto source = ByteSource::Open(path);
    std::string text(1 << 20, '\0');
    std::size_t size = 0;
    while (const std::size_t got = source->Read({text.data() + size, text.size() - size}).value()) {
      size += got;
    }
    text.resize(size);
    return text;
  }

  static void Replace(std::string& text, const std::string& from, const std::string& to) {
    const auto at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
  }

  const TempFolder folder_;
};

TEST_F(ResultsFileTest, WhatIsWrittenIsRead) {
  const ResultsFile sample = Sample();
  const auto read = ReadResults(Write(sample));
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->tasks.size(), sample.tasks.size());
  for (std::size_t i = 0; i < sample.tasks.size(); ++i) {
    const ResultsTask& a = sample.tasks[i];
    const ResultsTask& b = read->tasks[i];
    EXPECT_EQ(DescribeTask(b.task), DescribeTask(a.task));
    EXPECT_EQ(b.task.work, 12);
    ASSERT_EQ(b.record.has_value(), a.record.has_value());
    if (a.record) {
      EXPECT_EQ(b.record->ToJson(), a.record->ToJson());
    }
    ASSERT_EQ(b.files.size(), a.files.size());
    for (std::size_t f = 0; f < a.files.size(); ++f) EXPECT_EQ(b.files[f].text, a.files[f].text);
  }
  const auto& points = read->tasks[0].metrics.at(0).points;
  EXPECT_EQ(points.at(0).value, 9.125);
  EXPECT_TRUE(std::isinf(points.at(1).value));
  EXPECT_TRUE(std::isnan(points.at(2).value));
  const ResultsExperiment& experiment = read->experiments.at(0);
  EXPECT_EQ(experiment.runs.at(0).task_keys, sample.experiments[0].runs[0].task_keys);
  EXPECT_EQ(experiment.runs.at(0).config, sample.experiments[0].runs[0].config);
  EXPECT_EQ(experiment.invocations.at(0).provenance,
            sample.experiments[0].invocations[0].provenance);
  EXPECT_EQ(read->sources.at(0).sha256, Sha256Hex("source"));
}

TEST_F(ResultsFileTest, TheSameContentGivesTheSameBytes) {
  const fs::path first = Write(Sample(), "first");
  const fs::path second = Write(ReadResults(first).value(), "second");
  EXPECT_EQ(ReadFile(first).value(), ReadFile(second).value());
}

TEST_F(ResultsFileTest, EqualColumnsOfPredictionsStandOnce) {
  const std::string text = Unpacked(Write(Sample()));
  std::size_t columns = 0;
  for (auto at = text.find("{\"column\":"); at != std::string::npos;
       at = text.find("{\"column\":", at + 1)) {
    ++columns;
  }
  EXPECT_EQ(columns, 4u);  // gold, id, language and pred of two evaluations
}

TEST_F(ResultsFileTest, WhatNoReaderTakesIsNotWritten) {
  const fs::path path = Write(Sample());
  const std::size_t bytes = Unpacked(path).size();
  EXPECT_TRUE(ReadResults(path, bytes));
  const auto read = ReadResults(path, bytes - 1);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(read.error().message, HasSubstr("unpacks to more than"));

  const fs::path second = folder_.path() / "second";
  EXPECT_TRUE(WriteResults(Sample(), second, bytes));
  fs::remove(second);
  const Status written = WriteResults(Sample(), second, bytes - 1);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(written.error().message, HasSubstr("export the experiments into several files"));
  EXPECT_FALSE(fs::exists(second));
  EXPECT_FALSE(fs::exists(second.string() + ".part"));
}

// Two of two files, but the second is the first again: the task would pass for whole without it.
TEST_F(ResultsFileTest, AFileThatIsThereTwiceIsRefused) {
  ResultsFile twice = Sample();
  twice.tasks.at(1).files.at(1) = twice.tasks.at(1).files.at(0);
  auto read = ReadResults(Write(twice));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(read.error().message, HasSubstr("predictions.jsonl is there twice"));

  twice = Sample();
  std::vector<ArtifactFile>& files = twice.tasks.at(1).record->files;
  files.push_back(files.front());
  read = ReadResults(Write(twice));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(read.error().message, HasSubstr("'predictions.jsonl' is there twice"));
}

// It is for the workspace that takes it in to say what of a task it has.
TEST_F(ResultsFileTest, OnlyTheMachineIsReadOfAnImportedRecord) {
  ResultsFile sample = Sample();
  sample.tasks.at(1).record->imported["kept"] = Json::array();
  const auto read = ReadResults(Write(sample));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->tasks.at(1).record->imported, Json::object({{"machine", "box, a CPU"}}));
}

TEST_F(ResultsFileTest, IsToldByItsContent) {
  EXPECT_TRUE(IsResultsFile(Write(Sample(), "any.name")).value());
  ASSERT_TRUE(WriteFileAtomic(folder_.path() / "a.results", "{\"something\":1}\n"));
  EXPECT_FALSE(IsResultsFile(folder_.path() / "a.results").value());
}

TEST_F(ResultsFileTest, ACutOrDamagedFileIsRefused) {
  const std::string whole = ReadFile(Write(Sample())).value();
  const fs::path path = folder_.path() / "cut";
  for (const std::size_t size : {whole.size() - 1, whole.size() / 2, std::size_t{20}}) {
    ASSERT_TRUE(WriteFileAtomic(path, whole.substr(0, size)));
    const auto read = ReadResults(path);
    ASSERT_FALSE(read) << size;
    EXPECT_EQ(read.error().code, ErrorCode::kCorrupt) << read.error().message;
  }
  for (std::size_t at = 8; at < whole.size(); at += 37) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x20);
    ASSERT_TRUE(WriteFileAtomic(path, damaged));
    const auto read = ReadResults(path);
    ASSERT_FALSE(read) << "byte " << at;
    EXPECT_EQ(read.error().code, ErrorCode::kCorrupt) << read.error().message;
  }
  // Cut between two lines and packed again.
  const Error error =
      ErrorAfter([](std::string& text) { text.resize(text.rfind('\n', text.size() - 2) + 1); });
  EXPECT_THAT(error.message, HasSubstr("there is no end: the file was cut"));
}

TEST_F(ResultsFileTest, AnotherFormatIsNamed) {
  const Error error = ErrorAfter(
      [](std::string& text) { Replace(text, "{\"repro_results\":1}", "{\"repro_results\":2}"); });
  EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(error.message,
              AllOf(HasSubstr("results of format 2, this build reads 1"), HasSubstr("changed")));
}

TEST_F(ResultsFileTest, AKeyThatIsNotOfItsContentIsRefused) {
  const Error error =
      ErrorAfter([](std::string& text) { Replace(text, "\"rate\":0.3", "\"rate\":0.4"); });
  EXPECT_EQ(error.code, ErrorCode::kCorrupt);
  EXPECT_THAT(error.message,
              HasSubstr("the key of 'pretrain of a test' is not that of its settings"));
}

TEST_F(ResultsFileTest, AChangedMetricOrPredictionIsRefused) {
  EXPECT_THAT(ErrorAfter([](std::string& text) { Replace(text, "9.125", "9.126"); }).message,
              HasSubstr("the lines before it are not those that were written"));
  EXPECT_THAT(
      ErrorAfter([](std::string& text) { Replace(text, "entailment", "contradict"); }).message,
      HasSubstr("predictions.jsonl is not what its task wrote"));
}

TEST_F(ResultsFileTest, LinesThatAreNotOursAreRefused) {
  const auto insert = [this](const std::string& line) {
    return ErrorAfter([&](std::string& text) { text.insert(text.find('\n') + 1, line + "\n"); })
        .message;
  };
  EXPECT_THAT(insert("[1,2]"), HasSubstr("changed:2: expected an object of one field"));
  EXPECT_THAT(insert("not JSON"), HasSubstr("changed:2: expected an object of one field"));
  EXPECT_THAT(insert("{\"weights\":1}"), HasSubstr("changed:2: unknown field `weights`"));
  EXPECT_THAT(insert("{\"task\":{\"kind\":\"pretrain\"}}"), HasSubstr("changed:2: "));
  EXPECT_THAT(insert("{\"task\":{\"kind\":\"pretrain\"}}"), HasSubstr("version"));
  EXPECT_THAT(insert("{\"source\":{\"set\":\"a\",\"name\":\"b\",\"bytes\":1,\"sha256\":\"x\"}}"),
              HasSubstr("the SHA-256 of 'b' is none"));
}

}  // namespace
}  // namespace repro
