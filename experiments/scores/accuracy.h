#pragma once
/// Share of examples whose predicted label is the gold label.

#include <cstdint>
#include <vector>

namespace repro {

/// gold and predicted have the same size. 0 without examples.
double Accuracy(const std::vector<std::int64_t>& gold, const std::vector<std::int64_t>& predicted);

}  // namespace repro
