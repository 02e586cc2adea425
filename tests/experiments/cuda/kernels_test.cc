// The device code of our kernels, run thread by thread on the CPU, against the CPU's own kernels
// (dropout bits, LayerNorm) and against sums in double written here.
#include "experiments/cuda/kernels.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/rng.h"
#include "experiments/cuda/plugin_api.h"
#include "experiments/model/cpu_kernels.h"
#include "tests/experiments/cuda/kernel_emulator.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#include "experiments/cuda/kernels.cuh"
#pragma GCC diagnostic pop

namespace repro {
namespace {

using testing::EmulatedBlock;

template <class T>
struct alignas(16) Aligned {
  T value[16 / sizeof(T)];
};

/// An array on a 16-byte boundary, which is where memory of a GPU begins.
template <class T>
class Array {
 public:
  explicit Array(std::int64_t size)
      : blocks_(static_cast<std::size_t>(size) * sizeof(T) / 16 + 1), size_(size) {}
  T* data() { return reinterpret_cast<T*>(blocks_.data()); }
  const T* data() const { return reinterpret_cast<const T*>(blocks_.data()); }
  std::int64_t size() const { return size_; }
  T& operator[](std::int64_t i) { return data()[i]; }
  const T& operator[](std::int64_t i) const { return data()[i]; }

 private:
  std::vector<Aligned<T>> blocks_;
  std::int64_t size_;
};

template <class T>
Array<T> Random(std::int64_t size, const char* purpose, double spread = 1) {
  Array<T> values(size);
  Rng rng(5, purpose);
  for (std::int64_t i = 0; i < size; ++i) {
    gpu::FromFloat(static_cast<float>(spread * (2 * rng.Uniform() - 1)), values[i]);
  }
  return values;
}

template <class T>
Array<float> Floats(const Array<T>& values) {
  Array<float> floats(values.size());
  for (std::int64_t i = 0; i < values.size(); ++i) floats[i] = gpu::ToFloat(values[i]);
  return floats;
}

template <class Kernel>
void Launch(std::int64_t blocks, int threads, const Kernel& kernel) {
  EmulatedBlock::Now().Launch(static_cast<unsigned>(blocks), static_cast<unsigned>(threads),
                              kernel);
}

// Of a stored value: half a unit in the last of 8 bits of bfloat16, or a little of float32.
template <class T>
double Rounding(double value) {
  return std::abs(value) * (sizeof(T) == 2 ? 0.00391 : 1e-6) + 1e-6;
}

// Whole warps may differ until the next barrier.
TEST(KernelEmulatorTest, WarpsThatDifferMeetAtTheBarrier) {
  std::vector<float> sums(64);
  float of_first = 0;
  Launch(1, 64, [&] {
    __shared__ float scratch;
    auto sum = static_cast<float>(threadIdx.x);
    if (threadIdx.x < 32) {
      for (int mask = 16; mask > 0; mask /= 2) sum += __shfl_xor_sync(0xFFFFFFFFU, sum, mask);
      if (threadIdx.x == 0) scratch = sum;
    }
    __syncthreads();
    if (threadIdx.x == 63) of_first = scratch;
    sums[threadIdx.x] = sum;
  });
  EXPECT_EQ(of_first, 31 * 32 / 2);
  for (std::size_t i = 0; i < 64; ++i)
    EXPECT_EQ(sums[i], i < 32 ? 496 : static_cast<float>(i)) << i;
}

TEST(KernelEmulatorDeathTest, ABarrierThatNotAllThreadsComeToEndsTheProcess) {
  const auto some_come = [] {
    if (threadIdx.x < 40) __syncthreads();
  };
  const auto come_to_two = [] {
    if (threadIdx.x < 40) {
      __syncthreads();
    } else {
      __syncthreads();
    }
  };
  EXPECT_DEATH(Launch(1, 64, some_come), "kernel_emulator.h.*Together");
  EXPECT_DEATH(Launch(1, 64, come_to_two), "kernel_emulator.h.*Together");
}

TEST(KernelEmulatorDeathTest, AShuffleThatNotAllThreadsOfTheWarpComeToEndsTheProcess) {
  const auto one_is_absent = [] {
    if (threadIdx.x != 5) (void)__shfl_xor_sync(0xFFFFFFFFU, 1.0F, 1);
    __syncthreads();
  };
  EXPECT_DEATH(Launch(1, 64, one_is_absent), "kernel_emulator.h.*Together");
}

TEST(KernelMathTest, DropoutDrawsTheBitsOfTheCpu) {
  for (const std::uint64_t key : {0x0123456789ABCDEFULL, 77ULL}) {
    const DropoutMask mask{.key = key, .threshold = 6554, .scale = 1.25F};
    for (const std::int64_t first : {0L, 5L, 31L, 1L << 33U}) {
      std::vector<float> expected(3000);
      BestCpuKernels().dropout_mask(mask, first, 3000, expected.data());
      for (std::int64_t i = 0; i < 3000; ++i) {
        ASSERT_EQ(gpu::DropoutFactor(key, mask.threshold, mask.scale, first + i),
                  expected[static_cast<std::size_t>(i)])
            << first + i;
      }
    }
  }
}

TEST(KernelMathTest, Bfloat16RoundsToNearestAndTiesToEven) {
  const auto round = [](float x) {
    gpu::Bfloat16 half{};
    gpu::FromFloat(x, half);
    return gpu::ToFloat(half);
  };
  EXPECT_EQ(round(1.0F), 1.0F);
  EXPECT_EQ(round(1.00390625F), 1.0F);       // halfway to 1.0078125: to the even one
  EXPECT_EQ(round(1.01171875F), 1.015625F);  // halfway again, to the even one above
  EXPECT_EQ(round(1.004F), 1.0078125F);
  EXPECT_EQ(round(-3.0e38F), -std::ldexp(226.0F, 120));
  EXPECT_TRUE(std::isinf(round(3.4e38F)));
  EXPECT_TRUE(std::isnan(round(std::nanf(""))));
}

TEST(KernelMathTest, GeluAndItsDerivativeAreExact) {
  for (int hundredths = -600; hundredths <= 600; ++hundredths) {
    const double x = hundredths / 100.0;
    const double cdf = 0.5 * std::erfc(-x / std::sqrt(2.0));
    const double density = std::exp(-0.5 * x * x) / std::sqrt(2 * 3.14159265358979323846);
    EXPECT_NEAR(gpu::Gelu(static_cast<float>(x)), x * cdf, 1e-6) << x;
    EXPECT_NEAR(gpu::GeluDerivative(static_cast<float>(x)), cdf + x * density, 1e-6) << x;
  }
}

template <class T>
class KernelTest : public ::testing::Test {};
using Types = ::testing::Types<float, gpu::Bfloat16>;
TYPED_TEST_SUITE(KernelTest, Types);

TYPED_TEST(KernelTest, CrossEntropyEqualsASumInDouble) {
  using T = TypeParam;
  constexpr std::int64_t kRows = 4;
  for (const std::int64_t vocab : {1L, 37L, 1501L}) {
    const Array<float> logits = Random<float>(kRows * vocab, "logits", 20);
    const Array<float> bias = Random<float>(vocab, "bias", 2);
    const std::vector<std::int64_t> targets = {0, vocab - 1, -1, vocab / 2};
    Array<float> losses(kRows);
    Array<T> d_logits(kRows * vocab);
    if constexpr (sizeof(T) == 4) {  // in place, as ChunkedVocabularyLoss does
      std::copy_n(logits.data(), kRows * vocab, d_logits.data());
    }
    const auto* const input =
        sizeof(T) == 4 ? reinterpret_cast<const float*>(d_logits.data()) : logits.data();
    Launch(kRows, gpu::kVocabThreads, [&] {
      gpu::CrossEntropyKernel<T>(vocab, input, bias.data(), targets.data(), d_logits.data(),
                                 losses.data());
    });
    for (std::int64_t row = 0; row < kRows; ++row) {
      const std::int64_t target = targets[static_cast<std::size_t>(row)];
      double sum = 0;
      for (std::int64_t i = 0; i < vocab; ++i) {
        sum += std::exp(static_cast<double>(logits[row * vocab + i]) + bias[i]);
      }
      const double log_sum = std::log(sum);
      if (target < 0) {
        EXPECT_EQ(losses[row], 0);
      } else {
        EXPECT_NEAR(losses[row], log_sum - logits[row * vocab + target] - bias[target], 2e-5);
      }
      for (std::int64_t i = 0; i < vocab; ++i) {
        const double p = std::exp(logits[row * vocab + i] + bias[i] - log_sum);
        const double expected = target < 0 ? 0 : p - (i == target ? 1 : 0);
        ASSERT_NEAR(gpu::ToFloat(d_logits[row * vocab + i]), expected, Rounding<T>(expected) + 1e-5)
            << row << " " << i << " of " << vocab;
      }
    }
  }
}

TEST(CrossEntropyKernelTest, ALossThatIsNoNumberStaysOne) {
  Array<float> logits = Random<float>(100, "logits");
  logits[60] = std::nanf("");
  const Array<float> bias(100);
  const std::int64_t target = 3;
  Array<float> d_logits(100);
  Array<float> loss(1);
  Launch(1, gpu::kVocabThreads, [&] {
    gpu::CrossEntropyKernel<float>(100, logits.data(), bias.data(), &target, d_logits.data(),
                                   loss.data());
  });
  EXPECT_TRUE(std::isnan(loss[0]));
}

TYPED_TEST(KernelTest, BiasGeluAndItsGradientCoverEveryElement) {
  using T = TypeParam;
  constexpr std::int64_t kRows = 3;
  for (const std::int64_t width : {8L, 40L, 1032L}) {
    const Array<T> x = Random<T>(kRows * width, "x", 3);
    const Array<float> bias = Random<float>(width, "bias");
    const Array<T> dy = Random<T>(kRows * width, "dy");
    Array<T> y(kRows * width);
    Array<T> dx(kRows * width);
    Launch(kRows, gpu::kRowThreads,
           [&] { gpu::BiasGeluKernel<T>(width, x.data(), bias.data(), y.data()); });
    Launch(kRows, gpu::kRowThreads,
           [&] { gpu::BiasGeluGradKernel<T>(width, x.data(), bias.data(), dy.data(), dx.data()); });
    for (std::int64_t i = 0; i < kRows * width; ++i) {
      const double in = static_cast<double>(gpu::ToFloat(x[i])) + bias[i % width];
      const double cdf = 0.5 * std::erfc(-in / std::sqrt(2.0));
      const double slope = cdf + in * std::exp(-0.5 * in * in) * 0.3989422804014327;
      ASSERT_NEAR(gpu::ToFloat(y[i]), in * cdf, Rounding<T>(in * cdf)) << i;
      const double expected = gpu::ToFloat(dy[i]) * slope;
      ASSERT_NEAR(gpu::ToFloat(dx[i]), expected, Rounding<T>(expected)) << i;
    }
  }
}

template <class T, int kPacks>
void CheckResidualNorm(std::int64_t rows, std::int64_t width, bool drops) {
  SCOPED_TRACE(fmt::format("{} rows of {}, {} bytes, dropout {}", rows, width, sizeof(T), drops));
  // Two sequences, the second of one row: elements are numbered from the first of each.
  const std::vector<std::int64_t> starts = {0, rows - 1, rows};
  const std::vector<std::uint64_t> keys = {991, 0x123456789ABCULL};
  std::vector<std::int32_t> sequences;
  std::vector<std::int32_t> places;
  for (std::int64_t r = 0; r < rows; ++r) {
    sequences.push_back(r < rows - 1 ? 0 : 1);
    places.push_back(static_cast<std::int32_t>(r < rows - 1 ? r : 0));
  }
  const gpu::Dropout dropout =
      drops ? gpu::Dropout{keys.data(), sequences.data(), places.data(), 13107, 1.25F}
            : gpu::Dropout{};
  const auto mask_of = [&](std::size_t sequence) {
    return drops ? DropoutMask{.key = keys[sequence], .threshold = 13107, .scale = 1.25F}
                 : DropoutMask{};
  };
  const std::int64_t size = rows * width;
  const Array<T> x = Random<T>(size, "x");
  const Array<float> bias = Random<float>(width, "bias");
  const Array<float> residual = Random<float>(size, "residual", 2);
  const Array<float> weight = Random<float>(width, "weight");
  const Array<float> norm_bias = Random<float>(width, "norm bias");
  Array<float> y(size);
  Array<T> copy(size);
  Array<float> normed(size);
  Array<float> inverse(rows);
  Launch(rows, gpu::kRowThreads, [&] {
    gpu::ResidualNormKernel<T, kPacks>(width, x.data(), bias.data(), residual.data(), dropout,
                                       weight.data(), norm_bias.data(), 1e-5F, y.data(),
                                       copy.data(), normed.data(), inverse.data());
  });
  const CpuKernels& cpu = BestCpuKernels();
  const Array<float> x_float = Floats(x);
  Array<float> y_cpu(size);
  Array<float> normed_cpu(size);
  Array<float> inverse_cpu(rows);
  Array<float> scratch(2 * width);
  for (std::size_t sequence = 0; sequence < 2; ++sequence) {
    const std::int64_t row = starts[sequence];
    const std::int64_t at = row * width;
    cpu.residual_norm(starts[sequence + 1] - row, width, x_float.data() + at, bias.data(),
                      residual.data() + at, mask_of(sequence), 0, weight.data(), norm_bias.data(),
                      1e-5F, y_cpu.data() + at, normed_cpu.data() + at, inverse_cpu.data() + row,
                      scratch.data());
  }
  for (std::int64_t i = 0; i < size; ++i) {
    ASSERT_NEAR(normed[i], normed_cpu[i], 1e-5) << i;
    ASSERT_NEAR(y[i], y_cpu[i], 1e-5) << i;
    ASSERT_NEAR(gpu::ToFloat(copy[i]), y[i], Rounding<T>(y[i])) << i;
  }
  for (std::int64_t r = 0; r < rows; ++r) ASSERT_NEAR(inverse[r], inverse_cpu[r], 1e-5);

  const Array<float> dy = Random<float>(size, "dy");
  constexpr std::int64_t kStrips = 3;
  Array<T> dx(size);
  Array<float> d_residual(size);
  Array<float> partial(kStrips * 3 * width);
  Launch(kStrips, gpu::kRowThreads, [&] {
    gpu::ResidualNormGradKernel<T, kPacks>(rows, width, dy.data(), normed.data(), inverse.data(),
                                           weight.data(), dropout, dx.data(), d_residual.data(),
                                           partial.data());
  });
  Array<float> dx_cpu(size);
  Array<float> d_residual_cpu(size);
  Array<float> sums(3 * width);
  for (std::size_t sequence = 0; sequence < 2; ++sequence) {
    const std::int64_t row = starts[sequence];
    const std::int64_t at = row * width;
    cpu.residual_norm_grad(starts[sequence + 1] - row, width, dy.data() + at,
                           normed_cpu.data() + at, inverse_cpu.data() + row, weight.data(),
                           mask_of(sequence), 0, dx_cpu.data() + at, d_residual_cpu.data() + at,
                           sums.data(), sums.data() + width, sums.data() + 2 * width,
                           scratch.data());
  }
  for (std::int64_t i = 0; i < size; ++i) {
    ASSERT_NEAR(gpu::ToFloat(dx[i]), dx_cpu[i], Rounding<T>(dx_cpu[i]) + 1e-5) << i;
    ASSERT_NEAR(d_residual[i], d_residual_cpu[i], 1e-5) << i;
  }
  for (std::int64_t c = 0; c < 3 * width; ++c) {
    float sum = 0;
    for (std::int64_t strip = 0; strip < kStrips; ++strip) sum += partial[strip * 3 * width + c];
    ASSERT_NEAR(sum, sums[c], 1e-5 * static_cast<double>(rows)) << c;
  }
}

TYPED_TEST(KernelTest, ResidualNormAndItsGradientEqualTheCpuKernel) {
  CheckResidualNorm<TypeParam, 1>(7, 64, false);
  CheckResidualNorm<TypeParam, 1>(2, 768, true);  // fewer rows than strips
  CheckResidualNorm<TypeParam, 2>(4, 1152, true);
  CheckResidualNorm<TypeParam, 4>(3, 2056, true);
}

TEST(EmbeddingGradKernelTest, AddsTheRowsOfEachIdWhereverTheTilesCut) {
  constexpr std::int64_t kTile = 8;
  constexpr std::int64_t kWidth = 20;
  constexpr std::int64_t kIds = 12;
  // Runs: inside a tile, over a border, over whole tiles, ending on a border, one row alone.
  for (const std::vector<std::int64_t>& lengths : {std::vector<std::int64_t>{3, 2, 1},
                                                   {8, 8},
                                                   {1, 23, 4},
                                                   {7, 2, 40, 1, 6},
                                                   {1},
                                                   {64},
                                                   {5, 11},
                                                   {4, 4, 9, 7, 16, 1, 1}}) {
    std::vector<std::int64_t> ids;
    std::int64_t id = 1;
    for (const std::int64_t length : lengths)
      ids.insert(ids.end(), static_cast<std::size_t>(length), id++);
    const auto count = static_cast<std::int64_t>(ids.size());
    std::vector<std::int64_t> order(ids.size());
    std::iota(order.begin(), order.end(), 0);
    Rng(3, "order").Shuffle(order);
    const Array<float> rows = Random<float>(count * kWidth, "rows");
    Array<float> table = Random<float>(kIds * kWidth, "table");
    std::vector<double> expected(table.data(), table.data() + kIds * kWidth);
    for (std::int64_t i = 0; i < count; ++i) {
      for (std::int64_t c = 0; c < kWidth; ++c) {
        expected[static_cast<std::size_t>(ids[static_cast<std::size_t>(i)] * kWidth + c)] +=
            rows[order[static_cast<std::size_t>(i)] * kWidth + c];
      }
    }
    const std::int64_t tiles = (count + kTile - 1) / kTile;
    Array<float> partials = Random<float>(2 * tiles * kWidth, "left over", 1e6);
    Launch(tiles, 32, [&] {
      gpu::EmbeddingTileKernel(count, kTile, kWidth, ids.data(), order.data(), rows.data(),
                               table.data(), partials.data());
    });
    Launch(tiles, 32, [&] {
      gpu::EmbeddingRunKernel(count, kTile, kWidth, ids.data(), table.data(), partials.data());
    });
    for (std::int64_t i = 0; i < kIds * kWidth; ++i) {
      ASSERT_NEAR(table[i], expected[static_cast<std::size_t>(i)], 2e-5)
          << i << " of " << ::testing::PrintToString(lengths);
    }
  }
}

// The records of the build with one of them doctored: its kernel, and no other, changes.
TEST(GpuKernelRecordTest, AKernelIsOnExactlyWhereItsRecordNamesGpuAndCommit) {
  const std::span<const GpuKernelRecord> records = GpuKernelRecords();
  const GpuKernelSwitches built = SwitchesOf(records);
  ASSERT_EQ(records.size(), kGpuKernels.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    std::vector<GpuKernelRecord> doctored(records.begin(), records.end());
    const auto with = [&](std::string_view gpu, std::string_view commit) {
      doctored[i].parity_gpu = gpu;
      doctored[i].parity_commit = commit;
      return SwitchesOf(doctored);
    };
    GpuKernelSwitches on = built;
    on[i] = true;
    GpuKernelSwitches off = built;
    off[i] = false;
    EXPECT_EQ(with("NVIDIA H100 80GB HBM3", "0123abc"), on) << records[i].name;
    EXPECT_EQ(with("NVIDIA H100 80GB HBM3", ""), off) << records[i].name;
    EXPECT_EQ(with("", "0123abc"), off) << records[i].name;
    EXPECT_EQ(with("", ""), off) << records[i].name;
    doctored.erase(doctored.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_EQ(SwitchesOf(doctored), off) << records[i].name;
  }
}

}  // namespace
}  // namespace repro
