#pragma once
/// Student's t: tails, quantiles, the interval of a mean and the smallest effect that a design can
/// detect. Numbers by Boost.Math; its errors are turned into NaN, never thrown.

#include <cstddef>
#include <span>

namespace repro {

/// P(T > t) with `df` degrees of freedom. t may be +-inf. NaN when t is NaN or df <= 0.
double StudentTUpperTail(double t, double df);

/// The t with P(T <= t) = p. NaN unless 0 < p < 1 and df > 0.
double StudentTQuantile(double p, double df);

/// Mean of a sample with its spread. `sd`, `sem`, `low` and `high` are NaN for fewer than two
/// values: one value says nothing about its own variance. sd divides by n - 1. Values that are all
/// the same (a score at its ceiling) say nothing of it either: sd is 0, low and high
/// are the mean, and `known` is false.
struct MeanInterval {
  std::size_t n = 0;
  double mean = 0;
  double sd = 0;
  double sem = 0;
  double low = 0;
  double high = 0;
  double confidence = 0.95;

  /// True when there is an interval at all.
  bool known() const { return n >= 2 && sd > 0; }
  /// Two values or more, and all the same.
  bool all_same() const { return n >= 2 && sd == 0; }
};

/// The two-sided t interval of the mean. mean is NaN for an empty sample.
MeanInterval MeanWithInterval(std::span<const double> values, double confidence = 0.95);

/// Difference mean(a) - mean(b) of two independent samples, variance pooled over both (Student's
/// two-sample t), so that one sample may hold a single value: its variance is then taken to be that
/// of the other. df = n_a + n_b - 2. `n` is n_a + n_b. Without a degree of freedom, or where no
/// sample differs within itself, standard error and interval are NaN and `known` is false.
struct DifferenceInterval {
  std::size_t n = 0;
  double difference = 0;
  double standard_error = 0;
  double df = 0;
  double low = 0;
  double high = 0;

  bool known() const { return standard_error > 0; }
  /// There are degrees of freedom, but no spread to borrow.
  bool all_same() const { return df >= 1 && !known(); }
};
DifferenceInterval PooledDifference(std::span<const double> a, std::span<const double> b,
                                    double confidence = 0.95);

/// The true effect that a one-sided t test at level `alpha` finds with probability `power`, for an
/// estimate with this standard error: solved from the non-central t distribution. Infinite when
/// there is no degree of freedom.
double SmallestDetectableEffect(double standard_error, double df, double alpha, double power);

}  // namespace repro
