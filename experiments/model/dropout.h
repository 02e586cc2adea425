#pragma once
/// Dropout with keyed random numbers: which elements of a sequence fall out depends only on (seed
/// of the update, the sequence's number in it, which use of dropout in the network, the element's
/// place in the sequence). Never on thread count, on which sequences share a micro-batch or a
/// process, or on what ran earlier. So a resumed run, one with halved micro-batches and one on
/// several processes draw what an undisturbed one does.

#include <cstdint>
#include <vector>

#include <ATen/ATen.h>

#include "experiments/model/cpu_kernels.h"

namespace repro {

/// One use of dropout over the rows (sequences) of a batch: elements are kept with probability
/// 1 - p and scaled by 1 / (1 - p), p rounded to a multiple of 2^-16.
struct SequenceDropout {
  std::uint32_t threshold = 0;  ///< p * 65536; 0: all are kept
  float scale = 1;
  std::vector<std::uint64_t> keys{};  ///< one a row; empty where all are kept

  bool Drops() const { return threshold != 0; }
  /// The mask of one row; elements are numbered from its first.
  DropoutMask OfRow(std::size_t row) const {
    if (!Drops()) return {};
    return {.key = keys[row], .threshold = threshold, .scale = scale};
  }
};

/// Hands out the keys, use after use. Make a new one for every micro-batch, with the seed of the
/// update. A null `DropoutRng*` means evaluation: nothing falls out. Not shared between threads.
class DropoutRng {
 public:
  /// `sequences`: the number of each row of the batch within its update. Empty: rows are numbered
  /// from 0.
  explicit DropoutRng(std::uint64_t seed, std::vector<std::int64_t> sequences = {})
      : seed_(seed), sequences_(std::move(sequences)) {}

  /// The next use, for `rows` sequences. With p 0 no use is counted.
  SequenceDropout Next(double p, std::int64_t rows);

 private:
  std::uint64_t seed_;
  std::vector<std::int64_t> sequences_;
  std::uint64_t uses_ = 0;
};

/// Next(), or nothing dropped where `rng` is null.
SequenceDropout NextDropout(double p, std::int64_t rows, DropoutRng* rng);

/// 0 or the scale for elements first .. first + count of a row, on the CPU. Pure.
void FillDropoutMask(const DropoutMask& dropout, std::int64_t first, std::int64_t count,
                     float* mask);

/// Inverted dropout of x[B, ...] on any device, one key a row; differentiable. `rng` null or p 0:
/// returns `x` itself. The masks are made on the CPU, so every device drops the same elements.
at::Tensor Dropout(const at::Tensor& x, double p, DropoutRng* rng);

/// Inverted dropout of attention weights [B, heads, T, T], where row b has `lengths[b]` tokens and
/// then padding. Elements are numbered as if the padding were not there.
at::Tensor AttentionDropout(const at::Tensor& weights_BHTT,
                            const std::vector<std::int64_t>& lengths, double p, DropoutRng* rng);

}  // namespace repro
