#include "experiments/model/dropout.h"

#include <cmath>

#include <ATen/Parallel.h>

#include "core/base/rng.h"

namespace repro {

std::uint64_t DropoutRng::NextKey() {
  return MixSeed(seed_, "dropout", uses_++);
}

DropoutMask NextDropoutMask(double p, DropoutRng* rng) {
  if (rng == nullptr || p <= 0) return {};
  const auto threshold = static_cast<std::uint32_t>(std::lround(p * 65536.0));
  return {.key = rng->NextKey(),
          .threshold = threshold,
          .scale = static_cast<float>(65536.0 / (65536.0 - threshold))};
}

void FillDropoutMask(const DropoutMask& dropout, float* mask, std::int64_t count) {
  const CpuKernels& kernels = BestCpuKernels();
  at::parallel_for(0, count, 1 << 16, [&](std::int64_t begin, std::int64_t end) {
    kernels.dropout_mask(dropout, begin, end - begin, mask + begin);
  });
}

at::Tensor Dropout(const at::Tensor& x, double p, DropoutRng* rng) {
  if (rng == nullptr || p <= 0) return x;
  if (x.device().is_cpu()) {
    at::Tensor mask = at::empty(x.sizes(), x.options().dtype(at::kFloat).requires_grad(false));
    FillDropoutMask(NextDropoutMask(p, rng), mask.data_ptr<float>(), mask.numel());
    return x * mask.to(x.scalar_type());
  }
  at::Generator generator = at::globalContext().defaultGenerator(x.device());
  generator.set_current_seed(rng->NextKey());
  return at::dropout(x, p, /*train=*/true);
}

}  // namespace repro
