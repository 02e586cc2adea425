#pragma once
/// What an update spends its time on beside matrix products, in one pass each: bias + GELU, bias +
/// dropout + residual + LayerNorm, attention of one head, softmax cross-entropy; forward and
/// backward. Plain C++ on float arrays, built for several instruction sets, chosen once at run
/// time. No LibTorch. The tests compare them with plain twins: those of the layers are in
/// encoder.cc, that of the loss in chunked_loss.cc, that of the bfloat16 product in the tests.
///
/// Arrays are row-major and do not overlap unless said. Pure functions: the result does not depend
/// on how rows are divided between threads, except for sums over rows, which the caller adds up in
/// a fixed order.

#include <cstdint>

namespace repro {

/// Which elements fall out: element i of the tensor is kept with 1 - threshold / 65536 and scaled.
/// threshold 0: all kept, scale 1. Elements i and i + 16 of a block of 32 share one hash word.
struct DropoutMask {
  std::uint64_t key = 0;
  std::uint32_t threshold = 0;
  float scale = 1;
};

/// One head of one sequence. q, k, v: rows of `qkv` (stride 3 * heads * depth) without bias. All
/// tokens are attended to; who attends are all, or those that `queries` names.
struct AttentionHead {
  std::int64_t tokens = 0;
  std::int64_t depth = 0;  ///< of a head
  std::int64_t width = 0;  ///< heads * depth
  std::int64_t head = 0;
  const float* qkv = nullptr;             ///< [tokens, 3 * width]
  const float* bias = nullptr;            ///< [3 * width]
  const std::int64_t* queries = nullptr;  ///< ascending token numbers; null: all tokens
  std::int64_t query_count = 0;           ///< of `queries`
  float* weights = nullptr;  ///< [queries, tokens]: softmax before dropout; written forward, read
                             ///< backward
  DropoutMask dropout;
  std::int64_t first = 0;    ///< what dropout numbers the weight of token 0 for token 0
  float* scratch = nullptr;  ///< AttentionScratch floats
};

/// A matrix in memory: element (i, j) at data[i * row_stride + j * column_stride]; one of the
/// strides is 1.
struct MatrixView {
  const float* data = nullptr;
  std::int64_t row_stride = 0;
  std::int64_t column_stride = 1;
};

struct CpuKernels {
  const char* name;  ///< instruction set

  /// c [rows, columns] = a [rows, depth] times b [depth, columns], plus c where `accumulate`: the
  /// factors rounded to bfloat16, products and sums in float32. scratch: kMatMulScratch words. Rows
  /// of c do not depend on one another.
  void (*matmul_bf16)(std::int64_t rows, std::int64_t columns, std::int64_t depth,
                      const MatrixView& a, const MatrixView& b, float* c, bool accumulate,
                      std::uint32_t* scratch);

  /// mask[i] = 0 or scale for elements first .. first + count.
  void (*dropout_mask)(const DropoutMask& dropout, std::int64_t first, std::int64_t count,
                       float* mask);

  /// y = gelu(x + bias), exact; x becomes the derivative there.
  void (*bias_gelu)(std::int64_t rows, std::int64_t width, float* x, const float* bias, float* y);
  /// d *= derivative; bias_sum += column sums of d.
  void (*gelu_grad)(std::int64_t rows, std::int64_t width, float* d, const float* derivative,
                    float* bias_sum);

  /// y = LayerNorm(residual + dropout(x + bias)); keeps the normalised rows (may be x's array) and
  /// 1 / sd. `first`: index of x[0][0]; scratch: width floats.
  void (*residual_norm)(std::int64_t rows, std::int64_t width, const float* x, const float* bias,
                        const float* residual, const DropoutMask& dropout, std::int64_t first,
                        const float* weight, const float* norm_bias, float eps, float* y,
                        float* normed, float* inverse_sd, float* scratch);
  /// From dy: d_residual, d_x (may be one array where nothing falls out), and += column sums for
  /// weight, norm bias, bias. scratch: 2 * width floats.
  void (*residual_norm_grad)(std::int64_t rows, std::int64_t width, const float* dy,
                             const float* normed, const float* inverse_sd, const float* weight,
                             const DropoutMask& dropout, std::int64_t first, float* d_x,
                             float* d_residual, float* weight_sum, float* norm_bias_sum,
                             float* bias_sum, float* scratch);

  /// context: [queries, width], this head's columns written.
  void (*attention)(const AttentionHead& head, float* context);
  /// d_context: [queries, width]. d_qkv: [tokens, 3 * width], this head's columns written.
  void (*attention_grad)(const AttentionHead& head, const float* d_context, float* d_qkv);

  /// A softmax over columns that come in blocks. logits [rows, columns], a block without bias, gets
  /// it; largest[row] and sum[row], of e^(logit - largest), are brought up to date. Before the
  /// first block: -FLT_MAX and 0.
  void (*softmax_sums)(std::int64_t rows, std::int64_t columns, float* logits, const float* bias,
                       float* largest, float* sum);
  /// The block with bias becomes scale * (softmax - one_hot(target)); bias_sum += its column sums.
  /// `first`: the block's first column among those that targets number.
  void (*softmax_grad)(std::int64_t rows, std::int64_t columns, float* logits, const float* largest,
                       const float* sum, const std::int64_t* targets, std::int64_t first,
                       float scale, float* bias_sum);
};

inline constexpr std::int64_t kMatMulScratch = 512 * 512 / 2 + 512 * 48 / 2;

/// Floats of scratch that attention and its gradient need.
std::int64_t AttentionScratch(std::int64_t tokens, std::int64_t depth);

/// The best set that this CPU runs.
const CpuKernels& BestCpuKernels();

/// One of them by name, "avx512_bf16", "avx512", "avx2" or "baseline"; null when this CPU or build
/// does not have it. For tests.
const CpuKernels* FindCpuKernels(const char* name);

}  // namespace repro
