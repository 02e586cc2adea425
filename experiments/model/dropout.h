#pragma once
/// Dropout with keyed random numbers: which elements fall out depends only on (seed, how many uses
/// came before), never on thread count, batch split or what ran earlier in the process. So a
/// resumed run draws what an undisturbed one does.

#include <cstdint>

#include <ATen/ATen.h>

#include "experiments/model/cpu_kernels.h"

namespace repro {

/// Hands out one key per use of dropout. Make a new one for every micro-batch, from MixSeed(seed,
/// purpose, update). A null `DropoutRng*` means evaluation: nothing falls out. Not shared between
/// threads.
class DropoutRng {
 public:
  explicit DropoutRng(std::uint64_t seed) : seed_(seed) {}
  /// The key of the next use.
  std::uint64_t NextKey();

 private:
  std::uint64_t seed_;
  std::uint64_t uses_ = 0;
};

/// The mask of the next use: elements are kept with probability 1 - p and scaled by 1 / (1 - p), p
/// rounded to a multiple of 2^-16. Without `rng` or with p 0 all are kept, and no key is used up.
DropoutMask NextDropoutMask(double p, DropoutRng* rng);

/// 0 or the scale for elements 0 .. count of a tensor, in order, on the CPU. Pure, on any thread
/// count.
void FillDropoutMask(const DropoutMask& dropout, float* mask, std::int64_t count);

/// Inverted dropout of any tensor on any device; differentiable. `rng` null or p 0: returns `x`
/// itself.
at::Tensor Dropout(const at::Tensor& x, double p, DropoutRng* rng);

}  // namespace repro
