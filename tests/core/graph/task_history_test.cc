#include "core/graph/task_history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/core/graph/history_fixture.h"

namespace repro {
namespace {

using testing::ElementsAre;

class TaskHistoryTest : public HistoryTest {
 protected:
  static Task Pretrain(int seed, double work, int hidden = 64, std::string unit = "GFLOP") {
    Task task =
        MakeTask("pretrain", "pretrain seed " + std::to_string(seed),
                 {{"seed", seed},
                  {"work", work},
                  {"model", {{"hidden", hidden}, {"layers", hidden / 16}, {"heads", hidden / 8}}}});
    task.work = work;
    task.work_unit = std::move(unit);
    return task;
  }

  std::optional<double> Estimate(const Task& task) {
    TaskHistory history(&log_);
    const auto seconds = history.EstimateSeconds(task);
    EXPECT_TRUE(seconds) << seconds.error().message;
    return *seconds;
  }

  void Invoke(const Json& estimates) {
    InvocationRow row;
    row.experiment_id = "fig2";
    row.scale = "desk";
    row.state = "done";
    row.started_ms = 1000;
    row.provenance = {{"estimates", estimates}};
    ASSERT_TRUE(log_.BeginInvocation(row));
  }
};

TEST_F(TaskHistoryTest, NothingToEstimateFromIsNoEstimate) {
  EXPECT_EQ(Estimate(Pretrain(1, 100)), std::nullopt);
  Know(Pretrain(2, 100), "failed");
  EXPECT_EQ(Estimate(Pretrain(1, 100)), std::nullopt) << "a failed task tells nothing";
}

TEST_F(TaskHistoryTest, TimeGoesWithWork) {
  Finish(Pretrain(1, 100), 10);
  EXPECT_NEAR(*Estimate(Pretrain(2, 250)), 25, 1e-9);
}

TEST_F(TaskHistoryTest, StartingUpIsNoSpeed) {
  Finish(Pretrain(1, 10), 0.5);
  EXPECT_NEAR(*Estimate(Pretrain(2, 40)), 2, 1e-9);
  EXPECT_EQ(Estimate(Pretrain(2, 100'000)), std::nullopt) << "half a second is mostly start-up";
  Finish(Pretrain(3, 1'000), 10);
  EXPECT_NEAR(*Estimate(Pretrain(2, 100'000)), 1'000, 1e-9);
}

TEST_F(TaskHistoryTest, OneSlowDayDoesNotCountTheMedianDoes) {
  Finish(Pretrain(1, 100), 10);
  Finish(Pretrain(2, 100), 11);
  Finish(Pretrain(3, 100), 90);
  EXPECT_NEAR(*Estimate(Pretrain(4, 100)), 11, 1e-9);
}

TEST_F(TaskHistoryTest, LearnsFromTheMostSimilarTasksOnly) {
  for (int seed = 1; seed <= 4; ++seed)
    Finish(Pretrain(seed, 100, 16), 1);  // another model, four settings apart
  Finish(Pretrain(1, 100, 64), 40);
  EXPECT_NEAR(*Estimate(Pretrain(2, 100, 64)), 40, 1e-9);
}

TEST_F(TaskHistoryTest, AnotherUnitOfWorkIsNotComparable) {
  Finish(Pretrain(1, 100, 64, "tokens"), 10);
  EXPECT_EQ(Estimate(Pretrain(2, 100, 64, "GFLOP")), std::nullopt);
}

TEST_F(TaskHistoryTest, AModelThatIsNotTrainedIsEstimatedFromItsLikeOnly) {
  Finish(Pretrain(1, 100), 350);
  EXPECT_EQ(Estimate(Pretrain(1, 0)), std::nullopt);
  Finish(Pretrain(2, 0), 0.3);
  EXPECT_NEAR(*Estimate(Pretrain(1, 0)), 0.3, 1e-9);
  EXPECT_NEAR(*Estimate(Pretrain(3, 200)), 700, 1e-9);
}

TEST_F(TaskHistoryTest, WithoutStatedWorkTheTimeItselfIsTheEstimate) {
  Finish(MakeTask("controls", "controls a", {{"n", 1}}), 3);
  EXPECT_NEAR(*Estimate(MakeTask("controls", "controls b", {{"n", 2}})), 3, 1e-9);
}

TEST_F(TaskHistoryTest, SaysHowFarTheLastEstimatesWereOff) {
  const Task a = Pretrain(1, 1);
  const Task b = Pretrain(2, 1);
  const Task c = Pretrain(3, 1);
  const Task retried = Pretrain(4, 1);
  Finish(a, 12, 2000);
  Finish(b, 20, 2000);
  Finish(c, 5, 2000);
  Finish(retried, 1, 2000);
  Attempt(retried, 2, "done");
  Invoke({{a.key, 10}, {b.key, 20}, {c.key, 20}, {retried.key, 100}});
  Invoke(Json::object());  // a later one that estimated nothing does not hide it
  const auto accuracy = LastEstimateAccuracy(log_);
  ASSERT_TRUE(accuracy);
  ASSERT_TRUE(*accuracy);
  EXPECT_EQ((*accuracy)->tasks, 3U) << "a task that was retried took its time in pieces";
  EXPECT_DOUBLE_EQ((*accuracy)->estimated_seconds, 50);
  EXPECT_DOUBLE_EQ((*accuracy)->actual_seconds, 37);
  EXPECT_DOUBLE_EQ((*accuracy)->median_ratio, 1.0);
  EXPECT_DOUBLE_EQ((*accuracy)->worst_ratio, 0.25)
      << "four times too long is farther off than 1.2 times too short";
}

TEST_F(TaskHistoryTest, WithoutEstimatesThereIsNoAccuracy) {
  const auto accuracy = LastEstimateAccuracy(log_);
  ASSERT_TRUE(accuracy);
  EXPECT_FALSE(*accuracy);
}

}  // namespace
}  // namespace repro
