#pragma once
/// Shape of the XLM-R encoder (paper Table 7; RoBERTa's architecture: post-LN, learned positions
/// from 2, exact GELU, tied input and output embeddings, no language embeddings). No LibTorch here:
/// `repro` counts parameters with it.

#include <cstdint>

#include "core/base/result.h"
#include "core/manifest/fields.h"

namespace repro {

/// Width of a head in every model of BERT's family that the paper names.
inline constexpr std::int64_t kHeadWidth = 64;
inline constexpr std::int64_t kMinHidden = 8;
inline constexpr std::int64_t kMaxHidden = 65'536;

struct ModelSettings {
  std::int64_t layers = 12;       ///< L
  std::int64_t hidden = 768;      ///< H; 0 only in a manifest that states `parameters` instead
  std::int64_t heads = 12;        ///< A; 0 only in a manifest: heads of width kHeadWidth
  std::int64_t feed_forward = 0;  ///< 0: 4 x hidden
  double dropout = 0.1;
  double attention_dropout = 0.1;
  double layer_norm_eps = 1e-5;
  double init_std = 0.02;  ///< weights ~ N(0, init_std)

  template <class V>
  void Visit(V& v) {
    v("layers", layers, Range(1, 200));
    v("hidden", hidden, Range(0, kMaxHidden));
    v("heads", heads, Range(0, 1024));
    v("feed_forward", feed_forward, Range(0, 1'000'000));
    v("dropout", dropout, HalfOpen(0, 1));
    v("attention_dropout", attention_dropout, HalfOpen(0, 1));
    v("layer_norm_eps", layer_norm_eps, Positive());
    v("init_std", init_std, Positive());
  }
};

/// Everything that fixes the tensors' shapes.
struct ModelShape {
  ModelSettings settings;
  std::int64_t vocab_size = 0;     ///< V: rows of the embedding, specials and <mask> included
  std::int64_t max_positions = 0;  ///< rows of the position table: tokens_per_sample + 2

  std::int64_t FeedForward() const {
    return settings.feed_forward > 0 ? settings.feed_forward : 4 * settings.hidden;
  }

  template <class V>
  void Visit(V& v) {
    v("settings", settings);
    v("vocab_size", vocab_size);
    v("max_positions", max_positions);
  }
};

/// Parameters of embeddings and layers, without the LM head (fairseq and transformers count alike:
/// Base 277,452,288 at V 250,002 and 514 positions; Large 558,839,808). Exact.
std::int64_t EncoderParameters(const ModelShape& shape);
/// Parameters of the MLM model: encoder, LM head dense, LayerNorm and output bias (the output
/// matrix is tied).
std::int64_t MlmParameters(const ModelShape& shape);
/// The width at which the MLM model has nearly `parameters` parameters (Figure 6: the total fixed
/// while the vocabulary grows). Searches the multiples of `heads` (of kHeadWidth when `heads` is 0)
/// from kMinHidden to kMaxHidden; `shape.settings.hidden` is not read, all else is as stated. Of
/// two widths as near as each other the smaller. Errors: kInvalidArgument when even the smallest
/// has more, or the largest fewer; the message says how many.
Result<std::int64_t> SolveHidden(ModelShape shape, std::int64_t parameters);

/// Bytes of the weights file's tensors in float32.
std::int64_t WeightBytes(const ModelShape& shape);
/// Bytes of a checkpoint's tensors: float32 weights and two Adam moments.
std::int64_t CheckpointBytes(const ModelShape& shape);

}  // namespace repro
