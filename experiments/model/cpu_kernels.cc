#include "experiments/model/cpu_kernels.h"

#include <array>
#include <string_view>

namespace repro {

extern const CpuKernels kCpuKernelsBaseline;
#if defined(__x86_64__)
extern const CpuKernels kCpuKernelsAvx2;
extern const CpuKernels kCpuKernelsAvx512;
extern const CpuKernels kCpuKernelsAvx512Bf16;
#endif

namespace {

/// Fastest first, null where this CPU lacks the set.
std::array<const CpuKernels*, 4> Usable() {
  std::array<const CpuKernels*, 4> usable = {nullptr, nullptr, nullptr, &kCpuKernelsBaseline};
#if defined(__x86_64__)
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                    __builtin_cpu_supports("bmi2");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (avx512 && __builtin_cpu_supports("avx512bf16")) usable[0] = &kCpuKernelsAvx512Bf16;
  if (avx512) usable[1] = &kCpuKernelsAvx512;
  if (avx2) usable[2] = &kCpuKernelsAvx2;
#endif
  return usable;
}

}  // namespace

std::int64_t AttentionScratch(std::int64_t tokens, std::int64_t depth) {
  const std::int64_t padded_tokens = (tokens + 15) / 16 * 16;
  const std::int64_t padded_depth = (depth + 15) / 16 * 16;
  return 3 * tokens * padded_depth + padded_depth * padded_tokens + 2 * tokens * padded_tokens +
         padded_tokens;
}

const CpuKernels& BestCpuKernels() {
  static const CpuKernels& best = []() -> const CpuKernels& {
    for (const CpuKernels* kernels : Usable()) {
      if (kernels != nullptr) return *kernels;
    }
    return kCpuKernelsBaseline;
  }();
  return best;
}

const CpuKernels* FindCpuKernels(const char* name) {
  for (const CpuKernels* kernels : Usable()) {
    if (kernels != nullptr && std::string_view(kernels->name) == name) return kernels;
  }
  return nullptr;
}

}  // namespace repro
