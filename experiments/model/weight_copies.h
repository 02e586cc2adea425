#pragma once
/// bfloat16 copies of float32 weights for matrix products: cast once an update, not once a
/// micro-batch.

#include <atomic>
#include <cstdint>
#include <mutex>
#include <unordered_map>

#include <ATen/ATen.h>

namespace repro {

/// Copies by weight. A copy is made anew when the weight's version counter says that it was written
/// to. Operations in place count there, but not those on lists of tensors (`at::_fused_adamw_`,
/// `at::_foreach_...`): who uses those calls `unsafeGetTensorImpl()->bump_version()`, as AdamW
/// does. Safe for several threads.
class WeightCopies {
 public:
  /// The weight in `type`, not part of any gradient's graph; the weight itself where it has that
  /// type.
  at::Tensor Of(const at::Tensor& weight, at::ScalarType type);
  /// How many copies were made since the beginning.
  std::int64_t casts() const { return casts_; }

 private:
  struct Copy {
    at::Tensor weight;  // keeps its address from being used again
    std::int64_t version = 0;
    at::Tensor copy;
  };
  std::mutex mutex_;
  std::unordered_map<const void*, Copy> copies_;
  std::atomic<std::int64_t> casts_ = 0;
};

}  // namespace repro
