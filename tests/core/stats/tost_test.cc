#include "core/stats/tost.h"

#include <array>
#include <cmath>

#include <gtest/gtest.h>

#include "core/stats/student_t.h"
#include "tests/core/stats/golden.h"

namespace repro {
namespace {

TEST(TostTest, OneSampleEqualsStatsmodels) {
  const Json golden = LoadGolden("tost.json");
  ASSERT_GT(golden.size(), 10u);
  for (const Json& entry : golden) {
    const std::string name = entry["name"];
    const TostResult result =
        TostOneSample(GoldenNumbers(entry["x"]), entry["low"], entry["upp"], entry["alpha"]);
    EXPECT_EQ(result.n, entry["n"].get<std::size_t>()) << name;
    ExpectGolden(result.mean, entry["mean"], name + " mean");
    ExpectGolden(result.sd, entry["sd"], name + " sd");
    ExpectGolden(result.df, entry["df"], name + " df");
    ExpectGolden(result.t_low, entry["t_low"], name + " t_low");
    ExpectGolden(result.p_low, entry["p_low"], name + " p_low");
    ExpectGolden(result.t_upp, entry["t_upp"], name + " t_upp");
    ExpectGolden(result.p_upp, entry["p_upp"], name + " p_upp");
    ExpectGolden(result.p_tost, entry["p_tost"], name + " p_tost");
    ExpectGolden(result.ci_low, entry["ci_low"], name + " ci_low");
    ExpectGolden(result.ci_high, entry["ci_high"], name + " ci_high");
    // The golden verdict is null where statsmodels gives no number: we say inconclusive.
    const std::string verdict =
        entry["verdict"].is_null() ? "inconclusive" : entry["verdict"].get<std::string>();
    EXPECT_EQ(EquivalenceName(result.verdict), verdict) << name;
  }
}

TEST(TostTest, PairedIsTheTestOfTheDifferences) {
  for (const Json& entry : LoadGolden("t_tests_paired.json")) {
    const auto a = GoldenNumbers(entry["a"]);
    const auto b = GoldenNumbers(entry["b"]);
    // Against bounds 0 and 1000: the lower test is scipy's paired test, alternative "greater".
    const TostResult result = TostPaired(a, b, 0, 1000, 0.025);
    ExpectGolden(result.mean, entry["mean_difference"], "difference");
    ExpectGolden(result.t_low, entry["t"], entry["name"]);
    ExpectGolden(result.p_low, entry["p_greater"], entry["name"]);
    ExpectGolden(result.ci_low, entry["ci95_low"], entry["name"]);
    ExpectGolden(result.ci_high, entry["ci95_high"], entry["name"]);
  }
}

TEST(TostTest, AnEstimateIsTestedAsTheSampleItCameFrom) {
  const std::array x{76.1, 76.4, 76.0, 76.3, 76.2};
  const TostResult sample = TostOneSample(x, 75.7, 76.7, 0.05);
  const MeanInterval mean = MeanWithInterval(x);
  const TostResult estimate = TostEstimate(mean.mean, mean.sem, 4, 75.7, 76.7, 0.05);
  EXPECT_EQ(estimate.p_tost, sample.p_tost);
  EXPECT_EQ(estimate.verdict, Equivalence::kEquivalent);
}

}  // namespace
}  // namespace repro
