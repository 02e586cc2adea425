// The GPU's path through the model, on CPU tensors: the same code but for flash attention and our
// kernels, against the plain path in float32 and against ATen's own loss in float64.
#include <cmath>

#include <ATen/core/grad_mode.h>
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/rng.h"
#include "experiments/model/checkpointed.h"
#include "experiments/model/chunked_loss.h"
#include "experiments/model/gpu_encoder.h"
#include "tests/experiments/memory_limit.h"
#include "tests/experiments/model/tiny_encoder.h"
#include "tests/experiments/one_thread.h"

namespace repro {
namespace {

using ::testing::HasSubstr;

at::Tensor Noise(at::IntArrayRef sizes, const char* purpose, at::ScalarType type = at::kDouble) {
  at::Tensor values = at::empty(sizes, at::kDouble);
  Rng rng(9, purpose);
  double* data = values.data_ptr<double>();
  for (std::int64_t i = 0; i < values.numel(); ++i) data[i] = 2 * rng.Uniform() - 1;
  return values.to(type);
}

at::Tensor Ids(std::int64_t count, std::int64_t bound, const char* purpose) {
  at::Tensor ids = at::empty({count}, at::kLong);
  Rng rng(4, purpose);
  for (std::int64_t i = 0; i < count; ++i) {
    ids.data_ptr<std::int64_t>()[i] =
        static_cast<std::int64_t>(rng.Below(static_cast<std::uint64_t>(bound)));
  }
  return ids;
}

/// max |a - b| / max |b|
double Error(const at::Tensor& a, const at::Tensor& b) {
  EXPECT_EQ(a.sizes(), b.sizes());
  if (b.numel() == 0) return 0;
  const at::Tensor exact = b.to(at::kDouble);
  return ((a.to(at::kDouble) - exact).abs().max() / exact.abs().max().clamp_min(1e-30))
      .item<double>();
}

// ---- ChunkedVocabularyLoss

LossInputs MakeLossInputs(std::int64_t rows, std::int64_t vocab = 37, std::int64_t width = 8) {
  return {(Noise({rows, width}, "hidden") * 2).requires_grad_(true),
          Noise({vocab, width}, "weight").requires_grad_(true),
          Noise({vocab}, "bias").requires_grad_(true), Ids(rows, vocab, "targets")};
}

LossInputs Cast(const LossInputs& inputs, at::ScalarType hidden, at::ScalarType weight) {
  return {inputs.hidden_MC.detach().to(hidden).requires_grad_(true),
          inputs.weight_VC.detach().to(weight).requires_grad_(true),
          inputs.bias_V.detach().to(weight).requires_grad_(true), inputs.targets_M};
}

// Loss, and gradients of 3 times it.
std::vector<at::Tensor> Chunked(const LossInputs& inputs, std::int64_t logit_bytes = 0) {
  const at::Tensor loss = ChunkedVocabularyLoss(inputs.hidden_MC, inputs.weight_VC, inputs.bias_V,
                                                inputs.targets_M, {.logit_bytes = logit_bytes});
  (loss * 3).backward();
  return {loss.detach(), inputs.hidden_MC.grad(), inputs.weight_VC.grad(), inputs.bias_V.grad()};
}

std::vector<at::Tensor> Plain(const LossInputs& inputs) {
  const at::Tensor loss =
      at::cross_entropy_loss(at::linear(inputs.hidden_MC, inputs.weight_VC, inputs.bias_V),
                             inputs.targets_M, {}, at::Reduction::Sum, /*ignore_index=*/-1);
  (loss * 3).backward();
  return {loss.detach(), inputs.hidden_MC.grad(), inputs.weight_VC.grad(), inputs.bias_V.grad()};
}

TEST(ChunkedVocabularyLossTest, EqualsAtenInFloat64HoweverItIsCut) {
  for (const std::int64_t rows : {1, 16, 50}) {
    const LossInputs inputs = MakeLossInputs(rows);
    const auto expected = Plain(Cast(inputs, at::kDouble, at::kDouble));
    // 1 byte: the least rows a chunk, 16, so that 50 leaves a chunk of 2; then all in one.
    for (const std::int64_t bytes : {std::int64_t{1}, std::int64_t{1} << 20}) {
      const auto found = Chunked(Cast(inputs, at::kDouble, at::kDouble), bytes);
      ASSERT_EQ(found[0].scalar_type(), at::kDouble);
      for (std::size_t i = 0; i < expected.size(); ++i) {
        EXPECT_LE(Error(found[i], expected[i]), 1e-11) << rows << " rows, result " << i;
      }
    }
  }
}

// 600 x 3000 logits of 8 bytes are 14.4 MB; a chunk of 16 rows has 384 kB.
TEST(ChunkedVocabularyLossTest, LogitsAreNeverThereAtOnce) {
  const LossInputs inputs = MakeLossInputs(600, 3000);
  const auto expected = Plain(Cast(inputs, at::kDouble, at::kDouble));
  const LossInputs copy = Cast(inputs, at::kDouble, at::kDouble);
  MemoryLimit limit;
  limit.Forbid(1 << 20);
  EXPECT_THROW(Plain(inputs), c10::Error);
  EXPECT_THROW(Chunked(inputs, 14'400'000), c10::Error);
  const auto found = Chunked(copy, 1);
  limit.Lift();
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_LE(Error(found[i], expected[i]), 1e-11) << i;
  }
}

TEST(ChunkedVocabularyLossTest, WithoutRowsTheLossAndItsGradientsAre0) {
  const auto found = Chunked(MakeLossInputs(0));
  EXPECT_EQ(found[0].item<double>(), 0);
  EXPECT_EQ(found[1].size(0), 0);
  EXPECT_EQ(found[2].abs().max().item<double>(), 0);
  EXPECT_EQ(found[3].abs().max().item<double>(), 0);
}

TEST(ChunkedVocabularyLossTest, RowsOfNegativeTargetCountNothing) {
  LossInputs inputs = MakeLossInputs(40);
  inputs.targets_M.index_fill_(0, at::arange(0, 40, 3), -1);
  const auto expected = Plain(Cast(inputs, at::kDouble, at::kDouble));
  const auto found = Chunked(Cast(inputs, at::kDouble, at::kDouble), 1);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_LE(Error(found[i], expected[i]), 1e-11) << i;
  }
  EXPECT_EQ(found[1][3].abs().max().item<double>(), 0);
}

// A second pass would scale again what may be a parameter's .grad() by now.
TEST(ChunkedVocabularyLossTest, ASecondBackwardPassIsRefusedAndLeavesTheGradients) {
  const LossInputs inputs = MakeLossInputs(20);
  const auto expected = Plain(Cast(inputs, at::kDouble, at::kDouble));
  const at::Tensor loss =
      ChunkedVocabularyLoss(inputs.hidden_MC, inputs.weight_VC, inputs.bias_V, inputs.targets_M) *
      3;
  loss.backward({}, /*retain_graph=*/true);
  try {
    loss.backward();
    ADD_FAILURE() << "the second pass ran";
  } catch (const c10::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("can run once"));
  }
  EXPECT_LE(Error(inputs.hidden_MC.grad(), expected[1]), 1e-11);
  EXPECT_LE(Error(inputs.weight_VC.grad(), expected[2]), 1e-11);
  EXPECT_LE(Error(inputs.bias_V.grad(), expected[3]), 1e-11);
}

TEST(ChunkedVocabularyLossTest, GradientsAreThoseOfFiniteDifferences) {
  const LossInputs inputs = MakeLossInputs(20, 11, 4);
  const auto gradients = Chunked(inputs, 1);
  const at::NoGradGuard no_grad;
  const auto loss = [&] {
    return ChunkedVocabularyLoss(inputs.hidden_MC, inputs.weight_VC, inputs.bias_V,
                                 inputs.targets_M)
        .item<double>();
  };
  constexpr double kStep = 1e-5;
  std::size_t which = 1;
  for (const at::Tensor& tensor : {inputs.hidden_MC, inputs.weight_VC, inputs.bias_V}) {
    double* values = tensor.data_ptr<double>();
    const double* gradient = gradients[which++].const_data_ptr<double>();
    for (std::int64_t i = 0; i < tensor.numel(); ++i) {
      const double before = values[i];
      values[i] = before + kStep;
      const double above = loss();
      values[i] = before - kStep;
      const double below = loss();
      values[i] = before;
      ASSERT_NEAR(3 * (above - below) / (2 * kStep), gradient[i], 1e-7) << which << " " << i;
    }
  }
}

TEST(ChunkedVocabularyLossTest, Float32AndBfloat16StayNearFloat64) {
  const LossInputs inputs = MakeLossInputs(50);
  const auto exact = Plain(Cast(inputs, at::kDouble, at::kDouble));
  const auto single = Chunked(Cast(inputs, at::kFloat, at::kFloat), 1);
  // Factors of 8 bits; softmax and loss, and sums over rows, stay float32.
  const auto half = Chunked(Cast(inputs, at::kBFloat16, at::kFloat), 1);
  EXPECT_EQ(half[0].scalar_type(), at::kFloat);
  EXPECT_EQ(half[1].scalar_type(), at::kBFloat16);
  EXPECT_EQ(half[2].scalar_type(), at::kFloat);
  EXPECT_LE(Error(half[0], exact[0]), 1e-3);
  for (std::size_t i = 0; i < exact.size(); ++i) {
    EXPECT_LE(Error(single[i], exact[i]), 2e-6) << i;
    EXPECT_LE(Error(half[i], exact[i]), 1.5e-2) << i;
    EXPECT_GT(Error(half[i], exact[i]), 0) << i;
  }
}

TEST(ChunkedVocabularyLossTest, WithoutGradientsItGivesTheLossAlone) {
  const LossInputs inputs = MakeLossInputs(20);
  const double expected = Plain(Cast(inputs, at::kDouble, at::kDouble))[0].item<double>();
  const at::NoGradGuard no_grad;
  const at::Tensor loss =
      ChunkedVocabularyLoss(inputs.hidden_MC, inputs.weight_VC, inputs.bias_V, inputs.targets_M);
  EXPECT_FALSE(loss.requires_grad());
  at::Tensor losses_M;
  ChunkedVocabularyLoss(inputs.hidden_MC, inputs.weight_VC, inputs.bias_V, inputs.targets_M,
                        {.logit_bytes = 1}, &losses_M);
  EXPECT_LE(Error(losses_M, at::cross_entropy_loss(
                                at::linear(inputs.hidden_MC, inputs.weight_VC, inputs.bias_V),
                                inputs.targets_M, {}, at::Reduction::None)),
            1e-11);
  EXPECT_NEAR(loss.item<double>(), expected, 1e-11 * expected);
}

// ---- The encoder

struct Batch {
  at::Tensor tokens_BT;
  at::Tensor targets_BT;
};

Batch MakeBatch(const std::vector<std::int64_t>& lengths, std::int64_t columns) {
  const auto rows = static_cast<std::int64_t>(lengths.size());
  Batch batch{at::ones({rows, columns}, at::kLong), at::full({rows, columns}, -1, at::kLong)};
  Rng rng(1, "batch");
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t column = 0; column < lengths[static_cast<std::size_t>(row)]; ++column) {
      batch.tokens_BT[row][column] = static_cast<std::int64_t>(4 + rng.Below(36));
      if (rng.Below(3) == 0)
        batch.targets_BT[row][column] = static_cast<std::int64_t>(rng.Below(40));
    }
  }
  return batch;
}

/// Of one pass with its own leaves: the loss, the hidden states, every gradient.
struct Result3 {
  at::Tensor loss;
  at::Tensor hidden_BTC;
  std::vector<NamedTensor> gradients;
};

Result3 Finish(const MlmModel& model, const at::Tensor& loss, const at::Tensor& hidden_BTC) {
  loss.backward();
  Result3 result{loss.detach(), hidden_BTC.detach(), {}};
  for (const NamedTensor& parameter : Parameters(model)) {
    result.gradients.push_back({parameter.name, parameter.tensor.grad()});
  }
  return result;
}

Result3 RunPlain(const MlmModel& weights, const Batch& batch, bool dropout) {
  const MlmModel model = WithOwnGradients(weights);
  DropoutRng rng(77);
  const at::Tensor hidden_BTC =
      Encode(model.encoder, batch.tokens_BT, {.dropout = dropout ? &rng : nullptr, .plain = true})
          .hidden_BTC;
  const at::Tensor rows_M = batch.targets_BT.flatten().ge(0).nonzero().squeeze(1);
  const at::Tensor loss = at::cross_entropy_loss(
      MlmLogits(model, hidden_BTC.flatten(0, 1).index_select(0, rows_M)),
      batch.targets_BT.flatten().index_select(0, rows_M), {}, at::Reduction::Sum);
  return Finish(model, loss, hidden_BTC);
}

Result3 RunUnpadded(const MlmModel& weights, const Batch& batch, GpuEncodeOptions options,
                    bool dropout) {
  const MlmModel model = WithOwnGradients(weights);
  const PackedTokens tokens = PackTokens(model.encoder, batch.tokens_BT, batch.targets_BT);
  at::Tensor hidden_BTC;
  {
    const at::NoGradGuard no_grad;
    DropoutRng rng(77);
    options.dropout = dropout ? &rng : nullptr;
    hidden_BTC = Unpack(tokens, EncodeUnpadded(model.encoder, tokens, options).hidden_NC);
  }
  DropoutRng rng(77);
  options.dropout = dropout ? &rng : nullptr;
  return Finish(model, UnpaddedMlmLoss(model, tokens, options), hidden_BTC);
}

const std::vector<std::int64_t> kWhole = {19, 19, 19};
const std::vector<std::int64_t> kPadded = {17, 5, 1, 0, 16};

TEST(GpuEncoderTest, WithKeyedDropoutItIsThePlainPathWithAndWithoutPadding) {
  const MlmModel model = InitMlmModel(TinyShape(), 3);
  for (const auto& lengths : {kWhole, kPadded}) {
    for (const bool dropout : {false, true}) {
      const Batch batch = MakeBatch(lengths, 19);
      const Result3 plain = RunPlain(model, batch, dropout);
      const Result3 found =
          RunUnpadded(model, batch, {.dropout_path = DropoutPath::kKeyed}, dropout);
      EXPECT_LE(Error(found.loss, plain.loss), 2e-6);
      EXPECT_LE(Error(found.hidden_BTC, plain.hidden_BTC), 1e-5) << "dropout " << dropout;
      for (std::size_t i = 0; i < plain.gradients.size(); ++i) {
        EXPECT_LE(Error(found.gradients[i].tensor, plain.gradients[i].tensor), 5e-5)
            << plain.gradients[i].name << ", dropout " << dropout;
      }
    }
  }
}

TEST(GpuEncoderTest, Bfloat16ProductsStayNearFloat32AndLeaveFloat32Gradients) {
  const MlmModel model = InitMlmModel(TinyShape(), 3);
  for (const bool dropout : {false, true}) {
    const Batch batch = MakeBatch(kPadded, 19);
    const Result3 plain = RunPlain(model, batch, dropout);
    const Result3 found =
        RunUnpadded(model, batch, {.dropout_path = DropoutPath::kKeyed, .bfloat16 = true}, dropout);
    EXPECT_LE(Error(found.loss, plain.loss), 5e-3);
    EXPECT_LE(Error(found.hidden_BTC, plain.hidden_BTC), 3e-2);
    for (std::size_t i = 0; i < plain.gradients.size(); ++i) {
      const at::Tensor a = found.gradients[i].tensor.flatten();
      const at::Tensor b = plain.gradients[i].tensor.flatten();
      EXPECT_EQ(a.scalar_type(), at::kFloat);
      const double cosine = (at::dot(a, b) / (a.norm() * b.norm())).item<double>();
      EXPECT_GT(cosine, 0.998) << plain.gradients[i].name;
    }
  }
}

TEST(GpuEncoderTest, CheckpointedLayersGiveTheSameBits) {
  const MlmModel model = InitMlmModel(TinyShape(), 3);
  const Batch batch = MakeBatch(kPadded, 19);
  for (const bool bfloat16 : {false, true}) {
    for (const DropoutPath path : {DropoutPath::kKeyed, DropoutPath::kGenerator}) {
      GpuEncodeOptions options{.dropout_path = path, .bfloat16 = bfloat16};
      const Result3 kept = RunUnpadded(model, batch, options, true);
      options.checkpoint_layers = true;
      const Result3 again = RunUnpadded(model, batch, options, true);
      EXPECT_TRUE(at::equal(kept.loss, again.loss));
      for (std::size_t i = 0; i < kept.gradients.size(); ++i) {
        EXPECT_TRUE(at::equal(kept.gradients[i].tensor, again.gradients[i].tensor))
            << kept.gradients[i].name << " bfloat16 " << bfloat16;
      }
    }
  }
}

// Without checkpoints a layer holds at least what its products and GELU were given: the context,
// the states after attention, and the feed-forward part's two wide states.
TEST(GpuEncoderTest, CheckpointedLayersHoldLessForTheBackwardPass) {
  const MlmModel model = InitMlmModel(TinyShape(), 3);
  const PackedTokens tokens = PackTokens(model.encoder, MakeBatch(kPadded, 19).tokens_BT);
  const ModelSettings& settings = model.encoder.shape.settings;
  for (const bool bfloat16 : {false, true}) {
    for (const DropoutPath path : {DropoutPath::kKeyed, DropoutPath::kGenerator}) {
      const auto held = [&](bool checkpoint) {
        const MlmModel own = WithOwnGradients(model);  // also of the weights cast to bfloat16
        return BytesHeldAfter([&] {
          DropoutRng rng(77);
          return EncodeUnpadded(own.encoder, tokens,
                                {.dropout = &rng,
                                 .dropout_path = path,
                                 .bfloat16 = bfloat16,
                                 .checkpoint_layers = checkpoint})
              .hidden_NC;
        });
      };
      const std::int64_t elements =
          tokens.ids_N.size(0) * 2 * (settings.hidden + settings.feed_forward);
      EXPECT_GE(held(false) - held(true), settings.layers * elements * (bfloat16 ? 2 : 4))
          << "bfloat16 " << bfloat16;
    }
  }
}

TEST(GpuEncoderTest, TheGeneratorsDropoutIsThatOfItsKeysAlone) {
  const MlmModel model = InitMlmModel(TinyShape(), 3);
  const Batch batch = MakeBatch(kWhole, 19);
  const Result3 first = RunUnpadded(model, batch, {}, true);
  at::randn({100});  // other use of the generator in between
  const Result3 again = RunUnpadded(model, batch, {}, true);
  EXPECT_TRUE(at::equal(first.loss, again.loss));
  EXPECT_NE(first.loss.item<float>(), RunUnpadded(model, batch, {}, false).loss.item<float>());
}

TEST(GpuEncoderTest, AllLayersAreThoseOfThePlainPath) {
  const MlmModel model = InitMlmModel(TinyShape(), 3);
  const at::NoGradGuard no_grad;
  const Batch batch = MakeBatch(kPadded, 19);
  const auto plain =
      Encode(model.encoder, batch.tokens_BT, {.plain = true, .all_layers = true}).layers_BTC;
  const PackedTokens tokens = PackTokens(model.encoder, batch.tokens_BT);
  const auto found = EncodeUnpadded(model.encoder, tokens, {.all_layers = true}).layers_NC;
  ASSERT_EQ(found.size(), plain.size());
  for (std::size_t i = 0; i < plain.size(); ++i) {
    EXPECT_LE(Error(Unpack(tokens, found[i]), plain[i]), 1e-5) << i;
  }
}

TEST(GpuEncoderTest, PackingRefusesWhatTheTablesDoNotHold) {
  const MlmModel model = InitMlmModel(TinyShape(), 3);
  const auto message = [&](const at::Tensor& tokens,
                           const at::Tensor& targets = {}) -> std::string {
    try {
      PackTokens(model.encoder, tokens, targets);
    } catch (const c10::Error& error) {
      return error.what_without_backtrace();
    }
    return "";
  };
  EXPECT_THAT(message(at::full({1, 4}, 40, at::kLong)), HasSubstr("token id 40: the table has 40"));
  EXPECT_THAT(message(at::full({1, 30}, 5, at::kLong)),
              HasSubstr("a sequence of 30 tokens, but the model has positions for 22"));
  EXPECT_THAT(message(at::full({1, 4}, 5, at::kLong), at::full({1, 4}, 41, at::kLong)),
              HasSubstr("target 41"));
  EXPECT_THAT(message(at::full({4}, 5, at::kLong)), HasSubstr("[B, T]"));
}

TEST(GpuEncoderTest, FlashAttentionIsChosenOnlyWhereItHasAKernel) {
  const auto best = [](std::int64_t head_width, bool cuda = true,
                       at::ScalarType products = at::kBFloat16,
                       DropoutPath dropout = DropoutPath::kGenerator) {
    return ChooseAttention({.dropout_path = dropout}, cuda, products, head_width);
  };
  for (const std::int64_t width : {8, 64, 72, 256}) {
    EXPECT_EQ(best(width), AttentionPath::kFlash) << width;
  }
  for (const std::int64_t width : {1, 4, 20, 60, 65, 250, 264}) {
    EXPECT_EQ(best(width), AttentionPath::kAten) << width;
  }
  EXPECT_EQ(best(64, /*cuda=*/false), AttentionPath::kAten);
  EXPECT_EQ(best(64, true, at::kFloat), AttentionPath::kAten);
  EXPECT_EQ(best(64, true, at::kBFloat16, DropoutPath::kKeyed), AttentionPath::kAten);
}

TEST(GpuEncoderTest, FlashAttentionAskedForWhereItCannotRunIsAnErrorThatSaysWhy) {
  const GpuEncodeOptions asked{.attention = AttentionPath::kFlash};
  EXPECT_EQ(ChooseAttention(asked, true, at::kBFloat16, 64), AttentionPath::kFlash);
  try {
    ChooseAttention(asked, true, at::kBFloat16, 60);
    FAIL() << "no error";
  } catch (const c10::Error& error) {
    EXPECT_THAT(error.what_without_backtrace(), HasSubstr("multiple of 8"));
    EXPECT_THAT(error.what_without_backtrace(), HasSubstr("width 60"));
  }
  EXPECT_THROW(ChooseAttention(asked, false, at::kBFloat16, 64), c10::Error);
  EXPECT_THROW(ChooseAttention(asked, true, at::kFloat, 64), c10::Error);
}

TEST(GpuEncoderTest, FlashAttentionOverPackedSequencesHasAGradient) {
  // torch::autograd::generated::FlashAttentionBackward0::apply: autograd's own formula of
  // at::_flash_attention_forward, which Attention() relies on and no CPU can run.
  EXPECT_NE(::dlsym(RTLD_DEFAULT,
                    "_ZN5torch8autograd9generated23FlashAttentionBackward05applyEOSt6vectorIN2at6"
                    "TensorESaIS5_EE"),
            nullptr);
}

TEST(WeightCopiesTest, AWeightIsCastAgainOnlyAfterItWasWrittenTo) {
  WeightCopies copies;
  const at::Tensor weight = at::ones({4, 4}).requires_grad_(true);
  const at::Tensor first = copies.Of(weight, at::kBFloat16);
  EXPECT_TRUE(first.is_same(copies.Of(weight, at::kBFloat16)));
  EXPECT_EQ(copies.casts(), 1);
  EXPECT_EQ(first.scalar_type(), at::kBFloat16);
  const at::NoGradGuard no_grad;
  weight.detach().copy_(at::full({4, 4}, 7.0));  // as a checkpoint is restored
  EXPECT_EQ(copies.Of(weight, at::kBFloat16)[0][0].item<float>(), 7.0F);
  EXPECT_EQ(copies.casts(), 2);
  EXPECT_TRUE(copies.Of(weight, at::kFloat).is_alias_of(weight));
}

TEST(CheckpointedTest, InputsWithoutGradientAndUnusedOutputsAreNoTrouble) {
  const at::Tensor weight = at::full({3}, 2.0).requires_grad_(true);
  const at::Tensor input = at::arange(3, at::kFloat).requires_grad_(true);
  const at::Tensor index = at::arange(3, at::kLong);
  int calls = 0;
  const auto function = [&](const std::vector<at::Tensor>& in) {
    ++calls;
    return std::vector<at::Tensor>{in[0].index_select(0, in[1]) * weight, in[0].exp()};
  };
  const auto out = Checkpointed(function, {input, index}, {weight});
  EXPECT_EQ(calls, 1);
  out[0].sum().backward();
  EXPECT_EQ(calls, 2);
  EXPECT_TRUE(at::equal(input.grad(), at::full({3}, 2.0)));
  EXPECT_TRUE(at::equal(weight.grad(), at::arange(3, at::kFloat)));
  {
    const at::NoGradGuard no_grad;
    EXPECT_FALSE(Checkpointed(function, {input, index}, {weight})[0].requires_grad());
  }
}

}  // namespace
}  // namespace repro
