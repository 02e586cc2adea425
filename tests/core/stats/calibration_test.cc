// Are the rules honest? Simulated sweeps where a claim is just false must come out "supported" in
// at most 5 % of cases, and planted effects show what three and five seeds can see. Prints the
// power table.

#include <cstdio>

#include <gtest/gtest.h>

#include "tests/core/stats/simulation.h"

namespace repro {
namespace {

constexpr int kSweeps = 20'000;

struct Null {
  const char* what;
  ClaimRule rule;
  std::vector<double> means;
};

const std::vector<Null> kNulls = {
    {"falls, nothing happens", {"falls-at-every-step", "", 0}, {0, 0, 0}},
    {"falls, one step is flat", {"falls-at-every-step", "", 0}, {0, -30, -30}},
    {"falls, one of four is flat", {"falls-at-every-step", "", 0}, {0, -30, -30, -60, -90}},
    {"peak, nothing happens", {"rises-then-falls", "p1", 0}, {0, 0, 0}},
    {"peak, the rise is flat", {"rises-then-falls", "p1", 0}, {0, 0, -30}},
    {"peak, the last fall is flat", {"rises-then-falls", "p1", 0}, {0, 30, 0, -30, -30}},
    {"level, on the margin, then falls", {"level-then-falls", "p1", 8}, {0, 8, -30}},
    {"level, below the margin, then falls", {"level-then-falls", "p1", 8}, {0, -8, -30}},
    {"level, then flat", {"level-then-falls", "p1", 8}, {0, 0, 0}},
};

TEST(CalibrationTest, AFalseClaimIsSupportedInAtMostFivePercent) {
  for (const int seeds : {2, 3, 5}) {
    for (const Null& null : kNulls) {
      const Outcome outcome = Simulate(null.rule, null.means, seeds, kSweeps, 11);
      std::printf("null   %-38s seeds %d  supported %5.2f %%\n", null.what, seeds,
                  100 * outcome.supported);
      EXPECT_LE(outcome.supported, FivePercentLimit(kSweeps)) << null.what << ", seeds " << seeds;
    }
  }
}

TEST(CalibrationTest, ABorderlineTrueClaimIsContradictedInAtMostFivePercent) {
  for (const int seeds : {2, 3, 5}) {
    for (const Null& null : kNulls) {
      const Outcome outcome = Simulate(null.rule, null.means, seeds, kSweeps, 12);
      EXPECT_LE(outcome.contradicted, FivePercentLimit(kSweeps))
          << null.what << ", seeds " << seeds;
    }
  }
}

// The tests are exact, not merely conservative: on the border of one step the error rate is 5 %,
// not far below.
TEST(CalibrationTest, TheErrorRateOnTheBorderIsTheStatedOne) {
  const Outcome outcome = Simulate({"falls-at-every-step", "", 0}, {0, -30, -30}, 3, kSweeps, 13);
  EXPECT_NEAR(outcome.supported, 0.05, 4 * std::sqrt(0.05 * 0.95 / kSweeps));
}

// Three claims of one manifest, all false: the chance that any is supported stays at 5 %.
TEST(CalibrationTest, HolmHoldsTheErrorOfTheWholeManifest) {
  int any = 0;
  for (int i = 0; i < kSweeps; ++i) {
    Rng rng(14, "family", static_cast<std::uint64_t>(i));
    std::vector<ClaimTest> claims;
    for (int claim = 0; claim < 3; ++claim) {
      claims.push_back(
          TestClaim({"falls-at-every-step", "", 0}, SimulateSweep({0, -30, -30}, 3, rng)));
    }
    DecideClaims(claims);
    for (const ClaimTest& claim : claims) {
      if (claim.state == ClaimState::kSupported) {
        ++any;
        break;
      }
    }
  }
  EXPECT_LE(static_cast<double>(any) / kSweeps, FivePercentLimit(kSweeps));
}

// Planted effects: every step has the stated size, in units of the noise. Power must grow with
// effect and with seeds.
TEST(CalibrationTest, PowerTable) {
  constexpr int kPowerSweeps = 4000;
  const std::vector<ClaimRule> rules = {
      {"falls-at-every-step", "", 0}, {"rises-then-falls", "p1", 0}, {"level-then-falls", "p1", 3}};
  std::printf("power  %-22s %5s  effect of a step / noise sd: 0.5    1      2      3      5\n",
              "rule", "seeds");
  for (const ClaimRule& rule : rules) {
    std::vector<double> fewer_seeds;
    for (const int seeds : {2, 3, 5}) {
      std::vector<double> row;
      for (const double effect : {0.5, 1.0, 2.0, 3.0, 5.0}) {
        const double first = rule.rule == "falls-at-every-step" ? -effect
                             : rule.rule == "rises-then-falls"  ? effect
                                                                : 0;
        row.push_back(
            Simulate(rule, {0, first, first - effect}, seeds, kPowerSweeps, 15).supported);
      }
      std::printf("power  %-22s %5d %30s", rule.rule.c_str(), seeds, "");
      for (const double power : row) std::printf(" %5.1f%%", 100 * power);
      std::printf("\n");
      for (std::size_t i = 1; i < row.size(); ++i)
        EXPECT_GE(row[i], row[i - 1] - 0.02) << rule.rule;
      for (std::size_t i = 0; i < fewer_seeds.size(); ++i)
        EXPECT_GE(row[i], fewer_seeds[i] - 0.02) << rule.rule;
      fewer_seeds = row;
    }
    EXPECT_GT(fewer_seeds.back(), 0.9)
        << rule.rule << ": five seeds must see a step of five noise sd";
  }
}

// The stated smallest detectable step is found in 80 % of simulated two-point sweeps.
TEST(CalibrationTest, TheSmallestDetectableDifferenceIsFoundInFourOfFiveSweeps) {
  Rng rng(16, "design");
  for (const int seeds : {2, 3, 5}) {
    // With a known noise of 1: standard error sqrt(2 / n), df n - 1.
    std::vector<ClaimTest> design = {
        TestClaim({"falls-at-every-step", "", 0}, SimulateSweep({0, -1}, seeds, rng))};
    StateDesign(design);
    const double sigma = design[0].steps[0].standard_error / std::sqrt(2.0 / seeds);
    const double effect = design[0].smallest_detectable / sigma;
    const Outcome outcome =
        Simulate({"falls-at-every-step", "", 0}, {0, -effect}, seeds, kSweeps, 17);
    EXPECT_NEAR(outcome.supported, 0.8, 0.015) << seeds << " seeds";
  }
}

}  // namespace
}  // namespace repro
