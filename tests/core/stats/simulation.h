#pragma once
/// Simulated sweeps for the calibration of the rules: normal noise with seeds paired across points.

#include <cmath>
#include <cstdint>
#include <numbers>
#include <vector>

#include <fmt/format.h>

#include "core/base/rng.h"
#include "core/stats/contrast.h"

namespace repro {

/// A standard normal draw (Box-Muller).
inline double Normal(Rng& rng) {
  return std::sqrt(-2 * std::log(1 - rng.Uniform())) *
         std::cos(2 * std::numbers::pi * rng.Uniform());
}

/// One sweep with these true means, `seeds` paired seeds, noise of sd 1 and a shift of sd 3 that a
/// seed takes to every point. Points are called "p0", "p1", ...
inline SweepValues SimulateSweep(const std::vector<double>& means, int seeds, Rng& rng) {
  SweepValues values;
  for (std::size_t p = 0; p < means.size(); ++p)
    values.points.push_back({fmt::format("p{}", p), {}});
  for (int seed = 1; seed <= seeds; ++seed) {
    const double shift = 3 * Normal(rng);
    for (std::size_t p = 0; p < means.size(); ++p) {
      values.points[p].by_seed[seed] = means[p] + shift + Normal(rng);
    }
  }
  return values;
}

/// Shares of `sweeps` simulated manifests, each with one claim, that come out supported and
/// contradicted.
struct Outcome {
  double supported = 0;
  double contradicted = 0;
};
inline Outcome Simulate(const ClaimRule& rule, const std::vector<double>& means, int seeds,
                        int sweeps, std::uint64_t seed) {
  Outcome outcome;
  for (int i = 0; i < sweeps; ++i) {
    Rng rng(seed, "calibration", static_cast<std::uint64_t>(i));
    std::vector<ClaimTest> claims = {TestClaim(rule, SimulateSweep(means, seeds, rng))};
    DecideClaims(claims);
    outcome.supported += claims[0].state == ClaimState::kSupported;
    outcome.contradicted += claims[0].state == ClaimState::kContradicted;
  }
  outcome.supported /= sweeps;
  outcome.contradicted /= sweeps;
  return outcome;
}

/// Upper limit that a true rate of 5 % passes by chance with probability 3e-5 (4 standard errors).
inline double FivePercentLimit(int sweeps) {
  return 0.05 + 4 * std::sqrt(0.05 * 0.95 / sweeps);
}

}  // namespace repro
