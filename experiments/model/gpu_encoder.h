#pragma once
/// The encoder and the masked-language-modelling loss as a GPU wants them: tokens of all sequences
/// one after the other without padding, matrix products in bfloat16 from float32 weights, fused
/// attention, no value read back from the device between begin and end. LayerNorm, the residual
/// stream, softmax, losses and the gradients of weights are float32.
///
/// It runs on CPU tensors too, for tests: there attention is ATen's or written out, and products of
/// bfloat16 factors are rounded as on the GPU.
///
/// Letters as in encoder.h; N tokens without padding, M predicted positions.

#include <cstdint>
#include <vector>

#include "experiments/cuda/kernels.h"
#include "experiments/model/heads.h"

namespace repro {

/// A batch without its padding, on the device of the weights.
struct PackedTokens {
  std::int64_t batch = 0;            ///< B
  std::int64_t columns = 0;          ///< T
  std::vector<std::int64_t> starts;  ///< B + 1: sequence b has tokens starts[b] .. starts[b + 1]
  std::int64_t longest = 0;          ///< tokens of the longest sequence
  at::Tensor ids_N;                  ///< int64
  at::Tensor positions_N;            ///< int64: fairseq's, the first of a sequence is 2
  at::Tensor starts_B1;              ///< int32, as `starts`
  at::Tensor sequences_N;            ///< int32: which sequence a token is of
  at::Tensor places_N;               ///< int32: its place there, from 0
  at::Tensor rows_N;     ///< int64: its place among B x T; undefined where nothing is padding
  at::Tensor masked_M;   ///< int64: which of N are predicted
  at::Tensor targets_M;  ///< int64: their ids
  std::int64_t predicted = 0;
};

/// tokens_BT, targets_BT (may be undefined; negative: not predicted): int64, best on the CPU (from
/// a GPU they are copied, which waits for it). Throws c10::Error on an id or length outside the
/// model's tables.
PackedTokens PackTokens(const Encoder& encoder, const at::Tensor& tokens_BT,
                        const at::Tensor& targets_BT = {});

enum class AttentionPath {
  kBest,   ///< kFlash where it can run (ChooseAttention), else kAten
  kAten,   ///< ATen's scaled_dot_product_attention, padding computed, for any width of a head (it
           ///< chooses among its own kernels); written out where weights fall out by key
  kFlash,  ///< flash attention over packed sequences: a GPU, bfloat16, heads of CanUseFlash
};

enum class DropoutPath {
  /// The keyed masks of dropout.h, made on the CPU: the same elements fall out on any device, in
  /// any split into micro-batches and processes, with any AttentionPath but kFlash. Slow on a GPU.
  kKeyed,
  /// The device's generator, seeded for every use of dropout from the DropoutRng: a resumed run or
  /// a recomputed layer draws the same; another layout (micro-batch, processes, device, library)
  /// draws something else.
  kGenerator,
  /// The device's generator as it stands: for CUDA graphs, which may not seed.
  kUnseeded,
};

/// Whether flash attention has a kernel for heads of this width: a multiple of 8 up to 256.
bool CanUseFlash(std::int64_t head_width);

struct GpuEncodeOptions {
  DropoutRng* dropout = nullptr;  ///< null: evaluation
  DropoutPath dropout_path = DropoutPath::kGenerator;
  AttentionPath attention = AttentionPath::kBest;
  bool bfloat16 = false;           ///< factors of matrix products; else the weights' own type
  bool checkpoint_layers = false;  ///< keep a layer's input alone, compute it again in backward
  const GpuKernels* kernels = nullptr;  ///< our own kernels that are switched on; GPU only
  bool all_layers = false;
};

/// kAten or kFlash for states of this kind and width of a head. Throws c10::Error where kFlash is
/// asked for and cannot run.
AttentionPath ChooseAttention(const GpuEncodeOptions& options, bool cuda, at::ScalarType products,
                              std::int64_t head_width);

/// What the encoder's own switches say, and the kernels that are on.
GpuEncodeOptions DefaultGpuOptions(const Encoder& encoder, DropoutRng* dropout);

struct UnpaddedOutput {
  at::Tensor hidden_NC;               ///< the last layer's output, float32
  std::vector<at::Tensor> layers_NC;  ///< with `all_layers`: embeddings, layer 1, ..., layer L
};

/// With kKeyed and without `bfloat16` it computes what Encode's plain path does, to rounding.
UnpaddedOutput EncodeUnpadded(const Encoder& encoder, const PackedTokens& tokens,
                              const GpuEncodeOptions& options = {});

/// states_NC -> states_BTC, 0 at padding. rows_N: the tokens' places among B x T; undefined where
/// nothing is padding.
at::Tensor Unpack(std::int64_t batch, std::int64_t columns, const at::Tensor& rows_N,
                  const at::Tensor& states_NC);
inline at::Tensor Unpack(const PackedTokens& tokens, const at::Tensor& states_NC) {
  return Unpack(tokens.batch, tokens.columns, tokens.rows_N, states_NC);
}

/// Sum of the cross-entropy over the predicted positions, nats, through ChunkedVocabularyLoss.
/// `logit_bytes`: see there. `losses_M`: also each predicted token's loss.
at::Tensor UnpaddedMlmLoss(const MlmModel& model, const PackedTokens& tokens,
                           const GpuEncodeOptions& options = {}, std::int64_t logit_bytes = 0,
                           at::Tensor* losses_M = nullptr);

}  // namespace repro
