#pragma once
// Launches of kernels.cuh for the plugin: what nvcc compiles sees no LibTorch, and what includes
// LibTorch sees no device code. Arguments are those of ReproCudaKernels. The result is
// cudaErrorInvalidValue for sizes that a kernel does not take.

#include <cstdint>

#include <cuda_runtime_api.h>

#include "experiments/cuda/plugin_api.h"

namespace repro::gpu {

cudaError_t LaunchCrossEntropy(std::int64_t rows, std::int64_t vocab, const float* logits,
                               const float* bias, const std::int64_t* targets, bool bfloat16,
                               void* d_logits, float* losses, cudaStream_t stream);
cudaError_t LaunchBiasGelu(std::int64_t rows, std::int64_t width, bool bfloat16, const void* x,
                           const float* bias, void* y, cudaStream_t stream);
cudaError_t LaunchBiasGeluGrad(std::int64_t rows, std::int64_t width, bool bfloat16, const void* x,
                               const float* bias, const void* dy, void* dx, cudaStream_t stream);
cudaError_t LaunchResidualNorm(std::int64_t rows, std::int64_t width, bool bfloat16, const void* x,
                               const float* bias, const float* residual,
                               const ReproCudaDropout& dropout, const float* weight,
                               const float* norm_bias, float eps, float* y, void* y_copy,
                               float* normed, float* inverse_sd, cudaStream_t stream);
cudaError_t LaunchResidualNormGrad(std::int64_t rows, std::int64_t width, bool bfloat16,
                                   const float* dy, const float* normed, const float* inverse_sd,
                                   const float* weight, const ReproCudaDropout& dropout, void* dx,
                                   float* d_residual, float* partial_sums, cudaStream_t stream);
cudaError_t LaunchEmbeddingGrad(std::int64_t count, std::int64_t width,
                                const std::int64_t* sorted_ids, const std::int64_t* order,
                                const float* rows, float* table, float* partials,
                                cudaStream_t stream);

}  // namespace repro::gpu
