// status, show, compare, logs, tag, stop and retry on a log with real files.
#include <thread>

#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/cli/compare_command.h"
#include "core/cli/logs_command.h"
#include "core/cli/report_command.h"
#include "core/cli/retry_command.h"
#include "core/cli/show_command.h"
#include "core/cli/status_command.h"
#include "core/cli/stop_command.h"
#include "core/cli/tag_command.h"
#include "core/io/file_lock.h"
#include "core/store/lease.h"
#include "tests/core/cli/log_fixture.h"

namespace repro {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Key;
using ::testing::Not;
using testing::Outcome;

class LogCommandsTest : public testing::LogCommandTest {
 protected:
  /// A child that holds the lock of an attempt until it is told to end; SIGTERM ends it.
  pid_t StartTask(const std::filesystem::path& attempt) const {
    int ready[2];
    REPRO_CHECK(::pipe(ready) == 0);
    const pid_t child = ::fork();
    REPRO_CHECK(child >= 0);
    if (child == 0) {
      const auto lock = FileLock::TryLock(attempt / "lock");
      if (!lock || ::write(ready[1], "y", 1) != 1) ::_exit(1);
      for (;;) ::pause();
    }
    char answer = 0;
    REPRO_CHECK(::read(ready[0], &answer, 1) == 1);
    ::close(ready[0]);
    ::close(ready[1]);
    return child;
  }
};

TEST_F(LogCommandsTest, StatusOfAnEmptyWorkspaceSaysHowToStart) {
  const Outcome outcome = RunCommand(MakeStatusCommand(), {});
  EXPECT_EQ(outcome.code, -1);
  EXPECT_EQ(outcome.error.code, ErrorCode::kNotFound);
  EXPECT_THAT(outcome.error.message, HasSubstr("repro run"));
}

TEST_F(LogCommandsTest, StatusCountsRunsAndNamesTheNextCommand) {
  FillLog();
  const Outcome outcome = RunCommand(MakeStatusCommand(), {});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("nobody works here now"), HasSubstr("fig2"),
                                 HasSubstr("no space left"), HasSubstr("repro logs 444444444444"),
                                 HasSubstr("repro retry 444444444444")));
  const Json json = RunCommand(MakeStatusCommand(), {}, true).json();
  EXPECT_EQ(json["experiments"][0]["runs"], 2);
  EXPECT_EQ(json["experiments"][0]["states"]["done"], 1);
  EXPECT_EQ(json["experiments"][0]["states"]["failed"], 1);
  EXPECT_EQ(json["tasks"]["done"], 3);
  EXPECT_EQ(json["failures"][0]["attempt"]["attempt"], 2);
  EXPECT_EQ(json["lease"]["held"], false);
  EXPECT_FALSE(json.contains("runs"));
}

TEST_F(LogCommandsTest, StatusListsRunsByStateAndTag) {
  FillLog();
  const Outcome all = RunCommand(MakeStatusCommand(), {"fig2", "--runs"});
  EXPECT_THAT(all.out, AllOf(HasSubstr("xlm7"), HasSubstr("xnli15"), HasSubstr("2 runs")));
  const Json failed = RunCommand(MakeStatusCommand(), {"--state", "failed"}, true).json();
  ASSERT_EQ(failed["runs"].size(), 1u);
  EXPECT_EQ(failed["runs"][0]["point"], "xnli15");
  const Json tagged = RunCommand(MakeStatusCommand(), {"--tag", "baseline"}, true).json();
  ASSERT_EQ(tagged["runs"].size(), 1u);
  EXPECT_EQ(tagged["runs"][0]["tags"][0], "baseline");
  EXPECT_EQ(RunCommand(MakeStatusCommand(), {"table9"}).error.code, ErrorCode::kNotFound);
}

TEST_F(LogCommandsTest, StatusTellsALivingTaskFromACutOffOne) {
  FillLog();
  {
    RunLog log = OpenLog();
    AddAttempt(log, '4', 3, "running", "", 0);
    ASSERT_OK(log.SetTaskState(Key('4'), "running"));
  }
  const auto attempt = ArtifactStore(workspace_).AttemptFolder(Key('4'), 3);
  EXPECT_THAT(RunCommand(MakeStatusCommand(), {}).out, HasSubstr("no longer alive"));
  const pid_t task = StartTask(attempt);
  EXPECT_EQ(RunCommand(MakeStatusCommand(), {}, true).json()["running"][0]["alive"], true);
  // Nobody holds the lease: stop reaches the task itself.
  const Json stopped = RunCommand(MakeStopCommand(), {Key('4').substr(0, 8)}, true).json();
  EXPECT_EQ(stopped["signalled"], 1);
  EXPECT_EQ(stopped["left_for_holder"], false);
  int status = 0;
  ASSERT_EQ(::waitpid(task, &status, 0), task);
  EXPECT_EQ(WTERMSIG(status), SIGTERM);
  EXPECT_THAT(RunCommand(MakeStopCommand(), {}).out, HasSubstr("nothing is running"));
}

TEST_F(LogCommandsTest, ShowRunTellsSettingsTasksAndMetrics) {
  FillLog();
  const Outcome outcome = RunCommand(MakeShowCommand(), {"1"});
  EXPECT_THAT(
      outcome.out,
      AllOf(HasSubstr("xlm7"), HasSubstr("vocab.size"), HasSubstr("4000"), HasSubstr("baseline"),
            HasSubstr("repro run fig2"), HasSubstr("cccccccccccc"), HasSubstr("111111111111"),
            HasSubstr("xnli.accuracy"), HasSubstr("3 languages"), HasSubstr("0.6 ")));
  const Json json = RunCommand(MakeShowCommand(), {"#1"}, true).json();
  EXPECT_EQ(json["run"], 1);
  EXPECT_EQ(json["config"]["vocab"]["size"], 4000);
  EXPECT_EQ(json["tasks"].size(), 2u);
  // Loss at its last step, accuracy of three languages.
  ASSERT_EQ(json["metrics"].size(), 4u);
  EXPECT_EQ(json["metrics"][0]["name"], "pretrain.loss");
  EXPECT_DOUBLE_EQ(json["metrics"][0]["mean"], 4.0);
  EXPECT_EQ(json["metrics"][1]["language"], "en");
  EXPECT_DOUBLE_EQ(json["metrics"][1]["mean"], 0.60);
  EXPECT_DOUBLE_EQ(json["metrics"][1]["max"], 0.61);
  EXPECT_EQ(json["metrics"][1]["values"], 2);
}

TEST_F(LogCommandsTest, ShowTaskTellsAttemptsArtifactAndRuns) {
  FillLog();
  const Outcome outcome = RunCommand(MakeShowCommand(), {"444444"});
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("killed by signal 9"), HasSubstr("exit 1: no space left"),
                    HasSubstr("137"), HasSubstr("repro retry 444444444444")));
  const Json json = RunCommand(MakeShowCommand(), {"111111"}, true).json();
  EXPECT_EQ(json["kind"], "corpus");
  EXPECT_THAT(json["runs"], ElementsAre(2, 1));
  EXPECT_EQ(json["artifact"]["record"]["files"][0]["path"], "data.bin");
  EXPECT_EQ(json["attempt_list"].size(), 1u);
  const Json input = RunCommand(MakeShowCommand(), {"222222"}, true).json()["inputs"];
  EXPECT_EQ(input["corpus"], Key('1'));
}

TEST_F(LogCommandsTest, AnUnknownNameSaysWhatWouldListThem) {
  FillLog();
  for (const char* name : {"99", "ffff", "fig2", "\x1b[2J"}) {
    const Outcome outcome = RunCommand(MakeShowCommand(), {name});
    EXPECT_EQ(outcome.error.code, ErrorCode::kNotFound) << name;
    EXPECT_THAT(outcome.error.message, AllOf(HasSubstr("repro status"), Not(HasSubstr("\x1b"))));
  }
}

// Keys of the log are 64 times the same digit: "3" and "33333" begin the key of task '3'.
TEST_F(LogCommandsTest, ANumberThatIsNoRunIsNotTakenForTheStartOfAKey) {
  FillLog();
  const auto expect_no_run = [&](const Outcome& outcome, const std::string& number) {
    EXPECT_EQ(outcome.error.code, ErrorCode::kNotFound) << number << outcome.out;
    EXPECT_THAT(outcome.error.message, AllOf(HasSubstr("no run " + number + " in " +
                                                       (workspace_ / "repro.sqlite").string()),
                                             HasSubstr("`repro status --runs` lists them")));
  };
  for (const char* number : {"3", "33333", "0", "00000"}) {
    expect_no_run(RunCommand(MakeShowCommand(), {number}), number);
    expect_no_run(RunCommand(MakeLogsCommand(), {number}), number);
    expect_no_run(RunCommand(MakeStopCommand(), {number}), number);
    expect_no_run(RunCommand(MakeRetryCommand(), {number}), number);
    expect_no_run(RunCommand(MakeTagCommand(), {number, "best"}), number);
    expect_no_run(RunCommand(MakeCompareCommand(), {"1", number}), number);
    expect_no_run(RunCommand(MakeReportCommand(), {"run", number}), number);
  }
  expect_no_run(RunCommand(MakeShowCommand(), {"#333333"}), "333333");
  EXPECT_EQ(RunCommand(MakeShowCommand(), {"#2"}, true).json()["run"], 2);
  EXPECT_EQ(RunCommand(MakeShowCommand(), {"333333"}, true).json()["key"], Key('3'));
}

TEST_F(LogCommandsTest, CompareShowsWhatWasSetAndWhatCameOut) {
  FillLog();
  const Outcome outcome = RunCommand(MakeCompareCommand(), {"1", "2"});
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("vocab.size"), HasSubstr("4000"), HasSubstr("8000"),
                                 HasSubstr("sampling.alpha"), HasSubstr("-0.05"), HasSubstr("+0.5"),
                                 HasSubstr("run 2 is failed"), Not(HasSubstr("model.layers"))));
  const Json json = RunCommand(MakeCompareCommand(), {"1", "2", "--by-language"}, true).json();
  ASSERT_EQ(json["settings"].size(), 2u);
  EXPECT_EQ(json["settings"][0]["path"], "sampling.alpha");
  EXPECT_TRUE(json["settings"][0]["values"][0].is_null());
  EXPECT_EQ(json["settings"][0]["values"][1], 0.3);
  ASSERT_EQ(json["metrics"].size(), 4u);
  EXPECT_EQ(json["metrics"][3]["language"], "ur");
  EXPECT_DOUBLE_EQ(json["metrics"][3]["values"][1], 0.55);
}

TEST_F(LogCommandsTest, ARunIsNoDifferentFromItself) {
  FillLog();
  const Json json = RunCommand(MakeCompareCommand(), {"1", "1"}, true).json();
  EXPECT_TRUE(json["settings"].empty());
  EXPECT_TRUE(json["metrics"].empty());
  const Json all = RunCommand(MakeCompareCommand(), {"1", "1", "--all"}, true).json();
  EXPECT_EQ(all["metrics"].size(), 2u);
}

TEST_F(LogCommandsTest, LogsShowTheNewestAttemptAndNeutraliseEscapes) {
  FillLog();
  const Outcome newest = RunCommand(MakeLogsCommand(), {"444444"});
  EXPECT_THAT(newest.out, AllOf(HasSubstr("attempt 2"), HasSubstr("out of attempt 2"),
                                HasSubstr("err of attempt 2"), Not(HasSubstr("out of attempt 1"))));
  EXPECT_THAT(RunCommand(MakeLogsCommand(), {"444444", "--attempt", "1"}).out,
              HasSubstr("out of attempt 1"));
  EXPECT_EQ(RunCommand(MakeLogsCommand(), {"444444", "--attempt", "7"}).error.code,
            ErrorCode::kNotFound);
  const Outcome events = RunCommand(MakeLogsCommand(), {"222222", "--stream", "events"});
  EXPECT_THAT(events.out,
              AllOf(HasSubstr("warning: a warning with an \\x1b[31mescape"), HasSubstr("started"),
                    HasSubstr("finished"), Not(HasSubstr("\x1b"))));
  const Outcome last =
      RunCommand(MakeLogsCommand(), {"222222", "--stream", "events", "-n", "1"}, true);
  EXPECT_THAT(last.json()["line"].get<std::string>(), HasSubstr("finished"));
}

TEST_F(LogCommandsTest, LogsOfARunListsItsTasks) {
  FillLog();
  const Outcome outcome = RunCommand(MakeLogsCommand(), {"2"});
  EXPECT_EQ(outcome.error.code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(outcome.error.message, AllOf(HasSubstr("333333333333"), HasSubstr("444444444444")));
}

TEST_F(LogCommandsTest, FollowedLogsEndWithTheTaskAndMissNothing) {
  FillLog();
  {
    RunLog log = OpenLog();
    AddAttempt(log, '4', 3, "running", "", 0);
  }
  const auto attempt = ArtifactStore(workspace_).AttemptFolder(Key('4'), 3);
  const pid_t task = StartTask(attempt);
  std::thread writer([&] {
    for (int i = 0; i < 20; ++i) {
      AppendText(attempt / "stdout", fmt::format("line {}\n", i));
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    AppendText(attempt / "stdout", "the end without a newline");
    ::kill(task, SIGKILL);
    ::waitpid(task, nullptr, 0);
  });
  const Outcome outcome = RunCommand(MakeLogsCommand(), {"444444", "-f", "-n", "100"});
  writer.join();
  for (int i = 0; i < 20; ++i) EXPECT_THAT(outcome.out, HasSubstr(fmt::format(" line {}\n", i)));
  EXPECT_THAT(outcome.out, HasSubstr("the end without a newline"));
}

TEST_F(LogCommandsTest, TagAndRetryAreAppliedWhenNobodyHoldsTheLease) {
  FillLog();
  EXPECT_THAT(RunCommand(MakeTagCommand(), {"2", "broken"}).out,
              HasSubstr("run 2: tag 'broken' set"));
  EXPECT_THAT(OpenLog().FindRun(2).value()->tags, ElementsAre("broken"));
  EXPECT_EQ(RunCommand(MakeTagCommand(), {"2", "broken", "--remove"}).code, 0);
  EXPECT_TRUE(OpenLog().FindRun(2).value()->tags.empty());
  const Outcome again = RunCommand(MakeTagCommand(), {"2", "broken", "--remove"});
  EXPECT_EQ(again.error.code, ErrorCode::kNotFound);
  EXPECT_THAT(again.error.message, HasSubstr("run 2 has no tag 'broken'"));
  EXPECT_EQ(RunCommand(MakeTagCommand(), {"2", "two words"}).error.code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(RunCommand(MakeTagCommand(), {"77", "x"}).error.code, ErrorCode::kNotFound);

  EXPECT_EQ(RunCommand(MakeRetryCommand(), {}).error.code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(RunCommand(MakeRetryCommand(), {"222222"}).error.code, ErrorCode::kInvalidArgument);
  const Outcome retried = RunCommand(MakeRetryCommand(), {"--failed"});
  EXPECT_THAT(retried.out,
              AllOf(HasSubstr("1 failed task will be tried again"), HasSubstr("repro run fig2")));
  const auto task = OpenLog().FindTask(Key('4')).value();
  EXPECT_EQ(task->state, "waiting");
  EXPECT_EQ(OpenLog().FindRun(2).value()->state, "waiting");
  EXPECT_EQ(RunCommand(MakeRetryCommand(), {"--failed"}).out, "no task has failed\n");
}

TEST_F(LogCommandsTest, ADivergedTaskIsRetriedByNameOnly) {
  FillLog();
  ASSERT_OK(OpenLog().SetTaskState(Key('4'), "diverged"));
  EXPECT_THAT(RunCommand(MakeRetryCommand(), {"--failed"}).out, HasSubstr("1 diverged left alone"));
  EXPECT_EQ(OpenLog().FindTask(Key('4')).value()->state, "diverged");
  EXPECT_EQ(RunCommand(MakeRetryCommand(), {"444444"}).code, 0);
  EXPECT_EQ(OpenLog().FindTask(Key('4')).value()->state, "waiting");
}

TEST_F(LogCommandsTest, WithAHolderRequestsAreLeftForIt) {
  FillLog();
  const auto lease = Lease::Acquire(workspace_, "repro run fig2").value();
  EXPECT_THAT(RunCommand(MakeTagCommand(), {"1", "best"}).out, HasSubstr("asked repro run fig2"));
  EXPECT_EQ(RunCommand(MakeRetryCommand(), {"444444"}, true).json()["left_for_holder"], true);
  EXPECT_THAT(RunCommand(MakeStopCommand(), {"2"}).out, HasSubstr("asked repro run fig2"));
  EXPECT_THAT(RunCommand(MakeStatusCommand(), {}).out, HasSubstr("in use by repro run fig2"));
  EXPECT_THAT(OpenLog().FindRun(1).value()->tags, ElementsAre("baseline")) << "not applied yet";
  std::vector<Request> requests;
  const auto taken = TakeRequests(workspace_, [&requests](const Request& request) -> Status {
    requests.push_back(request);
    return {};
  });
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(requests[0].kind, Request::Kind::kTag);
  EXPECT_EQ(requests[1].task_key, Key('4'));
  EXPECT_EQ(requests[2].kind, Request::Kind::kStop);
  EXPECT_EQ(requests[2].run, 2);
}

TEST_F(LogCommandsTest, ALogOfAnOlderBuildIsReadAfterAll) {
  {
    std::ifstream in(std::string(REPRO_TESTDATA) + "/store/run_log_v1.sql");
    const std::string sql{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    SQLite::Database(LogPath().string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE).exec(sql);
  }
  EXPECT_THAT(RunCommand(MakeStatusCommand(), {"--runs"}).out, HasSubstr("baseline v0"));
}

}  // namespace
}  // namespace repro
