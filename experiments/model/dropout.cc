#include "experiments/model/dropout.h"

#include <cmath>

#include <ATen/Parallel.h>

#include "core/base/rng.h"

namespace repro {
namespace {

// A counter-based hash, two rounds of multiply and xor-shift ("lowbias32", found by exhaustive
// search over such functions: hash-prospector, public domain). Good enough for dropout, and it
// vectorises.
inline std::uint32_t Mix32(std::uint32_t x) {
  x ^= x >> 16U;
  x *= 0x7FEB352DU;
  x ^= x >> 15U;
  x *= 0x846CA68BU;
  x ^= x >> 16U;
  return x;
}

}  // namespace

std::uint64_t DropoutRng::NextKey() {
  return MixSeed(seed_, "dropout", uses_++);
}

DropoutRule::DropoutRule(double p)
    : threshold(static_cast<std::uint32_t>(std::lround(p * 65536.0))),
      scale(static_cast<float>(65536.0 / (65536.0 - threshold))) {}

void FillDropoutMask(std::uint64_t key, const DropoutRule& rule, float* mask, std::int64_t count) {
  const auto low = static_cast<std::uint32_t>(key);
  const auto high = static_cast<std::uint32_t>(key >> 32U);
  at::parallel_for(0, count, 1 << 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      // One word serves two elements: i and i + 1 with i even.
      const std::uint32_t word = Mix32(Mix32(static_cast<std::uint32_t>(i >> 1) ^ low) + high);
      const std::uint32_t bits = (i & 1) != 0 ? word >> 16U : word & 0xFFFFU;
      mask[i] = bits < rule.threshold ? 0.0F : rule.scale;
    }
  });
}

at::Tensor Dropout(const at::Tensor& x, double p, DropoutRng* rng) {
  if (rng == nullptr || p <= 0) return x;
  const std::uint64_t key = rng->NextKey();
  if (x.device().is_cpu()) {
    at::Tensor mask = at::empty(x.sizes(), x.options().dtype(at::kFloat).requires_grad(false));
    FillDropoutMask(key, DropoutRule(p), mask.data_ptr<float>(), mask.numel());
    return x * mask.to(x.scalar_type());
  }
  at::Generator generator = at::globalContext().defaultGenerator(x.device());
  generator.set_current_seed(key);
  return at::dropout(x, p, /*train=*/true);
}

}  // namespace repro
