#include <algorithm>
#include <cfloat>
#include <cmath>
#include <functional>
#include <map>
#include <mutex>
#include <numeric>
#include <set>
#include <thread>

#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "core/base/hash.h"
#include "core/base/rng.h"
#include "core/io/file.h"
#include "core/io/json_io.h"
#include "experiments/model/fused_layer.h"
#include "experiments/model/normal.h"
#include "experiments/model/parameter_table.h"
#include "experiments/model/safetensors.h"
#include "experiments/model/state_dict_adapter.h"
#include "experiments/model/transformers_folder.h"
#include "tests/core/temp_folder.h"
#include "tests/experiments/memory_limit.h"
#include "tests/experiments/model/tiny_encoder.h"
#include "tests/experiments/one_thread.h"

namespace repro {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

at::Tensor RandomTokens(const std::vector<std::int64_t>& lengths, std::int64_t columns) {
  Rng rng(1, "tokens");
  at::Tensor tokens_BT = at::ones({static_cast<std::int64_t>(lengths.size()), columns}, at::kLong);
  for (std::size_t row = 0; row < lengths.size(); ++row) {
    for (std::int64_t column = 0; column < lengths[row]; ++column) {
      tokens_BT[static_cast<std::int64_t>(row)][column] =
          static_cast<std::int64_t>(4 + rng.Below(36));
    }
  }
  return tokens_BT;
}

double Distance(const at::Tensor& a, const at::Tensor& b) {
  EXPECT_EQ(a.sizes(), b.sizes());
  return (a - b).abs().max().item<double>();
}

std::vector<at::Tensor> GradientsOf(const Encoder& encoder) {
  std::vector<at::Tensor> gradients;
  for (const NamedTensor& parameter : Parameters(encoder))
    gradients.push_back(parameter.tensor.grad());
  return gradients;
}

void ExpectSameGradients(const Encoder& encoder, const std::vector<at::Tensor>& plain,
                         const std::vector<at::Tensor>& found) {
  const auto parameters = Parameters(encoder);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const double largest = plain[i].abs().max().item<double>();
    EXPECT_LE(Distance(plain[i], found[i]), 2e-5 * largest + 1e-6) << parameters[i].name;
  }
}

/// Hidden states and the gradients of a fixed random projection of them.
std::pair<at::Tensor, std::vector<at::Tensor>> RunOnce(const Encoder& weights,
                                                       const at::Tensor& tokens_BT, bool plain,
                                                       bool dropout) {
  const Encoder encoder = WithOwnGradients(weights);
  DropoutRng rng(77);
  const at::Tensor hidden_BTC =
      Encode(encoder, tokens_BT, {.dropout = dropout ? &rng : nullptr, .plain = plain}).hidden_BTC;
  at::Tensor projection = at::empty_like(hidden_BTC);
  float* values = projection.data_ptr<float>();
  Rng stream(2, "projection");
  for (std::int64_t i = 0; i < projection.numel(); ++i)
    values[i] = static_cast<float>(stream.Uniform() - 0.5);
  (hidden_BTC * projection).sum().backward();
  return {hidden_BTC.detach(), GradientsOf(encoder)};
}

class FusedTwinTest : public ::testing::TestWithParam<std::tuple<std::int64_t, bool, bool>> {};

TEST_P(FusedTwinTest, FusedLayersEqualPlainOnesForwardAndBackward) {
  const auto [hidden, padded, dropout] = GetParam();
  const Encoder encoder = InitEncoder(TinyShape(hidden, hidden == 24 ? 3 : 2), 3);
  const at::Tensor tokens_BT =
      padded ? RandomTokens({17, 5, 1, 0, 16}, 17) : RandomTokens({19, 19, 19}, 19);
  const auto [plain_hidden, plain_gradients] = RunOnce(encoder, tokens_BT, true, dropout);
  const auto [fused_hidden, fused_gradients] = RunOnce(encoder, tokens_BT, false, dropout);
  EXPECT_LE(Distance(plain_hidden, fused_hidden), 1e-5);
  ExpectSameGradients(encoder, plain_gradients, fused_gradients);
  if (padded) {
    EXPECT_EQ(fused_hidden[1][5].abs().max().item<float>(), 0.0F);
  }
}

// What is divided among threads is written by one of them each, and summed in a fixed order.
TEST_P(FusedTwinTest, ThreadsShareTheWorkAndGiveTheSameBitsAgain) {
  const auto [hidden, padded, dropout] = GetParam();
  const at::Tensor tokens_BT =
      padded ? RandomTokens({17, 5, 1, 0, 16}, 17) : RandomTokens({19, 19, 19}, 19);
  for (const bool bfloat16 : {false, true}) {
    SCOPED_TRACE(bfloat16);
    Encoder encoder = InitEncoder(TinyShape(hidden, hidden == 24 ? 3 : 2), 3);
    encoder.bfloat16_products = bfloat16;
    const auto [alone_hidden, alone_gradients] = RunOnce(encoder, tokens_BT, false, dropout);
    at::set_num_threads(3);
    const auto [hidden_BTC, gradients] = RunOnce(encoder, tokens_BT, false, dropout);
    const auto [hidden_again, gradients_again] = RunOnce(encoder, tokens_BT, false, dropout);
    at::set_num_threads(1);
    EXPECT_LE(Distance(alone_hidden, hidden_BTC), 1e-5);
    ExpectSameGradients(encoder, alone_gradients, gradients);
    EXPECT_TRUE(hidden_BTC.equal(hidden_again));
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      EXPECT_TRUE(gradients[i].equal(gradients_again[i])) << i;
    }
  }
}

// at::parallel_for is a template: in code that is compiled without OpenMP it would do all the work
// in the thread that calls it.
TEST(ThreadsTest, ParallelForOfThisBuildIsParallel) {
  std::mutex mutex;
  std::set<std::thread::id> threads;
  at::set_num_threads(3);
  at::parallel_for(0, 3, 1, [&](std::int64_t, std::int64_t) {
    const std::lock_guard lock(mutex);
    threads.insert(std::this_thread::get_id());
  });
  at::set_num_threads(1);
  EXPECT_EQ(threads.size(), 3U);
}

INSTANTIATE_TEST_SUITE_P(Shapes, FusedTwinTest,
                         ::testing::Values(std::make_tuple(24, false, true),
                                           std::make_tuple(24, true, true),
                                           std::make_tuple(64, false, true),
                                           std::make_tuple(64, true, false),
                                           std::make_tuple(10, false, false)));

// Gradients of a fixed projection of the hidden states; none of weights that are frozen.
std::vector<at::Tensor> GradientsWithFrozen(const Encoder& weights, const at::Tensor& tokens_BT,
                                            bool plain,
                                            const std::function<bool(const std::string&)>& frozen) {
  Encoder encoder = WithOwnGradients(weights);
  VisitTensors(encoder, [&](const std::string& name, at::Tensor& tensor) {
    if (frozen(name)) tensor.requires_grad_(false);
  });
  const at::Tensor hidden_BTC = Encode(encoder, tokens_BT, {.plain = plain}).hidden_BTC;
  const at::Tensor projection =
      at::arange(hidden_BTC.numel(), at::kFloat).sin().view(hidden_BTC.sizes());
  (hidden_BTC * projection).sum().backward();
  return GradientsOf(encoder);
}

TEST(FrozenWeightsTest, GetNoGradientAndTheOthersThatOfThePlainPath) {
  const Encoder encoder = InitEncoder(TinyShape(), 3);
  const at::Tensor tokens_BT = RandomTokens({19, 19, 19}, 19);
  const auto all_but = [](const char* trained) {
    return [trained](const std::string& name) { return name != trained; };
  };
  const std::vector<std::function<bool(const std::string&)>> cases = {
      [](const std::string& name) { return name == "roberta.embeddings.word_embeddings.weight"; },
      [](const std::string& name) { return name.starts_with("roberta.embeddings."); },
      [](const std::string& name) { return !name.ends_with(".bias"); },
      all_but("roberta.embeddings.position_embeddings.weight"),
      all_but("roberta.embeddings.LayerNorm.bias"),
      all_but("roberta.encoder.layer.1.intermediate.dense.bias")};
  for (std::size_t which = 0; which < cases.size(); ++which) {
    const auto& frozen = cases[which];
    const auto plain = GradientsWithFrozen(encoder, tokens_BT, /*plain=*/true, frozen);
    const auto found = GradientsWithFrozen(encoder, tokens_BT, /*plain=*/false, frozen);
    const auto parameters = Parameters(encoder);
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const std::string& name = parameters[i].name;
      ASSERT_EQ(plain[i].defined(), !frozen(name)) << name << ", case " << which;
      ASSERT_EQ(found[i].defined(), !frozen(name)) << name << ", case " << which;
      if (frozen(name)) continue;
      EXPECT_LE(Distance(plain[i], found[i]), 2e-5 * plain[i].abs().max().item<double>() + 1e-6)
          << name << ", case " << which;
    }
  }
}

// The states at `places` and all gradients of a fixed random projection of them, computed by
// EncodeAt or out of Encode's plain twin.
std::pair<at::Tensor, std::vector<at::Tensor>> RunAt(const Encoder& weights,
                                                     const at::Tensor& tokens_BT,
                                                     const at::Tensor& places_M, bool plain,
                                                     bool dropout) {
  const Encoder encoder = WithOwnGradients(weights);
  DropoutRng rng(77);
  DropoutRng* const used = dropout ? &rng : nullptr;
  const at::Tensor hidden_MC = plain ? Encode(encoder, tokens_BT, {.dropout = used, .plain = true})
                                           .hidden_BTC.reshape({-1, encoder.shape.settings.hidden})
                                           .index_select(0, places_M)
                                     : EncodeAt(encoder, tokens_BT, places_M, used);
  const at::Tensor projection =
      at::arange(hidden_MC.numel(), at::kFloat).sin().view(hidden_MC.sizes());
  (hidden_MC * projection).sum().backward();
  return {hidden_MC.detach(), GradientsOf(encoder)};
}

// What the backward pass of one FusedLayer needs besides its input, for `queries` of `tokens`: q, k
// and v; the context, the states after attention, both normalised states; the feed-forward part's
// activation and derivative; both 1 / sd; the attention weights, `weights` in each head.
std::int64_t LayerBytes(const ModelShape& shape, std::int64_t tokens, std::int64_t queries,
                        std::int64_t weights) {
  const std::int64_t width = shape.settings.hidden;
  const std::int64_t floats = tokens * 3 * width +
                              queries * (4 * width + 2 * shape.FeedForward() + 2) +
                              shape.settings.heads * weights;
  return floats * static_cast<std::int64_t>(sizeof(float));
}

TEST(EncodeAtTest, TheLastLayerOfChosenTokensIsWhatEncodeHasThere) {
  const at::Tensor tokens_BT = RandomTokens({17, 5, 1, 0, 16, 9}, 17);
  // Neighbours, a lone token, a whole sequence, none of one, the last of the last.
  const at::Tensor places_M = at::tensor(
      std::vector<std::int64_t>{0, 1, 2, 7, 16, 17, 18, 19, 20, 21, 34, 5 * 17 + 3, 5 * 17 + 8},
      at::kLong);
  for (const bool dropout : {false, true}) {
    Encoder encoder = InitEncoder(TinyShape(), 3);
    const auto [plain, plain_gradients] = RunAt(encoder, tokens_BT, places_M, true, dropout);
    const auto [chosen, gradients] = RunAt(encoder, tokens_BT, places_M, false, dropout);
    EXPECT_TRUE(chosen.equal(RunOnce(encoder, tokens_BT, false, dropout)
                                 .first.reshape({-1, 24})
                                 .index_select(0, places_M)));
    EXPECT_LE(Distance(plain, chosen), 1e-5);
    ExpectSameGradients(encoder, plain_gradients, gradients);
    const auto parameters = Parameters(encoder);
    encoder.checkpoint_layers = true;
    const auto [again, same_gradients] = RunAt(encoder, tokens_BT, places_M, false, dropout);
    EXPECT_TRUE(again.equal(chosen));
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      EXPECT_TRUE(same_gradients[i].equal(gradients[i])) << parameters[i].name;
    }
  }
}

TEST(EncodeAtTest, CheckpointedLayersHoldTheirInputsAlone) {
  Encoder encoder = InitEncoder(TinyShape(), 3);
  const at::Tensor tokens_BT = RandomTokens({17, 5, 9}, 17);
  const at::Tensor places_M = at::tensor(std::vector<std::int64_t>{0, 3, 16, 18, 36}, at::kLong);
  const auto held = [&] {
    return BytesHeldAfter([&] { return EncodeAt(encoder, tokens_BT, places_M); });
  };
  const std::int64_t all = held();
  encoder.checkpoint_layers = true;
  EXPECT_GE(all - held(), LayerBytes(encoder.shape, 31, 31, 17 * 17 + 5 * 5 + 9 * 9) +
                              LayerBytes(encoder.shape, 31, 5, 3 * 17 + 1 * 5 + 1 * 9));
}

TEST(EncodeAtTest, SaysWhichPlacesItCannotTake) {
  const Encoder encoder = InitEncoder(TinyShape(), 3);
  const at::Tensor tokens_BT = RandomTokens({4, 2}, 4);
  const auto at_places = [&](const std::vector<std::int64_t>& places) {
    return EncodeAt(encoder, tokens_BT, at::tensor(places, at::kLong));
  };
  EXPECT_EQ(at_places({}).sizes(), at::IntArrayRef({0, 24}));
  EXPECT_THROW(at_places({0, 6}), c10::Error);      // padding
  EXPECT_THROW(at_places({3, 1}), c10::Error);      // descending
  EXPECT_THROW(at_places({1, 1}), c10::Error);      // twice
  EXPECT_THROW(at_places({0, 8}), std::exception);  // outside
}

LossInputs MakeLossInputs(std::int64_t rows, std::int64_t vocab) {
  return {(at::arange(rows * 8, at::kFloat).view({rows, 8}).sin() * 3).requires_grad_(true),
          at::arange(vocab * 8, at::kFloat).view({vocab, 8}).cos().requires_grad_(true),
          at::arange(vocab, at::kFloat).sin().requires_grad_(true),
          at::arange(rows, at::kLong).remainder(vocab)};
}

at::Tensor PlainLoss(const LossInputs& in) {
  return at::cross_entropy_loss(at::linear(in.hidden_MC, in.weight_VC, in.bias_V), in.targets_M, {},
                                at::Reduction::Sum);
}

TEST(ActivationCheckpointingTest, GivesTheSameBits) {
  Encoder encoder = InitEncoder(TinyShape(24, 3), 3);
  const at::Tensor tokens_BT = RandomTokens({17, 5, 1, 16}, 17);
  const auto [kept_hidden, kept_gradients] = RunOnce(encoder, tokens_BT, false, true);
  encoder.checkpoint_layers = true;
  const auto [hidden, gradients] = RunOnce(encoder, tokens_BT, false, true);
  EXPECT_TRUE(hidden.equal(kept_hidden));
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    EXPECT_TRUE(gradients[i].equal(kept_gradients[i])) << Parameters(encoder)[i].name;
  }
}

TEST(ActivationCheckpointingTest, LayersHoldTheirInputsAlone) {
  Encoder encoder = InitEncoder(TinyShape(), 3);
  const at::Tensor tokens_BT = RandomTokens({17, 5, 1, 16}, 17);
  const auto held = [&] {
    return BytesHeldAfter([&] {
      DropoutRng rng(77);
      return Encode(encoder, tokens_BT, {.dropout = &rng}).hidden_BTC;
    });
  };
  const std::int64_t all = held();
  encoder.checkpoint_layers = true;
  const std::int64_t inputs = held();
  EXPECT_GE(all - inputs, 2 * LayerBytes(encoder.shape, 39, 39, 17 * 17 + 5 * 5 + 1 * 1 + 16 * 16));
  EXPECT_LT(inputs, all / 2);
}

TEST(FusedVocabularyLossTest, EqualsTheLossOfAten) {
  struct Case {
    std::int64_t rows, vocab;
  };
  // Nothing to predict; less than a block; several blocks; more logits than are kept for the
  // backward pass.
  for (const Case& c :
       {Case{0, 50}, Case{1, 50}, Case{33, 50}, Case{300, 3001}, Case{5200, 8200}}) {
    const LossInputs in = MakeLossInputs(c.rows, c.vocab);
    const at::Tensor fused =
        FusedVocabularyLoss(in.hidden_MC, in.weight_VC, in.bias_V, in.targets_M);
    (fused * 0.5).backward();
    const std::vector<at::Tensor> ours = {in.hidden_MC.grad().clone(), in.weight_VC.grad().clone(),
                                          in.bias_V.grad().clone()};
    for (const at::Tensor& leaf : {in.hidden_MC, in.weight_VC, in.bias_V})
      leaf.mutable_grad().reset();
    const at::Tensor plain = PlainLoss(in);
    (plain * 0.5).backward();
    EXPECT_NEAR(fused.item<double>(), plain.item<double>(), 1e-5 * plain.item<double>());
    if (c.rows > 0) {
      EXPECT_LE(Distance(ours[0], in.hidden_MC.grad()), 1e-5) << c.rows;
    }
    const double scale = std::max<double>(1, in.weight_VC.grad().abs().max().item<double>());
    EXPECT_LE(Distance(ours[1], in.weight_VC.grad()), 1e-5 * scale) << c.rows;
    EXPECT_LE(Distance(ours[2], in.bias_V.grad()), 1e-5 * scale) << c.rows;
  }
}

// Of 171 MB, more than are kept for the backward pass.
TEST(FusedVocabularyLossTest, ManyLogitsAreNeverThereAtOnce) {
  const LossInputs in = MakeLossInputs(5200, 8200);
  MemoryLimit limit;
  limit.Forbid(16 << 20);
  EXPECT_THROW(PlainLoss(in), c10::Error);
  FusedVocabularyLoss(in.hidden_MC, in.weight_VC, in.bias_V, in.targets_M).backward();
  limit.Lift();
  EXPECT_TRUE(in.weight_VC.grad().defined());
}

// Of 3.6 MB, which would be kept for a backward pass.
TEST(FusedVocabularyLossTest, WithoutGradientsNoLogitsAreKept) {
  const LossInputs in = MakeLossInputs(300, 3001);
  MemoryLimit limit;
  limit.Forbid(2 << 20);
  const auto loss = [&] {
    return FusedVocabularyLoss(in.hidden_MC, in.weight_VC, in.bias_V, in.targets_M);
  };
  EXPECT_THROW(loss(), c10::Error);
  const at::NoGradGuard no_grad;
  EXPECT_GT(loss().item<float>(), 0);
}

TEST(FusedVocabularyLossTest, AddsToTheGradientThatIsThere) {
  const LossInputs in = MakeLossInputs(33, 50);
  FusedVocabularyLoss(in.hidden_MC, in.weight_VC, in.bias_V, in.targets_M).backward();
  const at::Tensor once = in.weight_VC.grad().clone();
  const void* table = in.weight_VC.grad().data_ptr();
  FusedVocabularyLoss(in.hidden_MC, in.weight_VC, in.bias_V, in.targets_M).backward();
  EXPECT_LE(Distance(in.weight_VC.grad(), once * 2), 1e-5);
  EXPECT_EQ(in.weight_VC.grad().data_ptr(), table);
}

TEST(FusedVocabularyLossTest, GivesTheSameBitsAgainOnTwoThreads) {
  at::set_num_threads(2);
  const auto once = [] {
    const LossInputs in = MakeLossInputs(300, 3001);
    const at::Tensor loss =
        FusedVocabularyLoss(in.hidden_MC, in.weight_VC, in.bias_V, in.targets_M);
    loss.backward();
    return std::vector<at::Tensor>{loss.detach(), in.hidden_MC.grad(), in.weight_VC.grad(),
                                   in.bias_V.grad()};
  };
  const std::vector<at::Tensor> first = once();
  const std::vector<at::Tensor> second = once();
  at::set_num_threads(1);
  for (std::size_t i = 0; i < first.size(); ++i) EXPECT_TRUE(first[i].equal(second[i])) << i;
}

TEST(FusedVocabularyLossTest, GivesAGradientThatIsAskedForAndTouchesNoOther) {
  const LossInputs in = MakeLossInputs(33, 50);
  const auto asked = torch::autograd::grad(
      {FusedVocabularyLoss(in.hidden_MC, in.weight_VC, in.bias_V, in.targets_M)},
      {in.weight_VC, in.hidden_MC});
  EXPECT_FALSE(in.weight_VC.grad().defined());
  const auto plain = torch::autograd::grad({PlainLoss(in)}, {in.weight_VC, in.hidden_MC});
  for (std::size_t i = 0; i < plain.size(); ++i) EXPECT_LE(Distance(asked[i], plain[i]), 1e-5);

  in.weight_VC.set_requires_grad(false);
  FusedVocabularyLoss(in.hidden_MC, in.weight_VC, in.bias_V, in.targets_M).backward();
  EXPECT_FALSE(in.weight_VC.grad().defined());
  EXPECT_LE(Distance(in.hidden_MC.grad(), plain[1]), 1e-5);
}

class CpuKernelsTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    kernels_ = FindCpuKernels(GetParam());
    if (kernels_ == nullptr) GTEST_SKIP() << "this CPU has no " << GetParam();
  }
  const CpuKernels* kernels_ = nullptr;
};
INSTANTIATE_TEST_SUITE_P(InstructionSets, CpuKernelsTest,
                         ::testing::Values("avx512_bf16", "avx512", "avx2", "baseline"),
                         [](const auto& set) { return std::string(set.param); });

/// Everything that attention, LayerNorm, GELU's gradient and the loss give on fixed random numbers.
std::vector<float> RunKernels(const CpuKernels& kernels) {
  constexpr std::int64_t kTokens = 19, kDepth = 10, kWidth = 20, kVocab = 37;
  const auto zeros = [](std::int64_t count) {
    return std::vector<float>(static_cast<std::size_t>(count));
  };
  const auto random = [&](const char* what, std::int64_t count) {
    Rng rng(4, what);
    std::vector<float> values = zeros(count);
    for (float& value : values) value = static_cast<float>(rng.Uniform() * 2 - 1);
    return values;
  };
  const DropoutMask dropout{.key = 77, .threshold = 6554, .scale = 1.1F};
  std::vector<float> all;
  const auto keep = [&](const std::vector<float>& values) {
    all.insert(all.end(), values.begin(), values.end());
  };

  const auto qkv = random("qkv", kTokens * 3 * kWidth), qkv_bias = random("qkv bias", 3 * kWidth);
  const auto dy = random("dy", kTokens * kWidth);
  auto context = zeros(kTokens * kWidth), d_qkv = zeros(kTokens * 3 * kWidth);
  auto weights = zeros(kWidth / kDepth * kTokens * kTokens);
  auto scratch = zeros(AttentionScratch(kTokens, kDepth));
  for (std::int64_t h = 0; h < kWidth / kDepth; ++h) {
    const AttentionHead head{.tokens = kTokens,
                             .depth = kDepth,
                             .width = kWidth,
                             .head = h,
                             .qkv = qkv.data(),
                             .bias = qkv_bias.data(),
                             .weights = weights.data() + h * kTokens * kTokens,
                             .dropout = dropout,
                             .first = h * kTokens * kTokens,
                             .scratch = scratch.data()};
    kernels.attention(head, context.data());
    kernels.attention_grad(head, dy.data(), d_qkv.data());
  }
  keep(context);
  keep(weights);
  keep(d_qkv);

  const auto x = random("x", kTokens * kWidth), residual = random("residual", kTokens * kWidth);
  const auto bias = random("bias", kWidth), gain = random("gain", kWidth);
  auto y = zeros(kTokens * kWidth), normed = zeros(kTokens * kWidth), inverse = zeros(kTokens);
  auto d_x = zeros(kTokens * kWidth), d_residual = zeros(kTokens * kWidth);
  auto sums = zeros(3 * kWidth), norm_scratch = zeros(2 * kWidth);
  kernels.residual_norm(kTokens, kWidth, x.data(), bias.data(), residual.data(), dropout, 5,
                        gain.data(), bias.data(), 1e-5F, y.data(), normed.data(), inverse.data(),
                        norm_scratch.data());
  kernels.residual_norm_grad(kTokens, kWidth, dy.data(), normed.data(), inverse.data(), gain.data(),
                             dropout, 5, d_x.data(), d_residual.data(), sums.data(),
                             sums.data() + kWidth, sums.data() + 2 * kWidth, norm_scratch.data());
  for (const auto* values : {&y, &normed, &inverse, &d_x, &d_residual, &sums}) keep(*values);

  auto d = dy, bias_sum = zeros(kWidth);
  kernels.gelu_grad(kTokens, kWidth, d.data(), x.data(), bias_sum.data());
  keep(d);
  keep(bias_sum);

  const auto logit_bias = random("logit bias", kVocab);
  std::vector<std::int64_t> targets(kTokens);
  std::iota(targets.begin(), targets.end(), 11);
  constexpr std::int64_t kFirstBlock = 16;
  auto left = random("left logits", kTokens * kFirstBlock);
  auto right = random("right logits", kTokens * (kVocab - kFirstBlock));
  std::vector<float> largest(kTokens, -FLT_MAX), softmax_sum = zeros(kTokens);
  auto logit_bias_sum = zeros(kVocab);
  kernels.softmax_sums(kTokens, kFirstBlock, left.data(), logit_bias.data(), largest.data(),
                       softmax_sum.data());
  kernels.softmax_sums(kTokens, kVocab - kFirstBlock, right.data(), logit_bias.data() + kFirstBlock,
                       largest.data(), softmax_sum.data());
  kernels.softmax_grad(kTokens, kFirstBlock, left.data(), largest.data(), softmax_sum.data(),
                       targets.data(), 0, 0.5F, logit_bias_sum.data());
  kernels.softmax_grad(kTokens, kVocab - kFirstBlock, right.data(), largest.data(),
                       softmax_sum.data(), targets.data(), kFirstBlock, 0.5F,
                       logit_bias_sum.data() + kFirstBlock);
  for (const auto* values : {&left, &right, &largest, &softmax_sum, &logit_bias_sum}) keep(*values);
  return all;
}

// FusedTwinTest compares the best set of this CPU with ATen; here the others are compared with it.
TEST_P(CpuKernelsTest, AgreesWithTheBest) {
  const std::vector<float> expected = RunKernels(BestCpuKernels());
  const std::vector<float> got = RunKernels(*kernels_);
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], expected[i], 1e-5) << i;
}

TEST_P(CpuKernelsTest, GivesGeluAndItsDerivativeExactly) {
  std::vector<float> x(2001);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = -10.0F + 0.01F * static_cast<float>(i);
  const std::vector<float> original = x;
  const std::vector<float> bias(x.size(), 0.0F);
  std::vector<float> y(x.size());
  kernels_->bias_gelu(1, static_cast<std::int64_t>(x.size()), x.data(), bias.data(), y.data());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double u = original[i];
    const double phi = 0.5 * std::erfc(-u / std::sqrt(2.0));
    const double density = std::exp(-u * u / 2) / std::sqrt(2 * std::acos(-1.0));
    EXPECT_NEAR(y[i], u * phi, 4e-7 * std::max(1.0, std::abs(u))) << u;
    EXPECT_NEAR(x[i], phi + u * density, 6e-7) << u;
  }
}

TEST_P(CpuKernelsTest, DropoutIsThatOfTheBaselineHoweverItIsCut) {
  const DropoutMask dropout{.key = 0x1234567890ABCDEFULL, .threshold = 6554, .scale = 1.25F};
  std::vector<float> expected(10'000);
  FindCpuKernels("baseline")->dropout_mask(dropout, 0, 10'000, expected.data());
  std::vector<float> mask(expected.size());
  for (std::int64_t first = 0, count = 1; first < 10'000; first += count, count = count * 2 + 3) {
    count = std::min<std::int64_t>(count, 10'000 - first);
    kernels_->dropout_mask(dropout, first, count, mask.data() + first);
  }
  EXPECT_EQ(mask, expected);
}

// Against the product in double of factors rounded here, ties to even.
TEST_P(CpuKernelsTest, Bfloat16ProductRoundsItsFactorsAndNothingElse) {
  const auto rounded = [](float x) {
    return static_cast<double>(static_cast<float>(c10::BFloat16(x)));
  };
  struct Case {
    std::int64_t rows, columns, depth;
    bool a_transposed, b_transposed, accumulate;
  };
  for (const Case& c :
       {Case{1, 1, 1, false, false, false}, Case{13, 33, 7, false, true, false},
        Case{25, 70, 600, true, false, true}, Case{12, 32, 512, false, false, false},
        Case{30, 64, 1030, true, true, false}, Case{109, 40, 1100, true, false, true},
        Case{96, 32, 515, true, false, false}, Case{100, 33, 96, false, true, true}}) {
    Rng rng(4, "product");
    const auto random = [&](std::int64_t count) {
      std::vector<float> values(static_cast<std::size_t>(count));
      for (float& value : values) value = static_cast<float>(rng.Uniform() - 0.5);
      return values;
    };
    const std::vector<float> a = random(c.rows * c.depth);
    const std::vector<float> b = random(c.depth * c.columns);
    const MatrixView a_view{a.data(), c.a_transposed ? 1 : c.depth, c.a_transposed ? c.rows : 1};
    const MatrixView b_view{b.data(), c.b_transposed ? 1 : c.columns, c.b_transposed ? c.depth : 1};
    std::vector<float> product(static_cast<std::size_t>(c.rows * c.columns), 2.0F);
    std::vector<std::uint32_t> scratch(kMatMulScratch);
    kernels_->matmul_bf16(c.rows, c.columns, c.depth, a_view, b_view, product.data(), c.accumulate,
                          scratch.data());
    const double tolerance = 3e-6 * std::sqrt(static_cast<double>(c.depth));
    for (std::int64_t i = 0; i < c.rows; ++i) {
      for (std::int64_t j = 0; j < c.columns; ++j) {
        double sum = c.accumulate ? 2.0 : 0.0;
        for (std::int64_t k = 0; k < c.depth; ++k) {
          sum += rounded(a_view.data[i * a_view.row_stride + k * a_view.column_stride]) *
                 rounded(b_view.data[k * b_view.row_stride + j * b_view.column_stride]);
        }
        ASSERT_NEAR(product[static_cast<std::size_t>(i * c.columns + j)], sum, tolerance)
            << "depth " << c.depth << ", " << i << " " << j;
      }
    }
  }
}

TEST(Bfloat16Test, EncoderAndGradientsStayNearFloat32) {
  Encoder encoder = InitEncoder(TinyShape(64, 2), 3);
  const at::Tensor tokens_BT = RandomTokens({17, 5, 16}, 17);
  const auto [exact_hidden, exact_gradients] = RunOnce(encoder, tokens_BT, false, true);
  encoder.bfloat16_products = true;
  const auto [hidden, gradients] = RunOnce(encoder, tokens_BT, false, true);
  EXPECT_FALSE(hidden.equal(exact_hidden));
  EXPECT_LE(Distance(hidden, exact_hidden), 0.1);  // of values up to 3; bfloat16 has 8 bits
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    const double error = (gradients[i] - exact_gradients[i]).norm().item<double>();
    EXPECT_LE(error, 0.03 * exact_gradients[i].norm().item<double>() + 1e-3) << i;
  }
}

TEST(DropoutTest, DropsItsShareAndKeepsTheMean) {
  std::vector<float> mask(1'000'000);
  DropoutRng rng(5);
  FillDropoutMask(rng.Next(0.1, 1).OfRow(0), 0, 1'000'000, mask.data());
  const double mean = std::accumulate(mask.begin(), mask.end(), 0.0) / 1e6;
  EXPECT_NEAR(mean, 1.0, 5 * std::sqrt(0.1 / 0.9 / 1e6));  // five standard deviations
  std::vector<float> next(1'000'000);
  FillDropoutMask(rng.Next(0.1, 1).OfRow(0), 0, 1'000'000, next.data());
  double both = 0;
  for (std::size_t i = 0; i < mask.size(); ++i) both += mask[i] == 0 && next[i] == 0 ? 1 : 0;
  EXPECT_NEAR(both / 1e6, 0.01, 5 * std::sqrt(0.01 * 0.99 / 1e6));  // independent keys
}

// Values of Python 3.11's statistics.NormalDist().inv_cdf.
TEST(NormalQuantileTest, EqualsReferenceValues) {
  EXPECT_EQ(NormalQuantile(0.5), 0.0);
  EXPECT_NEAR(NormalQuantile(0.975), 1.9599639845400536, 1e-14);
  EXPECT_NEAR(NormalQuantile(0.001), -3.090232306167813, 1e-13);
  EXPECT_NEAR(NormalQuantile(1e-12), -7.034483825301131, 1e-12);
}

TEST(InitTest, WeightsAreNormalFixedBySeedAndZeroForPadding) {
  ModelShape shape = TinyShape();
  shape.vocab_size = 3000;
  shape.settings.init_std = 0.02;
  const MlmModel model = InitMlmModel(shape, 9);
  const at::Tensor words = model.encoder.word_embeddings_VC;
  EXPECT_NEAR(words.std().item<double>(), 0.02, 5 * 0.02 / std::sqrt(2.0 * 72'000));
  EXPECT_NEAR(words.mean().item<double>(), 0, 5 * 0.02 / std::sqrt(72'000.0));
  EXPECT_EQ(words[1].abs().max().item<float>(), 0.0F);
  EXPECT_EQ(model.encoder.position_embeddings_PC[1].abs().max().item<float>(), 0.0F);
  EXPECT_EQ(model.encoder.layers[0].output_norm.weight_C.min().item<float>(), 1.0F);
  EXPECT_EQ(model.head.bias_V.abs().max().item<float>(), 0.0F);
  EXPECT_TRUE(InitMlmModel(shape, 9).encoder.word_embeddings_VC.equal(words));
  EXPECT_FALSE(InitMlmModel(shape, 10).encoder.word_embeddings_VC.equal(words));
  std::int64_t parameters = 0;
  for (const NamedTensor& parameter : Parameters(model)) parameters += parameter.tensor.numel();
  EXPECT_EQ(parameters, MlmParameters(shape));
}

// The same seed gives the same bytes on any machine and at any optimisation level; when the draw
// changes on purpose, kPretrainVersion is raised and this is replaced by what the failing test
// prints.
TEST(InitTest, BytesAreTheSameEverywhere) {
  Sha256 digest;
  for (const NamedTensor& parameter : Parameters(InitMlmModel(TinyShape(), 9))) {
    const at::Tensor values = parameter.tensor.detach().contiguous();
    digest.Update({static_cast<const char*>(values.const_data_ptr()), values.nbytes()});
  }
  EXPECT_EQ(digest.HexDigest(), "81e4566bfe8350f9ee30c5df5c654bd565426a53b909f9583c0d38fa1847de83");
}

// Names, shapes and numbers of tensors as the model's file has them.
TEST(ParameterTableTest, IsWhatAModelHolds) {
  const ModelShape shape = TinyShape();
  std::map<std::string, std::vector<std::int64_t>> expected;
  for (const ParameterGroup& group : ParameterTable(shape)) {
    std::vector<std::string> names = {group.name};
    const auto expand = [&](const std::string& pattern, const std::vector<std::string>& words) {
      std::vector<std::string> expanded;
      for (const std::string& name : names) {
        const std::size_t at = name.find(pattern);
        for (const std::string& word : words) {
          std::string one = name;
          if (at != std::string::npos) one.replace(at, pattern.size(), word);
          expanded.push_back(std::move(one));
          if (at == std::string::npos) break;
        }
      }
      names = std::move(expanded);
    };
    expand("{0..1}", {"0", "1"});
    expand("{query,key,value}", {"query", "key", "value"});
    EXPECT_EQ(group.tensors, static_cast<std::int64_t>(names.size())) << group.name;
    for (const std::string& name : names) expected[name] = group.shape;
  }
  std::map<std::string, std::vector<std::int64_t>> held;
  for (const NamedTensor& tensor : ToTransformersNames(Parameters(InitMlmModel(shape, 1)))) {
    held[tensor.name] = tensor.tensor.sizes().vec();
  }
  EXPECT_EQ(expected, held);
}

TEST(TransformersFolderTest, ExpectsTheTensorsOfAModel) {
  const ModelShape shape = TinyShape();
  std::map<std::string, std::vector<std::int64_t>> expected;
  for (const ExpectedTensor& tensor : EncoderTensors(shape)) expected[tensor.name] = tensor.shape;
  for (const ExpectedTensor& tensor : LmHeadTensors(shape)) expected[tensor.name] = tensor.shape;
  std::map<std::string, std::vector<std::int64_t>> held;
  for (const NamedTensor& tensor : ToTransformersNames(Parameters(InitMlmModel(shape, 1)))) {
    held[tensor.name] = tensor.tensor.sizes().vec();
  }
  EXPECT_EQ(expected, held);
}

class ModelFilesTest : public ::testing::Test {
 protected:
  const TempFolder root_;
  const fs::path folder_ = root_ / "model";
};

TEST_F(ModelFilesTest, ModelsComeBackBitForBit) {
  const MlmModel model = InitMlmModel(TinyShape(), 3);
  ASSERT_TRUE(SaveModel(folder_, model));
  const auto loaded = LoadMlmModel(folder_);
  ASSERT_TRUE(loaded) << loaded.error().message;
  const auto before = Parameters(model);
  const auto after = Parameters(*loaded);
  ASSERT_EQ(before.size(), after.size());
  for (std::size_t i = 0; i < before.size(); ++i) {
    EXPECT_TRUE(before[i].tensor.equal(after[i].tensor)) << before[i].name;
    EXPECT_TRUE(after[i].tensor.requires_grad());
  }
  EXPECT_FALSE(
      loaded->encoder.token_type_1C.defined());  // the row of zeros that transformers wants
  EXPECT_EQ(ToJson(loaded->encoder.shape).dump(), ToJson(model.encoder.shape).dump());

  const SequenceClassifier classifier = AddSequenceHead(loaded->encoder, 3, 1);
  ASSERT_TRUE(SaveModel(folder_, classifier, {"no", "perhaps", "yes"}));
  const auto again = LoadSequenceClassifier(folder_);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(again->out.weight_OI.equal(classifier.out.weight_OI));
  EXPECT_EQ(LoadLabels(folder_).value(), (std::vector<std::string>{"no", "perhaps", "yes"}));
  EXPECT_FALSE(LoadTokenClassifier(folder_));
}

TEST_F(ModelFilesTest, AnswerHeadAndRegressionComeBackUnderTransformersNames) {
  const Encoder encoder = InitEncoder(TinyShape(), 3);
  const QuestionAnswerer answerer = AddAnswerHead(encoder, 4);
  ASSERT_TRUE(SaveModel(folder_, answerer));
  const auto file = SafetensorsFile::Open(folder_ / "model.safetensors");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_NE(file->Find("qa_outputs.weight"), nullptr);
  EXPECT_NE(file->Find("qa_outputs.bias"), nullptr);
  const auto config = LoadJson(folder_ / "config.json");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->at("architectures"), Json::array({"XLMRobertaForQuestionAnswering"}));
  const auto loaded = LoadQuestionAnswerer(folder_);
  ASSERT_TRUE(loaded) << loaded.error().message;
  const at::Tensor tokens_BT = at::tensor({0, 5, 6, 7, 2, 0, 8, 2, 1, 1}, at::kLong).view({2, 5});
  const SpanLogits before = AnswerLogits(answerer, tokens_BT);
  const SpanLogits after = AnswerLogits(*loaded, tokens_BT);
  EXPECT_TRUE(before.start_BT.equal(after.start_BT));
  EXPECT_TRUE(before.end_BT.equal(after.end_BT));
  EXPECT_EQ(at::softmax(after.start_BT, 1)[1][3].item<float>(), 0.0F);  // padding
  EXPECT_FALSE(LoadSequenceClassifier(folder_));

  // transformers takes one label as a regression.
  const SequenceClassifier regression = AddSequenceHead(encoder, 1, 5);
  ASSERT_TRUE(SaveModel(folder_, regression, {"score"}));
  const auto reread = LoadSequenceClassifier(folder_);
  ASSERT_TRUE(reread) << reread.error().message;
  EXPECT_TRUE(SequenceLogits(regression, tokens_BT).equal(SequenceLogits(*reread, tokens_BT)));
  EXPECT_FALSE(LoadQuestionAnswerer(folder_));
}

TEST_F(ModelFilesTest, WeightsThatDoNotFitTheConfigAreRefused) {
  ASSERT_TRUE(SaveModel(folder_, InitMlmModel(TinyShape(), 3)));
  Json config = LoadJson(folder_ / "config.json").value();
  const auto expect = [&](const char* key, const Json& value, const char* message) {
    Json changed = config;
    changed[key] = value;
    ASSERT_TRUE(PutFile(folder_ / "config.json", changed.dump()));
    const auto loaded = LoadMlmModel(folder_);
    ASSERT_FALSE(loaded) << key;
    EXPECT_THAT(loaded.error().message, HasSubstr(message));
  };
  expect("vocab_size", 41, "not those of the config.json");
  expect("intermediate_size", 44, "intermediate.dense.weight");
  expect("num_hidden_layers", 3, "no tensor 'roberta.encoder.layer.2.");
  expect("num_hidden_layers", 150, "not those of the config.json");
  expect("num_hidden_layers", 201, "beyond any XLM-R");
  expect("num_hidden_layers", 0, "beyond any XLM-R");
  expect("num_hidden_layers", 1e30, "'num_hidden_layers' is 1e+30, expected 0 to 1e+15");
  expect("num_hidden_layers", -1, "'num_hidden_layers' is -1, expected 0 to");
  expect("hidden_size", 0, "beyond any XLM-R");
  expect("intermediate_size", 0, "beyond any XLM-R");  // not "four times hidden"
  expect("hidden_dropout_prob", 1.0, "beyond any XLM-R");
  expect("num_attention_heads", 5, "multiple");
  expect("model_type", "bert", "XLM-R has \"xlm-roberta\"");
  expect("hidden_act", "gelu_new", "hidden_act");
  expect("hidden_size", "many", "hidden_size");
}

TEST(EncodeTest, SequencesLongerThanThePositionsAreRefused) {
  const Encoder encoder = InitEncoder(TinyShape(), 3);
  EXPECT_NO_THROW(Encode(encoder, RandomTokens({22}, 22)));
  EXPECT_NO_THROW(Encode(encoder, RandomTokens({22}, 30)));
  EXPECT_THROW(Encode(encoder, RandomTokens({23}, 23)), c10::Error);
}

TEST(EncodeTest, AllLayersAreTheHiddenStatesOfEncodersThatEndThere) {
  Encoder encoder = InitEncoder(TinyShape(), 3);
  const at::Tensor tokens_BT = RandomTokens({7, 4}, 7);
  const EncoderOutput output = Encode(encoder, tokens_BT, {.all_layers = true});
  ASSERT_EQ(output.layers_BTC.size(), 3U);
  EXPECT_TRUE(output.layers_BTC.back().equal(output.hidden_BTC));
  for (const std::size_t layers : {1U, 0U}) {
    encoder.layers.pop_back();
    encoder.shape.settings.layers = static_cast<std::int64_t>(layers);
    EXPECT_LE(Distance(output.layers_BTC[layers], Encode(encoder, tokens_BT).hidden_BTC), 1e-6)
        << layers;
  }
}

}  // namespace
}  // namespace repro
