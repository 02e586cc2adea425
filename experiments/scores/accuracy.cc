#include "experiments/scores/accuracy.h"

#include <cstddef>

#include "core/base/check.h"

namespace repro {

double Accuracy(const std::vector<std::int64_t>& gold, const std::vector<std::int64_t>& predicted) {
  REPRO_CHECK(gold.size() == predicted.size());
  if (gold.empty()) return 0;
  std::int64_t right = 0;
  for (std::size_t i = 0; i < gold.size(); ++i) right += gold[i] == predicted[i] ? 1 : 0;
  return static_cast<double>(right) / static_cast<double>(gold.size());
}

}  // namespace repro
