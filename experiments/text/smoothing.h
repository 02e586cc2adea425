#pragma once
/// Exponential smoothing of language shares (XLM-R section 3.1, after XLM): q_i = p_i^alpha / sum_j
/// p_j^alpha with p_i = n_i / sum_j n_j. alpha 1 keeps the corpora's proportions, alpha 0 makes
/// every language equal.

#include <vector>

namespace repro {

/// `units`: n_i, all positive. Returns q_i, which sum to 1.
std::vector<double> SmoothedShares(const std::vector<double>& units, double alpha);

}  // namespace repro
