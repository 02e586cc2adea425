// Device code of our CUDA kernels. Launches are in kernels.cu; the test runs the same code on the
// CPU, thread by thread (tests/experiments/cuda/kernel_emulator.h). All are bound by memory: each
// value is read once where the row fits in registers, eight at a time. Sums are in float32 and in a
// fixed order, so the same input gives the same bits on every run and GPU.
#pragma once

#include <cfloat>

#include "experiments/cuda/kernel_math.h"

// g++ takes a pragma that it does not know for an error.
#if defined(__CUDACC__)
#define REPRO_UNROLL _Pragma("unroll")
#define REPRO_UNROLL_4 _Pragma("unroll 4")
#else
#define REPRO_UNROLL
#define REPRO_UNROLL_4
#endif

namespace repro::gpu {

/// Elements that a thread takes at a time: 16 bytes of bfloat16, 2 x 16 of float32.
constexpr int kPack = 8;
constexpr int kWarp = 32;
/// Threads of a block that works on a row; sums over the row are in order of its warps.
constexpr int kRowThreads = 128;
constexpr int kVocabThreads = 512;
constexpr int kEmbeddingThreads = 128;

template <class T>
struct alignas(16) Pack {
  T values[kPack];
};

template <class T>
__device__ inline Pack<float> LoadPack(const T* at) {
  const Pack<T> raw = *reinterpret_cast<const Pack<T>*>(at);
  Pack<float> pack;
  REPRO_UNROLL
  for (int k = 0; k < kPack; ++k) pack.values[k] = ToFloat(raw.values[k]);
  return pack;
}

template <class T>
__device__ inline void StorePack(const Pack<float>& pack, T* at) {
  Pack<T> raw;
  REPRO_UNROLL
  for (int k = 0; k < kPack; ++k) FromFloat(pack.values[k], raw.values[k]);
  *reinterpret_cast<Pack<T>*>(at) = raw;
}

/// Sum over the block, known to every thread. scratch: a float a warp.
__device__ inline float BlockSum(float value, float* scratch) {
  for (int mask = kWarp / 2; mask > 0; mask /= 2) {
    value += __shfl_xor_sync(0xFFFFFFFFU, value, mask);
  }
  __syncthreads();  // the last sum has been read
  if (threadIdx.x % kWarp == 0) scratch[threadIdx.x / kWarp] = value;
  __syncthreads();
  float sum = 0;
  for (unsigned warp = 0; warp < blockDim.x / kWarp; ++warp) sum += scratch[warp];
  return sum;
}

/// Dropout of one row.
struct RowDropout {
  std::uint64_t key;
  std::int64_t first;  ///< number of the row's first element in its sequence
  std::uint32_t threshold;
  float scale;
  __device__ float Factor(std::int64_t column) const {
    return DropoutFactor(key, threshold, scale, first + column);
  }
};

/// Dropout as a kernel's argument: ReproCudaDropout.
struct Dropout {
  const std::uint64_t* keys;
  const std::int32_t* sequences;
  const std::int32_t* places;
  std::uint32_t threshold;
  float scale;
  __device__ RowDropout OfRow(std::int64_t row, std::int64_t width) const {
    if (threshold == 0) return {0, 0, 0, 1.0F};
    return {keys[sequences[row]], places[row] * width, threshold, scale};
  }
};

// ---- Softmax cross-entropy
// ----------------------------------------------------------------------------------------------

/// Maximum, and sum of exp(x - maximum).
struct SoftmaxSum {
  float largest = -FLT_MAX;
  float sum = 0;
};

__device__ inline SoftmaxSum Merge(const SoftmaxSum& a, const SoftmaxSum& b) {
  SoftmaxSum merged;
  merged.largest = a.largest > b.largest ? a.largest : b.largest;
  merged.sum = a.sum * expf(a.largest - merged.largest) + b.sum * expf(b.largest - merged.largest);
  return merged;
}

/// One block a row. d_logits = softmax(logits + bias) - one_hot(target); it may be the array of the
/// logits where T is float. A negative target: zeros, loss 0.
template <class T>
__global__ void CrossEntropyKernel(std::int64_t vocab, const float* logits, const float* bias,
                                   const std::int64_t* targets, T* d_logits, float* losses) {
  __shared__ SoftmaxSum warps[kVocabThreads / kWarp];
  const float* x = logits + blockIdx.x * vocab;
  T* d = d_logits + blockIdx.x * vocab;
  const std::int64_t target = targets[blockIdx.x];
  if (target < 0) {
    for (std::int64_t i = threadIdx.x; i < vocab; i += blockDim.x) FromFloat(0.0F, d[i]);
    if (threadIdx.x == 0) losses[blockIdx.x] = 0;
    return;
  }
  SoftmaxSum mine;
  REPRO_UNROLL_4
  for (std::int64_t i = threadIdx.x; i < vocab; i += blockDim.x) {
    const float value = x[i] + bias[i];
    if (value > mine.largest) {
      mine.sum = mine.sum * expf(mine.largest - value) + 1.0F;
      mine.largest = value;
    } else {
      mine.sum += expf(value - mine.largest);  // NaN comes here and stays
    }
  }
  for (int mask = kWarp / 2; mask > 0; mask /= 2) {
    SoftmaxSum other;
    other.largest = __shfl_xor_sync(0xFFFFFFFFU, mine.largest, mask);
    other.sum = __shfl_xor_sync(0xFFFFFFFFU, mine.sum, mask);
    mine = Merge(mine, other);
  }
  if (threadIdx.x % kWarp == 0) warps[threadIdx.x / kWarp] = mine;
  const float target_logit = x[target] + bias[target];  // before anyone overwrites it
  __syncthreads();
  SoftmaxSum all = warps[0];
  for (int warp = 1; warp < kVocabThreads / kWarp; ++warp) all = Merge(all, warps[warp]);
  const float log_sum = all.largest + logf(all.sum);
  if (threadIdx.x == 0) losses[blockIdx.x] = log_sum - target_logit;
  REPRO_UNROLL_4
  for (std::int64_t i = threadIdx.x; i < vocab; i += blockDim.x) {
    const float p = expf(x[i] + bias[i] - log_sum);
    FromFloat(i == target ? p - 1.0F : p, d[i]);
  }
}

// ---- Bias + GELU
// ----------------------------------------------------------------------------------------------

/// One block a row. y = gelu(x + bias).
template <class T>
__global__ void BiasGeluKernel(std::int64_t width, const T* x, const float* bias, T* y) {
  const std::int64_t start = blockIdx.x * width;
  for (std::int64_t c = threadIdx.x * kPack; c < width; c += blockDim.x * kPack) {
    Pack<float> values = LoadPack(x + start + c);
    const Pack<float> shift = LoadPack(bias + c);
    REPRO_UNROLL
    for (int k = 0; k < kPack; ++k) values.values[k] = Gelu(values.values[k] + shift.values[k]);
    StorePack(values, y + start + c);
  }
}

/// dx = dy gelu'(x + bias).
template <class T>
__global__ void BiasGeluGradKernel(std::int64_t width, const T* x, const float* bias, const T* dy,
                                   T* dx) {
  const std::int64_t start = blockIdx.x * width;
  for (std::int64_t c = threadIdx.x * kPack; c < width; c += blockDim.x * kPack) {
    Pack<float> values = LoadPack(x + start + c);
    const Pack<float> shift = LoadPack(bias + c);
    const Pack<float> gradient = LoadPack(dy + start + c);
    REPRO_UNROLL
    for (int k = 0; k < kPack; ++k) {
      values.values[k] = gradient.values[k] * GeluDerivative(values.values[k] + shift.values[k]);
    }
    StorePack(values, dx + start + c);
  }
}

// ---- Bias + dropout + residual + LayerNorm
// ----------------------------------------------------------------------------------------------

/// Where this thread's pack `p` of a row begins.
__device__ inline std::int64_t PackStart(int p) {
  return std::int64_t{p * kRowThreads + static_cast<int>(threadIdx.x)} * kPack;
}

/// One block a row, which lies in registers: width <= kPacks * kPack * kRowThreads. y =
/// LayerNorm(residual + dropout(x + bias)); y_copy (may be null) is y in T.
template <class T, int kPacks>
__global__ void ResidualNormKernel(std::int64_t width, const T* x, const float* bias,
                                   const float* residual, Dropout dropout, const float* weight,
                                   const float* norm_bias, float eps, float* y, T* y_copy,
                                   float* normed, float* inverse_sd) {
  __shared__ float scratch[kRowThreads / kWarp];
  const std::int64_t start = blockIdx.x * width;
  const RowDropout drop = dropout.OfRow(blockIdx.x, width);
  Pack<float> row[kPacks];
  float sum = 0;
  REPRO_UNROLL
  for (int p = 0; p < kPacks; ++p) {
    const std::int64_t c = PackStart(p);
    if (c >= width) continue;
    const Pack<float> values = LoadPack(x + start + c);
    const Pack<float> shift = LoadPack(bias + c);
    row[p] = LoadPack(residual + start + c);
    REPRO_UNROLL
    for (int k = 0; k < kPack; ++k) {
      row[p].values[k] += (values.values[k] + shift.values[k]) * drop.Factor(c + k);
      sum += row[p].values[k];
    }
  }
  const float mean = BlockSum(sum, scratch) / static_cast<float>(width);
  float squares = 0;
  REPRO_UNROLL
  for (int p = 0; p < kPacks; ++p) {
    if (PackStart(p) >= width) continue;
    REPRO_UNROLL
    for (int k = 0; k < kPack; ++k) {
      row[p].values[k] -= mean;
      squares += row[p].values[k] * row[p].values[k];
    }
  }
  const float inverse = 1.0F / sqrtf(BlockSum(squares, scratch) / static_cast<float>(width) + eps);
  if (threadIdx.x == 0) inverse_sd[blockIdx.x] = inverse;
  REPRO_UNROLL
  for (int p = 0; p < kPacks; ++p) {
    const std::int64_t c = PackStart(p);
    if (c >= width) continue;
    const Pack<float> factor = LoadPack(weight + c);
    const Pack<float> shift = LoadPack(norm_bias + c);
    Pack<float> out;
    REPRO_UNROLL
    for (int k = 0; k < kPack; ++k) {
      row[p].values[k] *= inverse;
      out.values[k] = row[p].values[k] * factor.values[k] + shift.values[k];
    }
    StorePack(row[p], normed + start + c);
    StorePack(out, y + start + c);
    if (y_copy != nullptr) StorePack(out, y_copy + start + c);
  }
}

/// One block a strip of rows, gridDim.x strips: rows [rows s / strips, rows (s + 1) / strips).
/// d_residual, dx (through the dropout), and the strip's column sums for weight, norm bias and bias
/// into partial_sums [strips, 3, width].
template <class T, int kPacks>
__global__ void ResidualNormGradKernel(std::int64_t rows, std::int64_t width, const float* dy,
                                       const float* normed, const float* inverse_sd,
                                       const float* weight, Dropout dropout, T* dx,
                                       float* d_residual, float* partial_sums) {
  __shared__ float scratch[kRowThreads / kWarp];
  Pack<float> weight_sum[kPacks] = {};
  Pack<float> norm_bias_sum[kPacks] = {};
  Pack<float> bias_sum[kPacks] = {};
  const std::int64_t begin = rows * blockIdx.x / gridDim.x;
  const std::int64_t end = rows * (blockIdx.x + 1) / gridDim.x;
  for (std::int64_t r = begin; r < end; ++r) {
    const std::int64_t start = r * width;
    const RowDropout drop = dropout.OfRow(r, width);
    Pack<float> gradient[kPacks];
    Pack<float> unit[kPacks];
    float sum = 0;
    float product = 0;
    REPRO_UNROLL
    for (int p = 0; p < kPacks; ++p) {
      const std::int64_t c = PackStart(p);
      if (c >= width) continue;
      gradient[p] = LoadPack(dy + start + c);
      unit[p] = LoadPack(normed + start + c);
      const Pack<float> factor = LoadPack(weight + c);
      REPRO_UNROLL
      for (int k = 0; k < kPack; ++k) {
        weight_sum[p].values[k] += gradient[p].values[k] * unit[p].values[k];
        norm_bias_sum[p].values[k] += gradient[p].values[k];
        gradient[p].values[k] *= factor.values[k];
        sum += gradient[p].values[k];
        product += gradient[p].values[k] * unit[p].values[k];
      }
    }
    const float mean = BlockSum(sum, scratch) / static_cast<float>(width);
    const float mean_product = BlockSum(product, scratch) / static_cast<float>(width);
    const float inverse = inverse_sd[r];
    REPRO_UNROLL
    for (int p = 0; p < kPacks; ++p) {
      const std::int64_t c = PackStart(p);
      if (c >= width) continue;
      Pack<float> dropped;
      REPRO_UNROLL
      for (int k = 0; k < kPack; ++k) {
        gradient[p].values[k] =
            inverse * (gradient[p].values[k] - mean - unit[p].values[k] * mean_product);
        dropped.values[k] = gradient[p].values[k] * drop.Factor(c + k);
        bias_sum[p].values[k] += dropped.values[k];
      }
      StorePack(gradient[p], d_residual + start + c);
      StorePack(dropped, dx + start + c);
    }
  }
  float* sums = partial_sums + blockIdx.x * 3 * width;
  REPRO_UNROLL
  for (int p = 0; p < kPacks; ++p) {
    const std::int64_t c = PackStart(p);
    if (c >= width) continue;
    StorePack(weight_sum[p], sums + c);
    StorePack(norm_bias_sum[p], sums + width + c);
    StorePack(bias_sum[p], sums + 2 * width + c);
  }
}

// ---- Embedding gradient
// ----------------------------------------------------------------------------------------------

// Positions sorted by id are cut into tiles. A run of one id that lies within its tile is added to
// the table there; of a run over several tiles each tile leaves its part (slot 2t of the run that
// came from before, 2t + 1 of the one that goes on), and the tile where it began adds them in
// order.

__device__ inline bool ComesFromBefore(const std::int64_t* ids, std::int64_t begin) {
  return begin > 0 && ids[begin] == ids[begin - 1];
}
__device__ inline bool GoesOn(const std::int64_t* ids, std::int64_t end, std::int64_t count) {
  return end < count && ids[end] == ids[end - 1];
}

/// One block a tile: table[sorted_ids[i]] += rows[order[i]].
static __global__ void EmbeddingTileKernel(std::int64_t count, std::int64_t tile,
                                           std::int64_t width, const std::int64_t* ids,
                                           const std::int64_t* order, const float* rows,
                                           float* table, float* partials) {
  const std::int64_t tile_index = blockIdx.x;
  const std::int64_t begin = tile_index * tile;
  const std::int64_t end = begin + tile < count ? begin + tile : count;
  const bool comes = ComesFromBefore(ids, begin);
  const bool goes = GoesOn(ids, end, count);
  for (std::int64_t c = threadIdx.x; c < width; c += blockDim.x) {
    std::int64_t first = begin;  // of the run
    float sum = 0;
    for (std::int64_t i = begin; i < end; ++i) {
      sum += rows[order[i] * width + c];
      if (i + 1 < end && ids[i + 1] == ids[i]) continue;
      if (first == begin && comes) {
        partials[2 * tile_index * width + c] = sum;
      } else if (i + 1 == end && goes) {
        partials[(2 * tile_index + 1) * width + c] = sum;
      } else {
        table[ids[i] * width + c] += sum;
      }
      first = i + 1;
      sum = 0;
    }
  }
}

/// One block a tile: adds up the run that begins there and goes on.
static __global__ void EmbeddingRunKernel(std::int64_t count, std::int64_t tile, std::int64_t width,
                                          const std::int64_t* ids, float* table,
                                          const float* partials) {
  const std::int64_t begin = blockIdx.x * tile;
  const std::int64_t end = begin + tile < count ? begin + tile : count;
  if (!GoesOn(ids, end, count)) return;
  const std::int64_t id = ids[end - 1];
  if (ComesFromBefore(ids, begin) && ids[begin] == id) return;  // it began earlier
  for (std::int64_t c = threadIdx.x; c < width; c += blockDim.x) {
    float sum = partials[(2 * blockIdx.x + 1) * width + c];
    for (std::int64_t next = blockIdx.x + 1; next * tile < count && ids[next * tile] == id;
         ++next) {
      sum += partials[2 * next * width + c];
    }
    table[id * width + c] += sum;
  }
}

}  // namespace repro::gpu
