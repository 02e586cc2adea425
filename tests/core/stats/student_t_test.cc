#include "core/stats/student_t.h"

#include <array>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "tests/core/stats/golden.h"

namespace repro {
namespace {

TEST(StudentTTest, TailsEqualScipy) {
  const Json golden = LoadGolden("distributions.json");
  ASSERT_GT(golden["t_sf"].size(), 30u);
  for (const Json& row : golden["t_sf"]) {
    ExpectGolden(StudentTUpperTail(row[1], row[0]), row[2], "t_sf " + row.dump());
  }
}

TEST(StudentTTest, QuantilesEqualScipy) {
  const Json golden = LoadGolden("distributions.json");
  ASSERT_TRUE(golden.contains("t_quantile"));
  for (const Json& row : golden["t_quantile"]) {
    ExpectGolden(StudentTQuantile(row[1], row[0]), row[2], "t_quantile " + row.dump());
  }
}

TEST(StudentTTest, LimitsAndNonsense) {
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(StudentTUpperTail(infinity, 3), 0);
  EXPECT_EQ(StudentTUpperTail(-infinity, 3), 1);
  EXPECT_TRUE(std::isnan(StudentTUpperTail(1, 0)));
  EXPECT_TRUE(std::isnan(StudentTQuantile(1, 4)));
}

TEST(MeanWithIntervalTest, EqualsScipy) {
  for (const Json& entry : LoadGolden("intervals.json")) {
    const auto x = GoldenNumbers(entry["x"]);
    const MeanInterval interval = MeanWithInterval(x, entry["confidence"]);
    ExpectGolden(interval.mean, entry["mean"], "mean");
    ExpectGolden(interval.sd, entry["sd"], "sd");
    ExpectGolden(interval.sem, entry["sem"], "sem");
    ExpectGolden(interval.low, entry["ci_low"], "low");
    ExpectGolden(interval.high, entry["ci_high"], "high");
    EXPECT_EQ(interval.known(), interval.sd > 0);
  }
}

TEST(MeanWithIntervalTest, OneValueHasNoInterval) {
  const MeanInterval interval = MeanWithInterval(std::array{71.5});
  EXPECT_EQ(interval.mean, 71.5);
  EXPECT_FALSE(interval.known());
  EXPECT_TRUE(std::isnan(interval.low));
}

// 47.8 thrice has a mean that is not quite 47.8: rounding is no spread.
TEST(MeanWithIntervalTest, ValuesThatAreAllTheSameHaveNoInterval) {
  for (const double value : {100.0, 47.8, 0.0}) {
    const MeanInterval interval = MeanWithInterval(std::array{value, value, value});
    EXPECT_TRUE(interval.all_same()) << value;
    EXPECT_FALSE(interval.known());
    EXPECT_EQ(interval.sd, 0);
    EXPECT_EQ(interval.low, interval.high);
  }
  EXPECT_FALSE(MeanWithInterval(std::array{71.5}).all_same());
  EXPECT_FALSE(MeanWithInterval(std::array{71.5, 71.6}).all_same());
}

TEST(PooledDifferenceTest, ASampleWithoutSpreadHasNoneToLend) {
  const DifferenceInterval none = PooledDifference(std::array{47.8, 47.8, 47.8}, std::array{34.0});
  EXPECT_TRUE(none.all_same());
  EXPECT_FALSE(none.known());
  EXPECT_NEAR(none.difference, 13.8, 1e-9);
  EXPECT_TRUE(std::isnan(none.standard_error));
  EXPECT_TRUE(std::isnan(none.low));
  // The other sample's spread counts for both.
  EXPECT_TRUE(PooledDifference(std::array{100.0, 100.0}, std::array{34.0, 36.0}).known());
  EXPECT_FALSE(PooledDifference(std::array{40.0}, std::array{34.0}).all_same());
}

// Worked by hand: a = 3, 5 (mean 4, squares 2), b = 1, 2, 3 (mean 2, squares 2): variance 4 / 3,
// df 3.
TEST(PooledDifferenceTest, PoolsTheVarianceOfBothSamples) {
  const DifferenceInterval result =
      PooledDifference(std::array{3.0, 5.0}, std::array{1.0, 2.0, 3.0});
  EXPECT_DOUBLE_EQ(result.difference, 2);
  EXPECT_EQ(result.df, 3);
  EXPECT_NEAR(result.standard_error, std::sqrt(4.0 / 3 * (0.5 + 1.0 / 3)), 1e-12);
  EXPECT_NEAR(result.high - result.difference, 3.182446305284263 * result.standard_error, 1e-9);
}

TEST(PooledDifferenceTest, ASingleControlTakesTheOtherSamplesVariance) {
  const DifferenceInterval result =
      PooledDifference(std::array{40.0, 42.0, 44.0}, std::array{34.0});
  EXPECT_TRUE(result.known());
  EXPECT_EQ(result.df, 2);
  EXPECT_NEAR(result.standard_error, 2 * std::sqrt(1.0 / 3 + 1), 1e-12);
  EXPECT_FALSE(PooledDifference(std::array{40.0}, std::array{34.0}).known());
}

// statsmodels' TTestPower (one-sample, one-sided): n = 5, alpha 0.05, power 0.8 solves to effect
// size 1.3603 sd.
TEST(SmallestDetectableEffectTest, AgreesWithPowerTables) {
  EXPECT_NEAR(SmallestDetectableEffect(1 / std::sqrt(5.0), 4, 0.05, 0.8), 1.3603, 2e-3);
  EXPECT_TRUE(std::isinf(SmallestDetectableEffect(1, 0, 0.05, 0.8)));
}

}  // namespace
}  // namespace repro
