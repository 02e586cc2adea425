#include "experiments/model/encoder.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "core/base/rng.h"
#include "experiments/model/fused_layer.h"
#include "experiments/model/gpu_encoder.h"
#include "experiments/model/normal.h"
#include "experiments/text/vocabulary.h"

namespace repro {
namespace {

// A padding mask for attention: [B, 1, 1, T] with kNever at padding, or undefined when there is
// none.
at::Tensor AttentionBias(const at::Tensor& padding_BT, at::ScalarType type) {
  if (!padding_BT.any().item<bool>()) return {};
  const at::Tensor bias_BT = at::zeros(padding_BT.sizes(), padding_BT.options().dtype(type));
  return bias_BT.masked_fill(padding_BT, kNever).unsqueeze(1).unsqueeze(1);
}

// Tokens of each row, padding left out.
std::vector<std::int64_t> Lengths(const at::Tensor& tokens_BT) {
  const at::Tensor lengths_B = tokens_BT.ne(kPadId).sum(1).cpu();
  const std::int64_t* lengths = lengths_B.const_data_ptr<std::int64_t>();
  return {lengths, lengths + lengths_B.size(0)};
}

at::Tensor ApplyLayerNorm(const at::Tensor& x, const LayerNormWeights& norm, double eps) {
  return at::layer_norm(x, {x.size(-1)}, norm.weight_C, norm.bias_C, eps);
}

// Heads in the middle: D = C / A. Written out where probabilities fall out, so that the mask is
// keyed by sequence.
at::Tensor Attention(const at::Tensor& qkv_BT3C, const at::Tensor& bias,
                     const std::vector<std::int64_t>& lengths, std::int64_t heads, double dropout,
                     DropoutRng* rng) {
  const std::int64_t batch = qkv_BT3C.size(0);
  const std::int64_t length = qkv_BT3C.size(1);
  const std::int64_t width = qkv_BT3C.size(2) / 3;
  const std::vector<at::Tensor> parts =
      qkv_BT3C.view({batch, length, 3, heads, width / heads}).permute({2, 0, 3, 1, 4}).unbind(0);
  at::Tensor context_BHTD;
  if (rng != nullptr && dropout > 0) {
    const std::int64_t head_width = width / heads;
    const double scale = 1.0 / std::sqrt(static_cast<double>(head_width));
    at::Tensor scores_BHTT = at::matmul(parts[0] * scale, parts[1].transpose(-2, -1));
    if (bias.defined()) scores_BHTT = scores_BHTT + bias;
    const at::Tensor weights_BHTT =
        AttentionDropout(at::softmax(scores_BHTT, -1), lengths, dropout, rng);
    context_BHTD = at::matmul(weights_BHTT, parts[2]);
  } else {
    const std::optional<at::Tensor> mask =
        bias.defined() ? std::optional<at::Tensor>(bias) : std::nullopt;
    context_BHTD = at::scaled_dot_product_attention(parts[0], parts[1], parts[2], mask);
  }
  return context_BHTD.transpose(1, 2).reshape({batch, length, width});
}

at::Tensor ApplyLayer(const EncoderLayer& layer, const ModelSettings& settings,
                      const at::Tensor& hidden_BTC, const at::Tensor& bias,
                      const std::vector<std::int64_t>& lengths, DropoutRng* rng) {
  const at::Tensor context_BTC = Attention(ApplyLinear(hidden_BTC, layer.qkv), bias, lengths,
                                           settings.heads, settings.attention_dropout, rng);
  const at::Tensor attended_BTC = ApplyLayerNorm(
      hidden_BTC + Dropout(ApplyLinear(context_BTC, layer.attention_output), settings.dropout, rng),
      layer.attention_norm, settings.layer_norm_eps);
  const at::Tensor activation_BTF = at::gelu(ApplyLinear(attended_BTC, layer.intermediate));
  return ApplyLayerNorm(
      attended_BTC + Dropout(ApplyLinear(activation_BTF, layer.output), settings.dropout, rng),
      layer.output_norm, settings.layer_norm_eps);
}

// Word, position and (where there is one) token type embeddings, LayerNorm, dropout. Ids of any
// shape. The rows of <pad> get no gradient here, as in fairseq and transformers.
at::Tensor Embed(const Encoder& encoder, const at::Tensor& ids, const at::Tensor& positions,
                 DropoutRng* rng) {
  at::Tensor embedded = at::embedding(encoder.word_embeddings_VC, ids, kPadId) +
                        at::embedding(encoder.position_embeddings_PC, positions, kPadId);
  if (encoder.token_type_1C.defined()) embedded = embedded + encoder.token_type_1C;
  const ModelSettings& settings = encoder.shape.settings;
  return Dropout(ApplyLayerNorm(embedded, encoder.embedding_norm, settings.layer_norm_eps),
                 settings.dropout, rng);
}

EncoderOutput EncodePlain(const Encoder& encoder, const at::Tensor& tokens_BT,
                          const EncodeOptions& options) {
  const ModelSettings& settings = encoder.shape.settings;
  const at::Tensor padding_BT = tokens_BT.eq(kPadId);
  const std::vector<std::int64_t> lengths = Lengths(tokens_BT);
  at::Tensor hidden_BTC = Embed(encoder, tokens_BT, PositionIds(tokens_BT), options.dropout);
  const at::Tensor bias = AttentionBias(padding_BT, hidden_BTC.scalar_type());
  EncoderOutput output;
  const auto without_padding = [&](const at::Tensor& states_BTC) {
    return bias.defined() && !options.padding_states
               ? states_BTC.masked_fill(padding_BT.unsqueeze(-1), 0)
               : states_BTC;
  };
  if (options.all_layers) output.layers_BTC.push_back(without_padding(hidden_BTC));
  for (const EncoderLayer& layer : encoder.layers) {
    hidden_BTC = ApplyLayer(layer, settings, hidden_BTC, bias, lengths, options.dropout);
    if (options.all_layers) output.layers_BTC.push_back(without_padding(hidden_BTC));
  }
  output.hidden_BTC = options.all_layers ? output.layers_BTC.back() : without_padding(hidden_BTC);
  return output;
}

/// On the CPU: sequences one after the other without their padding.
struct PackedBatch {
  std::shared_ptr<const PackedSequences> sequences;
  at::Tensor ids_N;
  at::Tensor positions_N;
  at::Tensor rows_N;  ///< of the tokens among B x T; undefined without padding
};

PackedBatch PackBatch(const at::Tensor& tokens_BT, std::int64_t heads) {
  PackedBatch batch{.sequences = PackSequences(Lengths(tokens_BT), heads),
                    .ids_N = tokens_BT.flatten(),
                    .positions_N = PositionIds(tokens_BT).flatten(),
                    .rows_N = {}};
  if (batch.sequences->starts.back() < tokens_BT.numel()) {
    batch.rows_N = tokens_BT.ne(kPadId).flatten().nonzero().squeeze(1);
    batch.ids_N = batch.ids_N.index_select(0, batch.rows_N);
    batch.positions_N = batch.positions_N.index_select(0, batch.rows_N);
  }
  return batch;
}

// Layers as fused operations.
EncoderOutput EncodePacked(const Encoder& encoder, const at::Tensor& tokens_BT,
                           const EncodeOptions& options) {
  const ModelSettings& settings = encoder.shape.settings;
  const PackedBatch batch = PackBatch(tokens_BT, settings.heads);
  const auto unpacked = [&](const at::Tensor& states_NC) {
    return Unpack(tokens_BT.size(0), tokens_BT.size(1), batch.rows_N, states_NC);
  };
  at::Tensor hidden_NC =
      FusedEmbedding(encoder, batch.ids_N, batch.positions_N, batch.sequences, options.dropout);
  EncoderOutput output;
  if (options.all_layers) output.layers_BTC.push_back(unpacked(hidden_NC));
  for (const EncoderLayer& layer : encoder.layers) {
    hidden_NC = FusedLayer(layer, settings, hidden_NC, batch.sequences, options.dropout,
                           encoder.bfloat16_products, encoder.checkpoint_layers);
    if (options.all_layers) output.layers_BTC.push_back(unpacked(hidden_NC));
  }
  output.hidden_BTC = options.all_layers ? output.layers_BTC.back() : unpacked(hidden_NC);
  return output;
}

// Which of the packed tokens lie at these places.
std::vector<std::int64_t> PackedRows(const at::Tensor& tokens_BT, const at::Tensor& places_M) {
  const at::Tensor real_N = tokens_BT.ne(kPadId).flatten();
  TORCH_CHECK(real_N.index_select(0, places_M).all().item<bool>(), "a chosen place is padding");
  const at::Tensor rows_M = (real_N.cumsum(0) - 1).index_select(0, places_M);
  const std::int64_t* rows = rows_M.const_data_ptr<std::int64_t>();
  std::vector<std::int64_t> list(rows, rows + rows_M.size(0));
  TORCH_CHECK(std::is_sorted(list.begin(), list.end(), std::less_equal<>()),
              "chosen places are not strictly ascending");
  return list;
}

// The last layer for the chosen places alone.
at::Tensor EncodePackedAt(const Encoder& encoder, const at::Tensor& tokens_BT,
                          const at::Tensor& places_M, DropoutRng* dropout) {
  const ModelSettings& settings = encoder.shape.settings;
  const PackedBatch batch = PackBatch(tokens_BT, settings.heads);
  const auto chosen =
      ChooseTokens(*batch.sequences, PackedRows(tokens_BT, places_M), settings.heads);
  at::Tensor hidden =
      FusedEmbedding(encoder, batch.ids_N, batch.positions_N, batch.sequences, dropout);
  for (const EncoderLayer& layer : encoder.layers) {
    const bool last = &layer == &encoder.layers.back();
    hidden =
        FusedLayer(layer, settings, hidden, batch.sequences, dropout, encoder.bfloat16_products,
                   encoder.checkpoint_layers, last ? chosen : nullptr);
  }
  return hidden;
}

EncoderOutput EncodeOnGpu(const Encoder& encoder, const at::Tensor& tokens_BT,
                          const EncodeOptions& options) {
  const PackedTokens tokens = PackTokens(encoder, tokens_BT);
  GpuEncodeOptions gpu = DefaultGpuOptions(encoder, options.dropout);
  gpu.all_layers = options.all_layers;
  const UnpaddedOutput states = EncodeUnpadded(encoder, tokens, gpu);
  EncoderOutput output{Unpack(tokens, states.hidden_NC), {}};
  for (const at::Tensor& layer_NC : states.layers_NC) {
    output.layers_BTC.push_back(Unpack(tokens, layer_NC));
  }
  return output;
}

void CheckTokens(const Encoder& encoder, const at::Tensor& tokens_BT) {
  TORCH_CHECK(tokens_BT.dim() == 2 && tokens_BT.scalar_type() == at::kLong,
              "expected int64 tokens of shape [B, T], got ", tokens_BT.scalar_type(), " of ",
              tokens_BT.sizes());
  // The first token has position 2, so two rows of the table are never a token's.
  TORCH_CHECK(tokens_BT.size(1) + 2 <= encoder.shape.max_positions || tokens_BT.numel() == 0 ||
                  PositionIds(tokens_BT).max().item<std::int64_t>() < encoder.shape.max_positions,
              "sequences of up to ", tokens_BT.size(1), " tokens, but the model has positions for ",
              encoder.shape.max_positions - 2);
}

bool RunsFused(const Encoder& encoder, const at::Tensor& tokens_BT) {
  return tokens_BT.device().is_cpu() && encoder.word_embeddings_VC.device().is_cpu() &&
         encoder.word_embeddings_VC.scalar_type() == at::kFloat;
}

}  // namespace

LinearWeights LinearOfShape(std::int64_t outputs, std::int64_t inputs) {
  return {at::empty({outputs, inputs}, at::kFloat), at::empty({outputs}, at::kFloat)};
}

LayerNormWeights LayerNormOfShape(std::int64_t width) {
  return {at::empty({width}, at::kFloat), at::empty({width}, at::kFloat)};
}

at::Tensor ApplyLinear(const at::Tensor& x, const LinearWeights& linear) {
  return at::linear(x, linear.weight_OI, linear.bias_O);
}

Encoder EncoderOfShape(const ModelShape& shape) {
  const std::int64_t width = shape.settings.hidden;
  TORCH_CHECK(width % shape.settings.heads == 0, "hidden ", width, " is not a multiple of ",
              shape.settings.heads, " heads");
  Encoder encoder;
  encoder.shape = shape;
  encoder.word_embeddings_VC = at::empty({shape.vocab_size, width}, at::kFloat);
  encoder.position_embeddings_PC = at::empty({shape.max_positions, width}, at::kFloat);
  encoder.embedding_norm = LayerNormOfShape(width);
  for (std::int64_t i = 0; i < shape.settings.layers; ++i) {
    encoder.layers.push_back({.qkv = LinearOfShape(3 * width, width),
                              .attention_output = LinearOfShape(width, width),
                              .attention_norm = LayerNormOfShape(width),
                              .intermediate = LinearOfShape(shape.FeedForward(), width),
                              .output = LinearOfShape(width, shape.FeedForward()),
                              .output_norm = LayerNormOfShape(width)});
  }
  return encoder;
}

void InitTensor(const std::string& name, at::Tensor& tensor, double std, std::uint64_t seed) {
  const auto ends_with = [&](std::string_view end) { return name.ends_with(end); };
  if (ends_with("bias")) {
    tensor.zero_();
  } else if (ends_with("LayerNorm.weight") || ends_with("layer_norm.weight")) {
    tensor.fill_(1);
  } else {
    Rng rng(seed, "init " + name);
    float* values = tensor.data_ptr<float>();
    for (std::int64_t i = 0; i < tensor.numel(); ++i) {
      double p = rng.Uniform();
      while (p <= 0) p = rng.Uniform();
      values[i] = static_cast<float>(std * NormalQuantile(p));
    }
    if (ends_with("word_embeddings.weight") || ends_with("position_embeddings.weight")) {
      tensor[kPadId].zero_();
    }
  }
  tensor.requires_grad_(true);
}

Encoder InitEncoder(const ModelShape& shape, std::uint64_t seed) {
  Encoder encoder = EncoderOfShape(shape);
  VisitTensors(encoder, [&](const std::string& name, at::Tensor& tensor) {
    InitTensor(name, tensor, shape.settings.init_std, seed);
  });
  return encoder;
}

at::Tensor PositionIds(const at::Tensor& tokens_BT) {
  const at::Tensor real_BT = tokens_BT.ne(kPadId).to(at::kLong);
  return at::cumsum(real_BT, 1) * real_BT + kPadId;
}

EncoderOutput Encode(const Encoder& encoder, const at::Tensor& tokens_BT,
                     const EncodeOptions& options) {
  CheckTokens(encoder, tokens_BT);
  const bool plain = options.plain || options.padding_states;
  if (!plain && encoder.word_embeddings_VC.is_cuda()) {
    return EncodeOnGpu(encoder, tokens_BT, options);
  }
  return !plain && RunsFused(encoder, tokens_BT) ? EncodePacked(encoder, tokens_BT, options)
                                                 : EncodePlain(encoder, tokens_BT, options);
}

at::Tensor EncodeAt(const Encoder& encoder, const at::Tensor& tokens_BT, const at::Tensor& places_M,
                    DropoutRng* dropout) {
  CheckTokens(encoder, tokens_BT);
  if (RunsFused(encoder, tokens_BT) && !encoder.layers.empty() && places_M.numel() > 0) {
    return EncodePackedAt(encoder, tokens_BT, places_M, dropout);
  }
  const at::Tensor hidden_BTC = Encode(encoder, tokens_BT, {.dropout = dropout}).hidden_BTC;
  return hidden_BTC.reshape({-1, hidden_BTC.size(2)}).index_select(0, places_M);
}

}  // namespace repro
