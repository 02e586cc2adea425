#include "experiments/cuda/kernels.h"

#include "core/base/check.h"

namespace repro {
namespace {

// Filled by hand from the JSON of repro-gpu-check, in the commit that switches the kernel on. No
// kernel has run on a GPU yet.
constexpr std::array<GpuKernelRecord, kGpuKernels.size()> kRecords = {{
    {GpuKernel::kCrossEntropy, "cross-entropy", "", ""},
    {GpuKernel::kBiasGelu, "bias-gelu", "", ""},
    {GpuKernel::kResidualNorm, "residual-norm", "", ""},
    {GpuKernel::kEmbeddingGrad, "embedding-grad", "", ""},
}};

// RecordOf goes by place, and half a record is none: who switches a kernel on names GPU and commit.
constexpr bool RecordsAreWhole() {
  for (std::size_t i = 0; i < kRecords.size(); ++i) {
    const GpuKernelRecord& record = kRecords[i];
    if (record.kernel != kGpuKernels[i] || static_cast<std::size_t>(record.kernel) != i ||
        record.name.empty() || record.parity_gpu.empty() != record.parity_commit.empty()) {
      return false;
    }
  }
  return true;
}
static_assert(RecordsAreWhole());

}  // namespace

const GpuKernelRecord& RecordOf(GpuKernel kernel) {
  return kRecords[static_cast<std::size_t>(kernel)];
}

std::span<const GpuKernelRecord> GpuKernelRecords() {
  return kRecords;
}

GpuKernelSwitches SwitchesOf(std::span<const GpuKernelRecord> records) {
  GpuKernelSwitches on{};
  for (const GpuKernelRecord& record : records) {
    on[static_cast<std::size_t>(record.kernel)] = record.Passed();
  }
  return on;
}

GpuKernels GpuKernels::SwitchedOn(const CudaPlugin& plugin) {
  GpuKernels kernels;
  if (!plugin.available()) return kernels;
  kernels.api_ = plugin.api();
  kernels.on_ = SwitchesOf(kRecords);
  return kernels;
}

const GpuKernels& SwitchedOnGpuKernels() {
  static const GpuKernels kKernels = GpuKernels::SwitchedOn(ProcessCuda());
  return kKernels;
}

GpuKernels GpuKernels::ForParity(const CudaPlugin& plugin, const std::vector<GpuKernel>& wanted) {
  REPRO_CHECK(plugin.available());
  GpuKernels kernels;
  kernels.api_ = plugin.api();
  for (const GpuKernel kernel : wanted) kernels.on_[static_cast<std::size_t>(kernel)] = true;
  return kernels;
}

Status GpuKernels::Check(std::int32_t code, GpuKernel kernel) const {
  if (code == 0) return {};
  return Fail(ErrorCode::kFailed, "kernel {}: {}", RecordOf(kernel).name, api_->last_error());
}

Status GpuKernels::CrossEntropy(int device, std::int64_t rows, std::int64_t vocab,
                                const float* logits, const float* bias, const std::int64_t* targets,
                                bool bfloat16, void* d_logits, float* losses) const {
  REPRO_CHECK(Has(GpuKernel::kCrossEntropy));
  return Check(api_->kernels->cross_entropy(device, rows, vocab, logits, bias, targets, bfloat16,
                                            d_logits, losses),
               GpuKernel::kCrossEntropy);
}

Status GpuKernels::BiasGelu(int device, std::int64_t rows, std::int64_t width, bool bfloat16,
                            const void* x, const float* bias, void* y) const {
  REPRO_CHECK(Has(GpuKernel::kBiasGelu));
  return Check(api_->kernels->bias_gelu(device, rows, width, bfloat16, x, bias, y),
               GpuKernel::kBiasGelu);
}

Status GpuKernels::BiasGeluGrad(int device, std::int64_t rows, std::int64_t width, bool bfloat16,
                                const void* x, const float* bias, const void* dy, void* dx) const {
  REPRO_CHECK(Has(GpuKernel::kBiasGelu));
  return Check(api_->kernels->bias_gelu_grad(device, rows, width, bfloat16, x, bias, dy, dx),
               GpuKernel::kBiasGelu);
}

Status GpuKernels::ResidualNorm(int device, std::int64_t rows, std::int64_t width, bool bfloat16,
                                const void* x, const float* bias, const float* residual,
                                const ReproCudaDropout& dropout, const float* weight,
                                const float* norm_bias, float eps, float* y, void* y_copy,
                                float* normed, float* inverse_sd) const {
  REPRO_CHECK(Has(GpuKernel::kResidualNorm));
  return Check(
      api_->kernels->residual_norm(device, rows, width, bfloat16, x, bias, residual, &dropout,
                                   weight, norm_bias, eps, y, y_copy, normed, inverse_sd),
      GpuKernel::kResidualNorm);
}

Status GpuKernels::ResidualNormGrad(int device, std::int64_t rows, std::int64_t width,
                                    bool bfloat16, const float* dy, const float* normed,
                                    const float* inverse_sd, const float* weight,
                                    const ReproCudaDropout& dropout, void* dx, float* d_residual,
                                    float* partial_sums) const {
  REPRO_CHECK(Has(GpuKernel::kResidualNorm));
  return Check(
      api_->kernels->residual_norm_grad(device, rows, width, bfloat16, dy, normed, inverse_sd,
                                        weight, &dropout, dx, d_residual, partial_sums),
      GpuKernel::kResidualNorm);
}

Status GpuKernels::EmbeddingGrad(int device, std::int64_t count, std::int64_t width,
                                 const std::int64_t* sorted_ids, const std::int64_t* order,
                                 const float* rows, float* table, float* partials) const {
  REPRO_CHECK(Has(GpuKernel::kEmbeddingGrad));
  return Check(
      api_->kernels->embedding_grad(device, count, width, sorted_ids, order, rows, table, partials),
      GpuKernel::kEmbeddingGrad);
}

}  // namespace repro
