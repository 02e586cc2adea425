#include "core/graph/task_graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace repro {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// A graph in the shape of one figure: two corpora, a vocabulary of both, a model for each of two
/// seeds.
class TaskGraphTest : public testing::Test {
 protected:
  std::string Add(const std::string& kind, const std::string& name,
                  const std::map<std::string, std::string>& inputs = {}) {
    Task task;
    task.kind = kind;
    task.spec = {{"name", name}};
    task.label = kind + " " + name;
    task.inputs = inputs;
    return graph_.Add(std::move(task));
  }

  TaskGraph graph_;
  std::string en_ = Add("corpus", "en");
  std::string sw_ = Add("corpus", "sw");
  std::string vocab_ = Add("vocab", "both", {{"en", en_}, {"sw", sw_}});
  std::string seed1_ = Add("pretrain", "seed 1", {{"vocab", vocab_}, {"en", en_}});
  std::string seed2_ = Add("pretrain", "seed 2", {{"vocab", vocab_}, {"en", en_}});
};

TEST_F(TaskGraphTest, TheSameWorkIsOneTask) {
  EXPECT_EQ(Add("corpus", "en"), en_);
  EXPECT_EQ(graph_.tasks().size(), 5U);
  EXPECT_NE(seed1_, seed2_);
}

TEST_F(TaskGraphTest, FindsATaskByItsKey) {
  ASSERT_NE(graph_.Find(vocab_), nullptr);
  EXPECT_EQ(graph_.Find(vocab_)->label, "vocab both");
  EXPECT_EQ(graph_.Find(vocab_)->key, vocab_);
  EXPECT_EQ(graph_.Find("no such key"), nullptr);
}

TEST_F(TaskGraphTest, ClosureHoldsInputsOfInputsInOrder) {
  EXPECT_THAT(graph_.Closure({seed2_}), ElementsAre(en_, sw_, vocab_, seed2_));
  EXPECT_THAT(graph_.Closure({seed2_, seed1_, vocab_}),
              ElementsAre(en_, sw_, vocab_, seed1_, seed2_));
  EXPECT_THAT(graph_.Closure({en_}), ElementsAre(en_));
}

TEST_F(TaskGraphTest, AnInputThatNamesNoTaskIsRefused) {
  EXPECT_TRUE(graph_.Validate());
  Add("pretrain", "seed 3", {{"vocab", "not a key of this graph"}});
  const Status status = graph_.Validate();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(status.error().message, HasSubstr("task 'pretrain seed 3': input 'vocab'"));
}

TEST_F(TaskGraphTest, AnInputAddedAfterItsReaderIsRefused) {
  Task late;
  late.kind = "corpus";
  late.spec = {{"name", "late"}};
  Add("vocab", "early", {{"late", ComputeTaskKey(late)}});
  graph_.Add(late);
  const Status status = graph_.Validate();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message,
            "task 'vocab early': input 'late' names no task that was added before it");
}

TEST_F(TaskGraphTest, WhatFollowsFromAnUnresolvedSourceIsUnresolved) {
  Task task;
  task.kind = "corpus";
  task.unresolved = "cc100 (2.4 TB)";
  const std::string source = graph_.Add(std::move(task));
  const std::string vocab = Add("vocab", "paper", {{"cc", source}});
  const std::string model = Add("pretrain", "paper", {{"vocab", vocab}});
  EXPECT_EQ(graph_.Find(vocab)->unresolved, "cc100 (2.4 TB)");
  EXPECT_EQ(graph_.Find(model)->unresolved, "cc100 (2.4 TB)");
  EXPECT_THAT(graph_.Find(seed1_)->unresolved, IsEmpty());
}

}  // namespace
}  // namespace repro
