// Launches of the kernels in kernels.cuh.
#include "experiments/cuda/kernel_launch.h"
#include "experiments/cuda/kernels.cuh"

namespace repro::gpu {
namespace {

// The largest grid in x.
constexpr std::int64_t kMostBlocks = 0x7FFFFFFF;
// Packs of a row that a thread keeps in registers.
constexpr std::int64_t kWidthOfOnePack = kPack * kRowThreads;

bool Fits(std::int64_t blocks) {
  return blocks >= 0 && blocks <= kMostBlocks;
}
bool Packs(std::int64_t width) {
  return width > 0 && width % kPack == 0;
}

Dropout Of(const ReproCudaDropout& dropout) {
  return {dropout.keys, dropout.sequences, dropout.places, dropout.threshold, dropout.scale};
}

// Calls `launch` with a null pointer of the arrays' type.
template <class Launch>
cudaError_t WithType(bool bfloat16, const Launch& launch) {
  if (bfloat16) {
    launch(static_cast<Bfloat16*>(nullptr));
  } else {
    launch(static_cast<float*>(nullptr));
  }
  return cudaGetLastError();
}

}  // namespace

cudaError_t LaunchCrossEntropy(std::int64_t rows, std::int64_t vocab, const float* logits,
                               const float* bias, const std::int64_t* targets, bool bfloat16,
                               void* d_logits, float* losses, cudaStream_t stream) {
  if (!Fits(rows) || vocab <= 0) return cudaErrorInvalidValue;
  if (rows == 0) return cudaSuccess;
  return WithType(bfloat16, [&]<class T>(T*) {
    CrossEntropyKernel<T><<<static_cast<unsigned>(rows), kVocabThreads, 0, stream>>>(
        vocab, logits, bias, targets, static_cast<T*>(d_logits), losses);
  });
}

cudaError_t LaunchBiasGelu(std::int64_t rows, std::int64_t width, bool bfloat16, const void* x,
                           const float* bias, void* y, cudaStream_t stream) {
  if (!Fits(rows) || !Packs(width)) return cudaErrorInvalidValue;
  if (rows == 0) return cudaSuccess;
  return WithType(bfloat16, [&]<class T>(T*) {
    BiasGeluKernel<T><<<static_cast<unsigned>(rows), kRowThreads, 0, stream>>>(
        width, static_cast<const T*>(x), bias, static_cast<T*>(y));
  });
}

cudaError_t LaunchBiasGeluGrad(std::int64_t rows, std::int64_t width, bool bfloat16, const void* x,
                               const float* bias, const void* dy, void* dx, cudaStream_t stream) {
  if (!Fits(rows) || !Packs(width)) return cudaErrorInvalidValue;
  if (rows == 0) return cudaSuccess;
  return WithType(bfloat16, [&]<class T>(T*) {
    BiasGeluGradKernel<T><<<static_cast<unsigned>(rows), kRowThreads, 0, stream>>>(
        width, static_cast<const T*>(x), bias, static_cast<const T*>(dy), static_cast<T*>(dx));
  });
}

cudaError_t LaunchResidualNorm(std::int64_t rows, std::int64_t width, bool bfloat16, const void* x,
                               const float* bias, const float* residual,
                               const ReproCudaDropout& dropout, const float* weight,
                               const float* norm_bias, float eps, float* y, void* y_copy,
                               float* normed, float* inverse_sd, cudaStream_t stream) {
  if (!Fits(rows) || !Packs(width) || width > 4 * kWidthOfOnePack) return cudaErrorInvalidValue;
  if (rows == 0) return cudaSuccess;
  return WithType(bfloat16, [&]<class T>(T*) {
    const auto launch = [&](auto kernel) {
      kernel<<<static_cast<unsigned>(rows), kRowThreads, 0, stream>>>(
          width, static_cast<const T*>(x), bias, residual, Of(dropout), weight, norm_bias, eps, y,
          static_cast<T*>(y_copy), normed, inverse_sd);
    };
    if (width <= kWidthOfOnePack) {
      launch(&ResidualNormKernel<T, 1>);
    } else if (width <= 2 * kWidthOfOnePack) {
      launch(&ResidualNormKernel<T, 2>);
    } else {
      launch(&ResidualNormKernel<T, 4>);
    }
  });
}

cudaError_t LaunchResidualNormGrad(std::int64_t rows, std::int64_t width, bool bfloat16,
                                   const float* dy, const float* normed, const float* inverse_sd,
                                   const float* weight, const ReproCudaDropout& dropout, void* dx,
                                   float* d_residual, float* partial_sums, cudaStream_t stream) {
  if (!Packs(width) || width > 4 * kWidthOfOnePack) return cudaErrorInvalidValue;
  return WithType(bfloat16, [&]<class T>(T*) {
    const auto launch = [&](auto kernel) {
      kernel<<<static_cast<unsigned>(kReproNormStrips), kRowThreads, 0, stream>>>(
          rows, width, dy, normed, inverse_sd, weight, Of(dropout), static_cast<T*>(dx), d_residual,
          partial_sums);
    };
    if (width <= kWidthOfOnePack) {
      launch(&ResidualNormGradKernel<T, 1>);
    } else if (width <= 2 * kWidthOfOnePack) {
      launch(&ResidualNormGradKernel<T, 2>);
    } else {
      launch(&ResidualNormGradKernel<T, 4>);
    }
  });
}

cudaError_t LaunchEmbeddingGrad(std::int64_t count, std::int64_t width,
                                const std::int64_t* sorted_ids, const std::int64_t* order,
                                const float* rows, float* table, float* partials,
                                cudaStream_t stream) {
  const std::int64_t tiles = (count + kReproEmbeddingTile - 1) / kReproEmbeddingTile;
  if (!Fits(tiles) || width <= 0) return cudaErrorInvalidValue;
  if (count == 0) return cudaSuccess;
  EmbeddingTileKernel<<<static_cast<unsigned>(tiles), kEmbeddingThreads, 0, stream>>>(
      count, kReproEmbeddingTile, width, sorted_ids, order, rows, table, partials);
  const cudaError_t first = cudaGetLastError();
  if (first != cudaSuccess) return first;
  EmbeddingRunKernel<<<static_cast<unsigned>(tiles), kEmbeddingThreads, 0, stream>>>(
      count, kReproEmbeddingTile, width, sorted_ids, table, partials);
  return cudaGetLastError();
}

}  // namespace repro::gpu
