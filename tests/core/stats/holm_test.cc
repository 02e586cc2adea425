#include "core/stats/holm.h"

#include <array>
#include <limits>

#include <gtest/gtest.h>

#include "tests/core/stats/golden.h"

namespace repro {
namespace {

TEST(HolmTest, AdjustedValuesEqualStatsmodels) {
  const Json golden = LoadGolden("holm.json");
  ASSERT_GT(golden.size(), 10u);
  for (const Json& entry : golden) {
    const std::vector<double> adjusted = HolmAdjust(GoldenNumbers(entry["p"]));
    ASSERT_EQ(adjusted.size(), entry["adjusted"].size());
    for (std::size_t i = 0; i < adjusted.size(); ++i) {
      ExpectGolden(adjusted[i], entry["adjusted"][i], entry["p"].dump());
      EXPECT_EQ(adjusted[i] <= entry["alpha"].get<double>(), entry["reject"][i].get<bool>());
    }
  }
}

TEST(HolmTest, ATestThatCouldNotBeDoneStaysInTheFamily) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(HolmAdjust(std::array{nan, 0.02}), (std::vector<double>{1, 0.04}));
  EXPECT_TRUE(HolmAdjust({}).empty());
}

}  // namespace
}  // namespace repro
