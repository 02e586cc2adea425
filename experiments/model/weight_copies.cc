#include "experiments/model/weight_copies.h"

#include <ATen/core/grad_mode.h>

namespace repro {

at::Tensor WeightCopies::Of(const at::Tensor& weight, at::ScalarType type) {
  if (weight.scalar_type() == type) return weight.detach();
  const std::lock_guard lock(mutex_);
  const void* key = weight.unsafeGetTensorImpl();
  const auto found = copies_.find(key);
  if (found != copies_.end() && found->second.version == weight._version() &&
      found->second.copy.scalar_type() == type) {
    return found->second.copy;
  }
  if (found == copies_.end()) {
    // A weight that nobody else holds was replaced (MoveTo does that).
    std::erase_if(copies_, [](const auto& entry) { return entry.second.weight.use_count() == 1; });
  }
  const at::NoGradGuard no_grad;
  ++casts_;
  at::Tensor copy = weight.detach().to(type);
  copies_[key] = {weight, static_cast<std::int64_t>(weight._version()), copy};
  return copy;
}

}  // namespace repro
