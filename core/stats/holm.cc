#include "core/stats/holm.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

namespace repro {

std::vector<double> HolmAdjust(std::span<const double> p_values) {
  std::vector<double> p(p_values.begin(), p_values.end());
  for (double& value : p) {
    if (std::isnan(value)) value = 1;
  }
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return p[a] < p[b]; });
  std::vector<double> adjusted(p.size());
  double largest = 0;
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    const double factor = static_cast<double>(p.size() - rank);
    largest = std::max(largest, std::min(1.0, factor * p[order[rank]]));
    adjusted[order[rank]] = largest;
  }
  return adjusted;
}

}  // namespace repro
