#pragma once
/// Softmax cross-entropy over a large vocabulary as one differentiable operation, of ATen
/// operations, for any device and floating type; the CPU's float32 twin of cpu_kernels.h is
/// FusedVocabularyLoss.
///
/// Logits exist for a chunk of rows at a time: memory does not grow with rows times vocabulary.
/// The gradients are computed with the chunk's logits at hand, not recomputed in the backward pass:
/// that costs a third fewer products, and no memory, because the backward pass begins here, when
/// every activation of the encoder is still alive and the weight's gradient has to be written
/// anyway.

#include <cstdint>

#include <ATen/ATen.h>

#include "experiments/cuda/kernels.h"

namespace repro {

struct ChunkedLossOptions {
  /// The weight in hidden_MC's type, for the products; undefined: it is cast here. The gradient
  /// goes to the weight itself.
  at::Tensor product_weight_VC{};
  /// Bytes of the logits of a chunk, in the accumulation type; twice that is alive at a time. 0: 1
  /// GiB on a GPU, where every chunk reads and writes the whole gradient of the weight (768 MB at
  /// Base size), and 32 MiB on the CPU, near the last cache.
  std::int64_t logit_bytes = 0;
  /// CUDA tensors only: the kernel for softmax, loss and their gradient, where one is switched on.
  const GpuKernels* kernels = nullptr;
};

/// Sum over rows of -log softmax(hidden_MC weight_VC^T + bias_V)[target], nats: a scalar of the
/// accumulation type, which is float32 (float64 for float64). A row with a negative target counts
/// nothing and gets no gradient. Products take factors of hidden_MC's type and add up in the
/// accumulation type; so do softmax, loss, and the gradients of weight and bias. The gradient of
/// hidden_MC has its type. The backward pass can run once; a second one throws c10::Error. Reads no
/// value back from the device. `losses_M`: also each row's loss.
at::Tensor ChunkedVocabularyLoss(const at::Tensor& hidden_MC, const at::Tensor& weight_VC,
                                 const at::Tensor& bias_V, const at::Tensor& targets_M,
                                 const ChunkedLossOptions& options = {},
                                 at::Tensor* losses_M = nullptr);

/// a times b with the sums kept in float32 (float64 for float64): for factors of 16 bits what their
/// own product would round.
at::Tensor AccumulatedProduct(const at::Tensor& a, const at::Tensor& b);

/// float64 for float64, float32 for all else.
at::ScalarType AccumulationType(at::ScalarType type);

}  // namespace repro
