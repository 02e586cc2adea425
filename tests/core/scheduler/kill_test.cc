// kill -9 at random moments of a task, of the scheduler, or of both; then the next run ends the
// work.

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/rng.h"
#include "tests/core/scheduler/process_fixture.h"

namespace repro {
namespace {

using testing::HasSubstr;

constexpr int kPretrainSteps = 12;

class KillTest : public ProcessTest, public testing::WithParamInterface<int> {
 protected:
  void AddDiamonds() {
    AddTask("corpus a", {{"steps", 4}});
    AddTask("corpus b", {{"steps", 4}});
    AddTask("vocab", {{"steps", 6}}, {"corpus a", "corpus b"});
    AddTask("pretrain 1", {{"steps", kPretrainSteps}, {"checkpoint", true}}, {"vocab"});
    AddTask("pretrain 2", {{"steps", kPretrainSteps}, {"checkpoint", true}}, {"vocab"});
    AddTask("evaluate 1", {{"steps", 3}}, {"pretrain 1"});
    AddTask("evaluate 2", {{"steps", 3}}, {"pretrain 2"});
  }
};

TEST_P(KillTest, EndsWithTheSameArtifactsAndNothingDoneTwice) {
  AddDiamonds();
  NewWorkspace("undisturbed");
  ASSERT_EQ(Run(), 0) << Errors();
  const auto expected = Artifacts();
  ASSERT_EQ(expected.size(), 7U);

  NewWorkspace("killed");
  Rng random(20261121, "kill test", static_cast<std::uint64_t>(GetParam()));
  int code = -1;
  for (int round = 0; round < 30 && code != 0; ++round) {
    Subprocess scheduler = StartRun({"--retries", "5"});
    const std::uint64_t victim = random.Below(4);  // a task, the scheduler, both; in the end nobody
    ::usleep(static_cast<useconds_t>(20'000 + random.Below(200'000)));
    if (victim == 1 || victim == 2) scheduler.Signal(SIGKILL);
    if (victim == 0 || victim == 2) {
      for (const pid_t pid : TaskProcesses()) ::kill(pid, SIGKILL);
    }
    code = scheduler.Wait()->code;
    ASSERT_TRUE(code == 0 || code == 137) << "round " << round << ": " << code << "\n"
                                          << Output() << Errors();
  }
  ASSERT_EQ(code, 0) << "not done after 30 rounds";
  EXPECT_EQ(Artifacts(), expected);
  EXPECT_TRUE(TaskProcesses().empty());

  const RunLog log = OpenLog();
  EXPECT_TRUE(log.RunningAttempts()->empty());
  EXPECT_TRUE(log.CheckIntegrity()->empty());
  EXPECT_EQ(log.Runs()->front().state, "done");
  for (const auto& [label, states] : Attempts()) {
    EXPECT_EQ(std::count(states.begin(), states.end(), "done"), 1) << label;
    EXPECT_EQ(states.back(), "done") << label << ": nothing starts after it is done";
  }
  // A task with checkpoints does not do again what it saved: at most the step that it was killed
  // in, once a kill.
  for (const std::string label : {"pretrain 1", "pretrain 2"}) {
    int repeated = 0;
    for (int step = 0; step < kPretrainSteps; ++step) {
      const int count = CountInLedger(fmt::format("step {} {}", label, step));
      EXPECT_GE(count, 1) << label << " step " << step;
      repeated += count - 1;
    }
    EXPECT_LT(repeated, static_cast<int>(Attempts()[label].size())) << label;
  }
  ASSERT_EQ(Run(), 0);
  EXPECT_THAT(Output(), HasSubstr("nothing to do"));
}

INSTANTIATE_TEST_SUITE_P(RandomMoments, KillTest, testing::Range(0, 3));

}  // namespace
}  // namespace repro
