#pragma once
/// The encoder layer and the vocabulary loss on the CPU as one differentiable operation each, made
/// of cpu_kernels.h and matrix products. They keep what the backward pass needs and nothing else.
/// float32 only. N: tokens of all sequences one after the other, without padding.

#include <memory>

#include "experiments/model/encoder.h"

namespace repro {

/// Where each sequence lies among the N tokens, and where its attention weights lie.
struct PackedSequences {
  std::vector<std::int64_t> starts;  ///< B + 1: sequence b has tokens starts[b] .. starts[b + 1]
  std::vector<std::int64_t> weight_starts;  ///< B + 1: the same for heads * tokens^2 weights

  std::int64_t size() const { return static_cast<std::int64_t>(starts.size()) - 1; }  ///< B
};
std::shared_ptr<const PackedSequences> PackSequences(const std::vector<std::int64_t>& lengths,
                                                     std::int64_t heads);

/// Tokens that a layer is asked for, of which there may be fewer than tokens that it sees.
struct ChosenTokens {
  std::vector<std::int64_t> rows;           ///< ascending, of the N
  std::vector<std::int64_t> within;         ///< the same, counted from their sequence's first
  std::vector<std::int64_t> starts;         ///< B + 1: sequence b has rows[starts[b]] ..
  std::vector<std::int64_t> weight_starts;  ///< B + 1: heads * chosen tokens * tokens weights
};
/// `rows`: strictly ascending, of the sequences' tokens.
std::shared_ptr<const ChosenTokens> ChooseTokens(const PackedSequences& sequences,
                                                 std::vector<std::int64_t> rows,
                                                 std::int64_t heads);

/// Word and position embeddings (and the token type's, where there is one), LayerNorm, dropout:
/// ids_N, positions_N -> hidden_NC. Takes one use of `rng`. Throws c10::Error on an id or position
/// outside its table.
at::Tensor FusedEmbedding(const Encoder& encoder, const at::Tensor& ids_N,
                          const at::Tensor& positions_N,
                          const std::shared_ptr<const PackedSequences>& sequences, DropoutRng* rng);

/// hidden_NC -> hidden_NC through one layer. With `checkpoint` only
/// hidden_NC is kept for the backward pass, and the layer computed again there. Takes three uses of
/// `rng`, in the order of the plain path. With `chosen`: -> hidden_MC, the chosen tokens' rows, the
/// same values; q, k and v are computed for all tokens, all else for these.
at::Tensor FusedLayer(const EncoderLayer& layer, const ModelSettings& settings,
                      const at::Tensor& hidden_NC,
                      const std::shared_ptr<const PackedSequences>& sequences, DropoutRng* rng,
                      bool bfloat16 = false, bool checkpoint = false,
                      const std::shared_ptr<const ChosenTokens>& chosen = nullptr);

/// Sum over rows of -log softmax(hidden_MC weight_VC^T + bias_V)[target], nats. Logits are made a
/// block of columns at a time and kept for the backward pass as long as they stay small. Under
/// backward() the gradient of a leaf weight_VC is added to its .grad() in place. `losses_M`: also
/// each row's loss, float64.
at::Tensor FusedVocabularyLoss(const at::Tensor& hidden_MC, const at::Tensor& weight_VC,
                               const at::Tensor& bias_V, const at::Tensor& targets_M,
                               bool bfloat16 = false, at::Tensor* losses_M = nullptr);

}  // namespace repro
