#include "core/scheduler/scheduler.h"

#include <deque>
#include <filesystem>
#include <tuple>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "core/base/hash.h"
#include "core/base/units.h"
#include "core/io/file_lock.h"
#include "tests/core/scheduler/fakes.h"
#include "tests/core/temp_folder.h"

namespace repro {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

constexpr Pools kTwoCores = {.cores = 2, .gpus = 0, .memory_bytes = 1 << 30};

class SchedulerTest : public testing::Test {
 protected:
  /// A task named `label` that reads the artifacts of `inputs` (labels). Returns its key.
  std::string Add(const std::string& label, const std::vector<std::string>& inputs = {},
                  Resources resources = {}) {
    Task task;
    task.kind = "work";
    task.label = label;
    task.spec = {{"label", label}};
    task.resources = resources;
    for (const std::string& input : inputs) task.inputs[input] = keys_.at(input);
    return keys_[label] = graph_.Add(task);
  }

  void AddRun(const std::string& name, const std::vector<std::string>& labels) {
    RunSpec run;
    run.point = name;
    run.key = Sha256Hex(name);
    run.config = Json::object();
    std::vector<std::string> wanted;
    wanted.reserve(labels.size());
    for (const std::string& label : labels) wanted.push_back(keys_.at(label));
    run.task_keys = graph_.Closure(wanted);
    graph_.AddRun(run);
  }

  /// One `repro run`.
  Result<RunSummary> Run(SchedulerOptions options = {}) {
    auto survivors = RecoverAttempts(log_, store_, executor_,
                                     [&](const std::string& line) { recovered_.push_back(line); });
    REPRO_CHECK(survivors.has_value());
    TaskHistory history(&log_);
    const auto standings = FindStandings(graph_, &log_, store_, history, "build");
    REPRO_CHECK(standings.has_value());
    std::vector<TaskProgress> progress;
    for (const TaskStanding& standing : *standings) {
      progress.push_back(standing.standing == Standing::kCached ? TaskProgress::kDone
                                                                : TaskProgress::kWaiting);
    }
    RunBook runs(graph_, log_, std::move(progress));
    InvocationRow invocation;
    invocation.experiment_id = "test";
    invocation.scale = "desk";
    invocation.state = "running";
    invocation.provenance = Json::object();
    const auto id = log_.BeginInvocation(invocation);
    REPRO_CHECK(id.has_value() && runs.Register("test", "desk", *id).has_value());
    Scheduler scheduler({graph_, log_, store_, executor_, pulse_, observer_, runs}, options,
                        *standings, std::vector<std::optional<double>>(graph_.tasks().size()),
                        std::move(*survivors));
    return scheduler.Run();
  }

  std::string TaskState(const std::string& label) const {
    return (*log_.FindTask(keys_.at(label)))->state;
  }
  std::map<std::string, std::string> RunStates() const {
    std::map<std::string, std::string> states;
    const auto runs = log_.Runs().value();
    for (const RunRow& run : runs) states[run.point] = run.state;
    return states;
  }
  std::vector<std::string> AttemptStates(const std::string& label) const {
    std::vector<std::string> states;
    const auto attempts = log_.Attempts(keys_.at(label)).value();
    states.reserve(attempts.size());
    for (const AttemptRow& attempt : attempts) states.push_back(attempt.state);
    return states;
  }

  const TempFolder folder_;
  const std::filesystem::path workspace_ = folder_.path();
  ArtifactStore store_{workspace_};
  RunLog log_ = RunLog::Open(workspace_ / "repro.sqlite", RunLog::Mode::kWrite).value();
  FakePulse pulse_;
  FakeExecutor executor_{pulse_, store_, kTwoCores};
  RecordingObserver observer_;
  TaskGraph graph_;
  std::map<std::string, std::string> keys_;
  std::vector<std::string> recovered_;
};

TEST_F(SchedulerTest, RunsEachTaskOnceAfterItsInputs) {
  Add("corpus");
  Add("vocab", {"corpus"});
  Add("encode", {"corpus", "vocab"});
  AddRun("xlm7", {"encode"});
  const auto summary = Run();
  ASSERT_TRUE(summary) << summary.error().message;
  EXPECT_EQ(summary->done, 3U);
  EXPECT_THAT(executor_.started, ElementsAre("corpus", "vocab", "encode"));
  EXPECT_EQ(TaskState("encode"), "done");
  EXPECT_THAT(RunStates(), ElementsAre(std::pair("xlm7", "done")));

  const auto again = Run();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->done, 0U);
  EXPECT_EQ(again->cached, 3U);
  EXPECT_EQ(executor_.started.size(), 3U);
}

TEST_F(SchedulerTest, FillsTheCoresAndNoMore) {
  for (const char* label : {"a", "b", "c", "d"}) Add(label);
  std::size_t most = 0;
  pulse_.on_wait = [&](std::int64_t) { most = std::max(most, executor_.running()); };
  ASSERT_TRUE(Run());
  EXPECT_EQ(most, 2U);
}

TEST_F(SchedulerTest, FailedTaskBlocksDependentsOnly) {
  Add("bad");
  Add("good");
  Add("needs bad", {"bad"});
  Add("needs good", {"good"});
  AddRun("one", {"needs bad"});
  AddRun("two", {"needs good"});
  executor_.Script("bad",
                   std::vector<Act>(9, Act{.how = Exited{1}, .error = "cannot read the corpus"}));
  const auto summary = Run();
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->done, 2U);
  EXPECT_EQ(summary->failed, 1U);
  EXPECT_EQ(summary->blocked, 1U);
  ASSERT_EQ(summary->failures.size(), 1U);
  EXPECT_THAT(summary->failures[0].reason, HasSubstr("cannot read the corpus"));
  EXPECT_THAT(executor_.started, Not(Contains("needs bad")));
  EXPECT_THAT(RunStates(),
              UnorderedElementsAre(std::pair("one", "failed"), std::pair("two", "done")));
}

TEST_F(SchedulerTest, AFailedTaskIsTriedAgainWithinItsBudgetAndTheReasonIsLogged) {
  Add("flaky");
  executor_.Script("flaky",
                   {{.how = Exited{1}, .error = "first"}, {.how = Signalled{SIGKILL}}, {}});
  const auto summary = Run({.retries = 2});
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->done, 1U);
  const auto attempts = log_.Attempts(keys_["flaky"]).value();
  ASSERT_EQ(attempts.size(), 3U);
  EXPECT_THAT(attempts[0].reason, AllOf(HasSubstr("exit code 1"), HasSubstr("first")));
  EXPECT_EQ(attempts[1].exit_code, 128 + SIGKILL);
  EXPECT_THAT(attempts[1].reason, HasSubstr("signal 9"));
  EXPECT_THAT(AttemptStates("flaky"), ElementsAre("failed", "killed", "done"));
}

TEST_F(SchedulerTest, TheErrorThatEndsATaskIsSaidOnce) {
  Add("bad");
  const std::string error = "rank 1 of 2 was killed by signal 9";
  executor_.Script("bad", {{.how = Exited{1}, .error = error}});
  ASSERT_TRUE(Run({.retries = 0}));
  ASSERT_EQ(observer_.reasons.size(), 1U);
  EXPECT_THAT(observer_.reasons[0], HasSubstr(error));
  EXPECT_THAT(observer_.lines, ElementsAre("started bad 1", "failed bad 1"));
}

TEST_F(SchedulerTest, AnErrorThatIsNotTheReasonOfTheEndIsToldBeforeIt) {
  Add("odd");
  executor_.Script("odd", {{.error = "the cache is read-only"}});  // and it is done all the same
  ASSERT_TRUE(Run({.retries = 0}));
  EXPECT_THAT(observer_.lines,
              ElementsAre("started odd 1", "error odd: the cache is read-only", "done odd 1"));
}

TEST_F(SchedulerTest, AnErrorOfATaskThatGoesOnIsToldWhileItRuns) {
  const std::string key = Add("long");
  executor_.Script("long", {{.seconds = 60}});
  bool written = false;
  std::size_t told_at = 0;
  pulse_.on_wait = [&](std::int64_t now) {
    if (!std::exchange(written, true)) {
      EventWriter::Open(store_.AttemptFolder(key, 1) / "events.jsonl")->Message("error", "odd");
    }
    if (told_at == 0 && observer_.lines.size() == 2) {
      told_at = static_cast<std::size_t>((now - FakePulse::kStart) / 1000);
    }
  };
  ASSERT_TRUE(Run({.retries = 0}));
  EXPECT_THAT(observer_.lines, ElementsAre("started long 1", "error long: odd", "done long 1"));
  EXPECT_GE(told_at, 9U);
  EXPECT_LE(told_at, 20U);
}

TEST_F(SchedulerTest, ATaskThatGoesOnFromACheckpointSaysSoOnce) {
  Add("pretrain");
  executor_.Script("pretrain",
                   {{.how = Exited{75}, .checkpoint = true}, {.seconds = 5, .resumes_at = 1250}});
  ASSERT_TRUE(Run());
  EXPECT_THAT(observer_.lines,
              ElementsAre("started pretrain 1", "retry pretrain 1", "started pretrain 2",
                          "info pretrain: going on from update 1,250", "done pretrain 2"));
}

TEST_F(SchedulerTest, ABudgetOfNoRetriesIsOneAttempt) {
  Add("flaky");
  executor_.Script("flaky", {{.how = Exited{1}}});
  const auto summary = Run({.retries = 0});
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->failed, 1U);
  EXPECT_EQ(executor_.started.size(), 1U);
  EXPECT_EQ(TaskState("flaky"), "failed");
}

TEST_F(SchedulerTest, TheNextRunTriesAFailedTaskAgain) {
  Add("flaky");
  executor_.Script("flaky", {{.how = Exited{1}}});
  ASSERT_TRUE(Run({.retries = 0}));
  const auto summary = Run({.retries = 0});
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->done, 1U);
}

TEST_F(SchedulerTest, RefusedSettingsAreNotTriedAgain) {
  Add("wrong");
  executor_.Script("wrong", {{.how = Exited{2}}});
  const auto summary = Run({.retries = 5});
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->failed, 1U);
  EXPECT_EQ(executor_.started.size(), 1U);
}

TEST_F(SchedulerTest, DivergedIsNeverRetriedAndMarksItsRuns) {
  Add("pretrain");
  Add("finetune", {"pretrain"});
  AddRun("xlm7", {"finetune"});
  executor_.Script("pretrain", {{.how = Exited{76}}});
  auto summary = Run();
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->diverged, 1U);
  EXPECT_EQ(summary->failed, 0U);
  EXPECT_THAT(RunStates(), ElementsAre(std::pair("xlm7", "diverged")));

  summary = Run();  // the same again gives the same again
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->diverged, 1U);
  EXPECT_EQ(executor_.started.size(), 1U);

  ASSERT_TRUE(log_.RetryTask(keys_["pretrain"]));
  summary = Run();
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->done, 2U);
}

TEST_F(SchedulerTest, ContinuingFromACheckpointIsNoFailure) {
  Add("preempted");
  const Act preempted{.how = Exited{75}, .checkpoint = true};
  executor_.Script("preempted", {preempted, preempted, preempted, {}});
  const auto summary = Run({.retries = 0});
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->done, 1U);
  EXPECT_THAT(AttemptStates("preempted"),
              ElementsAre("continued", "continued", "continued", "done"));
}

TEST_F(SchedulerTest, ContinuingWithoutACheckpointIsCharged) {
  Add("preempted");
  executor_.Script("preempted", std::vector<Act>(9, Act{.how = Exited{75}}));
  const auto summary = Run({.retries = 1});
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->failed, 1U);
  EXPECT_EQ(executor_.started.size(), 2U);
}

TEST_F(SchedulerTest, AnArtifactCountsMoreThanTheExitCode) {
  Add("late");
  executor_.Script("late",
                   {{.how = Vanished{}, .publish = true}});  // killed after it had published
  const auto summary = Run({.retries = 0});
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->done, 1U);
}

TEST_F(SchedulerTest, ExitZeroWithoutAnArtifactIsAFailure) {
  Add("empty");
  executor_.Script("empty", {{.publish = false}});
  const auto summary = Run({.retries = 0});
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->failed, 1U);
}

TEST_F(SchedulerTest, TheFirstSignalLetsTasksSaveAndStartsNothingMore) {
  Add("long");
  Add("after", {"long"});
  AddRun("xlm7", {"after"});
  executor_.Script("long", {{.seconds = 100, .checkpoint = true}});
  pulse_.SignalAt(3, SIGINT);
  auto summary = Run();
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->signal, SIGINT);
  EXPECT_EQ(summary->interrupted, 1U);
  EXPECT_THAT(executor_.cancels, ElementsAre(std::pair("long", CancelMode::kCheckpoint)));
  EXPECT_EQ(TaskState("long"), "interrupted");
  EXPECT_THAT(AttemptStates("long"), ElementsAre("continued"));
  EXPECT_THAT(RunStates(), ElementsAre(std::pair("xlm7", "interrupted")));

  summary = Run();
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->done, 2U);
}

TEST_F(SchedulerTest, WhatWasStoppedBetweenTwoOfItsTasksIsInterruptedToo) {
  Add("shared");
  Add("long", {"shared"}, {.threads = kTwoCores.cores});
  Add("later", {"shared"}, {.threads = kTwoCores.cores});
  AddRun("one", {"shared", "long"});
  AddRun("twin", {"shared", "later"});
  executor_.Script("long", {{.seconds = 100, .checkpoint = true}});
  executor_.Script("later", {{.seconds = 100, .checkpoint = true}});
  pulse_.SignalAt(5, SIGINT);
  ASSERT_TRUE(Run());
  EXPECT_EQ(executor_.cancels.size(), 1U) << "one of the two had not begun";
  EXPECT_THAT(RunStates(),
              ElementsAre(std::pair("one", "interrupted"), std::pair("twin", "interrupted")));
}

TEST_F(SchedulerTest, AClosedTerminalIsAWishToEndAndNeverToKill) {
  Add("long");
  executor_.Script("long", {{.seconds = 20, .heeds_stop = false}});
  pulse_.SignalAt(3, SIGHUP);
  pulse_.SignalAt(5, SIGHUP);  // from the shell, and from the kernel
  const auto summary = Run();
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->signal, SIGHUP);
  EXPECT_THAT(executor_.cancels, ElementsAre(std::pair("long", CancelMode::kCheckpoint)));
  EXPECT_THAT(AttemptStates("long"), ElementsAre("done"));
}

TEST_F(SchedulerTest, TheSecondSignalKills) {
  Add("deaf");
  executor_.Script("deaf", {{.seconds = 100, .heeds_stop = false}});
  pulse_.SignalAt(1, SIGTERM);
  pulse_.SignalAt(5, SIGINT);
  const auto summary = Run();
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->signal, SIGTERM) << "the first one gives the exit code";
  EXPECT_THAT(executor_.cancels, ElementsAre(std::pair("deaf", CancelMode::kCheckpoint),
                                             std::pair("deaf", CancelMode::kKill)));
  EXPECT_THAT(AttemptStates("deaf"), ElementsAre("interrupted"));
}

TEST_F(SchedulerTest, AHungTaskIsStoppedAndTriedAgain) {
  Add("hung");
  executor_.Script("hung", {{.seconds = 10'000, .heeds_stop = false, .silent = true}, {}});
  const auto summary = Run({.retries = 1, .stall_seconds = 30});
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->done, 1U);
  EXPECT_THAT(executor_.cancels, AllOf(Contains(std::pair("hung", CancelMode::kCheckpoint)),
                                       Contains(std::pair("hung", CancelMode::kKill))));
  EXPECT_THAT(AttemptStates("hung"), ElementsAre("killed", "done"));
  EXPECT_THAT(log_.Attempts(keys_["hung"]).value()[0].reason, HasSubstr("no sign of progress"));
}

TEST_F(SchedulerTest, ATaskThatGivesSignsIsNotHung) {
  Add("slow");
  executor_.Script("slow", {{.seconds = 500}});
  const auto summary = Run({.stall_seconds = 30});
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->done, 1U);
  EXPECT_THAT(executor_.cancels, IsEmpty());
}

TEST_F(SchedulerTest, AMachineThatSleptDoesNotMakeTasksHung) {
  Add("slow");
  executor_.Script("slow", {{.seconds = 4000, .silent = true}});
  pulse_.SleepMachine(3990);
  const auto summary = Run({.stall_seconds = 30});
  ASSERT_TRUE(summary);
  EXPECT_THAT(executor_.cancels, IsEmpty());
}

TEST_F(SchedulerTest, AnAttemptThatOutlivedItsSchedulerIsTakenOver) {
  const std::string key = Add("long");
  Add("after", {"long"});
  executor_.Script("long", {{.seconds = 100}});
  AttemptBook book(log_, store_);
  ASSERT_TRUE(log_.UpsertTask(MakeTaskRow(*graph_.Find(key))));
  const auto attempt = book.Begin(*graph_.Find(key));
  ASSERT_TRUE(attempt);
  AttemptDescription description;
  description.task = *graph_.Find(key);
  description.staging = store_.StagingFolder(key, 1);
  description.workspace = workspace_;
  ASSERT_TRUE(PutFile(book.Folder(*attempt) / "task.json", CanonicalJson(ToJson(description))));

  executor_.alive["long"] = {.seconds = 5, .how = Vanished{}};
  const auto summary = Run();
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->done, 2U);
  EXPECT_THAT(executor_.started, ElementsAre("after"))
      << "the adopted attempt was not started again";
  EXPECT_THAT(observer_.lines, Contains("adopted long 1"));
  EXPECT_THAT(AttemptStates("long"), ElementsAre("done"));
}

TEST_F(SchedulerTest, AnAttemptLostWithItsSchedulerIsStartedAgainWithoutCharge) {
  const std::string key = Add("long");
  AttemptBook book(log_, store_);
  ASSERT_TRUE(log_.UpsertTask(MakeTaskRow(*graph_.Find(key))));
  ASSERT_TRUE(book.Begin(*graph_.Find(key)));  // and then both were killed
  const auto summary = Run({.retries = 0});
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->done, 1U);
  EXPECT_THAT(AttemptStates("long"), ElementsAre("lost", "done"));
  EXPECT_THAT(recovered_, ElementsAre(HasSubstr("long: attempt 1")));
}

TEST_F(SchedulerTest, AnAttemptThatFinishedUnseenIsDone) {
  const std::string key = Add("long");
  ASSERT_TRUE(Run());
  // As if the scheduler had been killed between the task's last act and its own.
  ASSERT_TRUE(log_.SetTaskState(key, "running"));
  AttemptRow attempt;
  attempt.task_key = key;
  attempt.number = 2;
  attempt.folder = "work/" + key + "/attempts/2";
  ASSERT_TRUE(log_.BeginAttempt(attempt));
  const auto summary = Run();
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->done, 0U);
  EXPECT_EQ(TaskState("long"), "done");
  EXPECT_THAT(AttemptStates("long"), ElementsAre("done", "done"));
}

TEST_F(SchedulerTest, ATaskOfAnotherExperimentIsLeftRunning) {
  Task guest;
  guest.kind = "work";
  guest.label = "guest";
  guest.spec = {{"label", "guest"}};
  guest.key = ComputeTaskKey(guest);
  ASSERT_TRUE(log_.UpsertTask(MakeTaskRow(guest)));
  AttemptBook book(log_, store_);
  const auto attempt = book.Begin(guest);
  ASSERT_TRUE(attempt);
  AttemptDescription description;
  description.task = guest;
  description.workspace = workspace_;
  ASSERT_TRUE(PutFile(book.Folder(*attempt) / "task.json", CanonicalJson(ToJson(description))));
  executor_.alive["guest"] = {.seconds = 1000};
  Add("own a");
  Add("own b");
  std::size_t most = 0;
  pulse_.on_wait = [&](std::int64_t) { most = std::max(most, executor_.running()); };
  const auto summary = Run();
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->done, 2U);
  EXPECT_LE(most, 2U) << "the guest's core is not handed out twice";
  EXPECT_EQ((*log_.FindTask(guest.key))->state, "running");
  EXPECT_THAT(executor_.cancels, IsEmpty());
}

TEST_F(SchedulerTest, WhenNothingCanBeStartedTheRunEndsWithTheReason) {
  Add("a");
  executor_.refuse_start = true;
  const auto summary = Run();
  ASSERT_FALSE(summary);
  EXPECT_THAT(summary.error().message,
              AllOf(HasSubstr("'a'"), HasSubstr("no space left on device")));
  executor_.refuse_start = false;
  const auto again = Run({.retries = 0});
  ASSERT_TRUE(again) << "a full disk is not the task's fault";
  EXPECT_EQ(again->done, 1U);
}

TEST_F(SchedulerTest, ATaskForAGpuThatIsNotThereFailsAndSaysSo) {
  Add("cuda", {}, {.threads = 1, .gpus = 1});
  Add("plain");
  const auto summary = Run();
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->done, 1U);
  ASSERT_EQ(summary->failures.size(), 1U);
  EXPECT_THAT(summary->failures[0].reason, HasSubstr("1 GPU"));
}

TEST_F(SchedulerTest, ARequestStopsOneTaskAndTheOthersGoOn) {
  const std::string key = Add("long");
  Add("other");
  executor_.Script("long", {{.seconds = 100}});
  executor_.Script("other", {{.seconds = 20}});
  bool asked = false;
  pulse_.on_wait = [&](std::int64_t now) {
    if (asked || now < FakePulse::kStart + 2000) return;
    asked = true;
    Request request;
    request.kind = Request::Kind::kStop;
    request.task_key = key;
    ASSERT_TRUE(DropRequest(workspace_, request));
  };
  const auto summary = Run();
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->done, 1U);
  EXPECT_EQ(summary->interrupted, 1U);
  EXPECT_EQ(summary->signal, 0);
  EXPECT_EQ(TaskState("long"), "interrupted");
}

TEST_F(SchedulerTest, ToAskForTheEndTwiceKillsNothing) {
  Add("long");
  executor_.Script("long", {{.seconds = 30, .heeds_stop = false}});
  int asked = 0;
  pulse_.on_wait = [&](std::int64_t now) {
    if (asked == 2 || now < FakePulse::kStart + std::int64_t{2000} * (asked + 1)) return;
    ++asked;
    ASSERT_TRUE(DropRequest(workspace_, Request{}));
  };
  const auto summary = Run();
  ASSERT_TRUE(summary);
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(summary->signal, SIGTERM);
  EXPECT_THAT(executor_.cancels, ElementsAre(std::pair("long", CancelMode::kCheckpoint)));
}

TEST_F(SchedulerTest, ARequestToStopThatIsOlderThanTheRunIsNotForIt) {
  Add("long");
  ASSERT_TRUE(DropRequest(workspace_, Request{}));
  const auto summary = Run({.heed_stops_since_ms = WallTimeMs() + 1000});
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->signal, 0);
  EXPECT_EQ(summary->done, 1U);
}

TEST_F(SchedulerTest, WhatWasStoppedGoesOnWhenARetryNamesIt) {
  const std::string stopped = Add("stopped");
  Add("input");
  const std::string waiting = Add("waiting", {"input"});
  executor_.Script("stopped", {{.seconds = 100}, {}});
  executor_.Script("input", {{.seconds = 50}});
  std::deque<std::pair<std::int64_t, Request>> asks;
  for (const auto& [second, kind, key] :
       {std::tuple(2, Request::Kind::kStop, stopped), std::tuple(4, Request::Kind::kStop, waiting),
        std::tuple(6, Request::Kind::kRetry, stopped)}) {
    Request request;
    request.kind = kind;
    request.task_key = key;
    asks.emplace_back(FakePulse::kStart + std::int64_t{second} * 1000, request);
  }
  pulse_.on_wait = [&](std::int64_t now) {
    if (asks.empty() || now < asks.front().first) return;
    ASSERT_TRUE(DropRequest(workspace_, asks.front().second));
    asks.pop_front();
  };
  const auto summary = Run();
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->done, 2U);
  EXPECT_EQ(summary->interrupted, 1U) << "the one that nobody asked to go on";
  EXPECT_EQ(TaskState("stopped"), "done");
  EXPECT_EQ(TaskState("waiting"), "interrupted");
  EXPECT_THAT(executor_.started, Not(Contains("waiting")));
}

TEST_F(SchedulerTest, TheReasonIsTheLastLineOfAnyAmountOfOutput) {
  const std::string key = Add("loud");
  executor_.Script("loud", {{.how = Exited{134}}});
  pulse_.on_wait = [&](std::int64_t) {
    const std::string text = std::string(200'000, 'x') + "\nterminate called\n\n";
    ASSERT_TRUE(PutFile(store_.AttemptFolder(key, 1) / "stderr", text));
  };
  const auto summary = Run({.retries = 0});
  ASSERT_TRUE(summary);
  EXPECT_THAT(log_.Attempts(key).value()[0].reason, testing::EndsWith(": terminate called"));
}

TEST_F(SchedulerTest, EventsOfTheWrongTypeStopNobody) {
  const std::string key = Add("odd");
  executor_.Script("odd", {{.how = Exited{1}}});
  pulse_.on_wait = [&](std::int64_t) {
    ASSERT_TRUE(PutFile(store_.AttemptFolder(key, 1) / "events.jsonl",
                        "{\"type\":\"message\",\"level\":3,\"text\":[\"a\"]}\n"
                        "{\"type\":\"progress\",\"done\":1,\"total\":2,\"unit\":{}}\n"));
  };
  const auto summary = Run({.retries = 0});
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->failed, 1U);
}

TEST_F(SchedulerTest, ARequestToStopIsNotUndoneByARetry) {
  const std::string key = Add("clumsy");
  executor_.Script("clumsy", {{.seconds = 4, .how = Exited{1}, .heeds_stop = false}});
  bool asked = false;
  pulse_.on_wait = [&](std::int64_t now) {
    if (asked || now < FakePulse::kStart + 2000) return;
    asked = true;
    Request request;
    request.task_key = key;
    ASSERT_TRUE(DropRequest(workspace_, request));
  };
  const auto summary = Run({.retries = 5});
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->failed, 1U) << "it ended badly, and is not started again";
  EXPECT_EQ(executor_.started.size(), 1U);
}

TEST_F(SchedulerTest, ALivingAttemptThatCannotBeReadIsNotStartedBesideItself) {
  const std::string key = Add("long");
  AttemptBook book(log_, store_);
  ASSERT_TRUE(log_.UpsertTask(MakeTaskRow(*graph_.Find(key))));
  const auto attempt = book.Begin(*graph_.Find(key));
  ASSERT_TRUE(attempt);
  ASSERT_TRUE(PutFile(book.Folder(*attempt) / "task.json", "of another format"));
  const auto lock = FileLock::TryLock(book.Folder(*attempt) / "lock");
  ASSERT_TRUE(lock);
  const auto survivors =
      RecoverAttempts(log_, store_, executor_, [](const std::string&) { FAIL() << "recovered"; });
  ASSERT_FALSE(survivors);
  EXPECT_EQ(survivors.error().code, ErrorCode::kBusy);
  EXPECT_THAT(survivors.error().message, AllOf(HasSubstr("task.json"), HasSubstr("repro stop")));
  EXPECT_THAT(AttemptStates("long"), ElementsAre("running"));
}

TEST_F(SchedulerTest, ARequestToRetryRevivesAFailedTask) {
  Add("bad");
  Add("after", {"bad"});
  Add("long");
  executor_.Script("bad", {{.how = Exited{1}}, {}});
  executor_.Script("long", {{.seconds = 50}});
  bool asked = false;
  pulse_.on_wait = [&](std::int64_t now) {
    if (asked || now < FakePulse::kStart + 10'000) return;
    asked = true;
    Request request;
    request.kind = Request::Kind::kRetry;
    request.failed = true;
    ASSERT_TRUE(DropRequest(workspace_, request));
  };
  const auto summary = Run({.retries = 0});
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->done, 3U);
  EXPECT_EQ(summary->failed, 0U);
}

TEST_F(SchedulerTest, AnArtifactThatTheLogDoesNotKnowIsRecorded) {
  const std::string key = Add("a");
  ASSERT_TRUE(Run());
  log_ = [&] {
    { const RunLog closed = std::move(log_); }
    std::filesystem::remove(workspace_ / "repro.sqlite");
    return RunLog::Open(workspace_ / "repro.sqlite", RunLog::Mode::kWrite).value();
  }();
  ASSERT_TRUE(log_.UpsertTask(MakeTaskRow(*graph_.Find(key))));
  AttemptBook book(log_, store_);
  ASSERT_TRUE(book.RecordFound(*graph_.Find(key)));
  EXPECT_EQ(TaskState("a"), "done");
  EXPECT_EQ(AttemptStates("a").size(), 1U);
}

TEST_F(SchedulerTest, ShowsHowFarItIs) {
  Add("a");
  Add("b", {"a"});
  ASSERT_TRUE(Run());
  ASSERT_FALSE(observer_.snapshots.empty());
  EXPECT_EQ(observer_.snapshots.front().total, 2U);
  EXPECT_EQ(observer_.snapshots.back().done, 2U);
  EXPECT_DOUBLE_EQ(observer_.snapshots.back().fraction, 1);
}

}  // namespace
}  // namespace repro
