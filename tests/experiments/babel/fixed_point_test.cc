#include "experiments/corpus/babel/fixed_point.h"

#include <cmath>

#include <gtest/gtest.h>

namespace repro {
namespace {

double Value(std::uint64_t fixed) {
  return static_cast<double>(fixed) / 4294967296.0;
}

// Reference: the C library's pow, which the corpora must not use but a test may.
TEST(PowFixedTest, AgreesWithPow) {
  for (const double base : {0.05, 0.1, 0.7, 1.0, 1.6, 4.95, 16.5, 300.8, 20000.0}) {
    for (const double exponent : {0.0, 0.1, 0.3, 0.5, 0.77, 1.0}) {
      const double expected = std::pow(base, exponent);
      const double got = Value(PowFixed(ToFixed(base), ToFixed(exponent)));
      EXPECT_NEAR(got / expected, 1.0, 1e-7) << base << " ^ " << exponent;
    }
  }
}

TEST(PowFixedTest, IsExactWhereTheAnswerIsAPowerOfTwo) {
  EXPECT_EQ(PowFixed(ToFixed(4), ToFixed(0.5)), ToFixed(2));
  EXPECT_EQ(PowFixed(ToFixed(0.25), ToFixed(0.5)), ToFixed(0.5));
  EXPECT_EQ(PowFixed(ToFixed(1024), ToFixed(1)), ToFixed(1024));
}

TEST(ScaledPowerTest, RoundsAndNeverGivesNothing) {
  EXPECT_EQ(ScaledPower(20'000, 1, 0.3), 20'000);
  EXPECT_EQ(ScaledPower(20'000, 16.5, 0), 20'000);
  EXPECT_EQ(ScaledPower(100, 2.25, 0.5), 150);
  EXPECT_EQ(ScaledPower(3, 0.0001, 1), 1);
}

}  // namespace
}  // namespace repro
