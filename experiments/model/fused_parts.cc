#include "experiments/model/fused_parts.h"

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include <sys/mman.h>
#include <torch/csrc/autograd/graph_task.h>

namespace repro {
namespace {

MatrixView ViewOf(const at::Tensor& matrix) {
  TORCH_CHECK(matrix.stride(0) == 1 || matrix.stride(1) == 1 || matrix.numel() == 0,
              "a matrix without unit stride");
  return {.data = Data(matrix), .row_stride = matrix.stride(0), .column_stride = matrix.stride(1)};
}

void MultiplyFloat(const at::Tensor& c, const at::Tensor& a, const at::Tensor& b, bool accumulate) {
  if (accumulate) {
    c.addmm_(a, b);
  } else {
    at::Tensor out = c;
    at::mm_out(out, a, b);
  }
}

// True where something is left to multiply.
bool PrepareBfloat16(const at::Tensor& c, const at::Tensor& a, const at::Tensor& b,
                     bool accumulate) {
  const std::int64_t depth = a.size(1);
  TORCH_CHECK(
      b.size(0) == depth && c.is_contiguous() && c.size(0) == a.size(0) && c.size(1) == b.size(1),
      "product of ", a.sizes(), " and ", b.sizes(), " into ", c.sizes());
  if (depth == 0 && !accumulate) c.zero_();
  return c.numel() > 0 && depth > 0;
}

void MultiplyRows(const at::Tensor& c, const at::Tensor& a, const at::Tensor& b, bool accumulate,
                  std::int64_t begin, std::int64_t end) {
  // Uninitialised on purpose: packing writes what products read.
  const std::unique_ptr<std::uint32_t[]> scratch(new std::uint32_t[kMatMulScratch]);
  MatrixView left = ViewOf(a);
  left.data += begin * left.row_stride;
  BestCpuKernels().matmul_bf16(end - begin, b.size(1), a.size(1), left, ViewOf(b),
                               Data(c) + begin * c.size(1), accumulate, scratch.get());
}

constexpr std::int64_t kLargeBytes = 32 << 20;

/// Blocks of memory that nobody uses now, at most two.
class LargeBlocks {
 public:
  /// A flat tensor of at least `bytes`. Throws what ATen throws when there is no memory.
  at::Tensor Take(std::int64_t bytes) {
    const std::int64_t rounded = (bytes + kStep - 1) / kStep * kStep;
    {
      const std::lock_guard lock(mutex_);
      for (auto block = free_.begin(); block != free_.end(); ++block) {
        const std::int64_t size = block->size(0);
        if (size < rounded || size > rounded + rounded / 2) continue;
        at::Tensor taken = std::move(*block);
        free_.erase(block);
        return taken;
      }
    }
    at::Tensor fresh = at::empty({rounded}, at::kByte);
    const auto address = reinterpret_cast<std::uintptr_t>(fresh.data_ptr());
    const std::size_t before = (kHugePage - address % kHugePage) % kHugePage;
    if (fresh.nbytes() > before + kHugePage) {
      const std::size_t whole = (fresh.nbytes() - before) / kHugePage * kHugePage;
      auto* const begin = static_cast<std::byte*>(fresh.data_ptr()) + before;
      ::madvise(begin, whole, MADV_HUGEPAGE);  // no matter if it cannot
    }
    return fresh;
  }

  void Clear() {
    const std::lock_guard lock(mutex_);
    free_.clear();
  }

  void Return(at::Tensor block) {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(block));
    if (free_.size() > 2) free_.erase(free_.begin());
  }

 private:
  static constexpr std::uintptr_t kHugePage = 2 << 20;
  static constexpr std::int64_t kStep = 8 << 20;
  std::mutex mutex_;
  std::vector<at::Tensor> free_;
};

LargeBlocks& TheLargeBlocks() {
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): a cache behind a lock
  static LargeBlocks& blocks = *new LargeBlocks;  // outlives every tensor
  return blocks;
}

}  // namespace

void MultiplyInto(const at::Tensor& c, const at::Tensor& a, const at::Tensor& b, bool accumulate,
                  bool bfloat16) {
  if (!bfloat16) {
    MultiplyFloat(c, a, b, accumulate);
  } else if (PrepareBfloat16(c, a, b, accumulate)) {
    ForParts(a.size(0), PartsOf(a.size(0)),
             [&](std::int64_t, std::int64_t begin, std::int64_t end) {
               MultiplyRows(c, a, b, accumulate, begin, end);
             });
  }
}

void MultiplyHere(const at::Tensor& c, const at::Tensor& a, const at::Tensor& b, bool accumulate,
                  bool bfloat16) {
  if (!bfloat16) {
    MultiplyFloat(c, a, b, accumulate);  // ATen and its BLAS see the parallel region they are in
  } else if (PrepareBfloat16(c, a, b, accumulate)) {
    MultiplyRows(c, a, b, accumulate, 0, a.size(0));
  }
}

at::Tensor Multiply(const at::Tensor& a, const at::Tensor& b, bool bfloat16) {
  at::Tensor c = at::empty({a.size(0), b.size(1)}, a.options());
  MultiplyInto(c, a, b, /*accumulate=*/false, bfloat16);
  return c;
}

at::Tensor EmptyTensor(at::IntArrayRef sizes, const at::TensorOptions& options) {
  const std::int64_t bytes =
      c10::multiply_integers(sizes) * static_cast<std::int64_t>(options.dtype().itemsize());
  if (bytes < kLargeBytes) return at::empty(sizes, options.requires_grad(false));
  at::Tensor block = TheLargeBlocks().Take(bytes);
  void* data = block.data_ptr();
  return at::from_blob(
      data, sizes, [block](void*) mutable { TheLargeBlocks().Return(std::move(block)); },
      options.requires_grad(false));
}

void FreeKeptBlocks() {
  TheLargeBlocks().Clear();
}

GradientSink OpenGradientSink(const at::Tensor& parameter) {
  if (!parameter.requires_grad()) return {};
  const auto* asked = torch::autograd::get_current_graph_task_exec_info();
  const bool everything = asked != nullptr && asked->empty();
  const at::Tensor& gradient = parameter.grad();
  if (!everything || !parameter.is_leaf() ||
      (gradient.defined() && !(gradient.is_contiguous() && gradient.scalar_type() == at::kFloat &&
                               gradient.layout() == at::kStrided && gradient.is_cpu()))) {
    return {.table = EmptyTensor(parameter.sizes(), parameter.options()),
            .fresh = true,
            .in_place = false};
  }
  if (gradient.defined()) return {.table = gradient, .fresh = false, .in_place = true};
  parameter.mutable_grad() = EmptyTensor(parameter.sizes(), parameter.options());
  return {.table = parameter.grad(), .fresh = true, .in_place = true};
}

}  // namespace repro
