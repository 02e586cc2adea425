#include "experiments/text/smoothing.h"

#include <cmath>
#include <cstddef>
#include <numeric>

#include "core/base/check.h"

namespace repro {

std::vector<double> SmoothedShares(const std::vector<double>& units, double alpha) {
  const double total = std::accumulate(units.begin(), units.end(), 0.0);
  std::vector<double> shares(units.size());
  double sum = 0;
  for (std::size_t i = 0; i < units.size(); ++i) {
    REPRO_CHECK(units[i] > 0);
    shares[i] = std::pow(units[i] / total, alpha);
    sum += shares[i];
  }
  for (double& share : shares) share /= sum;
  return shares;
}

}  // namespace repro
