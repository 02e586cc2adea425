#include "core/stats/student_t.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <boost/math/distributions/non_central_t.hpp>
#include <boost/math/distributions/students_t.hpp>

namespace repro {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

double Mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// Sum of squared distances from the mean.
double SquaredDeviations(std::span<const double> values, double mean) {
  double sum = 0;
  for (const double value : values) sum += (value - mean) * (value - mean);
  return sum;
}

/// `sd`, or 0 where it is rounding of the mean and not spread.
double WithoutRounding(double sd, double mean) {
  return sd < 1e-12 * std::abs(mean) ? 0 : sd;
}

}  // namespace

double StudentTUpperTail(double t, double df) {
  if (std::isnan(t) || !(df > 0)) return kNaN;
  if (std::isinf(t)) return t > 0 ? 0.0 : 1.0;
  try {
    return boost::math::cdf(boost::math::complement(boost::math::students_t(df), t));
  } catch (const std::exception&) {
    return kNaN;
  }
}

double StudentTQuantile(double p, double df) {
  if (!(p > 0 && p < 1) || !(df > 0)) return kNaN;
  try {
    return boost::math::quantile(boost::math::students_t(df), p);
  } catch (const std::exception&) {
    return kNaN;
  }
}

MeanInterval MeanWithInterval(std::span<const double> values, double confidence) {
  MeanInterval result;
  result.n = values.size();
  result.confidence = confidence;
  result.mean = values.empty() ? kNaN : Mean(values);
  result.sd = result.sem = result.low = result.high = kNaN;
  if (values.size() < 2) return result;
  const double n = static_cast<double>(values.size());
  result.sd =
      WithoutRounding(std::sqrt(SquaredDeviations(values, result.mean) / (n - 1)), result.mean);
  result.sem = result.sd / std::sqrt(n);
  const double half = StudentTQuantile(0.5 + confidence / 2, n - 1) * result.sem;
  result.low = result.mean - half;
  result.high = result.mean + half;
  return result;
}

DifferenceInterval PooledDifference(std::span<const double> a, std::span<const double> b,
                                    double confidence) {
  DifferenceInterval result;
  result.n = a.size() + b.size();
  result.difference = result.standard_error = result.low = result.high = kNaN;
  if (a.empty() || b.empty()) return result;
  const double mean_a = Mean(a);
  const double mean_b = Mean(b);
  result.difference = mean_a - mean_b;
  result.df = static_cast<double>(result.n) - 2;
  if (result.df < 1) return result;
  const double sd = WithoutRounding(
      std::sqrt((SquaredDeviations(a, mean_a) + SquaredDeviations(b, mean_b)) / result.df),
      std::max(std::abs(mean_a), std::abs(mean_b)));
  if (sd == 0) return result;
  result.standard_error =
      sd * std::sqrt(1 / static_cast<double>(a.size()) + 1 / static_cast<double>(b.size()));
  const double half = StudentTQuantile(0.5 + confidence / 2, result.df) * result.standard_error;
  result.low = result.difference - half;
  result.high = result.difference + half;
  return result;
}

double SmallestDetectableEffect(double standard_error, double df, double alpha, double power) {
  if (!(df > 0) || !(standard_error >= 0)) return kInfinity;
  const double critical = StudentTQuantile(1 - alpha, df);
  const auto found_with = [&](double noncentrality) {
    return boost::math::cdf(
        boost::math::complement(boost::math::non_central_t(df, noncentrality), critical));
  };
  try {
    double high = 1;
    while (found_with(high) < power) {
      high *= 2;
      if (high > 1e6) return kInfinity;
    }
    double low = 0;
    for (int step = 0; step < 60; ++step) {
      const double middle = (low + high) / 2;
      (found_with(middle) < power ? low : high) = middle;
    }
    return high * standard_error;
  } catch (const std::exception&) {
    return kInfinity;
  }
}

}  // namespace repro
