#pragma once
/// Dropout with keyed random numbers: which elements fall out depends only on (seed, how many uses
/// came before), never on thread count, batch split or what ran earlier in the process. So a
/// resumed run draws what an undisturbed one does.

#include <cstdint>

#include <ATen/ATen.h>

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

/// Elements are kept with probability 1 - p and scaled by 1 / (1 - p); p is rounded to a multiple
/// of 2^-16. Threshold and scale that the CPU kernels share.
struct DropoutRule {
  explicit DropoutRule(double p);
  std::uint32_t threshold;  ///< an element falls out when its 16 random bits are below this
  float scale;              ///< 1 / (1 - threshold / 65536)
};

/// The scaled keep mask (0 or `scale`) of `count` elements, in order, on the CPU. Pure in (key,
/// rule).
void FillDropoutMask(std::uint64_t key, const DropoutRule& rule, float* mask, std::int64_t count);

/// Inverted dropout of any tensor on any device; differentiable. `rng` null or p 0: returns `x`
/// itself.
at::Tensor Dropout(const at::Tensor& x, double p, DropoutRng* rng);

}  // namespace repro
