// The real command line with real processes: what a person, the system or a power cut does to them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "tests/core/scheduler/process_fixture.h"
#include "tests/core/temp_folder.h"

namespace repro {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST_F(ProcessTest, RunsTheGraphOnceAndThenHasNothingToDo) {
  AddTask("a", {{"steps", 2}});
  AddTask("b", {{"steps", 2}}, {"a"});
  ASSERT_EQ(Run(), 0) << Errors();
  EXPECT_THAT(Output(),
              AllOf(HasSubstr("2 tasks done"), HasSubstr("next: repro report " REPRO_TESTDATA
                                                         "/mini.toml --scale smoke --workspace " +
                                                         workspace_.string() + "\n")));
  EXPECT_THAT(Artifacts(), testing::SizeIs(2));
  ASSERT_EQ(Run(), 0) << Errors();
  EXPECT_THAT(Output(), HasSubstr("nothing to do, all 2 tasks are done"));
  EXPECT_EQ(CountInLedger("step a 0"), 1);
  EXPECT_EQ(OpenLog().Invocations(10)->size(), 1U) << "a run without work leaves no trace";
}

TEST_F(ProcessTest, GivesEachTaskCoresAndThreadsOfItsOwn) {
  AddTask("one", {{"steps", 20}});
  AddTask("two", {{"steps", 20}});
  ASSERT_EQ(Run(), 0) << Errors();
  const RunLog log = OpenLog();
  std::vector<std::string> seen;
  const auto tasks = log.TasksOfKind("fake", 10).value();
  for (const TaskRow& task : tasks) {
    const auto events = log.Events(task.key).value();
    for (const Json& event : events) {
      if (event.value("text", "").starts_with("cores ")) seen.push_back(event["text"]);
    }
  }
  ASSERT_EQ(seen.size(), 2U);
  for (const std::string& text : seen) {
    EXPECT_THAT(text, AllOf(testing::EndsWith(" threads 1"), Not(HasSubstr(","))))
        << "one core each";
  }
  if (UsableCores().size() > 1) {
    EXPECT_NE(seen[0], seen[1]);
  }
}

TEST_F(ProcessTest, JsonLinesAreJsonAndEndWithASummary) {
  AddTask("a", {{"steps", 1}});
  ASSERT_EQ(Run({"--json"}), 0) << Errors();
  std::vector<std::string> events;
  std::istringstream lines(Output());
  for (std::string line; std::getline(lines, line);) {
    const auto event = ParseJson(line, "out");
    ASSERT_TRUE(event) << line;
    events.push_back((*event)["event"]);
  }
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.back(), "summary");
  EXPECT_THAT(events, testing::IsSupersetOf({"started", "ended", "summary"}));
}

TEST_F(ProcessTest, AFailedTaskIsTriedAgainAndExitIsOneWhenTheBudgetIsSpent) {
  AddTask("flaky", {{"fail_times", 2}});
  AddTask("hopeless", {{"fail_times", 99}});
  AddTask("after", {}, {"hopeless"});
  EXPECT_EQ(Run(), 1);
  EXPECT_THAT(Attempts()["flaky"], ElementsAre("failed", "failed", "done"));
  EXPECT_THAT(Attempts()["hopeless"], ElementsAre("failed", "failed", "failed"));
  EXPECT_THAT(Output(), AllOf(HasSubstr("planned failure 3"), HasSubstr("repro logs "),
                              HasSubstr("to go on: repro run")));
}

TEST_F(ProcessTest, ADivergedTaskIsRunAgainOnlyWhenSomebodyInsists) {
  AddTask("corpus", {});
  AddTask("pretrain", {{"diverge_times", 1}}, {"corpus"});
  AddTask("evaluate", {}, {"pretrain"});
  EXPECT_EQ(Run(), 1);
  EXPECT_THAT(Attempts()["pretrain"], ElementsAre("diverged"));
  EXPECT_EQ(OpenLog().Runs()->front().state, "diverged");
  EXPECT_THAT(Output(), AllOf(HasSubstr("diverged"), HasSubstr("loss is nan at update 3"),
                              HasSubstr("repro retry ")));

  EXPECT_EQ(Run(), 1) << "the same again gives the same again";
  EXPECT_THAT(Output(), AllOf(HasSubstr("diverged before: loss is nan at update 3"),
                              HasSubstr("next: repro report")));
  EXPECT_EQ(Start({"retry", "--failed"}).Wait()->code, 0);
  EXPECT_THAT(Output(), HasSubstr("1 diverged left alone"));
  EXPECT_EQ(Run(), 1);
  EXPECT_EQ(Attempts()["pretrain"].size(), 1U);

  const std::string key = OpenLog().TasksInState("diverged")->front().key;
  EXPECT_EQ(Start({"retry", key.substr(0, 12)}).Wait()->code, 0) << Errors();
  EXPECT_THAT(Output(),
              HasSubstr("go on: fake_repro run " REPRO_TESTDATA "/mini.toml --scale smoke"))
      << "the command as it was given";
  EXPECT_EQ(Run(), 0) << Errors();
  EXPECT_THAT(Attempts()["pretrain"], ElementsAre("diverged", "done"));
  EXPECT_EQ(CountInLedger("step corpus 0"), 1);
}

TEST_F(ProcessTest, ASecondRunSaysWhoHoldsTheWorkspaceAndSinceWhen) {
  AddTask("long", {{"steps", 100}, {"step_ms", 20}});
  Subprocess first = StartRun();
  WaitFor([&] { return !TaskProcesses().empty(); }, "a task to start");
  EXPECT_EQ(Run(), 1);
  EXPECT_THAT(Errors(),
              AllOf(HasSubstr("in use by"), HasSubstr("run"),
                    HasSubstr(fmt::format("pid {}", first.pid())), HasSubstr("since 20")));
  first.Signal(SIGKILL);
  ASSERT_TRUE(first.Wait());
}

TEST_F(ProcessTest, CtrlCLetsTasksSaveAndTheNextRunGoesOnFromThere) {
  AddTask("long", {{"steps", 20}, {"step_ms", 20}, {"checkpoint", true}});
  Subprocess first = StartRun();
  WaitFor([&] { return CountInLedger("step long 2") == 1; }, "some steps");
  first.Signal(SIGINT);
  EXPECT_EQ(first.Wait()->code, 130) << Errors();
  EXPECT_TRUE(TaskProcesses().empty());
  EXPECT_THAT(Attempts()["long"], ElementsAre("continued"));
  ASSERT_EQ(Run(), 0) << Errors();
  for (int step = 0; step < 20; ++step)
    EXPECT_EQ(CountInLedger(fmt::format("step long {}", step)), 1) << step;
}

TEST_F(ProcessTest, SigtermEndsWith143) {
  AddTask("long", {{"steps", 100}, {"step_ms", 20}});
  Subprocess first = StartRun();
  WaitFor([&] { return !TaskProcesses().empty(); }, "a task to start");
  first.Signal(SIGTERM);
  EXPECT_EQ(first.Wait()->code, 143);
}

TEST_F(ProcessTest, AClosedTerminalLetsTasksSave) {
  AddTask("long", {{"steps", 500}, {"step_ms", 20}, {"checkpoint", true}});
  Subprocess first = StartRun();
  WaitFor([&] { return CountInLedger("step long 2") == 1; }, "some steps");
  first.Signal(SIGHUP);
  EXPECT_EQ(first.Wait()->code, 129) << Errors();
  EXPECT_TRUE(TaskProcesses().empty());
  EXPECT_THAT(Attempts()["long"], ElementsAre("continued"));
}

TEST_F(ProcessTest, UnderNohupAClosedTerminalChangesNothing) {
  AddTask("long", {{"steps", 30}, {"step_ms", 20}, {"checkpoint", true}});
  Subprocess first = StartRun({}, "/usr/bin/nohup");
  WaitFor([&] { return CountInLedger("step long 2") == 1; }, "some steps");
  first.Signal(SIGHUP);
  EXPECT_EQ(first.Wait()->code, 0) << Errors();
  EXPECT_THAT(Attempts()["long"], ElementsAre("done"));
}

TEST_F(ProcessTest, AWorkspaceThatIsRemovedUnderTheRunEndsIt) {
  AddTask("long", {{"steps", 500}, {"step_ms", 20}, {"checkpoint", true}});
  Subprocess first = StartRun();
  WaitFor([&] { return CountInLedger("step long 2") == 1; }, "some steps");
  std::filesystem::rename(workspace_, folder_ / "elsewhere");
  EXPECT_EQ(first.Wait()->code, 1);
  EXPECT_THAT(Errors(), AllOf(HasSubstr("repro.sqlite"), HasSubstr("removed or replaced")));
  WaitFor([&] { return TaskProcesses().empty(); }, "the task to end");
  EXPECT_FALSE(std::filesystem::exists(workspace_)) << "nothing makes an empty one of its name";
  std::filesystem::rename(folder_ / "elsewhere", workspace_);
  EXPECT_EQ(Run(), 0) << Errors();
}

TEST_F(ProcessTest, ASecondCtrlCKillsWhatDoesNotListen) {
  AddTask("deaf", {{"steps", 1000}, {"step_ms", 20}, {"deaf", true}});
  Subprocess first = StartRun();
  WaitFor([&] { return CountInLedger("step deaf 0") == 1; }, "the first step");
  first.Signal(SIGINT);
  WaitFor([&] { return Output().find("stopping") != std::string::npos; },
          "the first Ctrl-C to be seen");
  EXPECT_FALSE(first.Poll().value()) << "it waits for the task to save";
  first.Signal(SIGINT);
  EXPECT_EQ(first.Wait()->code, 130);
  EXPECT_TRUE(TaskProcesses().empty());
  EXPECT_THAT(Attempts()["deaf"], ElementsAre("interrupted"));
}

TEST_F(ProcessTest, AHungTaskIsKilledAndCountsAsAFailure) {
  AddTask("hung", {{"steps", 2}, {"hang", true}, {"deaf", true}});
  EXPECT_EQ(Run({"--stall-minutes", "0.01", "--retries", "0"}), 1);
  EXPECT_THAT(Attempts()["hung"], ElementsAre("killed"));
  EXPECT_THAT(Output(), HasSubstr("no sign of progress"));
}

TEST_F(ProcessTest, AKilledSchedulerLeavesItsTasksToTheNextOne) {
  AddTask("long", {{"steps", 30}, {"step_ms", 20}});  // no checkpoints: a restart would begin anew
  AddTask("after", {}, {"long"});
  Subprocess first = StartRun();
  WaitFor([&] { return CountInLedger("step long 1") == 1; }, "some steps");
  const auto before = TaskProcesses();
  first.Signal(SIGKILL);
  ASSERT_TRUE(first.Wait());
  EXPECT_EQ(TaskProcesses(), before) << "the task does not die with the scheduler";
  ASSERT_EQ(Run(), 0) << Errors();
  EXPECT_THAT(Output(), HasSubstr("taken over"));
  EXPECT_THAT(Attempts()["long"], ElementsAre("done"));
  EXPECT_EQ(CountInLedger("step long 0"), 1);
  const auto invocations = OpenLog().Invocations(10).value();
  ASSERT_EQ(invocations.size(), 2U);
  EXPECT_EQ(invocations[0].state, "done");
  EXPECT_EQ(invocations[1].state, "killed");
  EXPECT_GE(invocations[1].ended_ms, invocations[1].started_ms);
  EXPECT_LE(invocations[1].ended_ms, invocations[0].started_ms);
}

TEST_F(ProcessTest, AnAdoptedTaskIsStoppedByCtrlC) {
  AddTask("long", {{"steps", 500}, {"step_ms", 20}, {"checkpoint", true}});
  Subprocess first = StartRun();
  WaitFor([&] { return CountInLedger("step long 1") == 1; }, "some steps");
  first.Signal(SIGKILL);
  ASSERT_TRUE(first.Wait());
  Subprocess second = StartRun();
  WaitFor([&] { return Output().find("taken over") != std::string::npos; }, "adoption");
  second.Signal(SIGINT);
  EXPECT_EQ(second.Wait()->code, 130);
  EXPECT_TRUE(TaskProcesses().empty());
  EXPECT_THAT(Attempts()["long"], ElementsAre("continued"));
}

TEST_F(ProcessTest, AFolderThatCannotBeWrittenIsNamedBeforeAnyWorkIsDone) {
  if (!BecomeOrdinaryUser()) GTEST_SKIP() << "no ordinary user can start " << REPRO_FAKE_REPRO;
  AddTask("a", {});
  ASSERT_EQ(Run(), 0) << Errors();
  const auto before = Artifacts();
  AddTask("b", {}, {"a"});
  using std::filesystem::perms;
  for (const char* part : {"work", "staging", "artifacts/fake", "."}) {
    const std::filesystem::path folder = (workspace_ / part).lexically_normal();
    // Readers leave these behind, and a log that has them can be written without its folder.
    for (const char* end : {"-wal", "-shm"}) {
      std::filesystem::remove((workspace_ / "repro.sqlite").string() + end);
    }
    std::filesystem::permissions(folder, perms::owner_read | perms::owner_exec);
    EXPECT_EQ(Run(), 1) << part;
    EXPECT_THAT(Errors(), AllOf(HasSubstr((workspace_ / part).lexically_normal().string()),
                                HasSubstr("--workspace")))
        << part;
    EXPECT_EQ(CountInLedger("step b 0"), 0) << part;
    EXPECT_EQ(Start({"status"}).Wait()->code, 0) << "reading goes on: " << Errors();
    std::filesystem::permissions(folder, perms::owner_all);
    EXPECT_EQ(Artifacts(), before);
  }
  EXPECT_EQ(Run(), 0) << Errors();
  EXPECT_EQ(CountInLedger("step a 0"), 1);
}

TEST_F(ProcessTest, ALimitOnFileSizesIsAnErrorAndNoSuddenDeath) {
  AddTask("a", {{"steps", 2}});
  struct rlimit before = {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  struct rlimit small = before;
  small.rlim_cur = 50'000;  // a fresh run log is larger
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const int code = Run();
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(code, 1);
  EXPECT_THAT(Errors(),
              AllOf(HasSubstr((workspace_ / "repro.sqlite").string()), HasSubstr("ulimit -f")));
  EXPECT_EQ(Run(), 0) << Errors();
}

TEST_F(ProcessTest, AFileInTheWayIsNamed) {
  AddTask("a", {});
  std::filesystem::create_directories(workspace_);
  ASSERT_TRUE(PutFile(workspace_ / "work", "a file, not a folder"));
  EXPECT_EQ(Run(), 1);
  EXPECT_THAT(Errors(), HasSubstr((workspace_ / "work").string()));
}

}  // namespace
}  // namespace repro
