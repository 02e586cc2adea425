#pragma once
/// Holm's step-down correction (Holm 1979): the family-wise error over several tests stays at
/// alpha, whatever their dependence.

#include <span>
#include <vector>

namespace repro {

/// Adjusted p-values in the order given: a test is rejected at alpha when its adjusted p is <=
/// alpha. NaN counts as 1 (a planned test that could not be done belongs to its family all the
/// same).
std::vector<double> HolmAdjust(std::span<const double> p_values);

}  // namespace repro
