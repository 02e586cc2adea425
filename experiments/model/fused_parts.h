#pragma once
/// What the fused operations of the CPU are made of, beside cpu_kernels.h: work in as many parts as
/// there are threads, matrix products, and gradients added up in place. For fused_layer.cc and
/// fused_vocabulary_loss.cc.

#include <algorithm>
#include <cstdint>
#include <memory>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "experiments/model/autograd_node.h"
#include "experiments/model/cpu_kernels.h"

namespace repro {

inline float* Data(const at::Tensor& tensor) {
  return tensor.data_ptr<float>();
}

/// `work(part, begin, end)` for each of `parts` stretches of `rows`, on as many threads as there
/// are.
template <class Work>
void ForParts(std::int64_t rows, std::int64_t parts, const Work& work) {
  at::parallel_for(0, parts, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t part = first; part < last; ++part) {
      work(part, rows * part / parts, rows * (part + 1) / parts);
    }
  });
}

/// One part a thread, but none empty; at least one.
inline std::int64_t PartsOf(std::int64_t rows) {
  return std::max<std::int64_t>(1, std::min<std::int64_t>(rows, at::get_num_threads()));
}

/// c = a b, or c += a b; the factors in bfloat16 where `bfloat16`, sums in float32 either way. a
/// and b have a unit stride, c is contiguous. In every thread.
void MultiplyInto(const at::Tensor& c, const at::Tensor& a, const at::Tensor& b, bool accumulate,
                  bool bfloat16);
/// The same in the calling thread alone: for use inside ForParts. Tensors must not require a
/// gradient.
void MultiplyHere(const at::Tensor& c, const at::Tensor& a, const at::Tensor& b, bool accumulate,
                  bool bfloat16);
at::Tensor Multiply(const at::Tensor& a, const at::Tensor& b, bool bfloat16);

/// An uninitialised tensor. A large one lies on huge pages where the system gives them, and its
/// memory is kept for the next one of about this size: glibc hands blocks above 32 MiB back, and an
/// update would pay for the clearing of every page.
at::Tensor EmptyTensor(at::IntArrayRef sizes, const at::TensorOptions& options);
/// What EmptyTensor keeps and nobody uses goes back to the system.
void FreeKeptBlocks();

/// Where a backward function adds the gradient of a large parameter. The tied embedding matrix gets
/// two, each of its full size: added to its .grad() as they arise, there is one table and no pass
/// over it.
struct GradientSink {
  at::Tensor table;       ///< undefined: nobody asks for this gradient
  bool fresh = false;     ///< the table holds nothing yet and is not initialised
  bool in_place = false;  ///< the table is the parameter's .grad()

  /// What the backward function returns to autograd.
  at::Tensor ForAutograd() const { return in_place ? at::Tensor() : table; }
};
/// For the backward pass alone. Gives the leaf's own .grad() (made here if need be) under
/// backward(); a table of its own where autograd was asked for certain gradients, or where .grad()
/// cannot be added to in place.
GradientSink OpenGradientSink(const at::Tensor& parameter);

}  // namespace repro
