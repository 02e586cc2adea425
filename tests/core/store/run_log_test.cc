#include "core/store/run_log.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "core/store/artifact_store.h"
#include "core/store/event_writer.h"
#include "core/store/schema.h"
#include "tests/core/store/workspace_fixture.h"

namespace repro {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Key;

class RunLogTest : public testing::WorkspaceTest {
 protected:
  std::int64_t AddRun(RunLog& log, char digit, std::string point = "xlm7") {
    REPRO_CHECK(log.UpsertTask(MakeTask(digit)).has_value());
    return log.UpsertRun(MakeRun(digit, std::move(point)), {Key(digit)}).value();
  }
};

TEST_F(RunLogTest, EveryTableIsStrictAndTheLogIsInWalMode) {
  OpenLog();
  SQLite::Database database(LogPath().string());
  EXPECT_EQ(database.execAndGet("PRAGMA journal_mode").getString(), "wal");
  EXPECT_EQ(database.execAndGet("PRAGMA user_version").getInt(), kSchemaVersion);
  EXPECT_GE(database
                .execAndGet("SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND name "
                            "NOT LIKE 'sqlite_%'")
                .getInt(),
            13);
  EXPECT_EQ(database
                .execAndGet("SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND name "
                            "NOT LIKE 'sqlite_%' AND NOT strict")
                .getInt(),
            0);
}

TEST_F(RunLogTest, ReadingWhatNeverRanSaysHowToStart) {
  const auto log = RunLog::Open(LogPath(), RunLog::Mode::kRead);
  ASSERT_FALSE(log.has_value());
  EXPECT_EQ(log.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(log.error().message, HasSubstr("repro run"));
  EXPECT_FALSE(std::filesystem::exists(LogPath()));
}

TEST_F(RunLogTest, SomebodyElsesDatabaseIsRefusedAndLeftAlone) {
  {
    SQLite::Database other(LogPath().string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    other.exec("CREATE TABLE recipes (name TEXT)");
  }
  for (const auto mode : {RunLog::Mode::kRead, RunLog::Mode::kWrite}) {
    const auto log = RunLog::Open(LogPath(), mode);
    ASSERT_FALSE(log.has_value());
    EXPECT_EQ(log.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(log.error().message, HasSubstr("not a run log"));
  }
}

TEST_F(RunLogTest, TextInsteadOfADatabaseIsNamed) {
  WriteText(LogPath(), std::string(8192, 'x'));
  const auto log = RunLog::Open(LogPath(), RunLog::Mode::kWrite);
  ASSERT_FALSE(log.has_value());
  EXPECT_EQ(log.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(log.error().message, HasSubstr(LogPath().string()));
}

TEST_F(RunLogTest, ANewerSchemaIsRefused) {
  OpenLog();
  SQLite::Database(LogPath().string(), SQLite::OPEN_READWRITE).exec("PRAGMA user_version = 99");
  const auto log = RunLog::Open(LogPath(), RunLog::Mode::kRead);
  ASSERT_FALSE(log.has_value());
  EXPECT_EQ(log.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(log.error().message, HasSubstr("newer repro (schema version 99"));
}

TEST_F(RunLogTest, ADamagedPageIsAClearError) {
  {
    RunLog log = OpenLog();
    const Status filled = log.InTransaction([&]() -> Status {
      for (int i = 0; i < 400; ++i) {
        TaskRow task = MakeTask('a');
        task.key = fmt::format("{:064x}", i);
        REPRO_RETURN_IF_ERROR(log.UpsertTask(task));
      }
      return {};
    });
    ASSERT_OK(filled);
  }
  const auto size = std::filesystem::file_size(LogPath());
  ASSERT_GT(size, 40 * 4096u);
  {
    std::fstream file(LogPath(), std::ios::in | std::ios::out | std::ios::binary);
    for (std::uintmax_t page = size / 8192; page < size / 4096; ++page) {
      file.seekp(static_cast<std::streamoff>(page * 4096));
      file << std::string(4096, '\xAB');
    }
  }
  const RunLog log = OpenLog(RunLog::Mode::kRead);
  const auto tasks = log.TasksOfKind("pretrain", 0);
  ASSERT_FALSE(tasks.has_value());
  EXPECT_EQ(tasks.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(tasks.error().message, HasSubstr(LogPath().string()));
  EXPECT_THAT(tasks.error().message, HasSubstr("repro doctor"));
  const auto findings = log.CheckIntegrity();
  EXPECT_TRUE(!findings.has_value() || !findings->empty());
}

TEST_F(RunLogTest, ATaskComesBackAsItWentIn) {
  RunLog log = OpenLog();
  TaskRow task = MakeTask('a', "vocab");
  task.inputs = {{"corpus", Key('b')}};
  ASSERT_OK(log.UpsertTask(task));
  TaskRow finished = task;
  finished.seconds = 1.5;
  finished.peak_rss = 1 << 30;
  finished.artifact_bytes = 77;
  finished.build = "build-1";
  ASSERT_OK(log.FinishTask(finished));
  const auto found = log.FindTask("aaaa").value();
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->key, Key('a'));
  EXPECT_EQ(found->state, "done");
  EXPECT_EQ(found->inputs, task.inputs);
  EXPECT_EQ(found->spec, task.spec);
  EXPECT_DOUBLE_EQ(found->seconds, 1.5);
  EXPECT_EQ(found->artifact_bytes, 77);
  EXPECT_EQ(found->build, "build-1");
  EXPECT_GT(found->finished_ms, 0);
}

TEST_F(RunLogTest, TheWorkOfATaskIsThatOfItsPlanUntilItIsDone) {
  RunLog log = OpenLog();
  TaskRow task = MakeTask('a');
  for (const double work : {10.0, 20.0}) {
    task.work = work;
    ASSERT_OK(log.UpsertTask(task));
    EXPECT_EQ(log.FindTask(Key('a')).value()->work, work);
  }
  ASSERT_OK(log.FinishTask(task));
  task.work = 30;
  ASSERT_OK(log.UpsertTask(task));
  EXPECT_EQ(log.FindTask(Key('a')).value()->work, 20);
}

TEST_F(RunLogTest, MeetingAKnownTaskAgainKeepsItsState) {
  RunLog log = OpenLog();
  ASSERT_OK(log.UpsertTask(MakeTask('a')));
  ASSERT_OK(log.FinishTask(MakeTask('a')));
  TaskRow renamed = MakeTask('a');
  renamed.label = "another label";
  ASSERT_OK(log.UpsertTask(renamed));
  const auto found = log.FindTask(Key('a')).value();
  EXPECT_EQ(found->state, "done");
  EXPECT_EQ(found->label, "another label");
}

TEST_F(RunLogTest, AnAmbiguousKeyNamesTheCandidates) {
  RunLog log = OpenLog();
  TaskRow first = MakeTask('a', "corpus");
  TaskRow second = MakeTask('a', "vocab");
  second.key[63] = 'b';
  ASSERT_OK(log.UpsertTask(first));
  ASSERT_OK(log.UpsertTask(second));
  const auto found = log.FindTask("aaa");
  ASSERT_FALSE(found.has_value());
  EXPECT_EQ(found.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(found.error().message, HasSubstr("corpus xlm7"));
  EXPECT_THAT(found.error().message, HasSubstr("vocab xlm7"));
  EXPECT_FALSE(log.FindTask("fig2").value().has_value());
}

TEST_F(RunLogTest, AnUnknownStateIsRefused) {
  RunLog log = OpenLog();
  ASSERT_OK(log.UpsertTask(MakeTask('a')));
  const Status status = log.SetTaskState(Key('a'), "finished");
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(status.error().message, HasSubstr("'finished'"));
  EXPECT_EQ(log.SetTaskState(Key('f'), "done").error().code, ErrorCode::kNotFound);
}

TEST_F(RunLogTest, TheSameRunIsOneRunWhateverTheInvocation) {
  RunLog log = OpenLog();
  InvocationRow invocation;
  invocation.experiment_id = "fig2";
  invocation.scale = "desk";
  invocation.provenance = {{"git", {{"commit", "abc"}}}};
  const auto first = log.BeginInvocation(invocation).value();
  const auto second = log.BeginInvocation(invocation).value();
  ASSERT_OK(log.UpsertTask(MakeTask('a')));
  RunRow row = MakeRun('a');
  row.invocation = first;
  const auto id = log.UpsertRun(row, {Key('a')}).value();
  row.invocation = second;
  row.state = "done";
  EXPECT_EQ(log.UpsertRun(row, {Key('a')}).value(), id);
  const auto runs = log.Runs().value();
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_EQ(runs[0].invocation, second);
  row.invocation = 0;  // results without an invocation
  ASSERT_OK(log.UpsertRun(row, {Key('a')}));
  EXPECT_EQ(log.Runs().value()[0].invocation, second);
  EXPECT_EQ(runs[0].state, "done");
  EXPECT_EQ(runs[0].config, row.config);
  EXPECT_THAT(runs[0].finetune_seeds, ElementsAre(1, 2));
  ASSERT_OK(log.EndInvocation(second, "done"));
  const auto invocations = log.Invocations(1).value();
  ASSERT_EQ(invocations.size(), 1u);
  EXPECT_EQ(invocations[0].id, second);
  EXPECT_EQ(invocations[0].state, "done");
  EXPECT_EQ(invocations[0].provenance, invocation.provenance);
}

TEST_F(RunLogTest, AKilledInvocationEndsWithItsLastSign) {
  RunLog log = OpenLog();
  InvocationRow invocation;
  invocation.experiment_id = "fig2";
  invocation.scale = "desk";
  std::vector<std::int64_t> ids;
  for (const std::int64_t started_ms : {1000, 2000, 3000, 4000}) {
    invocation.started_ms = started_ms;
    ids.push_back(log.BeginInvocation(invocation).value());
  }
  ASSERT_OK(log.EndInvocation(ids[2], "done"));
  const std::int64_t ended = log.FindInvocation(ids[2]).value()->ended_ms;
  ASSERT_OK(log.UpsertTask(MakeTask('a')));
  AttemptRow attempt;
  attempt.task_key = Key('a');
  for (const std::int64_t started_ms : {1100, 1200, 4100}) {
    ++attempt.number;
    attempt.started_ms = started_ms;
    attempt.folder = fmt::format("work/a/{}", attempt.number);
    attempt.id = log.BeginAttempt(attempt).value();
    if (started_ms == 1100) {
      attempt.state = "failed";
      attempt.ended_ms = 1150;
      ASSERT_OK(log.EndAttempt(attempt));
    }
  }
  WriteText(
      workspace_ / "events.jsonl",
      "{\"type\":\"progress\",\"done\":1,\"total\":2,\"unit\":\"updates\",\"time_ms\":4500}\n");
  ASSERT_OK(log.IngestEvents(attempt.id, workspace_ / "events.jsonl"));
  RunRow row = MakeRun('a');
  row.invocation = ids[3];
  row.state = "running";
  const auto run = log.UpsertRun(row, {Key('a')}).value();

  ASSERT_OK(log.CloseKilledInvocations());
  const auto end_of = [&](std::size_t i) {
    const auto found = log.FindInvocation(ids[i]).value();
    return std::pair(found->state, found->ended_ms);
  };
  EXPECT_EQ(end_of(0), std::pair(std::string("killed"), std::int64_t{1200}));
  EXPECT_EQ(end_of(1), std::pair(std::string("killed"), std::int64_t{2000})) << "no sign at all";
  EXPECT_EQ(end_of(2), std::pair(std::string("done"), ended)) << "it ended in order";
  EXPECT_EQ(end_of(3), std::pair(std::string("killed"), std::int64_t{4500}));
  EXPECT_EQ(log.FindRun(run).value()->state, "interrupted");
  EXPECT_EQ(log.FindRun(run).value()->finished_ms, 4500);
}

TEST_F(RunLogTest, WhatIsDoneDurablyIsDoneAndTheLogGoesOn) {
  RunLog log = OpenLog();
  const auto id = AddRun(log, 'a');
  ASSERT_OK(log.Durably([&] { return log.Tag(id, "kept", false); }));
  EXPECT_EQ(log.Durably([&] { return log.Tag(id, "two words", false); }).error().code,
            ErrorCode::kInvalidArgument);
  ASSERT_OK(log.Tag(id, "more", false));
  EXPECT_THAT(log.FindRun(id).value()->tags, ElementsAre("kept", "more"));
}

TEST_F(RunLogTest, ARunKeepsTheTimeOfItsEndWhenItIsMetAgain) {
  RunLog log = OpenLog();
  const auto id = AddRun(log, 'a');
  RunRow done = MakeRun('a');
  done.state = "done";
  done.finished_ms = 5000;
  EXPECT_EQ(log.UpsertRun(done, {Key('a')}).value(), id);
  done.finished_ms = 0;
  EXPECT_EQ(log.UpsertRun(done, {Key('a')}).value(), id);
  ASSERT_OK(log.SetRunState(id, "done"));
  EXPECT_EQ(log.FindRun(id).value()->finished_ms, 5000);
  ASSERT_OK(log.SetRunState(id, "running"));
  EXPECT_EQ(log.FindRun(id).value()->finished_ms, 0);
}

TEST_F(RunLogTest, ARunMayOnlyNameKnownTasks) {
  RunLog log = OpenLog();
  ASSERT_OK(log.UpsertTask(MakeTask('a')));
  const auto run = log.UpsertRun(MakeRun('a'), {Key('a'), Key('b')});
  ASSERT_FALSE(run.has_value());
  EXPECT_EQ(run.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(log.Runs().value(), IsEmpty());
}

TEST_F(RunLogTest, ARunThatIsMetAgainMayHaveOtherTasks) {
  RunLog log = OpenLog();
  const auto id = AddRun(log, 'a');
  ASSERT_OK(log.UpsertTask(MakeTask('b')));  // as of a later version that measures otherwise
  EXPECT_EQ(log.UpsertRun(MakeRun('a'), {Key('b')}).value(), id);
  EXPECT_THAT(log.RunTaskKeys(id).value(), ElementsAre(Key('b')));
  EXPECT_THAT(log.RunsOfTask(Key('a')).value(), IsEmpty());
}

TEST_F(RunLogTest, RunsAreFilteredAndNewestFirst) {
  RunLog log = OpenLog();
  const auto one = AddRun(log, 'a', "xlm7");
  const auto two = AddRun(log, 'b', "xnli15");
  const auto three = AddRun(log, 'c', "wiki30");
  ASSERT_OK(log.SetRunState(two, "done"));
  ASSERT_OK(log.Tag(one, "baseline", false));
  const auto ids = [&log](const RunQuery& query) {
    std::vector<std::int64_t> found;
    const auto runs = log.Runs(query).value();
    for (const RunRow& run : runs) found.push_back(run.id);
    return found;
  };
  EXPECT_THAT(ids({}), ElementsAre(three, two, one));
  EXPECT_THAT(ids({.limit = 2}), ElementsAre(three, two));
  EXPECT_THAT(ids({.state = "done"}), ElementsAre(two));
  EXPECT_THAT(ids({.tag = "baseline"}), ElementsAre(one));
  EXPECT_THAT(ids({.experiment_id = "table1"}), IsEmpty());
  EXPECT_TRUE(log.Runs(RunQuery{.with_config = false}).value()[0].config.is_null());
  EXPECT_EQ(log.FindRun(two).value()->point, "xnli15");
  EXPECT_FALSE(log.FindRun(99).value().has_value());
  EXPECT_FALSE(log.FindRun(0).value().has_value()) << "no run, not any run";
}

TEST_F(RunLogTest, CountsSayHowManyRunsAreInEachState) {
  RunLog log = OpenLog();
  AddRun(log, 'a');
  ASSERT_OK(log.SetRunState(AddRun(log, 'b'), "done"));
  ASSERT_OK(log.SetRunState(AddRun(log, 'c'), "done"));
  const auto counts = log.RunCounts().value();
  ASSERT_EQ(counts.size(), 2u);
  EXPECT_EQ(counts[0].state, "done");
  EXPECT_EQ(counts[0].runs, 2);
  EXPECT_EQ(counts[1].state, "waiting");
  EXPECT_EQ(counts[1].runs, 1);
  EXPECT_EQ(log.TaskCounts().value().at("waiting"), 3);
}

TEST_F(RunLogTest, TagsAreCheckedAndGoBothWays) {
  RunLog log = OpenLog();
  const auto run = AddRun(log, 'a');
  ASSERT_OK(log.Tag(run, "v1.0", false));
  ASSERT_OK(log.Tag(run, "v1.0", false));
  ASSERT_OK(log.Tag(run, "best", false));
  EXPECT_THAT(log.FindRun(run).value()->tags, ElementsAre("best", "v1.0"));
  ASSERT_OK(log.Tag(run, "best", true));
  EXPECT_THAT(log.FindRun(run).value()->tags, ElementsAre("v1.0"));
  EXPECT_EQ(log.Tag(run, "two words", false).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(log.Tag(99, "best", false).error().code, ErrorCode::kNotFound);
}

TEST_F(RunLogTest, AnArtifactsRecordComesBackAsItWentIn) {
  RunLog log = OpenLog();
  ASSERT_OK(log.UpsertTask(MakeTask('a')));
  EXPECT_TRUE(log.ArtifactRecord(Key('a')).value().is_null());
  CompletionRecord record;
  record.task = {{"kind", "pretrain"}, {"key", Key('a')}};
  record.files = {{"weights.safetensors", 12, Key('0')}};
  record.build = "build-1";
  ASSERT_OK(log.AddArtifact(Key('a'), record.ToJson()));
  EXPECT_EQ(log.ArtifactRecord(Key('a')).value(), record.ToJson());
  record.build = "build-2";
  ASSERT_OK(log.AddArtifact(Key('a'), record.ToJson()));
  EXPECT_EQ(log.ArtifactRecord(Key('a')).value()["build"], "build-2") << "the newest stands";
  EXPECT_EQ(log.AddArtifact(Key('f'), record.ToJson()).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(log.AddArtifact(Key('a'), Json::object()).error().code, ErrorCode::kCorrupt);
}

TEST_F(RunLogTest, AttemptsKeepTheirEndAndItsReason) {
  RunLog log = OpenLog();
  ASSERT_OK(log.UpsertTask(MakeTask('a')));
  AttemptRow attempt;
  attempt.task_key = Key('a');
  attempt.number = 1;
  attempt.folder = "work/a/attempts/1";
  attempt.id = log.BeginAttempt(attempt).value();
  ASSERT_EQ(log.RunningAttempts().value().size(), 1u);
  attempt.state = "failed";
  attempt.reason = "out of memory";
  attempt.exit_code = 137;
  ASSERT_OK(log.EndAttempt(attempt));
  ASSERT_OK(log.SetTaskState(Key('a'), "failed"));
  EXPECT_THAT(log.RunningAttempts().value(), IsEmpty());
  const auto attempts = log.Attempts(Key('a')).value();
  ASSERT_EQ(attempts.size(), 1u);
  EXPECT_EQ(attempts[0].reason, "out of memory");
  EXPECT_EQ(attempts[0].exit_code, 137);
  const auto failures = log.Failures(5).value();
  ASSERT_EQ(failures.size(), 1u);
  EXPECT_EQ(failures[0].task.key, Key('a'));
  EXPECT_EQ(failures[0].attempt.reason, "out of memory");
}

TEST_F(RunLogTest, RetryWakesTheTaskAndItsRuns) {
  RunLog log = OpenLog();
  const auto run = AddRun(log, 'a');
  AttemptRow attempt;
  attempt.task_key = Key('a');
  attempt.number = 1;
  attempt.folder = "f";
  attempt.id = log.BeginAttempt(attempt).value();
  attempt.state = "failed";
  ASSERT_OK(log.EndAttempt(attempt));
  ASSERT_OK(log.SetTaskState(Key('a'), "failed"));
  ASSERT_OK(log.SetRunState(run, "failed"));
  ASSERT_OK(log.RetryTask(Key('a')));
  const auto task = log.FindTask(Key('a')).value();
  EXPECT_EQ(task->state, "waiting");
  EXPECT_EQ(task->attempts, 1);
  EXPECT_EQ(log.FindRun(run).value()->state, "waiting");
  ASSERT_OK(log.FinishTask(MakeTask('a')));
  EXPECT_EQ(log.RetryTask(Key('a')).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(RunLogTest, AFailedTransactionLeavesNothingBehind) {
  RunLog log = OpenLog();
  const Status status = log.InTransaction([&]() -> Status {
    REPRO_RETURN_IF_ERROR(log.UpsertTask(MakeTask('a')));
    // A failure inside that the caller passes over undoes only itself.
    EXPECT_FALSE(log.SetTaskState(Key('a'), "nonsense").has_value());
    REPRO_RETURN_IF_ERROR(log.UpsertTask(MakeTask('b')));
    return Fail(ErrorCode::kInterrupted, "enough");
  });
  EXPECT_EQ(status.error().code, ErrorCode::kInterrupted);
  EXPECT_FALSE(log.FindTask(Key('a')).value().has_value());
  ASSERT_OK(log.UpsertTask(MakeTask('c')));
  EXPECT_TRUE(log.FindTask(Key('c')).value().has_value());
}

TEST_F(RunLogTest, AReaderSeesAFinishedWriteAndMayNotWrite) {
  RunLog writer = OpenLog();
  RunLog reader = OpenLog(RunLog::Mode::kRead);
  ASSERT_OK(writer.UpsertTask(MakeTask('a')));
  EXPECT_TRUE(reader.FindTask(Key('a')).value().has_value());
  EXPECT_EQ(reader.UpsertTask(MakeTask('b')).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(RunLogTest, ALogInAReadOnlyFolderCanBeRead) {
  { ASSERT_OK(OpenLog().UpsertTask(MakeTask('a'))); }
  std::filesystem::permissions(LogPath(), std::filesystem::perms(0444));
  std::filesystem::permissions(workspace_, std::filesystem::perms(0555));
  // Root may write anywhere, so the reader is somebody else then.
  constexpr uid_t kNobody = 65534;
  const bool root = ::geteuid() == 0;
  if (root) {
    ASSERT_EQ(::seteuid(kNobody), 0);
  }
  const auto log = RunLog::Open(LogPath(), RunLog::Mode::kRead);
  const bool found = log && log->FindTask(Key('a')).value().has_value();
  if (root) {
    ASSERT_EQ(::seteuid(0), 0);
  }
  std::filesystem::permissions(workspace_, std::filesystem::perms(0755));
  ASSERT_OK(log);
  EXPECT_TRUE(found);
}

TEST_F(RunLogTest, OneRunsLastMetricsAreFoundByName) {
  RunLog log = OpenLog();
  ASSERT_OK(log.UpsertTask(MakeTask('a')));
  AttemptRow attempt;
  attempt.task_key = Key('a');
  attempt.number = 1;
  attempt.folder = "f";
  const auto id = log.BeginAttempt(attempt).value();
  const auto path = workspace_ / "events.jsonl";
  auto events = EventWriter::Open(path).value();
  for (int step = 1; step <= 3; ++step) {
    events.Write({.name = "pretrain.loss", .value = 5.0 - step, .step = step});
    events.Write({.name = "xnli.accuracy",
                  .value = 0.1 * step,
                  .step = step,
                  .language = "sw",
                  .split = "dev",
                  .seed = 2});
  }
  ASSERT_OK(log.IngestEvents(id, path));
  EXPECT_EQ(log.Metrics({}).value().size(), 6u);
  const auto last = log.Metrics({.task_keys = {Key('a')}, .last_step_only = true}).value();
  ASSERT_EQ(last.size(), 2u);
  EXPECT_EQ(last[0].name, "pretrain.loss");
  EXPECT_DOUBLE_EQ(last[0].value, 2.0);
  EXPECT_EQ(last[0].step, 3);
  const auto xnli = log.Metrics({.name = "xnli.*", .split = "dev"}).value();
  ASSERT_EQ(xnli.size(), 3u);
  EXPECT_EQ(xnli[0].language, "sw");
  EXPECT_EQ(xnli[0].seed, 2);
  EXPECT_THAT(log.Metrics({.name = "xnli"}).value(), IsEmpty());
  EXPECT_THAT(log.Metrics({.task_keys = {Key('f')}}).value(), IsEmpty());
}

TEST_F(RunLogTest, EverySeriesOfATaskIsListedOnceAndReadByItsSteps) {
  RunLog log = OpenLog();
  ASSERT_OK(log.UpsertTask(MakeTask('a')));
  ASSERT_OK(log.UpsertTask(MakeTask('b')));
  for (const char digit : {'a', 'b'}) {
    AttemptRow attempt;
    attempt.task_key = Key(digit);
    attempt.number = 1;
    attempt.id = log.BeginAttempt(attempt).value();
    const auto file = workspace_ / (std::string(1, digit) + ".jsonl");
    auto events = EventWriter::Open(file).value();
    const auto write = [&](const char* name, const char* language, const char* split, int seed) {
      for (int step = 1; step <= 4; ++step) {
        events.Write({.name = name,
                      .value = 10.0 * seed + step,
                      .step = step,
                      .language = language,
                      .split = split,
                      .seed = seed});
      }
    };
    write("z.loss", "", "", -1);
    write("a.score", "sw", "dev", 2);
    if (digit == 'b') continue;
    write("a.score", "en", "test", 1);
    write("a.score", "en", "dev", 1);
    write("a.score", "en", "dev", 2);
    write("a.score", "", "dev", -1);
    ASSERT_OK(log.IngestEvents(attempt.id, file));
  }
  std::vector<std::string> names;
  const std::vector<MetricSeries> series_of_a = log.SeriesOfTask(Key('a')).value();
  for (const MetricSeries& s : series_of_a) {
    names.push_back(fmt::format("{}/{}/{}/{}", s.name, s.language, s.split, s.seed));
  }
  EXPECT_THAT(names, ElementsAre("a.score//dev/-1", "a.score/en/dev/1", "a.score/en/dev/2",
                                 "a.score/en/test/1", "a.score/sw/dev/2", "z.loss///-1"));
  EXPECT_THAT(log.SeriesOfTask(Key('c')).value(), IsEmpty());

  const auto steps = [&log](const PointQuery& query) {
    std::vector<std::int64_t> found;
    const MetricSeries series{"a.score", "en", "dev", 2};
    const auto points = log.MetricPoints(Key('a'), series, query).value();
    for (const MetricPoint& point : points) {
      EXPECT_EQ(point.value, 20.0 + static_cast<double>(point.step));
      found.push_back(point.step);
    }
    return found;
  };
  EXPECT_THAT(steps({}), ElementsAre(1, 2, 3, 4));
  PointQuery query;
  query.after = 2;
  EXPECT_THAT(steps(query), ElementsAre(3, 4));
  query = {};
  query.newest = 1;
  EXPECT_THAT(steps(query), ElementsAre(4));
  query = {};
  query.resumed_attempt = 99;
  query.resumed_at = 3;
  EXPECT_THAT(steps(query), ElementsAre(1, 2, 3)) << "attempt 99 has logged nothing above 3 yet";
}

}  // namespace
}  // namespace repro
