#include <algorithm>
#include <chrono>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/rng.h"
#include "experiments/model/state_dict_adapter.h"
#include "tests/experiments/tasks/pretrain_fixture.h"

namespace repro {
namespace {

using ::testing::HasSubstr;

TEST_F(PretrainTaskTest, LeavesAModelItsHistoryAndTheMetricsOfTheSpec) {
  testing::TaskFixture fixture(folder_ / "pretrain");
  const Status status = Pretrain(fixture, Spec(60));
  ASSERT_TRUE(status) << status.error().message;
  const auto model = LoadMlmModel(fixture.out());
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->encoder.shape.vocab_size, 150);
  EXPECT_EQ(model->encoder.shape.max_positions, 26);
  const auto history = LoadJson(fixture.out() / "history.json");
  ASSERT_TRUE(history);
  EXPECT_EQ(history->at("updates").size(), 7U);  // 1, 10, 20, ..., 60
  EXPECT_LT(history->at("updates").back().at("loss").get<double>(),
            history->at("updates").front().at("loss").get<double>());
  for (const char* metric : {"pretrain.loss", "pretrain.learning_rate", "pretrain.gradient_norm",
                             "pretrain.tokens_per_second", "pretrain.plateau_margin",
                             "pretrain.data_wait", "pretrain.peak_memory"}) {
    EXPECT_TRUE(fixture.MetricValue(metric, "").has_value()) << metric;
  }
  for (const std::string code : {"aa", "bb"}) {
    const double loss = fixture.MetricValue("valid.loss", code).value();
    const double unigram = fixture.MetricValue("valid.unigram_loss", code).value();
    const double context_free = fixture.MetricValue("valid.context_free_loss", code).value();
    EXPECT_NEAR(fixture.MetricValue("pretrain.plateau_margin", code).value(),
                std::min(unigram, context_free) - loss, 1e-9);
    EXPECT_GT(fixture.MetricValue("pretrain.repeats", code).value(), 0);
    EXPECT_GT(fixture.MetricValue("pretrain.language_loss", code).value(), 0);
  }
  EXPECT_THAT(fixture.Events("progress").back().dump(), HasSubstr("tokens_per_second"));
}

TEST_F(PretrainTaskTest, OptimizerDecayAndClippingAreTheSpecs) {
  std::set<std::string> weights;
  for (const char* optimizer : {"adamw", "fairseq-adam"}) {
    for (const char* decay : {"all", "matrices"}) {
      testing::TaskFixture fixture(folder_ / (std::string(optimizer) + "-" + decay));
      PretrainSpec spec = Spec(6);
      spec.settings.optimizer = optimizer;
      spec.settings.decay = decay;
      const Status status = Pretrain(fixture, spec);
      ASSERT_TRUE(status) << status.error().message;
      weights.insert(Hash(fixture, "model.safetensors"));
    }
  }
  testing::TaskFixture clipped(folder_ / "clipped");
  PretrainSpec clipping = Spec(6);
  clipping.settings.clip_norm = 0.01;
  ASSERT_TRUE(Pretrain(clipped, clipping));
  weights.insert(Hash(clipped, "model.safetensors"));
  EXPECT_EQ(weights.size(), 5U);
  testing::TaskFixture fixture(folder_ / "unknown");
  PretrainSpec spec = Spec(6);
  spec.settings.optimizer = "sgd";
  const Status status = Pretrain(fixture, spec);
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("optimizer 'sgd'"));
}

TEST_F(PretrainTaskTest, WithoutUpdatesItLeavesTheInitialWeights) {
  testing::TaskFixture fixture(folder_ / "pretrain");
  ASSERT_TRUE(Pretrain(fixture, Spec(0)));
  const auto model = LoadMlmModel(fixture.out());
  ASSERT_TRUE(model);
  const MlmModel fresh = InitMlmModel(model->encoder.shape, 3);
  EXPECT_TRUE(model->encoder.word_embeddings_VC.equal(fresh.encoder.word_embeddings_VC));
  EXPECT_TRUE(fixture.MetricValue("valid.loss", "aa").has_value());
}

// Of a run with log_every = 1, under way or not.
std::int64_t UpdatesLogged(const testing::TaskFixture& fixture) {
  const std::string text = fixture.EventsText();
  const std::string loss = "\"name\":\"pretrain.loss\"";
  std::int64_t count = 0;
  for (std::size_t at = text.find(loss); at != std::string::npos; at = text.find(loss, at + 1)) {
    ++count;
  }
  return count;
}

TEST_F(PretrainTaskTest, StoppedAtFiveRandomUpdatesItEndsWithTheSameFiles) {
  constexpr int kInterruptions = 5;
  // A stop comes at most 30 updates after the one before, and what the stopper sleeps through.
  PretrainSpec spec = Spec(400);
  spec.settings.log_every = 1;
  testing::TaskFixture undisturbed(folder_ / "undisturbed");
  ASSERT_TRUE(Pretrain(undisturbed, spec));

  testing::TaskFixture stopped(folder_ / "stopped");
  Rng rng(static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count()),
          "stop");
  for (int i = 0; i < kInterruptions; ++i) {
    const std::int64_t until =
        UpdatesLogged(stopped) + 1 + static_cast<std::int64_t>(rng.Below(30));
    const Status status =
        PretrainUntil(stopped, spec, [&] { return UpdatesLogged(stopped) >= until; });
    ASSERT_FALSE(status) << "not stopped after update " << until;
    ASSERT_EQ(status.error().code, ErrorCode::kInterrupted) << status.error().message;
    EXPECT_GE(UpdatesLogged(stopped), until);
  }
  const Status status = Pretrain(stopped, spec);
  ASSERT_TRUE(status) << status.error().message;
  const std::vector<Json> states = stopped.Events("state");
  EXPECT_EQ(std::count_if(states.begin(), states.end(),
                          [](const Json& event) { return event.at("state") == "resumed"; }),
            kInterruptions);
  EXPECT_EQ(UpdatesLogged(stopped), 400);  // a stop loses none, so none is done twice
  EXPECT_EQ(Hash(undisturbed, "model.safetensors"), Hash(stopped, "model.safetensors"));
  EXPECT_EQ(Hash(undisturbed, "history.json"), Hash(stopped, "history.json"));
}

// A process that is killed leaves its checkpoints and nothing else: another one goes on from them.
TEST_F(PretrainTaskTest, GoesOnFromTheCheckpointsOfAKilledProcess) {
  constexpr std::int64_t kUpdates = 70;
  testing::TaskFixture undisturbed(folder_ / "undisturbed");
  ASSERT_TRUE(Pretrain(undisturbed, Spec(kUpdates)));
  testing::TaskFixture resumed(folder_ / "resumed");
  std::filesystem::copy(undisturbed.scratch() / "checkpoints", resumed.scratch() / "checkpoints");
  std::filesystem::remove(resumed.scratch() / "checkpoints/checkpoint-000000060.safetensors");
  ASSERT_TRUE(Pretrain(resumed, Spec(kUpdates)));
  EXPECT_EQ(resumed.Events("state").front().at("info").at("update"), 40);
  EXPECT_EQ(Hash(undisturbed, "model.safetensors"), Hash(resumed, "model.safetensors"));
  EXPECT_EQ(Hash(undisturbed, "history.json"), Hash(resumed, "history.json"));
}

TEST_F(PretrainTaskTest, RepeatsBitForBitWithBfloat16) {
  PretrainSpec spec = Spec(20);
  spec.compute.dtype = "bfloat16";
  testing::TaskFixture first(folder_ / "first");
  testing::TaskFixture second(folder_ / "second");
  testing::TaskFixture exact(folder_ / "exact");
  ASSERT_TRUE(Pretrain(first, spec));
  ASSERT_TRUE(Pretrain(second, spec));
  ASSERT_TRUE(Pretrain(exact, Spec(20)));
  EXPECT_EQ(Hash(first, "model.safetensors"), Hash(second, "model.safetensors"));
  EXPECT_NE(Hash(first, "model.safetensors"), Hash(exact, "model.safetensors"));
}

TEST_F(PretrainTaskTest, WithoutAGpuItSaysWhatToDo) {
  PretrainSpec spec = Spec(2);
  spec.compute.device = "cuda";
  testing::TaskFixture fixture(folder_ / "pretrain");
  const Status status = Pretrain(fixture, spec);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(status.error().message, HasSubstr("set compute.device = \"cpu\""));
}

}  // namespace
}  // namespace repro
