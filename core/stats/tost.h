#pragma once
/// Equivalence by two one-sided tests (Schuirmann 1987): is a mean within [low, upp]?
///
/// Equivalent when both H0: mean <= low and H0: mean >= upp are rejected at `alpha`; p_tost is the
/// larger p-value. The interval that belongs to the test has confidence 1 - 2 alpha.

#include <cstddef>
#include <span>
#include <string_view>

namespace repro {

enum class Equivalence {
  kEquivalent,    ///< p_tost < alpha
  kDifferent,     ///< the interval lies wholly outside [low, upp]
  kInconclusive,  ///< neither
};
std::string_view EquivalenceName(Equivalence verdict);

struct TostResult {
  std::size_t n = 0;
  double mean = 0;
  double sd = 0;
  double df = 0;
  double t_low = 0, p_low = 0;  ///< against the lower bound
  double t_upp = 0, p_upp = 0;  ///< against the upper bound
  double p_tost = 0;
  double ci_low = 0, ci_high = 0;
  Equivalence verdict = Equivalence::kInconclusive;
};

/// One sample against bounds. With fewer than two values every test number is NaN and the verdict
/// is inconclusive. A sample without variance has t = +-inf; on a bound its p-value is NaN, hence
/// inconclusive.
TostResult TostOneSample(std::span<const double> values, double low, double upp, double alpha);

/// Paired: the differences a[i] - b[i] against bounds. The spans have the same length (checked).
TostResult TostPaired(std::span<const double> a, std::span<const double> b, double low, double upp,
                      double alpha);

/// An estimate with its standard error and degrees of freedom, e.g. a contrast with pooled
/// variance. n and sd are not known here and stay 0 and NaN.
TostResult TostEstimate(double estimate, double standard_error, double df, double low, double upp,
                        double alpha);

}  // namespace repro
