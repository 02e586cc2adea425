#include "core/scheduler/import_results.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/hash.h"
#include "core/graph/collect_results.h"
#include "core/graph/staleness.h"
#include "core/store/event_writer.h"
#include "tests/core/graph/history_fixture.h"
#include "tests/core/store/workspace_fixture.h"

namespace repro {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A chain pretrain -> evaluate made in one workspace, whose results are taken into another.
class ImportResultsTest : public HistoryTest {
 protected:
  ImportResultsTest() {
    pretrain_ = graph_.Add(MakeTask("pretrain", "pretrain lab4", {{"seed", 1}}));
    evaluate_ =
        graph_.Add(MakeTask("evaluate", "evaluate lab4", {{"seed", 1}}, {{"model", pretrain_}}));
    RunSpec run;
    run.point = "lab4";
    run.pretrain_seed = 1;
    run.finetune_seeds = {1};
    run.config = Json::object();
    run.task_keys = {pretrain_, evaluate_};
    run.key = std::string(64, 'a');
    graph_.AddRun(run);
    experiment_.id = "lab";
    experiment_.scale = "desk";
    experiment_.hash = std::string(64, 'b');
  }

  void SetUp() override {
    for (const Task& task : graph_.tasks()) Run(task);
    InvocationRow invocation;
    invocation.experiment_id = "lab";
    invocation.scale = "desk";
    invocation.manifest_hash = experiment_.hash;
    invocation.manifest = "/home/somebody/lab.toml";
    invocation.command_line = "repro run /home/somebody/lab.toml";
    invocation.provenance = {{"host", {{"name", "box"}, {"os", "an OS"}}},
                             {"cpu", {{"model", "a CPU"}, {"cores", 2}}},
                             {"user", "somebody"}};
    const auto id = log_.BeginInvocation(invocation);
    ASSERT_OK(id);
    ASSERT_OK(log_.EndInvocation(*id, "done"));
    const Status collected = CollectResults(experiment_, graph_, log_, store_, &Keeps, results_);
    ASSERT_OK(collected);
  }

  static bool Keeps(const std::string& kind, const std::string& path) {
    return kind == "evaluate" || path == "small.json";
  }

  /// A task as `repro-task` leaves it.
  void Run(const Task& task) {
    REPRO_CHECK(log_.UpsertTask(MakeTaskRow(task)).has_value());
    const fs::path folder = store_.AttemptFolder(task.key, 1);
    fs::create_directories(folder);
    AttemptRow attempt;
    attempt.task_key = task.key;
    attempt.number = 1;
    attempt.folder = folder.lexically_relative(workspace_).string();
    attempt.id = log_.BeginAttempt(attempt).value();
    {
      auto events = EventWriter::Open(folder / "events.jsonl").value();
      for (int step = 1; step <= 200; ++step) {
        events.Write({.name = "loss", .value = 1.0 / step, .step = step});
      }
      events.State("finished");
    }
    REPRO_CHECK(log_.IngestEvents(attempt.id, folder / "events.jsonl").has_value());
    const fs::path staging = store_.StagingFolder(task.key, 1);
    REPRO_CHECK(PutFile(staging / "large.bin", "weights").has_value());
    if (task.kind == "pretrain") REPRO_CHECK(PutFile(staging / "small.json", "{}").has_value());
    CompletionRecord record;
    record.task = DescribeTask(task);
    record.build = kBuild;
    record.host = "box";
    record.wall_seconds = 3;
    record = store_.Publish(staging, record).value();
    TaskRow row = MakeTaskRow(task);
    row.seconds = 3;
    row.build = kBuild;
    REPRO_CHECK(log_.FinishTask(row).has_value());
    REPRO_CHECK(log_.AddArtifact(task.key, record.ToJson()).has_value());
  }

  std::vector<TaskStanding> Standings(const TaskGraph& graph, const RunLog& log,
                                      const ArtifactStore& store) const {
    TaskHistory history(&log);
    return FindStandings(graph, &log, store, history, kBuild).value();
  }

  /// A run of the other workspace, `tasks` recorded and the last of them in `state`, as the run is.
  RunRow AddRunElsewhere(const std::vector<Task>& tasks, const std::string& state) {
    InvocationRow invocation;
    invocation.experiment_id = "lab";
    invocation.scale = "desk";
    invocation.manifest_hash = std::string(64, 'e');
    invocation.provenance = Json::object();
    RunRow row;
    row.experiment_id = "lab";
    row.scale = "desk";
    row.point = "lab4";
    row.role = kMainRole;
    row.key = std::string(64, 'd');
    row.pretrain_seed = 2;
    row.finetune_seeds = {1};
    row.config = row.sweep = Json::object();
    row.state = state;
    row.invocation = other_log_.BeginInvocation(invocation).value();
    std::vector<std::string> keys;
    for (const Task& task : tasks) {
      REPRO_CHECK(other_log_.UpsertTask(MakeTaskRow(task)).has_value());
      keys.push_back(task.key);
    }
    REPRO_CHECK(other_log_.SetTaskState(keys.back(), state).has_value());
    row.id = other_log_.UpsertRun(row, keys).value();

    // The results file knows of it, too, but not of how it went.
    RunSpec run;
    run.point = row.point;
    run.pretrain_seed = row.pretrain_seed;
    run.finetune_seeds = row.finetune_seeds;
    run.config = Json::object();
    run.task_keys = keys;
    run.key = row.key;
    results_.experiments.at(0).runs.push_back(run);
    results_.tasks.push_back({.task = tasks.back()});
    return row;
  }

  RunRow RunElsewhere(const std::string& key) const {
    const std::vector<RunRow> rows = other_log_.Runs("lab").value();
    for (const RunRow& row : rows) {
      if (row.key == key) return row;
    }
    ADD_FAILURE() << "no run " << key;
    return {};
  }

  TaskGraph graph_;
  std::string pretrain_, evaluate_;
  Experiment experiment_;
  ResultsFile results_;
  const TempFolder other_folder_;
  const ArtifactStore other_{other_folder_.path()};
  RunLog other_log_ =
      RunLog::Open(other_folder_.path() / "repro.sqlite", RunLog::Mode::kWrite).value();
};

TEST_F(ImportResultsTest, WithItsFilesItIsAnArtifactWithoutThemOnlyResults) {
  const auto imported = ImportResults(results_, other_, other_log_);
  ASSERT_OK(imported);
  EXPECT_EQ(imported->artifacts, 1u);
  EXPECT_EQ(imported->results_only, 1u);
  const auto record = other_.Find("evaluate", evaluate_).value();
  ASSERT_TRUE(record);
  EXPECT_EQ(record->build, kBuild);
  EXPECT_EQ(record->host, "box");
  EXPECT_EQ(record->imported.at("machine"), "box, a CPU, an OS, 2 cores");
  ASSERT_OK(other_.Verify("evaluate", evaluate_));
  EXPECT_FALSE(other_.Find("pretrain", pretrain_).value());
  const auto results = other_.FindResults("pretrain", pretrain_).value();
  ASSERT_TRUE(results);
  EXPECT_EQ(results->files.size(), 2u);  // what it had, though one of them is not here
  EXPECT_EQ(results->imported.at("kept"), Json({"small.json"}));
  EXPECT_TRUE(fs::exists(other_.ResultsFolder("pretrain", pretrain_) / "small.json"));
  EXPECT_FALSE(fs::exists(other_folder_.path() / "staging" / (pretrain_ + ".0")));

  const auto runs = other_log_.Runs("lab").value();
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_EQ(runs[0].state, "done");
  const auto tasks = other_log_.Tasks({pretrain_, evaluate_}).value();
  for (const TaskRow& task : tasks) {
    EXPECT_EQ(task.state, "done");
    EXPECT_EQ(task.seconds, 3);
    EXPECT_EQ(task.build, kBuild);
  }
  EXPECT_THAT(other_log_.Attempts(pretrain_).value().at(0).reason,
              HasSubstr("imported: made by build build-1 on box, a CPU"));
  EXPECT_EQ(other_log_.ImportedArtifacts().value().size(), 2u);
  const auto invocations = other_log_.Invocations(0).value();
  ASSERT_EQ(invocations.size(), 1u);
  EXPECT_EQ(invocations[0].manifest, "lab.toml");
  EXPECT_THAT(invocations[0].provenance.dump(), ::testing::Not(HasSubstr("somebody")));
}

TEST_F(ImportResultsTest, MetricsKeepTheirLastStepAndThinnedCurves) {
  ASSERT_OK(ImportResults(results_, other_, other_log_));
  const MetricQuery last{.task_keys = {pretrain_}, .last_step_only = true};
  const auto here = other_log_.Metrics(last).value();
  ASSERT_EQ(here.size(), 1u);
  EXPECT_EQ(here[0].step, 200);
  EXPECT_EQ(here[0].value, 1.0 / 200);
  const auto points =
      other_log_.MetricPoints(pretrain_, {.name = "loss", .language = "", .split = ""}, {}).value();
  EXPECT_EQ(points.size(), kResultsPoints);
  EXPECT_EQ(points.front().step, 1);
}

// Somebody removed work/, but the log remembers an attempt that failed.
TEST_F(ImportResultsTest, EventsGoIntoAnAttemptThatTheLogDoesNotKnow) {
  ASSERT_OK(other_log_.UpsertTask(MakeTaskRow(*graph_.Find(evaluate_))));
  AttemptRow failed;
  failed.task_key = evaluate_;
  failed.number = 1;
  failed.folder = "work/" + evaluate_ + "/attempts/1";
  failed.id = other_log_.BeginAttempt(failed).value();
  failed.state = "failed";
  ASSERT_OK(other_log_.EndAttempt(failed));
  ASSERT_OK(ImportResults(results_, other_, other_log_));
  EXPECT_FALSE(fs::exists(other_.AttemptFolder(evaluate_, 1)));
  EXPECT_TRUE(fs::exists(other_.AttemptFolder(evaluate_, 2)));
  EXPECT_EQ(other_log_.Attempts(evaluate_).value().size(), 2u);
  const auto metrics = other_log_.Metrics({.task_keys = {evaluate_}, .last_step_only = true});
  EXPECT_EQ(metrics.value().size(), 1u);
}

TEST_F(ImportResultsTest, NothingIsLeftToRunUntilSomethingNeedsTheFiles) {
  ASSERT_OK(ImportResults(results_, other_, other_log_));
  for (const TaskStanding& standing : Standings(graph_, other_log_, other_)) {
    EXPECT_EQ(standing.standing, Standing::kCached);
    EXPECT_THAT(standing.reasons, IsEmpty());
  }
  TaskGraph more = graph_;
  more.Add(MakeTask("evaluate", "evaluate anew", {{"seed", 2}}, {{"model", pretrain_}}));
  const auto standings = Standings(more, other_log_, other_);
  EXPECT_EQ(standings[0].standing, Standing::kRun);
  EXPECT_THAT(standings[0].reasons.at(0),
              HasSubstr("only its results were imported, and 'evaluate anew' reads its files"));
  EXPECT_EQ(standings[1].standing, Standing::kCached);
  EXPECT_EQ(standings[2].standing, Standing::kRun);
}

TEST_F(ImportResultsTest, ATaskWhoseSourceIsNotAtHandIsDoneOrCannotRun) {
  TaskGraph absent;
  Task task = *graph_.Find(pretrain_);
  task.absent = "data set verses";
  absent.Add(task);
  EXPECT_EQ(Standings(absent, other_log_, other_)[0].standing, Standing::kUnresolved);
  ASSERT_OK(ImportResults(results_, other_, other_log_));
  EXPECT_EQ(Standings(absent, other_log_, other_)[0].standing, Standing::kCached);
}

TEST_F(ImportResultsTest, TwiceIsOnce) {
  ASSERT_OK(ImportResults(results_, other_, other_log_));
  const auto before = other_log_.Runs("lab").value().at(0);
  const auto again = ImportResults(results_, other_, other_log_);
  ASSERT_OK(again);
  EXPECT_EQ(again->there, 2u);
  EXPECT_EQ(again->artifacts + again->results_only, 0u);
  EXPECT_THAT(again->differing, IsEmpty());
  EXPECT_EQ(other_log_.Invocations(0).value().size(), 1u);
  EXPECT_EQ(other_log_.Attempts(pretrain_).value().size(), 1u);
  EXPECT_EQ(other_log_.Runs("lab").value().at(0).finished_ms, before.finished_ms);
}

TEST_F(ImportResultsTest, WhatIsWholeInTheWorkspaceStays) {
  const auto before = store_.Find("pretrain", pretrain_).value()->ToJson();
  const auto imported = ImportResults(results_, store_, log_);
  ASSERT_OK(imported);
  EXPECT_EQ(imported->there, 2u);
  EXPECT_THAT(imported->differing, IsEmpty());
  EXPECT_EQ(store_.Find("pretrain", pretrain_).value()->ToJson(), before);
  EXPECT_EQ(log_.Attempts(pretrain_).value().size(), 1u);
}

TEST_F(ImportResultsTest, ARunToWhichNothingIsBroughtStaysAsItIs) {
  const RunRow diverged =
      AddRunElsewhere({MakeTask("pretrain", "seed 2", {{"seed", 2}})}, "diverged");
  const auto imported = ImportResults(results_, other_, other_log_);
  ASSERT_OK(imported);
  EXPECT_EQ(imported->planned, 1u);
  EXPECT_EQ(RunElsewhere(diverged.key).state, "diverged");
  EXPECT_EQ(RunElsewhere(diverged.key).invocation, diverged.invocation);
  const RunRow brought = RunElsewhere(std::string(64, 'a'));
  EXPECT_EQ(brought.state, "done");
  EXPECT_NE(brought.invocation, diverged.invocation);
}

// The pretraining comes with the file; what failed here has failed all the same.
TEST_F(ImportResultsTest, ARunThatFailedHereIsNotWaitingAgain) {
  const Task failing =
      MakeTask("evaluate", "evaluate seed 2", {{"seed", 2}}, {{"model", pretrain_}});
  const RunRow failed = AddRunElsewhere({*graph_.Find(pretrain_), failing}, "failed");
  results_.experiments.at(0).invocations.clear();
  ASSERT_OK(ImportResults(results_, other_, other_log_));
  EXPECT_EQ(RunElsewhere(failed.key).state, "failed");
  EXPECT_EQ(RunElsewhere(failed.key).invocation, failed.invocation);
  EXPECT_EQ(RunElsewhere(std::string(64, 'a')).state, "done");
}

TEST_F(ImportResultsTest, OtherValuesThanTheWorkspaceHasAreToldAndNotTaken) {
  ASSERT_OK(ImportResults(results_, other_, other_log_));
  ResultsFile changed = results_;
  MetricPoint& last = changed.tasks.at(1).metrics.at(0).points.back();
  ASSERT_EQ(last.step, 200);
  last.value = 0.999;
  const auto again = ImportResults(changed, other_, other_log_);
  ASSERT_OK(again);
  EXPECT_EQ(again->there, 2u);
  ASSERT_EQ(again->differing.size(), 1u);
  const DifferingTask& task = again->differing[0];
  EXPECT_EQ(task.key, evaluate_);
  EXPECT_EQ(task.label, "evaluate lab4");
  ASSERT_EQ(task.differences.size(), 1u);
  EXPECT_EQ(task.differences[0].what, "loss at step 200");
  EXPECT_EQ(task.differences[0].here, Json(1.0 / 200));
  EXPECT_EQ(task.differences[0].file, Json(0.999));
  const MetricQuery query{.task_keys = {evaluate_}, .last_step_only = true};
  EXPECT_EQ(other_log_.Metrics(query).value().at(0).value, 1.0 / 200);
  // So does the workspace in which the tasks ran, and a log that did not know them before.
  EXPECT_EQ(ImportResults(changed, store_, log_)->differing.size(), 1u);
  RunLog fresh = RunLog::Open(other_folder_.path() / "lost.sqlite", RunLog::Mode::kWrite).value();
  EXPECT_EQ(ImportResults(changed, other_, fresh)->differing.size(), 1u);
}

TEST_F(ImportResultsTest, AValueThatTheWorkspaceDoesNotHaveIsTold) {
  ASSERT_OK(ImportResults(results_, other_, other_log_));
  ResultsFile more = results_;
  more.tasks.at(1).metrics.push_back(
      {.series = {.name = "xnli.accuracy", .language = "sw", .split = "test", .seed = 2},
       .points = {{.step = 0, .value = 0.5}}});
  const auto again = ImportResults(more, other_, other_log_);
  ASSERT_OK(again);
  ASSERT_EQ(again->differing.size(), 1u);
  EXPECT_EQ(again->differing[0].differences.at(0).what, "xnli.accuracy (sw, test, seed 2)");
  EXPECT_TRUE(again->differing[0].differences.at(0).here.is_null());
}

TEST_F(ImportResultsTest, AnotherKeptFileIsToldByItsDigest) {
  ASSERT_OK(ImportResults(results_, other_, other_log_));
  ResultsFile changed = results_;
  ResultsTask& pretrain = changed.tasks.at(0);
  ASSERT_EQ(pretrain.files.at(0).path, "small.json");
  const std::string before = pretrain.record->files.at(1).sha256;
  pretrain.record->files.at(1).sha256 = std::string(64, 'c');
  const auto again = ImportResults(changed, other_, other_log_);
  ASSERT_OK(again);
  ASSERT_EQ(again->differing.size(), 1u);
  EXPECT_EQ(again->differing[0].differences.at(0).what, "small.json");
  EXPECT_EQ(again->differing[0].differences.at(0).here, Json(before));
}

TEST_F(ImportResultsTest, NeitherTheOrderOfRowsNorTheSpeedOfTheMachineIsAnotherResult) {
  ASSERT_OK(ImportResults(results_, other_, other_log_));
  ResultsFile same = results_;
  for (ResultsTask& task : same.tasks) {
    std::vector<MetricPoint>& points = task.metrics.at(0).points;
    std::reverse(points.begin(), points.end());
    for (const char* name : {"pretrain.tokens_per_second", "pretrain.data_wait", "pretrain.mfu",
                             "pretrain.peak_memory"}) {
      task.metrics.insert(task.metrics.begin(),
                          {.series = {.name = name, .language = "", .split = ""},
                           .points = {{.step = 200, .value = 1e4}}});
    }
  }
  const auto again = ImportResults(same, other_, other_log_);
  ASSERT_OK(again);
  EXPECT_THAT(again->differing, IsEmpty());
}

TEST_F(ImportResultsTest, FilesOfATaskOfWhichOnlyResultsWereHereMakeItAnArtifact) {
  ASSERT_OK(ImportResults(results_, other_, other_log_));
  ResultsFile whole = results_;
  whole.tasks.at(0).files = {{.path = "large.bin", .text = "weights"},
                             {.path = "small.json", .text = "{}"}};
  const auto again = ImportResults(whole, other_, other_log_);
  ASSERT_OK(again);
  EXPECT_EQ(again->artifacts, 1u);
  EXPECT_THAT(again->differing, IsEmpty());
  EXPECT_TRUE(other_.Find("pretrain", pretrain_).value());
}

TEST_F(ImportResultsTest, TheSameFileTwiceDoesNotMakeItAnArtifact) {
  ResultsTask& pretrain = results_.tasks.at(0);
  ASSERT_EQ(pretrain.record->files.size(), 2u);
  pretrain.files.push_back(pretrain.files.at(0));
  const auto imported = ImportResults(results_, other_, other_log_);
  ASSERT_OK(imported);
  EXPECT_EQ(imported->results_only, 1u);
  EXPECT_FALSE(other_.Find("pretrain", pretrain_).value());
}

TEST_F(ImportResultsTest, FilesOfAnotherResultDoNotMakeItAnArtifact) {
  ASSERT_OK(ImportResults(results_, other_, other_log_));
  ResultsFile other = results_;
  ResultsTask& pretrain = other.tasks.at(0);
  pretrain.files = {{.path = "large.bin", .text = "WEIGHTS"}, {.path = "small.json", .text = "{}"}};
  pretrain.record->files.at(0).sha256 = Sha256Hex("WEIGHTS");
  const auto again = ImportResults(other, other_, other_log_);
  ASSERT_OK(again);
  EXPECT_EQ(again->artifacts, 0u);
  EXPECT_EQ(again->differing.size(), 1u);
  EXPECT_FALSE(other_.Find("pretrain", pretrain_).value());
}

TEST_F(ImportResultsTest, AnotherLogFindsAllOfItAgain) {
  ASSERT_OK(ImportResults(results_, other_, other_log_));
  RunLog fresh = RunLog::Open(other_folder_.path() / "lost.sqlite", RunLog::Mode::kWrite).value();
  const auto again = ImportResults(results_, other_, fresh);
  ASSERT_OK(again);
  EXPECT_EQ(again->there, 2u);
  EXPECT_EQ(fresh.Runs("lab").value().at(0).state, "done");
  EXPECT_EQ(fresh.Metrics({.task_keys = {evaluate_}, .last_step_only = true}).value().size(), 1u);
}

TEST_F(ImportResultsTest, WhatWasImportedIsExportedAsItCame) {
  ASSERT_OK(ImportResults(results_, other_, other_log_));
  ResultsFile again;
  ASSERT_OK(CollectResults(experiment_, graph_, other_log_, other_, &Keeps, again));
  const fs::path first = folder_.path() / "first";
  const fs::path second = folder_.path() / "second";
  ASSERT_OK(WriteResults(results_, first));
  ASSERT_OK(WriteResults(again, second));
  EXPECT_EQ(ReadFile(first).value(), ReadFile(second).value());
}

// Without the data a plan only estimates it.
TEST_F(ImportResultsTest, TheWorkOfATaskIsExportedAsItCame) {
  results_.tasks.at(0).task.work = 1000;
  results_.tasks.at(0).task.work_unit = "tokens";
  ASSERT_OK(ImportResults(results_, other_, other_log_));
  TaskGraph estimated;
  for (Task task : graph_.tasks()) {
    task.work = 7;
    // What a `repro run` in this workspace does first.
    ASSERT_OK(other_log_.UpsertTask(MakeTaskRow(task)));
    estimated.Add(task);
  }
  for (const RunSpec& run : graph_.runs()) estimated.AddRun(run);
  ResultsFile again;
  ASSERT_OK(CollectResults(experiment_, estimated, other_log_, other_, &Keeps, again));
  EXPECT_EQ(again.tasks.at(0).task.work, 1000);
  EXPECT_EQ(again.tasks.at(0).task.work_unit, "tokens");
}

// The artifact that evaluates keeps all its files; of the pretraining only results come.
TEST_F(ImportResultsTest, ADamagedArtifactIsNamedWithWhatToDo) {
  ASSERT_OK(PutFile(other_.Folder("pretrain", pretrain_) / "completion.json", "{"));
  const auto imported = ImportResults(results_, other_, other_log_);
  ASSERT_FALSE(imported);
  EXPECT_EQ(imported.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(imported.error().message, HasSubstr("repro doctor --fix"));
}

TEST(CollectResultsTest, OfAPathOnlyItsLastNameIsKept) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"import /home/me/xlmr", "import xlmr"},
      {"/home/me/xlmr/", "xlmr"},
      {"//home/me/xlmr", "xlmr"},
      {"/xlmr", "xlmr"},
      {"corpus.source=dataset:/home/me/a.toml", "corpus.source=dataset:a.toml"},
      {"files (/home/me/a.txt, '/home/me/b.txt')", "files (a.txt, 'b.txt')"},
      {"file:///home/me/a.txt", "file:a.txt"},
      {"https://host/a/b", "https://host/a/b"},
      {"from https://host, /home/me/a", "from https://host, a"},
      {"en / sw", "en / sw"},
      {"/", "/"},
      {"and/or 1/2", "and/or 1/2"},
      {"data/sets/a.txt", "data/sets/a.txt"},
      {"", ""}};
  for (const auto& [text, kept] : table) EXPECT_EQ(WithoutFolders(text), kept) << text;
}

TEST_F(ImportResultsTest, NothingCompleteIsNothingToExport) {
  ResultsFile none;
  const Status collected = CollectResults(experiment_, graph_, other_log_, other_, &Keeps, none);
  ASSERT_FALSE(collected);
  EXPECT_EQ(collected.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(collected.error().message, HasSubstr("no task of it is complete"));
}

TEST_F(ImportResultsTest, ADamagedKeptFileIsNotExported) {
  ASSERT_OK(PutFile(store_.Folder("evaluate", evaluate_) / "large.bin", "WEIGHTS"));
  ResultsFile none;
  const Status collected = CollectResults(experiment_, graph_, log_, store_, &Keeps, none);
  ASSERT_FALSE(collected);
  EXPECT_EQ(collected.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(collected.error().message, HasSubstr("the next `repro run` makes it again"));
}

TEST_F(ImportResultsTest, ADamagedKeptFileOfImportedResultsIsNotExported) {
  ASSERT_OK(ImportResults(results_, other_, other_log_));
  ASSERT_OK(PutFile(other_.ResultsFolder("pretrain", pretrain_) / "small.json", "[]"));
  ResultsFile none;
  const Status collected = CollectResults(experiment_, graph_, other_log_, other_, &Keeps, none);
  ASSERT_FALSE(collected);
  EXPECT_EQ(collected.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(collected.error().message, HasSubstr("then import them again"));
}

}  // namespace
}  // namespace repro
