#include "core/graph/plan.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace repro {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// Tasks by number; each reads the artifacts of those listed.
class PlanTest : public testing::Test {
 protected:
  std::size_t Add(std::vector<std::size_t> inputs,
                  Resources resources = {.threads = 1, .memory_bytes = 1}) {
    Task task;
    task.kind = "work";
    task.spec = {{"number", graph_.tasks().size()}};
    for (const std::size_t input : inputs)
      task.inputs["in" + std::to_string(input)] = graph_.tasks()[input].key;
    task.resources = resources;
    graph_.Add(task);
    return graph_.tasks().size() - 1;
  }

  Plan MakePlan(Pools pools = {.cores = 2, .gpus = 0, .memory_bytes = 100}) {
    return Plan(graph_, std::vector<bool>(graph_.tasks().size(), true),
                std::vector<double>(graph_.tasks().size(), 1), pools);
  }

  TaskGraph graph_;
};

TEST_F(PlanTest, OffersATaskOnlyWhenItsInputsAreDone) {
  const auto a = Add({});
  const auto b = Add({a});
  Plan plan = MakePlan();
  EXPECT_EQ(plan.TakeReady(), a);
  EXPECT_EQ(plan.TakeReady(), std::nullopt);
  plan.Done(a);
  EXPECT_EQ(plan.TakeReady(), b);
}

TEST_F(PlanTest, WhatNeedNotRunCountsAsDone) {
  const auto cached = Add({});
  const auto b = Add({cached});
  Plan plan(graph_, {false, true}, {1, 1}, {.cores = 1, .memory_bytes = 10});
  EXPECT_EQ(plan.state(cached), Plan::State::kSkipped);
  EXPECT_EQ(plan.TakeReady(), b);
}

TEST_F(PlanTest, StartsTheLongestChainFirst) {
  const auto quick = Add({});
  const auto head = Add({});
  Add({head});
  Plan plan(graph_, {true, true, true}, {5, 1, 10}, {.cores = 1, .memory_bytes = 10});
  EXPECT_DOUBLE_EQ(plan.critical_path(head), 11);
  EXPECT_EQ(plan.TakeReady(), head) << "one second itself, but ten wait for it";
  plan.Done(head);
  EXPECT_EQ(plan.TakeReady(), 2U);
  plan.Done(2);
  EXPECT_EQ(plan.TakeReady(), quick);
}

TEST_F(PlanTest, AFullPoolDelaysATaskAndASmallerOnePasses) {
  const auto first = Add({}, {.threads = 1, .memory_bytes = 60});
  const auto large = Add({}, {.threads = 1, .memory_bytes = 50});
  const auto small = Add({}, {.threads = 1, .memory_bytes = 10});
  Plan plan(graph_, {true, true, true}, {3, 2, 1}, {.cores = 4, .memory_bytes = 100});
  EXPECT_EQ(plan.TakeReady(), first);
  EXPECT_EQ(plan.TakeReady(), small) << "50 does not fit beside 60";
  EXPECT_EQ(plan.TakeReady(), std::nullopt);
  plan.Done(first);
  EXPECT_EQ(plan.TakeReady(), large);
}

TEST_F(PlanTest, HandsOutEachCoreOnce) {
  Add({}, {.threads = 2, .memory_bytes = 1});
  Add({}, {.threads = 2, .memory_bytes = 1});
  Plan plan = MakePlan({.cores = 3, .memory_bytes = 10});
  ASSERT_TRUE(plan.TakeReady());
  EXPECT_EQ(plan.free().cores, 1);
  EXPECT_EQ(plan.TakeReady(), std::nullopt);
}

TEST_F(PlanTest, ATaskThatIsTooLargeForTheMachineRunsAlone) {
  const auto giant = Add({}, {.threads = 64, .memory_bytes = 1000});
  const auto other = Add({});
  Plan plan(graph_, {true, true}, {9, 1}, {.cores = 2, .memory_bytes = 100});
  EXPECT_EQ(plan.TakeReady(), giant);
  EXPECT_EQ(plan.TakeReady(), std::nullopt);
  plan.Done(giant);
  EXPECT_EQ(plan.TakeReady(), other);
}

TEST_F(PlanTest, ATaskForADeviceThatIsNotThereIsNeverOffered) {
  const auto gpu = Add({}, {.threads = 1, .gpus = 1, .memory_bytes = 1});
  Plan plan = MakePlan();
  EXPECT_EQ(plan.TakeReady(), std::nullopt);
  EXPECT_FALSE(plan.FitsMachine(gpu));
}

TEST_F(PlanTest, FailedTaskBlocksDependentsOnly) {
  const auto bad = Add({});
  const auto good = Add({});
  const auto child = Add({bad});
  const auto grandchild = Add({child, good});
  const auto other = Add({good});
  Plan plan = MakePlan();
  ASSERT_TRUE(plan.TakeReady());
  ASSERT_TRUE(plan.TakeReady());
  EXPECT_THAT(plan.Fail(bad), ElementsAre(child, grandchild));
  plan.Done(good);
  EXPECT_EQ(plan.TakeReady(), other);
  plan.Done(other);
  EXPECT_EQ(plan.TakeReady(), std::nullopt);
  EXPECT_EQ(plan.Count(Plan::State::kDone), 2U);
  EXPECT_EQ(plan.Count(Plan::State::kBlocked), 2U);
}

TEST_F(PlanTest, ARevivedTaskFreesWhatItAloneBlocked) {
  const auto bad = Add({});
  const auto worse = Add({});
  const auto child = Add({bad});
  const auto both = Add({bad, worse});
  Plan plan = MakePlan();
  plan.TakeReady();
  plan.TakeReady();
  plan.Fail(bad);
  plan.Fail(worse);
  plan.Revive(bad);
  EXPECT_EQ(plan.state(child), Plan::State::kWaiting);
  EXPECT_EQ(plan.state(both), Plan::State::kBlocked);
  EXPECT_EQ(plan.TakeReady(), bad);
  plan.Done(bad);
  EXPECT_EQ(plan.TakeReady(), child);
  plan.Revive(worse);
  EXPECT_EQ(plan.state(both), Plan::State::kWaiting);
}

TEST_F(PlanTest, ATaskPutBackIsOfferedAgain) {
  const auto a = Add({});
  Plan plan = MakePlan({.cores = 1, .memory_bytes = 10});
  EXPECT_EQ(plan.TakeReady(), a);
  plan.PutBack(a);
  EXPECT_EQ(plan.free().cores, 1);
  EXPECT_EQ(plan.TakeReady(), a);
}

TEST_F(PlanTest, AnAdoptedTaskHoldsItsResources) {
  const auto a = Add({});
  Add({});
  Plan plan = MakePlan({.cores = 1, .memory_bytes = 10});
  plan.Adopt(a);
  EXPECT_EQ(plan.TakeReady(), std::nullopt);
  plan.Done(a);
  EXPECT_EQ(plan.TakeReady(), 1U);
}

TEST_F(PlanTest, AGuestReservesWhatItUses) {
  Add({});
  Plan plan = MakePlan({.cores = 1, .memory_bytes = 10});
  plan.Reserve({.threads = 1, .memory_bytes = 1}, 1);
  EXPECT_EQ(plan.TakeReady(), std::nullopt);
  plan.Reserve({.threads = 1, .memory_bytes = 1}, -1);
  EXPECT_EQ(plan.TakeReady(), 0U);
}

// Two cores: 4 and 3+2 run beside each other, then 1 that needs both: 5 + 1.
TEST_F(PlanTest, SimulatesTheTimeUntilAllIsDone) {
  const auto a = Add({});
  const auto b = Add({});
  const auto c = Add({b});
  Add({a, c});
  const std::vector<double> seconds = {4, 3, 2, 1};
  EXPECT_DOUBLE_EQ(SimulateSeconds(Plan(graph_, std::vector<bool>(4, true), seconds,
                                        {.cores = 2, .memory_bytes = 9}),
                                   seconds),
                   6);
  EXPECT_DOUBLE_EQ(SimulateSeconds(Plan(graph_, std::vector<bool>(4, true), seconds,
                                        {.cores = 1, .memory_bytes = 9}),
                                   seconds),
                   10);
}

TEST_F(PlanTest, WithoutEstimatesMoreWorkOfAKindGoesFirst) {
  Task small;
  small.kind = "pretrain";
  small.spec = {{"n", 1}};
  small.work = 10;
  Task large = small;
  large.spec = {{"n", 2}};
  large.work = 100;
  TaskGraph graph;
  graph.Add(small);
  graph.Add(large);
  const auto seconds = OrderingSeconds(graph, {std::nullopt, std::nullopt});
  EXPECT_GT(seconds[1], seconds[0]);
  EXPECT_DOUBLE_EQ(OrderingSeconds(graph, {7.0, std::nullopt})[0], 7.0);
}

}  // namespace
}  // namespace repro
