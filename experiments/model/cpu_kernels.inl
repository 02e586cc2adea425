// The kernels of cpu_kernels.h for one instruction set. The including file defines
// REPRO_KERNEL_NAME (a string), REPRO_KERNEL_TABLE (the table's name) and REPRO_LANES (floats of a
// vector register), and is built with the flags of that set; nothing here may call inline functions
// of the standard library, which the linker might share between sets.

#include <cstdint>

#if defined(__AVX512BF16__)
#include <immintrin.h>
#endif

#include "experiments/model/cpu_kernels.h"

namespace repro {
namespace {

typedef float Vec __attribute__((vector_size(REPRO_LANES * sizeof(float)), aligned(4)));

constexpr std::int64_t kLanes = REPRO_LANES;

inline std::int64_t RoundUp(std::int64_t n) {
  return (n + 15) / 16 * 16;
}

// ---- Random bits
// -------------------------------------------------------------------------------------------------

// A counter-based hash: two rounds of multiply and xor-shift, constants of a published search for
// low bias. Good enough for dropout, and it vectorises.
inline std::uint32_t Mix(std::uint32_t x) {
  x ^= x >> 16U;
  x *= 0x7FEB352DU;
  x ^= x >> 15U;
  x *= 0x846CA68BU;
  x ^= x >> 16U;
  return x;
}

inline float MaskValue(std::uint32_t bits, std::uint32_t threshold, float scale) {
  return bits < threshold ? 0.0F : scale;
}

void FillMask(const DropoutMask& dropout, std::int64_t first, std::int64_t count, float* mask) {
  const auto low = static_cast<std::uint32_t>(dropout.key);
  const auto high = static_cast<std::uint32_t>(dropout.key >> 32U);
  const std::uint32_t threshold = dropout.threshold;
  const float scale = dropout.scale;
  const auto single = [&](std::int64_t i) {
    const auto word = static_cast<std::uint32_t>(i / 32 * 16 + i % 16);
    const std::uint32_t bits = Mix(Mix(word ^ low) + high);
    return MaskValue(i % 32 < 16 ? bits & 0xFFFFU : bits >> 16U, threshold, scale);
  };
  std::int64_t done = 0;
  for (; done < count && (first + done) % 32 != 0; ++done) mask[done] = single(first + done);
  for (; done + 32 <= count; done += 32) {
    const auto word = static_cast<std::uint32_t>((first + done) / 2);
    float* low_half = mask + done;
    float* high_half = mask + done + 16;
#pragma GCC ivdep
    for (std::uint32_t lane = 0; lane < 16; ++lane) {
      const std::uint32_t bits = Mix(Mix((word + lane) ^ low) + high);
      low_half[lane] = MaskValue(bits & 0xFFFFU, threshold, scale);
      high_half[lane] = MaskValue(bits >> 16U, threshold, scale);
    }
  }
  for (; done < count; ++done) mask[done] = single(first + done);
}

// ---- Elementary functions
// ----------------------------------------------------------------------------------------

// e^x for x in [-87, 88], else clamped: 2^n e^r with |r| <= ln 2 / 2 and Taylor's series to r^7
// (next term 5e-9).
inline float Exp(float x) {
  x = x < -87.0F ? -87.0F : x;
  x = x > 88.0F ? 88.0F : x;
  const float shifted =
      x * 1.44269504088896341F + 12582912.0F;  // rounds to an integer in the low bits
  const float n = shifted - 12582912.0F;
  const float r = (x - n * 0.693359375F) + n * 2.12194440e-4F;  // ln 2 in two parts
  float sum = 1.0F / 5040;
  sum = sum * r + 1.0F / 720;
  sum = sum * r + 1.0F / 120;
  sum = sum * r + 1.0F / 24;
  sum = sum * r + 1.0F / 6;
  sum = sum * r + 0.5F;
  sum = sum * r + 1.0F;
  sum = sum * r + 1.0F;
  std::int32_t bits = 0;
  __builtin_memcpy(&bits, &shifted, sizeof bits);
  bits = static_cast<std::int32_t>(static_cast<std::uint32_t>(bits + 127 - 0x4B400000) << 23U);
  float power = 0;
  __builtin_memcpy(&power, &bits, sizeof power);
  return sum * power;
}

// Normal distribution function at -a (a >= 0) from e = exp(-a^2/2): e times a polynomial in 1 / (1
// + 0.3 a), fitted here by weighted least squares to a relative error of 1.2e-7.
inline float LowerTail(float a, float e) {
  const float t = 1.0F / (1.0F + 0.3F * a);
  float sum = 0.036195390391963324F;
  sum = sum * t - 0.15938044819758515F;
  sum = sum * t + 0.21012191045487552F;
  sum = sum * t - 0.05717044222653439F;
  sum = sum * t + 0.13041799425257325F;
  sum = sum * t + 0.0993466839051897F;
  sum = sum * t + 0.12084559660070851F;
  sum = sum * t + 0.11962325858124832F;
  return e * sum * t;
}

// ---- Small matrix products
// ---------------------------------------------------------------------------------------

// c[i][n] = sum_k a[i * a_row + k * a_column] * b[k * b_row + n] for kRows rows and kVectors
// registers of columns.
template <int kRows, int kVectors>
inline void Tile(const float* a, std::int64_t a_row, std::int64_t a_column, const float* b,
                 std::int64_t b_row, std::int64_t depth, float* c, std::int64_t c_row) {
  Vec sums[kRows][kVectors] = {};
  for (std::int64_t k = 0; k < depth; ++k) {
    Vec columns[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      columns[v] = *reinterpret_cast<const Vec*>(b + k * b_row + v * kLanes);
    }
    for (int i = 0; i < kRows; ++i) {
      const float left = a[i * a_row + k * a_column];
      for (int v = 0; v < kVectors; ++v) sums[i][v] += left * columns[v];
    }
  }
  for (int i = 0; i < kRows; ++i) {
    for (int v = 0; v < kVectors; ++v) {
      *reinterpret_cast<Vec*>(c + i * c_row + v * kLanes) = sums[i][v];
    }
  }
}

template <int kVectors>
inline void Columns(const float* a, std::int64_t a_row, std::int64_t a_column, const float* b,
                    std::int64_t b_row, std::int64_t rows, std::int64_t depth, float* c,
                    std::int64_t c_row) {
  constexpr int kRows = REPRO_LANES == 16 ? (kVectors == 4 ? 6 : 8) : 4;
  std::int64_t i = 0;
  for (; i + kRows <= rows; i += kRows) {
    Tile<kRows, kVectors>(a + i * a_row, a_row, a_column, b, b_row, depth, c + i * c_row, c_row);
  }
  for (; i < rows; ++i) {
    Tile<1, kVectors>(a + i * a_row, a_row, a_column, b, b_row, depth, c + i * c_row, c_row);
  }
}

// `columns` is a multiple of 16 (b and c are padded so).
void MatMul(const float* a, std::int64_t a_row, std::int64_t a_column, const float* b,
            std::int64_t b_row, std::int64_t rows, std::int64_t columns, std::int64_t depth,
            float* c, std::int64_t c_row) {
  constexpr int kWide = REPRO_LANES == 16 ? 4 : 2;
  std::int64_t n = 0;
  for (; n + kWide * kLanes <= columns; n += kWide * kLanes) {
    Columns<kWide>(a, a_row, a_column, b + n, b_row, rows, depth, c + n, c_row);
  }
  for (; n + 2 * kLanes <= columns; n += 2 * kLanes) {
    Columns<2>(a, a_row, a_column, b + n, b_row, rows, depth, c + n, c_row);
  }
  for (; n + kLanes <= columns; n += kLanes) {
    Columns<1>(a, a_row, a_column, b + n, b_row, rows, depth, c + n, c_row);
  }
}

// ---- Matrix products in bfloat16
// ---------------------------------------------------------------------------------

constexpr std::int64_t kTileRows = 12;
constexpr std::int64_t kTileColumns = 32;
constexpr std::int64_t kGroupRows = 4 * kTileRows;  // packed together: three registers of rows
constexpr std::int64_t kDepthBlock = 512;   // a packed tile row of a stays in the first-level cache
constexpr std::int64_t kColumnBlock = 512;  // and a packed block of b in the second

// To the nearest bfloat16, ties to even; a NaN stays one.
inline std::uint32_t RoundBf16(float x) {
  std::uint32_t bits = 0;
  __builtin_memcpy(&bits, &x, sizeof bits);
  const bool nan = (bits & 0x7FFFFFFFU) > 0x7F800000U;
  const std::uint32_t rounded = (bits + 0x7FFFU + ((bits >> 16U) & 1U)) >> 16U;
  return nan ? (bits >> 16U) | 0x40U : rounded;
}

inline std::uint32_t PairBf16(float even, float odd) {
  return RoundBf16(even) | (RoundBf16(odd) << 16U);
}

#if defined(__AVX512BF16__)
// The first 16 columns (or those of `mask`) of two rows as pairs.
inline __m512i PairRows(const float* even, const float* odd, __mmask16 mask) {
  const auto low = (__m256i)_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(mask, even));
  const auto high = (__m256i)_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(mask, odd));
  return _mm512_or_si512(_mm512_cvtepu16_epi32(low),
                         _mm512_slli_epi32(_mm512_cvtepu16_epi32(high), 16));
}
#endif

#if defined(__AVX512BF16__)
// rows[i] word j becomes rows[j] word i.
inline void Transpose16(__m512i* rows) {
  __m512i a[16];
  for (int i = 0; i < 16; i += 2) {
    a[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
    a[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
  }
  __m512i b[16];  // b[4 g + c]: words c, c + 4, c + 8, c + 12 of rows 4 g .. 4 g + 3
  for (int i = 0; i < 16; i += 4) {
    b[i] = _mm512_unpacklo_epi64(a[i], a[i + 2]);
    b[i + 1] = _mm512_unpackhi_epi64(a[i], a[i + 2]);
    b[i + 2] = _mm512_unpacklo_epi64(a[i + 1], a[i + 3]);
    b[i + 3] = _mm512_unpackhi_epi64(a[i + 1], a[i + 3]);
  }
  for (int c = 0; c < 4; ++c) {
    const __m512i even_low = _mm512_shuffle_i32x4(b[c], b[c + 4], 0x88);
    const __m512i odd_low = _mm512_shuffle_i32x4(b[c], b[c + 4], 0xDD);
    const __m512i even_high = _mm512_shuffle_i32x4(b[c + 8], b[c + 12], 0x88);
    const __m512i odd_high = _mm512_shuffle_i32x4(b[c + 8], b[c + 12], 0xDD);
    rows[c] = _mm512_shuffle_i32x4(even_low, even_high, 0x88);
    rows[c + 8] = _mm512_shuffle_i32x4(even_low, even_high, 0xDD);
    rows[c + 4] = _mm512_shuffle_i32x4(odd_low, odd_high, 0x88);
    rows[c + 12] = _mm512_shuffle_i32x4(odd_low, odd_high, 0xDD);
  }
}
#endif

// Packs `columns` <= kPanel columns of `depth` rows into pairs of rows: packed[pair * kPanel +
// column]. What is missing (an odd last row, columns up to kPanel) is 0.
template <std::int64_t kPanel>
void PackPairs(const float* from, std::int64_t row_stride, std::int64_t column_stride,
               std::int64_t depth, std::int64_t columns, std::uint32_t* packed) {
  const std::int64_t pairs = depth / 2;
#if defined(__AVX512BF16__)
  if (column_stride == 1 && columns == kPanel) {
    for (std::int64_t pair = 0; pair < pairs; ++pair) {
      const float* even = from + 2 * pair * row_stride;
      for (std::int64_t column = 0; column < kPanel; column += 16) {
        const auto mask =
            static_cast<__mmask16>(kPanel - column < 16 ? (1U << (kPanel - column)) - 1U : 0xFFFFU);
        _mm512_mask_storeu_epi32(packed + pair * kPanel + column, mask,
                                 PairRows(even + column, even + row_stride + column, mask));
      }
    }
  } else if (row_stride == 1) {
    for (std::int64_t first = 0; first < columns; first += 16) {
      const std::int64_t count = columns - first < 16 ? columns - first : 16;
      const auto mask = static_cast<__mmask16>(count < 16 ? (1U << count) - 1U : 0xFFFFU);
      const float* lines = from + first * column_stride;
      std::int64_t pair = 0;
      for (; pair + 16 <= pairs; pair += 16) {
        __m512i block[16];
        for (std::int64_t column = 0; column < 16; ++column) {
          const float* line = lines + column * column_stride + 2 * pair;
          block[column] = column < count ? (__m512i)_mm512_cvtne2ps_pbh(_mm512_loadu_ps(line + 16),
                                                                        _mm512_loadu_ps(line))
                                         : _mm512_setzero_si512();
        }
        Transpose16(block);
        for (std::int64_t row = 0; row < 16; ++row) {
          _mm512_mask_storeu_epi32(packed + (pair + row) * kPanel + first, mask, block[row]);
        }
      }
      for (; pair < pairs; ++pair) {
        for (std::int64_t column = 0; column < count; ++column) {
          const float* two = lines + column * column_stride + 2 * pair;
          packed[pair * kPanel + first + column] = PairBf16(two[0], two[1]);
        }
      }
    }
  } else
#endif
  {
    for (std::int64_t pair = 0; pair < pairs; ++pair) {
      const float* even = from + 2 * pair * row_stride;
      const float* odd = even + row_stride;
      std::uint32_t* to = packed + pair * kPanel;
      for (std::int64_t column = 0; column < columns; ++column) {
        to[column] = PairBf16(even[column * column_stride], odd[column * column_stride]);
      }
    }
  }
  if (depth % 2 != 0) {
    const float* last = from + (depth - 1) * row_stride;
    for (std::int64_t column = 0; column < columns; ++column) {
      packed[pairs * kPanel + column] = PairBf16(last[column * column_stride], 0.0F);
    }
  }
  for (std::int64_t pair = 0; pair < (depth + 1) / 2; ++pair) {
    for (std::int64_t column = columns; column < kPanel; ++column)
      packed[pair * kPanel + column] = 0;
  }
}

#if defined(__AVX512BF16__)
// Stores 16 columns from column `first` of a group on: they belong to two panels.
inline void StoreInPanels(__m512i words, std::int64_t first, std::int64_t pairs, std::int64_t pair,
                          std::uint32_t* packed) {
  const std::int64_t offset = first % kTileRows;
  const std::int64_t here = kTileRows - offset;
  std::uint32_t* to = packed + first / kTileRows * kTileRows * pairs + pair * kTileRows + offset;
  const auto mask = static_cast<__mmask16>((1U << here) - 1U);
  _mm512_mask_storeu_epi32(to, mask, words);
  _mm512_mask_storeu_epi32(to + kTileRows * pairs - kTileRows, static_cast<__mmask16>(~mask),
                           words);
}

// kGroupRows neighbouring columns into panels of kTileRows, each as PackPairs leaves it: every
// cache line of `from` is read once. For even depths.
void PackGroup(const float* from, std::int64_t row_stride, std::int64_t pairs,
               std::uint32_t* packed) {
  for (std::int64_t pair = 0; pair < pairs; ++pair) {
    const float* even = from + 2 * pair * row_stride;
    for (std::int64_t first = 0; first < kGroupRows; first += 16) {
      StoreInPanels(PairRows(even + first, even + row_stride + first, 0xFFFF), first, pairs, pair,
                    packed);
    }
  }
}
#endif

// c[kTileRows][kTileColumns] (+)= a b over `pairs` pairs.
#if defined(__AVX512BF16__)
void TileBf16(const std::uint32_t* a, const std::uint32_t* b, std::int64_t pairs, float* c,
              std::int64_t c_row, bool accumulate) {
  __m512 sums[kTileRows][2];
  for (int i = 0; i < kTileRows; ++i) {
    __builtin_prefetch(c + i * c_row, 1);  // while there is something to compute
    __builtin_prefetch(c + i * c_row + 16, 1);
    sums[i][0] = _mm512_setzero_ps();
    sums[i][1] = _mm512_setzero_ps();
  }
  for (std::int64_t pair = 0; pair < pairs; ++pair) {
    const auto left = (__m512bh)_mm512_loadu_si512(b + pair * kTileColumns);
    const auto right = (__m512bh)_mm512_loadu_si512(b + pair * kTileColumns + 16);
    for (int i = 0; i < kTileRows; ++i) {
      const auto both = (__m512bh)_mm512_set1_epi32(static_cast<int>(a[pair * kTileRows + i]));
      sums[i][0] = _mm512_dpbf16_ps(sums[i][0], both, left);
      sums[i][1] = _mm512_dpbf16_ps(sums[i][1], both, right);
    }
  }
  for (int i = 0; i < kTileRows; ++i) {
    float* row = c + i * c_row;
    if (accumulate) {
      sums[i][0] = _mm512_add_ps(_mm512_loadu_ps(row), sums[i][0]);
      sums[i][1] = _mm512_add_ps(_mm512_loadu_ps(row + 16), sums[i][1]);
    }
    _mm512_storeu_ps(row, sums[i][0]);
    _mm512_storeu_ps(row + 16, sums[i][1]);
  }
}
#else
inline float FloatBits(std::uint32_t bits) {
  float value = 0;
  __builtin_memcpy(&value, &bits, sizeof value);
  return value;
}

void TileBf16(const std::uint32_t* a, const std::uint32_t* b, std::int64_t pairs, float* c,
              std::int64_t c_row, bool accumulate) {
  for (std::int64_t i = 0; i < kTileRows; ++i) {
    float* row = c + i * c_row;
    float sums[kTileColumns] = {};
    for (std::int64_t pair = 0; pair < pairs; ++pair) {
      const float even = FloatBits(a[pair * kTileRows + i] << 16U);
      const float odd = FloatBits(a[pair * kTileRows + i] & 0xFFFF0000U);
      const std::uint32_t* line = b + pair * kTileColumns;
#pragma GCC ivdep
      for (std::int64_t n = 0; n < kTileColumns; ++n) {
        sums[n] += even * FloatBits(line[n] << 16U) + odd * FloatBits(line[n] & 0xFFFF0000U);
      }
    }
    for (std::int64_t n = 0; n < kTileColumns; ++n) {
      row[n] = accumulate ? row[n] + sums[n] : sums[n];
    }
  }
}
#endif

// A tile of which `height` rows and `width` columns are wanted.
void MultiplyTile(const std::uint32_t* a, const std::uint32_t* b, std::int64_t pairs,
                  std::int64_t height, std::int64_t width, float* c, std::int64_t c_row,
                  bool accumulate) {
  if (height == kTileRows && width == kTileColumns) {
    TileBf16(a, b, pairs, c, c_row, accumulate);
    return;
  }
  float tile[kTileRows * kTileColumns];
  TileBf16(a, b, pairs, tile, kTileColumns, false);
  for (std::int64_t i = 0; i < height; ++i) {
    for (std::int64_t n = 0; n < width; ++n) {
      const float value = tile[i * kTileColumns + n];
      c[i * c_row + n] = accumulate ? c[i * c_row + n] + value : value;
    }
  }
}

// Rows begin .. end of a, at most kGroupRows, from column k on, in panels of kTileRows.
void PackTiles(const MatrixView& a, std::int64_t begin, std::int64_t end, std::int64_t k,
               std::int64_t depth, std::uint32_t* packed) {
  const float* from = a.data + begin * a.row_stride + k * a.column_stride;
  const std::int64_t pairs = (depth + 1) / 2;
#if defined(__AVX512BF16__)
  if (a.row_stride == 1 && end - begin == kGroupRows && depth % 2 == 0) {
    PackGroup(from, a.column_stride, pairs, packed);
    return;
  }
#endif
  for (std::int64_t i = 0; i < end - begin; i += kTileRows) {
    const std::int64_t height = end - begin - i < kTileRows ? end - begin - i : kTileRows;
    PackPairs<kTileRows>(from + i * a.row_stride, a.column_stride, a.row_stride, depth, height,
                         packed + i * pairs);
  }
}

void MatMulBf16(std::int64_t rows, std::int64_t columns, std::int64_t depth, const MatrixView& a,
                const MatrixView& b, float* c, bool accumulate, std::uint32_t* scratch) {
  std::uint32_t* packed_b = scratch;
  std::uint32_t* packed_a = scratch + kColumnBlock * kDepthBlock / 2;
  for (std::int64_t k = 0; k < depth; k += kDepthBlock) {
    const std::int64_t k_count = depth - k < kDepthBlock ? depth - k : kDepthBlock;
    const std::int64_t pairs = (k_count + 1) / 2;
    const bool adds = accumulate || k > 0;
    for (std::int64_t n = 0; n < columns; n += kColumnBlock) {
      const std::int64_t n_count = columns - n < kColumnBlock ? columns - n : kColumnBlock;
      for (std::int64_t panel = 0; panel < n_count; panel += kTileColumns) {
        const std::int64_t width = n_count - panel < kTileColumns ? n_count - panel : kTileColumns;
        PackPairs<kTileColumns>(b.data + k * b.row_stride + (n + panel) * b.column_stride,
                                b.row_stride, b.column_stride, k_count, width,
                                packed_b + panel * pairs);
      }
      for (std::int64_t group = 0; group < rows; group += kGroupRows) {
        const std::int64_t group_end = group + kGroupRows < rows ? group + kGroupRows : rows;
        PackTiles(a, group, group_end, k, k_count, packed_a);
        for (std::int64_t i = group; i < group_end; i += kTileRows) {
          const std::int64_t height = group_end - i < kTileRows ? group_end - i : kTileRows;
          const std::uint32_t* tile_row = packed_a + (i - group) * pairs;
          for (std::int64_t panel = 0; panel < n_count; panel += kTileColumns) {
            const std::int64_t width =
                n_count - panel < kTileColumns ? n_count - panel : kTileColumns;
            MultiplyTile(tile_row, packed_b + panel * pairs, pairs, height, width,
                         c + i * columns + n + panel, columns, adds);
          }
        }
      }
    }
  }
}

// ---- Feed-forward
// ------------------------------------------------------------------------------------------------

void BiasGelu(std::int64_t rows, std::int64_t width, float* x, const float* bias, float* y) {
  for (std::int64_t row = 0; row < rows; ++row) {
    float* x_row = x + row * width;
    float* y_row = y + row * width;
#pragma GCC ivdep
    for (std::int64_t i = 0; i < width; ++i) {
      const float u = x_row[i] + bias[i];
      const float a = u < 0 ? -u : u;
      const float e = Exp(-0.5F * u * u);
      const float tail = LowerTail(a, e);
      const float phi = u < 0 ? tail : 1.0F - tail;
      y_row[i] = u * phi;
      x_row[i] = phi + u * e * 0.398942280401432678F;
    }
  }
}

void GeluGrad(std::int64_t rows, std::int64_t width, float* d, const float* derivative,
              float* bias_sum) {
  for (std::int64_t row = 0; row < rows; ++row) {
    float* d_row = d + row * width;
    const float* derivative_row = derivative + row * width;
#pragma GCC ivdep
    for (std::int64_t i = 0; i < width; ++i) {
      const float value = d_row[i] * derivative_row[i];
      d_row[i] = value;
      bias_sum[i] += value;
    }
  }
}

// ---- Residual and LayerNorm
// --------------------------------------------------------------------------------------

void ResidualNorm(std::int64_t rows, std::int64_t width, const float* x, const float* bias,
                  const float* residual, const DropoutMask& dropout, std::int64_t first,
                  const float* weight, const float* norm_bias, float eps, float* y, float* normed,
                  float* inverse_sd, float* scratch) {
  for (std::int64_t i = 0; i < width; ++i) scratch[i] = 1.0F;
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int64_t at = row * width;
    const float* x_row = x + at;
    const float* residual_row = residual + at;
    float* normed_row = normed + at;
    float* y_row = y + at;
    if (dropout.threshold != 0) FillMask(dropout, first + at, width, scratch);
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (std::int64_t i = 0; i < width; ++i) {
      const float value = residual_row[i] + (x_row[i] + bias[i]) * scratch[i];
      normed_row[i] = value;
      sum += value;
    }
    const float mean = sum / static_cast<float>(width);
    float squares = 0;
#pragma omp simd reduction(+ : squares)
    for (std::int64_t i = 0; i < width; ++i) {
      const float centred = normed_row[i] - mean;
      normed_row[i] = centred;
      squares += centred * centred;
    }
    const float inverse = 1.0F / __builtin_sqrtf(squares / static_cast<float>(width) + eps);
    inverse_sd[row] = inverse;
#pragma GCC ivdep
    for (std::int64_t i = 0; i < width; ++i) {
      const float value = normed_row[i] * inverse;
      normed_row[i] = value;
      y_row[i] = value * weight[i] + norm_bias[i];
    }
  }
}

void ResidualNormGrad(std::int64_t rows, std::int64_t width, const float* dy, const float* normed,
                      const float* inverse_sd, const float* weight, const DropoutMask& dropout,
                      std::int64_t first, float* d_x, float* d_residual, float* weight_sum,
                      float* norm_bias_sum, float* bias_sum, float* scratch) {
  float* mask = scratch;
  float* scaled = scratch + width;
  for (std::int64_t i = 0; i < width; ++i) mask[i] = 1.0F;
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int64_t at = row * width;
    const float* dy_row = dy + at;
    const float* normed_row = normed + at;
    float* d_x_row = d_x + at;
    float* d_residual_row = d_residual + at;
    if (dropout.threshold != 0) FillMask(dropout, first + at, width, mask);
    float sum = 0;
    float product = 0;
#pragma omp simd reduction(+ : sum, product)
    for (std::int64_t i = 0; i < width; ++i) {
      const float value = dy_row[i] * weight[i];
      scaled[i] = value;
      sum += value;
      product += value * normed_row[i];
    }
    const float mean = sum / static_cast<float>(width);
    const float slope = product / static_cast<float>(width);
    const float inverse = inverse_sd[row];
#pragma GCC ivdep
    for (std::int64_t i = 0; i < width; ++i) {
      const float value = inverse * (scaled[i] - mean - normed_row[i] * slope);
      const float through = value * mask[i];
      weight_sum[i] += dy_row[i] * normed_row[i];
      norm_bias_sum[i] += dy_row[i];
      bias_sum[i] += through;
      d_residual_row[i] = value;
      d_x_row[i] = through;
    }
  }
}

// ---- Attention
// ---------------------------------------------------------------------------------------------------

inline std::int64_t QueryCount(const AttentionHead& head) {
  return head.queries == nullptr ? head.tokens : head.query_count;
}

// The token that row i of the weights is of.
inline std::int64_t QueryToken(const AttentionHead& head, std::int64_t i) {
  return head.queries == nullptr ? i : head.queries[i];
}

// One of q (0), k (1), v (2) with bias, times `scale`: rows [tokens][depth padded], of q those of
// the queries; the padding 0.
void LoadRows(const AttentionHead& head, int which, float scale, float* rows) {
  const std::int64_t padded = RoundUp(head.depth);
  const std::int64_t column = which * head.width + head.head * head.depth;
  const std::int64_t count = which == 0 ? QueryCount(head) : head.tokens;
  const float* bias = head.bias + column;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t token = which == 0 ? QueryToken(head, i) : i;
    const float* from = head.qkv + token * 3 * head.width + column;
    float* to = rows + i * padded;
#pragma GCC ivdep
    for (std::int64_t d = 0; d < head.depth; ++d) to[d] = (from[d] + bias[d]) * scale;
    for (std::int64_t d = head.depth; d < padded; ++d) to[d] = 0;
  }
}

// columns[d][i] = rows[i][d], [depth][tokens padded], the padding 0.
void Transpose(std::int64_t tokens, std::int64_t depth, const float* rows, float* columns) {
  const std::int64_t padded_depth = RoundUp(depth);
  const std::int64_t padded_tokens = RoundUp(tokens);
  for (std::int64_t d = 0; d < depth; ++d) {
    float* to = columns + d * padded_tokens;
    for (std::int64_t i = 0; i < tokens; ++i) to[i] = rows[i * padded_depth + d];
    for (std::int64_t i = tokens; i < padded_tokens; ++i) to[i] = 0;
  }
}

float SoftmaxScale(std::int64_t depth) {
  return 1.0F / __builtin_sqrtf(static_cast<float>(depth));
}

// Row i of the masked weights: weights times dropout, padded with 0.
void MaskedRow(const AttentionHead& head, std::int64_t i, const float* weights, float* mask,
               float* to) {
  const std::int64_t tokens = head.tokens;
  if (head.dropout.threshold != 0) {
    FillMask(head.dropout, head.first + QueryToken(head, i) * tokens, tokens, mask);
#pragma GCC ivdep
    for (std::int64_t j = 0; j < tokens; ++j) to[j] = weights[j] * mask[j];
  } else {
#pragma GCC ivdep
    for (std::int64_t j = 0; j < tokens; ++j) to[j] = weights[j];
  }
}

void Attention(const AttentionHead& head, float* context) {
  const std::int64_t tokens = head.tokens;
  const std::int64_t queries = QueryCount(head);
  const std::int64_t depth = head.depth;
  const std::int64_t padded_tokens = RoundUp(tokens);
  const std::int64_t padded_depth = RoundUp(depth);
  float* q = head.scratch;
  float* k = q + tokens * padded_depth;
  float* k_columns = k + tokens * padded_depth;
  float* scores = k_columns + padded_depth * padded_tokens;
  float* mask = scores + tokens * padded_tokens;

  LoadRows(head, 0, SoftmaxScale(depth), q);
  LoadRows(head, 1, 1.0F, k);
  Transpose(tokens, depth, k, k_columns);
  MatMul(q, padded_depth, 1, k_columns, padded_tokens, queries, padded_tokens, depth, scores,
         padded_tokens);
  for (std::int64_t i = 0; i < queries; ++i) {
    float* row = scores + i * padded_tokens;
    float* weights = head.weights + i * tokens;
    float largest = row[0];
#pragma omp simd reduction(max : largest)
    for (std::int64_t j = 0; j < tokens; ++j) largest = row[j] > largest ? row[j] : largest;
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (std::int64_t j = 0; j < tokens; ++j) {
      const float value = Exp(row[j] - largest);
      weights[j] = value;
      sum += value;
    }
    const float inverse = 1.0F / sum;
#pragma GCC ivdep
    for (std::int64_t j = 0; j < tokens; ++j) weights[j] *= inverse;
    MaskedRow(head, i, weights, mask, row);
  }
  float* v = k;    // k is in k_columns by now
  float* out = q;  // and q in the scores
  LoadRows(head, 2, 1.0F, v);
  MatMul(scores, padded_tokens, 1, v, padded_depth, queries, padded_depth, tokens, out,
         padded_depth);
  for (std::int64_t i = 0; i < queries; ++i) {
    float* to = context + i * head.width + head.head * depth;
#pragma GCC ivdep
    for (std::int64_t d = 0; d < depth; ++d) to[d] = out[i * padded_depth + d];
  }
}

// Writes rows [tokens][depth padded], times `scale`, into the columns of q, k or v of d_qkv; of q
// those of the queries, 0 into the others.
void StoreRows(const AttentionHead& head, int which, float scale, const float* rows, float* d_qkv) {
  const std::int64_t padded = RoundUp(head.depth);
  const std::int64_t column = which * head.width + head.head * head.depth;
  const bool chosen = which == 0 && head.queries != nullptr;
  if (chosen) {
    for (std::int64_t i = 0; i < head.tokens; ++i) {
      float* to = d_qkv + i * 3 * head.width + column;
      for (std::int64_t d = 0; d < head.depth; ++d) to[d] = 0;
    }
  }
  const std::int64_t count = chosen ? head.query_count : head.tokens;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t token = chosen ? head.queries[i] : i;
    float* to = d_qkv + token * 3 * head.width + column;
#pragma GCC ivdep
    for (std::int64_t d = 0; d < head.depth; ++d) to[d] = rows[i * padded + d] * scale;
  }
}

void AttentionGrad(const AttentionHead& head, const float* d_context, float* d_qkv) {
  const std::int64_t tokens = head.tokens;
  const std::int64_t queries = QueryCount(head);
  const std::int64_t depth = head.depth;
  const std::int64_t padded_tokens = RoundUp(tokens);
  const std::int64_t padded_depth = RoundUp(depth);
  const float scale = SoftmaxScale(depth);
  float* rows = head.scratch;
  float* d_out = rows + tokens * padded_depth;
  float* v_columns = d_out + tokens * padded_depth;
  float* d_scores = v_columns + padded_depth * padded_tokens;
  float* mask = d_scores + tokens * padded_tokens;
  float* masked = mask + padded_tokens;
  float* result = masked + tokens * padded_tokens;

  for (std::int64_t i = 0; i < queries; ++i) {
    const float* from = d_context + i * head.width + head.head * depth;
    float* to = d_out + i * padded_depth;
#pragma GCC ivdep
    for (std::int64_t d = 0; d < depth; ++d) to[d] = from[d];
    for (std::int64_t d = depth; d < padded_depth; ++d) to[d] = 0;
  }
  LoadRows(head, 2, 1.0F, rows);
  Transpose(tokens, depth, rows, v_columns);
  MatMul(d_out, padded_depth, 1, v_columns, padded_tokens, queries, padded_tokens, depth, d_scores,
         padded_tokens);
  for (std::int64_t j = 0; j < tokens; ++j) mask[j] = 1.0F;
  for (std::int64_t i = 0; i < queries; ++i) {
    const float* weights = head.weights + i * tokens;
    float* row = d_scores + i * padded_tokens;
    MaskedRow(head, i, weights, mask, masked + i * padded_tokens);
    float dot = 0;
#pragma omp simd reduction(+ : dot)
    for (std::int64_t j = 0; j < tokens; ++j) {
      const float value = row[j] * mask[j];
      row[j] = value;
      dot += weights[j] * value;
    }
#pragma GCC ivdep
    for (std::int64_t j = 0; j < tokens; ++j) row[j] = weights[j] * (row[j] - dot);
  }
  MatMul(masked, 1, padded_tokens, d_out, padded_depth, tokens, padded_depth, queries, result,
         padded_depth);
  StoreRows(head, 2, 1.0F, result, d_qkv);
  LoadRows(head, 1, 1.0F, rows);
  MatMul(d_scores, padded_tokens, 1, rows, padded_depth, queries, padded_depth, tokens, result,
         padded_depth);
  StoreRows(head, 0, scale, result, d_qkv);
  LoadRows(head, 0, scale, rows);
  MatMul(d_scores, 1, padded_tokens, rows, padded_depth, tokens, padded_depth, queries, result,
         padded_depth);
  StoreRows(head, 1, 1.0F, result, d_qkv);
}

// ---- Loss
// --------------------------------------------------------------------------------------------------------

void SoftmaxSums(std::int64_t rows, std::int64_t columns, float* logits, const float* bias,
                 float* largest, float* sum) {
  for (std::int64_t row = 0; row < rows; ++row) {
    float* values = logits + row * columns;
    float high = largest[row];
#pragma omp simd reduction(max : high)
    for (std::int64_t i = 0; i < columns; ++i) {
      const float value = values[i] + bias[i];
      values[i] = value;
      high = value > high ? value : high;
    }
    float more = 0;
#pragma omp simd reduction(+ : more)
    for (std::int64_t i = 0; i < columns; ++i) more += Exp(values[i] - high);
    sum[row] = sum[row] * Exp(largest[row] - high) + more;
    largest[row] = high;
  }
}

void SoftmaxGrad(std::int64_t rows, std::int64_t columns, float* logits, const float* largest,
                 const float* sum, const std::int64_t* targets, std::int64_t first, float scale,
                 float* bias_sum) {
  for (std::int64_t row = 0; row < rows; ++row) {
    float* values = logits + row * columns;
    const float high = largest[row];
    const float factor = scale / sum[row];
    const std::int64_t target = targets[row] - first;
    const bool here = target >= 0 && target < columns;
    const float at_target = here ? Exp(values[target] - high) * factor - scale : 0.0F;
    // The target's column is mended behind the loop, which so has no branch.
    const float bias_at_target = here ? bias_sum[target] : 0.0F;
#pragma GCC ivdep
    for (std::int64_t i = 0; i < columns; ++i) {
      const float value = Exp(values[i] - high) * factor;
      values[i] = value;
      bias_sum[i] += value;
    }
    if (here) {
      values[target] = at_target;
      bias_sum[target] = bias_at_target + at_target;
    }
  }
}

}  // namespace

extern const CpuKernels REPRO_KERNEL_TABLE;
const CpuKernels REPRO_KERNEL_TABLE = {.name = REPRO_KERNEL_NAME,
                                       .matmul_bf16 = &MatMulBf16,
                                       .dropout_mask = &FillMask,
                                       .bias_gelu = &BiasGelu,
                                       .gelu_grad = &GeluGrad,
                                       .residual_norm = &ResidualNorm,
                                       .residual_norm_grad = &ResidualNormGrad,
                                       .attention = &Attention,
                                       .attention_grad = &AttentionGrad,
                                       .softmax_sums = &SoftmaxSums,
                                       .softmax_grad = &SoftmaxGrad};

}  // namespace repro
