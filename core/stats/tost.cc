#include "core/stats/tost.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/base/check.h"
#include "core/stats/student_t.h"

namespace repro {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

}  // namespace

std::string_view EquivalenceName(Equivalence verdict) {
  switch (verdict) {
    case Equivalence::kEquivalent:
      return "equivalent";
    case Equivalence::kDifferent:
      return "different";
    case Equivalence::kInconclusive:
      return "inconclusive";
  }
  return "";
}

TostResult TostEstimate(double estimate, double standard_error, double df, double low, double upp,
                        double alpha) {
  TostResult result;
  result.mean = estimate;
  result.sd = kNaN;
  result.df = df;
  result.t_low = result.t_upp = result.p_low = result.p_upp = result.p_tost = kNaN;
  result.ci_low = result.ci_high = kNaN;
  if (!(df > 0) || std::isnan(standard_error)) return result;

  // A standard error of 0 gives +-inf, or NaN exactly on a bound: then the data cannot say which
  // side it is on.
  result.t_low = (estimate - low) / standard_error;
  result.t_upp = (estimate - upp) / standard_error;
  result.p_low = StudentTUpperTail(result.t_low, df);
  result.p_upp = StudentTUpperTail(-result.t_upp, df);
  const bool defined = !std::isnan(result.p_low) && !std::isnan(result.p_upp);
  if (defined) result.p_tost = std::max(result.p_low, result.p_upp);
  const double half = standard_error == 0 ? 0 : StudentTQuantile(1 - alpha, df) * standard_error;
  result.ci_low = estimate - half;
  result.ci_high = estimate + half;
  if (defined && result.p_tost < alpha) {
    result.verdict = Equivalence::kEquivalent;
  } else if (defined && (result.ci_high < low || result.ci_low > upp)) {
    result.verdict = Equivalence::kDifferent;
  }
  return result;
}

TostResult TostOneSample(std::span<const double> values, double low, double upp, double alpha) {
  const MeanInterval sample = MeanWithInterval(values, 1 - 2 * alpha);
  TostResult result = TostEstimate(sample.mean, sample.sem, static_cast<double>(values.size()) - 1,
                                   low, upp, alpha);
  result.n = values.size();
  result.sd = sample.sd;
  return result;
}

TostResult TostPaired(std::span<const double> a, std::span<const double> b, double low, double upp,
                      double alpha) {
  REPRO_CHECK(a.size() == b.size());
  std::vector<double> differences(a.size());
  std::transform(a.begin(), a.end(), b.begin(), differences.begin(),
                 [](double x, double y) { return x - y; });
  return TostOneSample(differences, low, upp, alpha);
}

}  // namespace repro
