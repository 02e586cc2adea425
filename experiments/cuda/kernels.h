#pragma once
/// Our own CUDA kernels as the model calls them, and which of them are switched on.
///
/// Each does in one pass what several operations of ATen do, and each has that plain twin. A kernel
/// is used by default only when its record says that it passed parity on a GPU: `repro-gpu-check`
/// compares it there with the twin, and a person writes GPU and commit into the record
/// (kernels.cc) and keeps it only if the throughput beside it justifies it. Until then nothing but
/// repro-gpu-check and tests can switch it on. No LibTorch here.

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "experiments/cuda/plugin.h"

namespace repro {

enum class GpuKernel {
  kCrossEntropy,   ///< bias + softmax + loss + its gradient over a chunk of logits
  kBiasGelu,       ///< bias + exact GELU, and its gradient
  kResidualNorm,   ///< bias + keyed dropout + residual + LayerNorm, and its gradient
  kEmbeddingGrad,  ///< gradient of an embedding table by sorted segments, deterministic
};
inline constexpr std::array kGpuKernels = {GpuKernel::kCrossEntropy, GpuKernel::kBiasGelu,
                                           GpuKernel::kResidualNorm, GpuKernel::kEmbeddingGrad};

/// What is known of a kernel. Both texts are empty until parity passed.
struct GpuKernelRecord {
  GpuKernel kernel;
  std::string_view name;           ///< "cross-entropy"
  std::string_view parity_gpu;     ///< the GPU it passed on, as the driver names it
  std::string_view parity_commit;  ///< of the kernel's source when it passed
  bool Passed() const { return !parity_gpu.empty() && !parity_commit.empty(); }
};
const GpuKernelRecord& RecordOf(GpuKernel kernel);

/// On or off, by number of the kernel.
using GpuKernelSwitches = std::array<bool, kGpuKernels.size()>;
/// On are the kernels whose record says that they passed; a kernel without a record is off.
GpuKernelSwitches SwitchesOf(std::span<const GpuKernelRecord> records);
/// The records of this build, one a kernel.
std::span<const GpuKernelRecord> GpuKernelRecords();

class GpuKernels;
/// GpuKernels::SwitchedOn of this process's plugin, decided at the first call; none without one.
const GpuKernels& SwitchedOnGpuKernels();

/// A set of kernels that may be called. Errors of every call: kFailed with what CUDA says. Sizes
/// and types are those of plugin_api.h.
class GpuKernels {
 public:
  /// None.
  GpuKernels() = default;
  /// SwitchesOf this build's records: today none.
  static GpuKernels SwitchedOn(const CudaPlugin& plugin);
  /// Those named, passed or not: for the parity check itself.
  static GpuKernels ForParity(const CudaPlugin& plugin, const std::vector<GpuKernel>& kernels);

  bool Has(GpuKernel kernel) const { return on_[static_cast<std::size_t>(kernel)]; }

  Status CrossEntropy(int device, std::int64_t rows, std::int64_t vocab, const float* logits,
                      const float* bias, const std::int64_t* targets, bool bfloat16, void* d_logits,
                      float* losses) const;
  Status BiasGelu(int device, std::int64_t rows, std::int64_t width, bool bfloat16, const void* x,
                  const float* bias, void* y) const;
  Status BiasGeluGrad(int device, std::int64_t rows, std::int64_t width, bool bfloat16,
                      const void* x, const float* bias, const void* dy, void* dx) const;
  Status ResidualNorm(int device, std::int64_t rows, std::int64_t width, bool bfloat16,
                      const void* x, const float* bias, const float* residual,
                      const ReproCudaDropout& dropout, const float* weight, const float* norm_bias,
                      float eps, float* y, void* y_copy, float* normed, float* inverse_sd) const;
  Status ResidualNormGrad(int device, std::int64_t rows, std::int64_t width, bool bfloat16,
                          const float* dy, const float* normed, const float* inverse_sd,
                          const float* weight, const ReproCudaDropout& dropout, void* dx,
                          float* d_residual, float* partial_sums) const;
  Status EmbeddingGrad(int device, std::int64_t count, std::int64_t width,
                       const std::int64_t* sorted_ids, const std::int64_t* order, const float* rows,
                       float* table, float* partials) const;

 private:
  Status Check(std::int32_t code, GpuKernel kernel) const;

  GpuKernelSwitches on_{};
  const ReproCudaApi* api_ = nullptr;
};

}  // namespace repro
