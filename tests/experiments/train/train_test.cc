#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <new>
#include <set>

#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "experiments/model/out_of_memory.h"
#include "experiments/train/checkpoint.h"
#include "experiments/train/training_flops.h"
#include "tests/core/temp_folder.h"
#include "tests/experiments/memory_limit.h"
#include "tests/experiments/train/tiny_training.h"

namespace repro {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

/// What does not fit where six sequences are too many and three are not: the widest activation of
/// six, [tokens, 3 x hidden] in float32.
std::int64_t BytesOfSixSequences() {
  return CountingBatch(0).tokens * 3 * 16 * 4;
}

TEST(LrScheduleTest, StartsAtZeroPeaksAfterWarmupAndEndsBeforeZero) {
  const LrSchedule schedule{.peak = 6, .warmup_updates = 3, .total_updates = 9};
  EXPECT_EQ(LearningRate(schedule, 0), 0);
  EXPECT_EQ(LearningRate(schedule, 1), 2);
  EXPECT_EQ(LearningRate(schedule, 3), 6);
  EXPECT_EQ(LearningRate(schedule, 8), 1);
  EXPECT_EQ(LearningRate(schedule, 9), 0);
  EXPECT_EQ(LearningRate({.peak = 6, .warmup_updates = 0, .total_updates = 2}, 0), 6);
}

// fairseq's PolynomialDecayLRSchedule with power 1 and end rate 0, whose trainer calls
// step_update(0) before the first update, and transformers' get_linear_schedule_with_warmup, each
// written out from its definition.
TEST(LrScheduleTest, IsFairseqsPolynomialAndTransformersLinearAndBothStartAtZero) {
  for (const std::int64_t warmup : {1, 4, 7}) {
    constexpr std::int64_t kTotal = 23;
    constexpr double kPeak = 5e-4;
    const LrSchedule schedule{.peak = kPeak, .warmup_updates = warmup, .total_updates = kTotal};
    EXPECT_EQ(LearningRate(schedule, 0), 0);
    for (std::int64_t update = 0; update <= kTotal + 2; ++update) {
      const auto u = static_cast<double>(update);
      const auto w = static_cast<double>(warmup);
      double fairseq = 0;
      if (update <= warmup) {
        fairseq = u / w * kPeak;
      } else if (update < kTotal) {
        const double remaining = 1 - (u - w) / (static_cast<double>(kTotal) - w);
        fairseq = kPeak * remaining;
      }
      const double factor = update < warmup
                                ? u / std::max(1.0, w)
                                : std::max(0.0, (kTotal - u) / std::max(1.0, kTotal - w));
      EXPECT_NEAR(LearningRate(schedule, update), fairseq, 1e-18) << warmup << " " << update;
      EXPECT_NEAR(LearningRate(schedule, update), kPeak * factor, 1e-18) << warmup << " " << update;
    }
  }
}

TEST(AdamWTest, FollowsTheFormulaByHand) {
  at::Tensor weight = at::full({1}, 2.0, at::kFloat).requires_grad_(true);
  AdamW optimizer({{"w", weight}}, {.beta1 = 0.5, .beta2 = 0.75, .eps = 0.1, .weight_decay = 0.1});
  double w = 2;
  double m = 0;
  double v = 0;
  for (int step = 1; step <= 3; ++step) {
    const double gradient = step;
    weight.mutable_grad() = at::full({1}, gradient, at::kFloat);
    optimizer.Step(0.01);
    m = 0.5 * m + 0.5 * gradient;
    v = 0.75 * v + 0.25 * gradient * gradient;
    w -= 0.01 * 0.1 * w;
    w -= 0.01 * (m / (1 - std::pow(0.5, step))) / (std::sqrt(v / (1 - std::pow(0.75, step))) + 0.1);
    EXPECT_NEAR(weight.item<double>(), w, 1e-6);
  }
}

// The formula of fairseq/optim/adam.py; eps so large that its place shows.
TEST(AdamWTest, FairseqsFormAddsEpsBeforeTheBiasIsTakenOut) {
  for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
    at::Tensor weight = at::full({1}, 2.0, type).requires_grad_(true);
    AdamW optimizer(
        {{"w", weight}},
        {.beta1 = 0.5, .beta2 = 0.75, .eps = 0.1, .weight_decay = 0.1, .form = AdamForm::kFairseq});
    double w = 2, m = 0, v = 0;
    for (int step = 1; step <= 3; ++step) {
      const double gradient = step;
      weight.mutable_grad() = at::full({1}, gradient, type);
      optimizer.Step(0.01);
      m = 0.5 * m + 0.5 * gradient;
      v = 0.75 * v + 0.25 * gradient * gradient;
      const double step_size =
          0.01 * std::sqrt(1 - std::pow(0.75, step)) / (1 - std::pow(0.5, step));
      w -= 0.01 * 0.1 * w;
      w -= step_size * m / (std::sqrt(v) + 0.1);
      EXPECT_NEAR(weight.item<double>(), w, type == at::kFloat ? 1e-6 : 1e-14);
    }
  }
}

// More weights than fairseq's form takes at once (2^24), in tensors on both sides of the border,
// with a gradient whose rows are not in memory order.
TEST(AdamWTest, FairseqsFormInPartsIsTheSameForEveryWeight) {
  at::Tensor big = at::ones({(1 << 24) + 5}, at::kFloat).requires_grad_(true);
  at::Tensor small = at::ones({3, 2}, at::kFloat).requires_grad_(true);
  AdamW optimizer({{"big", big}, {"small", small}}, {.form = AdamForm::kFairseq});
  big.mutable_grad() = at::full_like(big, 0.5);
  const at::Tensor gradient = at::tensor({1.0F, 2.0F, 3.0F, 4.0F, 5.0F, 6.0F}).view({2, 3}).t();
  small.mutable_grad() = gradient;
  optimizer.Step(0.1);
  // A first step of lr g / (|g| + eps / sqrt(1 - beta2)) after the decay.
  const auto expected = [](double g) { return 0.999 - 0.1 * g / (g + 1e-6 / std::sqrt(0.02)); };
  EXPECT_NEAR(big.min().item<double>(), expected(0.5), 1e-6);
  EXPECT_NEAR(big.max().item<double>(), expected(0.5), 1e-6);
  EXPECT_NEAR(small[0][1].item<double>(), expected(4), 1e-6);
  const auto moment = optimizer.State().at(2);
  EXPECT_EQ(moment.name, "exp_avg.small");
  EXPECT_TRUE(at::allclose(moment.tensor, gradient * 0.1));
}

TEST(AdamWTest, DecayOnMatricesSparesBiasesAndLayerNorms) {
  for (const AdamForm form : {AdamForm::kTorch, AdamForm::kFairseq}) {
    for (const WeightDecay decayed : {WeightDecay::kAll, WeightDecay::kMatrices}) {
      const MlmModel model = InitMlmModel(TinyShape(), 1);
      AdamW optimizer(Parameters(model), {.weight_decay = 0.5, .form = form, .decayed = decayed});
      std::vector<at::Tensor> before;
      for (const NamedTensor& parameter : optimizer.parameters()) {
        // No gradient at all: what moves, moves by the decay.
        parameter.tensor.mutable_grad() = at::zeros_like(parameter.tensor.detach());
        before.push_back(parameter.tensor.detach().clone());
      }
      optimizer.Step(0.1);
      for (std::size_t i = 0; i < before.size(); ++i) {
        const std::string& name = optimizer.parameters()[i].name;
        const bool spared =
            decayed == WeightDecay::kMatrices &&
            (name.ends_with("bias") || name.find("LayerNorm") != std::string::npos ||
             name.find("layer_norm") != std::string::npos);
        EXPECT_TRUE(at::allclose(optimizer.parameters()[i].tensor, before[i] * (spared ? 1 : 0.95)))
            << name;
      }
    }
  }
}

TEST(AdamWTest, NamesOfFormsAndDecayAreReadAndOthersNamed) {
  EXPECT_EQ(ParseAdamForm("adamw").value(), AdamForm::kTorch);
  EXPECT_EQ(ParseAdamForm("fairseq-adam").value(), AdamForm::kFairseq);
  EXPECT_EQ(ParseWeightDecay("all").value(), WeightDecay::kAll);
  EXPECT_EQ(ParseWeightDecay("matrices").value(), WeightDecay::kMatrices);
  EXPECT_EQ(ParseAdamForm("sgd").error().message,
            "optimizer 'sgd', expected \"adamw\" or \"fairseq-adam\"");
  EXPECT_EQ(ParseWeightDecay("none").error().code, ErrorCode::kInvalidArgument);
}

// With dropout: it is keyed by sequence, so the parts drop what the whole does.
TEST_F(TrainTest, MicroBatchesAddUpToTheWholeBatch) {
  const ModelShape shape = TinyShape();
  const MlmModel whole = InitMlmModel(shape, 1);
  const MlmModel parts = InitMlmModel(shape, 1);
  AdamW whole_optimizer(Parameters(whole), {});
  AdamW parts_optimizer(Parameters(parts), {});
  const MaskedBatch batch = CountingBatch(0);
  const auto a = TrainStep(whole, whole_optimizer, batch, 1e-3, {});
  const auto b = TrainStep(parts, parts_optimizer, batch, 1e-3, {.sequences_per_micro_batch = 4});
  ASSERT_TRUE(a && b);
  EXPECT_NEAR(a->loss, b->loss, 1e-6);
  EXPECT_NEAR(a->gradient_norm, b->gradient_norm, 1e-5);
  EXPECT_EQ(a->predicted, batch.predicted);
  for (std::size_t i = 0; i < whole_optimizer.parameters().size(); ++i) {
    const NamedTensor& parameter = whole_optimizer.parameters()[i];
    const at::Tensor gradient = parameter.tensor.grad();
    const at::Tensor distance = gradient - parts_optimizer.parameters()[i].tensor.grad();
    EXPECT_LE(distance.abs().max().item<float>(), 2e-5F * gradient.abs().max().item<float>())
        << parameter.name;
  }
}

TEST_F(TrainTest, ClippingShortensTheGradientThatTheStepTakes) {
  const MaskedBatch batch = CountingBatch(0);
  const MlmModel whole = InitMlmModel(TinyShape(), 1);
  AdamW whole_optimizer(Parameters(whole), {});
  const auto unclipped = TrainStep(whole, whole_optimizer, batch, 1e-3, {});
  ASSERT_TRUE(unclipped) << unclipped.error().message;
  ASSERT_GT(unclipped->gradient_norm, 0.1);

  const MlmModel clipped = InitMlmModel(TinyShape(), 1);
  AdamW optimizer(Parameters(clipped), {});
  const auto step = TrainStep(clipped, optimizer, batch, 1e-3, {.clip_norm = 0.01});
  ASSERT_TRUE(step) << step.error().message;
  EXPECT_EQ(step->gradient_norm, unclipped->gradient_norm);  // before clipping
  EXPECT_NEAR(GradientNorm(optimizer.parameters()), 0.01, 1e-6);
  // The first moment after one step is (1 - beta1) g.
  const NamedTensor moment = optimizer.State().front();
  const at::Tensor gradient = whole_optimizer.parameters().front().tensor.grad();
  ASSERT_EQ(moment.name, "exp_avg." + whole_optimizer.parameters().front().name);
  EXPECT_TRUE(at::allclose(moment.tensor, gradient * (0.1 * 0.01 / unclipped->gradient_norm),
                           /*rtol=*/1e-4, /*atol=*/1e-9));

  const MlmModel roomy = InitMlmModel(TinyShape(), 1);
  AdamW roomy_optimizer(Parameters(roomy), {});
  ASSERT_TRUE(TrainStep(roomy, roomy_optimizer, batch, 1e-3, {.clip_norm = 1000}));
  EXPECT_TRUE(BitEqual(Copies(whole), Copies(roomy)));
}

TEST_F(TrainTest, LossesByLanguageAreThoseOfItsSequencesAndAddUp) {
  ModelShape shape = TinyShape();
  shape.settings.dropout = 0;
  shape.settings.attention_dropout = 0;
  const MlmModel model = InitMlmModel(shape, 1);
  const MaskedBatch batch = CountingBatch(0);
  std::vector<double> loss(2, 0.0);
  std::vector<double> predicted(2, 0.0);
  for (std::int64_t row = 0; row < batch.rows; ++row) {
    const MaskedBatch alone = Slice(batch, row, row + 1);
    const auto language = static_cast<std::size_t>(alone.languages.front());
    const auto count = static_cast<double>(alone.predicted);
    loss[language] += EvaluateLoss(model, alone, 1) * count;
    predicted[language] += count;
  }
  for (const std::int64_t rows_at_once : {0, 1, 4}) {
    SCOPED_TRACE(rows_at_once);
    const MlmModel trained = InitMlmModel(shape, 1);
    AdamW optimizer(Parameters(trained), {});
    const auto step = TrainStep(trained, optimizer, batch, 1e-3,
                                {.sequences_per_micro_batch = rows_at_once, .languages = 2});
    ASSERT_TRUE(step) << step.error().message;
    EXPECT_EQ(step->language_predicted, predicted);
    ASSERT_EQ(step->language_loss.size(), 2U);
    for (std::size_t i = 0; i < 2; ++i) EXPECT_NEAR(step->language_loss[i], loss[i], 1e-4) << i;
    EXPECT_EQ(predicted[0] + predicted[1], static_cast<double>(step->predicted));
    EXPECT_NEAR(step->language_loss[0] + step->language_loss[1],
                step->loss * static_cast<double>(step->predicted), 1e-4);
  }
}

// L 2, C 4, F 8, V 10, sequences of 3 and 5 tokens, 2 predicted. A layer has 4 x 16 weights of
// attention and 2 x 32 of the feed-forward part, the LM head 16, the output matrix 40: 6 x 2 x 128
// x 8 = 12,288 and 6 x 56 x 2 = 672. 9 + 25 pairs: 12 x 2 x 4 x 34 = 3,264.
TEST(TrainingFlopsTest, FollowsTheFormulaByHand) {
  ModelShape shape;
  shape.vocab_size = 10;
  shape.settings = {.layers = 2, .hidden = 4, .heads = 2, .feed_forward = 8};
  EXPECT_EQ(TrainingFlops(shape, {3, 5}, 2), 16'224);
  EXPECT_EQ(TrainingFlops(shape, {5, 3}, 0), 16'224 - 672);
  shape.settings.feed_forward = 0;  // 4 C: a layer has 64 more, 6 x 2 x 64 x 8
  EXPECT_EQ(TrainingFlops(shape, {3, 5}, 2), 16'224 + 6'144);
  EXPECT_EQ(TrainingFlops(shape, {}, 0), 0);
}

TEST_F(TrainTest, LearnsOneBatchByHeartAndSaysHowFarItIsBelowThePlateau) {
  ModelShape shape = TinyShape();
  shape.settings.dropout = 0;
  shape.settings.attention_dropout = 0;
  MlmModel model = InitMlmModel(shape, 1);
  TrainingData data = CountingData();
  data.batch = [](std::int64_t) { return CountingBatch(0); };
  TrainerOptions options = Options(120);
  options.schedule.peak = 2e-2;
  const auto history = Run(model, data, options);
  ASSERT_TRUE(history) << history.error().message;
  EXPECT_NEAR(history->updates.front().at("loss").get<double>(), std::log(50.0), 0.3);
  EXPECT_LT(history->updates.back().at("loss").get<double>(), 0.5);
  EXPECT_EQ(history->updates.front().at("update"), 1);
  EXPECT_EQ(history->updates.at(1).at("update"), 4);
  EXPECT_EQ(history->updates.back().at("update"), 120);
  EXPECT_EQ(history->validation.back().at("update"), 120);
  EXPECT_THAT(Events(), HasSubstr("pretrain.plateau_margin"));
  EXPECT_THAT(Events(), HasSubstr("tokens_per_second"));
}

TEST_F(TrainTest, ZeroUpdatesLeaveTheInitialWeights) {
  MlmModel model = InitMlmModel(TinyShape(), 1);
  const auto before = Copies(model);
  ASSERT_TRUE(Run(model, CountingData(), Options(0)));
  EXPECT_TRUE(BitEqual(before, Copies(model)));
  EXPECT_THAT(Events(), HasSubstr("valid.loss"));
}

TEST_F(TrainTest, InterruptedAtFiveRandomUpdatesEndsWithTheSameBitsAndHistory) {
  constexpr std::int64_t kUpdates = 23;
  MlmModel undisturbed = InitMlmModel(TinyShape(), 1);
  const auto expected = Run(undisturbed, CountingData(), Options(kUpdates, "undisturbed"));
  ASSERT_TRUE(expected);

  Rng rng(static_cast<std::uint64_t>(::getpid()), "interruption");
  std::set<std::int64_t> stops;
  while (stops.size() < 5) stops.insert(static_cast<std::int64_t>(1 + rng.Below(kUpdates - 1)));
  SCOPED_TRACE(::testing::PrintToString(stops));
  Result<TrainingHistory> resumed = Fail(ErrorCode::kFailed, "not run");
  MlmModel model;
  std::int64_t done = 0;
  for (int attempt = 0; attempt < 6; ++attempt) {
    model = InitMlmModel(TinyShape(), 1);  // as a new process does
    StopFlag stop{false};
    StopAfter(model, stops, done, stop);
    resumed = Run(model, CountingData(), Options(kUpdates), stop);
    ASSERT_EQ(resumed.has_value(), attempt == 5);
    if (!resumed) {
      EXPECT_EQ(resumed.error().code, ErrorCode::kInterrupted);
    }
  }
  ASSERT_TRUE(resumed) << resumed.error().message;
  EXPECT_TRUE(BitEqual(Copies(undisturbed), Copies(model)));
  EXPECT_EQ(expected->updates, resumed->updates);
  EXPECT_EQ(expected->validation, resumed->validation);
}

TEST_F(TrainTest, DamagedCheckpointIsPassedOverForTheOneBefore) {
  MlmModel undisturbed = InitMlmModel(TinyShape(), 1);
  ASSERT_TRUE(Run(undisturbed, CountingData(), Options(14, "undisturbed")));

  StopFlag stop{false};
  MlmModel model = InitMlmModel(TinyShape(), 1);
  std::int64_t done = 0;
  StopAfter(model, {12}, done, stop);
  ASSERT_FALSE(Run(model, CountingData(), Options(14), stop));
  const auto checkpoints = ListCheckpoints(folder_ / "checkpoints");
  ASSERT_EQ(checkpoints.size(), 2U);  // updates 10 and 12: the last two are kept
  EXPECT_EQ(checkpoints[0].filename(), "checkpoint-000000012.safetensors");
  {
    std::fstream file(checkpoints[0], std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(-5, std::ios::end);
    file.put('\x7f');
  }
  model = InitMlmModel(TinyShape(), 1);
  ASSERT_TRUE(Run(model, CountingData(), Options(14)));
  EXPECT_THAT(Events(), HasSubstr("the checksum does not fit"));
  EXPECT_THAT(Events(), HasSubstr("\"update\":10"));
  EXPECT_TRUE(BitEqual(Copies(undisturbed), Copies(model)));
}

// Sealed, of the right shapes, and its notes are no history: nothing of it must be left.
TEST_F(TrainTest, ACheckpointWhoseNotesCannotBeReadIsPassedOverForTheOneBefore) {
  MlmModel undisturbed = InitMlmModel(TinyShape(), 1);
  ASSERT_TRUE(Run(undisturbed, CountingData(), Options(14, "undisturbed")));

  StopFlag stop{false};
  MlmModel model = InitMlmModel(TinyShape(), 1);
  std::int64_t done = 0;
  StopAfter(model, {12}, done, stop);
  ASSERT_FALSE(Run(model, CountingData(), Options(14), stop));
  for (const auto& [update, notes] : std::map<std::int64_t, std::string>{
           {13, "cut {"}, {14, R"({"updates":[],"processes":[]})"}}) {
    const MlmModel other = InitMlmModel(TinyShape(), 2);
    const AdamW optimizer(Parameters(other), {});
    ASSERT_TRUE(SaveCheckpoint(folder_ / "checkpoints", optimizer, update, notes, 9));
  }
  model = InitMlmModel(TinyShape(), 1);
  const auto history = Run(model, CountingData(), Options(14));
  ASSERT_TRUE(history) << history.error().message;
  EXPECT_THAT(Events(), HasSubstr("checkpoint-000000014.safetensors: notes of a pretraining run"));
  EXPECT_THAT(Events(), HasSubstr("{\"update\":12}"));
  EXPECT_TRUE(BitEqual(Copies(undisturbed), Copies(model)));
}

TEST_F(TrainTest, CheckpointOfAnotherShapeChangesNothing) {
  MlmModel small = InitMlmModel(TinyShape(), 1);
  AdamW small_optimizer(Parameters(small), {});
  ASSERT_TRUE(SaveCheckpoint(folder_.path(), small_optimizer, 7, "{}", 2));
  ModelShape shape = TinyShape();
  shape.settings.feed_forward = 48;
  const MlmModel other = InitMlmModel(shape, 1);
  const auto before = Copies(other);
  AdamW optimizer(Parameters(other), {});
  const RestoreOutcome outcome = RestoreCheckpoint(folder_.path(), optimizer);
  EXPECT_FALSE(outcome.restored.has_value());
  ASSERT_EQ(outcome.warnings.size(), 2U);
  EXPECT_EQ(outcome.warnings[1], "no whole checkpoint left: starts anew");
  EXPECT_TRUE(BitEqual(before, Copies(other)));
}

// Else one damaged file would make every later checkpoint the oldest, and so the first to go.
TEST_F(TrainTest, ADamagedLaterCheckpointNeverDisplacesANewOne) {
  const MlmModel model = InitMlmModel(TinyShape(), 1);
  AdamW optimizer(Parameters(model), {});
  ASSERT_TRUE(SaveCheckpoint(folder_.path(), optimizer, 12, "{}", 1));
  fs::resize_file(ListCheckpoints(folder_.path())[0], 1000);
  ASSERT_FALSE(RestoreCheckpoint(folder_.path(), optimizer).restored.has_value());
  ASSERT_TRUE(SaveCheckpoint(folder_.path(), optimizer, 5, "{}", 1));
  const RestoreOutcome outcome = RestoreCheckpoint(folder_.path(), optimizer);
  ASSERT_TRUE(outcome.restored.has_value());
  EXPECT_EQ(outcome.restored->update, 5);
  EXPECT_TRUE(outcome.warnings.empty());
}

TEST_F(TrainTest, WhatAKillLeftUnfinishedIsRemoved) {
  const MlmModel model = InitMlmModel(TinyShape(), 1);
  AdamW optimizer(Parameters(model), {});
  const fs::path unfinished = folder_ / "checkpoint-000000003.safetensors.tmp.4711";
  ASSERT_TRUE(PutFile(unfinished, "half"));
  ASSERT_TRUE(SaveCheckpoint(folder_.path(), optimizer, 7, "{}", 2));
  EXPECT_FALSE(fs::exists(unfinished));
  EXPECT_EQ(ListCheckpoints(folder_.path()).size(), 1U);
}

// The last tensor does not fit: those before it must not have been copied.
TEST_F(TrainTest, CheckpointOfAnotherTypeChangesNothing) {
  const MlmModel model = InitMlmModel(TinyShape(), 1);
  AdamW optimizer(Parameters(model), {});
  std::vector<NamedTensor> tensors;
  for (const NamedTensor& parameter : optimizer.parameters()) {
    tensors.push_back({"weight." + parameter.name, at::ones_like(parameter.tensor.detach())});
  }
  for (const NamedTensor& moment : optimizer.State()) tensors.push_back(moment);
  tensors.back().tensor = tensors.back().tensor.to(at::kLong);
  ASSERT_TRUE(SaveSealed(folder_ / "checkpoint-000000007.safetensors", tensors,
                         {{"format", "repro-checkpoint-1"}, {"update", "7"}, {"notes", "{}"}}));
  const auto before = Copies(model);
  const RestoreOutcome outcome = RestoreCheckpoint(folder_.path(), optimizer);
  EXPECT_FALSE(outcome.restored.has_value());
  ASSERT_EQ(outcome.warnings.size(), 2U);
  EXPECT_EQ(outcome.warnings[1], "no whole checkpoint left: starts anew");
  EXPECT_THAT(outcome.warnings[0], HasSubstr("is I64 "));
  EXPECT_TRUE(BitEqual(before, Copies(model)));
}

// A workspace that was moved away must not come back as an empty one of its name.
TEST_F(TrainTest, AVanishedScratchFolderEndsTheTrainingAndIsNotMadeAgain) {
  MlmModel model = InitMlmModel(TinyShape(), 1);
  TrainerOptions options = Options(9);
  options.checkpoint_folder = folder_ / "gone" / "checkpoints";
  const auto history = Run(model, CountingData(), options);
  ASSERT_FALSE(history);
  EXPECT_EQ(history.error().code, ErrorCode::kIo);
  EXPECT_THAT(history.error().message, AllOf(HasSubstr(options.checkpoint_folder.string()),
                                             HasSubstr("No such file or directory")));
  EXPECT_FALSE(fs::exists(folder_ / "gone"));
}

// The words are those that LibTorch 2.x and oneDNN gave under a limit of address space.
TEST(OutOfMemoryTest, IsToldFromOtherFailuresByItsWords) {
  for (const char* words :
       {"could not create a primitive", "DefaultCPUAllocator: can't allocate memory",
        "could not create a memory object", "could not execute a primitive"}) {
    EXPECT_TRUE(IsOutOfMemory(std::runtime_error(words))) << words;
  }
  EXPECT_TRUE(IsOutOfMemory(std::bad_alloc()));
  EXPECT_FALSE(IsOutOfMemory(std::runtime_error("The size of tensor a (3) must match")));
}

TEST_F(TrainTest, OutOfMemoryHalvesTheMicroBatchAndKeepsTheBatch) {
  MlmModel roomy = InitMlmModel(TinyShape(), 1);
  TrainerOptions halves = Options(9, "halves");
  halves.sequences_per_micro_batch = 3;
  ASSERT_TRUE(Run(roomy, CountingData(), halves));

  MlmModel tight = InitMlmModel(TinyShape(), 1);
  MemoryLimit limit;
  limit.Forbid(BytesOfSixSequences());
  const auto history = Run(tight, CountingData(), Options(9, "tight"));
  limit.Lift();
  ASSERT_TRUE(history) << history.error().message;
  EXPECT_EQ(history->sequences_per_micro_batch, 3);
  EXPECT_TRUE(BitEqual(Copies(roomy), Copies(tight)));
  EXPECT_THAT(Events(), HasSubstr("\"micro_batch_from\":6,\"micro_batch_to\":3"));
  EXPECT_THAT(Events(), HasSubstr("out of memory at update 0 with 6 sequences at a time"));
}

// What memory forced is remembered: a resumed run computes as the one before did.
TEST_F(TrainTest, AResumeKeepsTheHalvedMicroBatch) {
  MlmModel undisturbed = InitMlmModel(TinyShape(), 1);
  MemoryLimit limit;
  limit.Forbid(BytesOfSixSequences());
  ASSERT_TRUE(Run(undisturbed, CountingData(), Options(9, "undisturbed")));
  MlmModel model = InitMlmModel(TinyShape(), 1);
  StopFlag stop{false};
  std::int64_t done = 0;
  StopAfter(model, {8}, done, stop);  // two a whole update
  ASSERT_FALSE(Run(model, CountingData(), Options(9), stop));
  limit.Lift();
  model = InitMlmModel(TinyShape(), 1);
  const auto resumed = Run(model, CountingData(), Options(9));
  ASSERT_TRUE(resumed) << resumed.error().message;
  EXPECT_EQ(resumed->sequences_per_micro_batch, 3);
  EXPECT_TRUE(BitEqual(Copies(undisturbed), Copies(model)));
}

// What one of several processes found, read by one that trains alone.
TEST_F(TrainTest, AMicroBatchFileLowersTheMicroBatchAndNeverRaisesIt) {
  for (const std::int64_t asked : {0, 1, 2, 3}) {
    SCOPED_TRACE(asked);
    TrainerOptions options = Options(2, fmt::format("asked-{}", asked));
    options.sequences_per_micro_batch = asked;
    ASSERT_TRUE(MakeDirectories(options.checkpoint_folder));
    ASSERT_TRUE(PutFile(MicroBatchFile(options.checkpoint_folder),
                        R"({"update":7,"micro_batch_from":4,"micro_batch_to":2})"));
    fs::remove(folder_ / "events.jsonl");
    MlmModel model = InitMlmModel(TinyShape(), 1);
    const auto history = Run(model, CountingData(), options);
    ASSERT_TRUE(history) << history.error().message;
    EXPECT_EQ(history->sequences_per_micro_batch, asked == 1 ? 1 : 2);
    const bool lowers = asked == 0 || asked == 3;
    EXPECT_EQ(Events().find("out_of_memory") != std::string::npos, lowers);
  }
}

TEST_F(TrainTest, OutOfMemoryInValidationTakesFewerSequencesAndSaysSo) {
  MlmModel roomy = InitMlmModel(TinyShape(), 1);
  const auto expected = Run(roomy, CountingData(), Options(1, "roomy"));
  ASSERT_TRUE(expected) << expected.error().message;
  MlmModel tight = InitMlmModel(TinyShape(), 1);
  TrainerOptions options = Options(1, "tight");
  options.sequences_per_micro_batch = 3;
  MemoryLimit limit;
  limit.Forbid(CountingBatch(0).tokens * 32 * 4);  // a feed-forward activation of six
  const auto found = Run(tight, CountingData(), options);
  limit.Lift();
  ASSERT_TRUE(found) << found.error().message;
  const auto loss = [](const TrainingHistory& history) {
    return history.validation.back().at("loss").at("aa").get<double>();
  };
  EXPECT_NEAR(loss(*found), loss(*expected), 1e-5);
  EXPECT_THAT(Events(), HasSubstr("out of memory in validation: going on with 3 sequences at a "
                                  "time"));
}

// The weights are there, and AdamW's moments do not fit.
TEST_F(TrainTest, MomentsThatDoNotFitAreASentenceWithoutFrames) {
  MlmModel model = InitMlmModel(TinyShape(), 1);
  MemoryLimit limit;
  limit.Forbid(kTinyVocab * 16 * 4);  // as much as the embeddings
  const Status status = WithoutExceptions("pretraining", [&]() -> Status {
    REPRO_RETURN_IF_ERROR(Run(model, CountingData(), Options(2)));
    return {};
  });
  limit.Lift();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kFailed);
  EXPECT_THAT(status.error().message,
              AllOf(HasSubstr("pretraining does not fit into memory ("),
                    HasSubstr("you tried to allocate 3200 bytes"),
                    HasSubstr("); a smaller model, less computed at a time or a machine with more "
                              "memory is needed"),
                    Not(HasSubstr("frame #")), Not(HasSubstr("Exception raised from"))));
}

TEST(WithoutExceptionsTest, EveryExceptionBecomesAFailureAndAResultStaysWhatItIs) {
  const Status torch_error = WithoutExceptions("evaluation", []() -> Status {
    TORCH_CHECK(false, "connection closed by peer");
    return {};
  });
  ASSERT_FALSE(torch_error);
  EXPECT_EQ(torch_error.error().code, ErrorCode::kFailed);
  EXPECT_EQ(torch_error.error().message, "evaluation: connection closed by peer");

  const Status no_memory =
      WithoutExceptions("evaluation", []() -> Status { throw std::bad_alloc(); });
  ASSERT_FALSE(no_memory);
  EXPECT_THAT(no_memory.error().message,
              HasSubstr("evaluation does not fit into memory (std::bad_alloc); a smaller model"));

  const Status failed = WithoutExceptions(
      "evaluation", []() -> Status { return Fail(ErrorCode::kCorrupt, "cut file"); });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(failed.error().message, "cut file");
  EXPECT_TRUE(WithoutExceptions("evaluation", []() -> Status { return {}; }));
}

TEST_F(TrainTest, OneSequenceThatDoesNotFitIsAFailureThatSaysSo) {
  MlmModel model = InitMlmModel(TinyShape(), 1);
  MemoryLimit limit;
  model.encoder.word_embeddings_VC.register_hook([&](const at::Tensor& gradient) {
    limit.Forbid(1'000);  // after the first update's passes
    return gradient;
  });
  const auto history = Run(model, CountingData(), Options(9));
  limit.Lift();
  ASSERT_FALSE(history);
  EXPECT_EQ(history.error().code, ErrorCode::kFailed);
  EXPECT_THAT(history.error().message,
              HasSubstr("update 1: not even one sequence at a time fits into memory (Default"));
}

// A finite loss whose gradient is not.
TEST_F(TrainTest, NonFiniteGradientStopsBeforeTheOptimizerStep) {
  MlmModel model = InitMlmModel(TinyShape(), 1);
  model.encoder.layers[0].intermediate.bias_O.register_hook([](const at::Tensor& gradient) {
    return gradient * std::numeric_limits<double>::infinity();
  });
  AdamW optimizer(Parameters(model), {});
  const auto before = Copies(model);
  const auto step = TrainStep(model, optimizer, CountingBatch(0), 1e-3, {});
  ASSERT_FALSE(step);
  EXPECT_EQ(step.error().code, ErrorCode::kDiverged);
  EXPECT_THAT(step.error().message, HasSubstr("the gradient norm is "));
  EXPECT_THAT(step.error().message,
              HasSubstr("not finite in: roberta.encoder.layer.0.intermediate.dense.bias)"));
  EXPECT_TRUE(BitEqual(before, Copies(model)));
  EXPECT_EQ(optimizer.steps(), 0);
  for (const NamedTensor& moment : optimizer.State()) {
    EXPECT_EQ(moment.tensor.abs().max().item<float>(), 0.0F) << moment.name;
  }

  const auto result = Run(model, CountingData(), Options(5));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kDiverged);
  EXPECT_THAT(
      result.error().message,
      HasSubstr("update 0 (learning rate 0, batch of 6 sequences: aa 3, bb 3): the gradient "
                "norm is "));
  EXPECT_TRUE(BitEqual(before, Copies(model)));
  EXPECT_THAT(Events(), HasSubstr("\"state\":\"diverged\""));
  EXPECT_THAT(Events(), HasSubstr("\"batch_languages\":\"aa 3, bb 3\""));
  EXPECT_THAT(Events(), HasSubstr("\"reason\":\"the gradient norm is "));
  EXPECT_TRUE(ListCheckpoints(folder_ / "checkpoints").empty());
}

TEST_F(TrainTest, NonFiniteLossStopsBeforeTheOptimizerStep) {
  MlmModel model = InitMlmModel(TinyShape(), 1);
  {
    const at::NoGradGuard no_grad;
    model.encoder.layers[1].output.bias_O.fill_(std::numeric_limits<float>::infinity());
  }
  const auto before = Copies(model);
  const auto result = Run(model, CountingData(), Options(5));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kDiverged);
  EXPECT_THAT(result.error().message, HasSubstr("update 0 "));
  EXPECT_THAT(result.error().message, HasSubstr("the loss of micro-batch 0 is not finite ("));
  EXPECT_THAT(result.error().message, HasSubstr("aa 3, bb 3"));
  EXPECT_TRUE(BitEqual(before, Copies(model)));
  EXPECT_THAT(Events(), HasSubstr("\"state\":\"diverged\""));
  EXPECT_TRUE(ListCheckpoints(folder_ / "checkpoints").empty());
}

}  // namespace
}  // namespace repro
