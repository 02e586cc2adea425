#include "core/stats/contrast.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/stats/student_t.h"
#include "tests/core/stats/simulation.h"

namespace repro {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

SweepValues Sweep(std::vector<std::pair<std::string, std::vector<double>>> points) {
  SweepValues values;
  for (const auto& [name, by_seed] : points) {
    values.points.push_back({name, {}});
    for (std::size_t i = 0; i < by_seed.size(); ++i) {
      values.points.back().by_seed[static_cast<std::int64_t>(i + 1)] = by_seed[i];
    }
  }
  return values;
}

ClaimTest Decide(const ClaimRule& rule, const SweepValues& values,
                 const std::string& blocked = "") {
  std::vector<ClaimTest> claims = {TestClaim(rule, values, blocked)};
  DecideClaims(claims);
  StateDesign(claims);
  return claims[0];
}

const ClaimRule kFalls{"falls-at-every-step", "", 0};
const ClaimRule kPeak{"rises-then-falls", "xnli15", 0};
const ClaimRule kLevel{"level-then-falls", "xnli15", 1.0};

// Two-way table worked by hand. Rows are seeds 1, 2; columns are points.
//   1: 10 8 3     residuals of an additive fit: 0.5 -0.5 0 / -0.5 0.5 0
//   2: 12 12 6    (row means 7 and 10, column means 11, 10, 4.5, grand mean 8.5)
TEST(FitSweepTest, PoolsTheNoiseThatIsLeftAfterPointsAndSeeds) {
  const SweepFit fit = FitSweep(Sweep({{"a", {10, 12}}, {"b", {8, 12}}, {"c", {3, 6}}}));
  EXPECT_THAT(fit.means, ElementsAre(11, 10, 4.5));
  EXPECT_EQ(fit.df, 2);
  EXPECT_NEAR(fit.sigma, std::sqrt(1.0 / 2), 1e-12);
  EXPECT_NEAR(fit.StepError(), fit.sigma, 1e-12);  // sqrt(2 / n) is 1 for two seeds
}

TEST(FitSweepTest, WithTwoPointsAStepIsThePairedTTest) {
  // scipy.stats.ttest_rel, "five seeds" of the golden t tests: t = -0.47243032808294966, df 4.
  const SweepFit fit = FitSweep(
      Sweep({{"b", {9.64, 10.17, 9.59, 8.86, 11.1}}, {"a", {11.21, 8.27, 9.56, 9.45, 9.26}}}));
  const ClaimTest claim = FallsAtEveryStep(fit);
  EXPECT_EQ(claim.df, 4);
  EXPECT_NEAR(claim.statistic, -0.47243032808294966, 1e-9);
  EXPECT_NEAR(claim.p, 0.3306208813558662, 1e-9);
}

TEST(FitSweepTest, OnlySeedsWithAValueAtEveryPointEnter) {
  SweepValues values = Sweep({{"a", {10, 12, 11}}, {"b", {8, 12, 9}}});
  values.points[1].by_seed.erase(2);
  const SweepFit fit = FitSweep(values);
  EXPECT_THAT(fit.seeds, ElementsAre(1, 3));
  EXPECT_THAT(fit.incomplete_seeds, ElementsAre(2));
}

const auto kFalling = Sweep(
    {{"xlm7", {80.1, 79.8, 80.3}}, {"xnli15", {77.0, 76.9, 77.4}}, {"wiki30", {73.1, 73.0, 73.2}}});
const auto kPeaked = Sweep(
    {{"xlm7", {60.1, 59.8, 60.3}}, {"xnli15", {65.0, 64.9, 65.4}}, {"wiki30", {61.1, 61.0, 61.2}}});
const auto kFlatThenFalls = Sweep(
    {{"xlm7", {70.1, 69.9, 70.3}}, {"xnli15", {70.2, 70.0, 70.2}}, {"wiki30", {66.1, 66.0, 66.2}}});

TEST(ClaimTest, AFallAtEveryStepIsSupported) {
  const ClaimTest claim = Decide(kFalls, kFalling);
  EXPECT_EQ(claim.state, ClaimState::kSupported);
  EXPECT_EQ(claim.test, "intersection-union of 2 paired one-sided t tests");
  EXPECT_EQ(claim.steps.size(), 2u);
  EXPECT_EQ(claim.seeds, 3u);
  EXPECT_EQ(claim.df, 4);
  // The claim is as strong as its weakest step.
  EXPECT_EQ(claim.p, std::max(claim.steps[0].p, claim.steps[1].p));
  EXPECT_LT(claim.smallest_detectable, 2);
}

TEST(ClaimTest, ARiseWhereAFallWasClaimedContradicts) {
  const ClaimTest claim = Decide(kFalls, kPeaked);
  EXPECT_EQ(claim.state, ClaimState::kContradicted);
  // Bonferroni over the two steps of which one may go the other way.
  EXPECT_DOUBLE_EQ(claim.p_opposite, 2 * claim.steps[0].p_opposite);
}

TEST(ClaimTest, APeakIsSupportedAndItsAbsenceContradicts) {
  EXPECT_EQ(Decide(kPeak, kPeaked).state, ClaimState::kSupported);
  EXPECT_EQ(Decide(kPeak, kFalling).state, ClaimState::kContradicted);
}

TEST(ClaimTest, LevelNeedsEquivalenceNotJustNoDifference) {
  const ClaimTest level = Decide(kLevel, kFlatThenFalls);
  EXPECT_EQ(level.state, ClaimState::kSupported);
  EXPECT_EQ(level.test, "intersection-union of 1 TOST within ±1 and 1 paired one-sided t test");
  EXPECT_EQ(level.steps[0].kind, StepKind::kLevel);
  EXPECT_EQ(Decide(kLevel, kFalling).state, ClaimState::kContradicted);

  // Too noisy to say "level": no difference is found, and none is excluded.
  const ClaimTest noisy = Decide(
      kLevel, Sweep({{"xlm7", {74, 66, 71}}, {"xnli15", {68, 73, 70}}, {"wiki30", {60, 55, 50}}}));
  EXPECT_EQ(noisy.state, ClaimState::kUndecided);
  EXPECT_EQ(noisy.reason, "neither the claim nor its opposite is significant");
}

TEST(ClaimTest, ADroppedPointLeavesTheClaimUndecidedAndIsNamed) {
  SweepValues values = kFalling;
  values.points.push_back({"wiki60", {}});
  values.points.push_back({"wiki100", {}});
  const ClaimTest claim = Decide(kFalls, values);
  EXPECT_EQ(claim.state, ClaimState::kUndecided);
  EXPECT_EQ(claim.reason, "not measured at wiki60, wiki100");
  // The steps that ran are there for information.
  ASSERT_EQ(claim.steps.size(), 2u);
  EXPECT_LT(claim.steps[1].p, 0.05);
  EXPECT_TRUE(std::isnan(claim.p_holm));
  // The test is the claim's own, not that of what is left of it.
  EXPECT_EQ(claim.test, "intersection-union of 4 paired one-sided t tests");
  EXPECT_EQ(claim.claimed_steps, 4u);
  // Both reasons are given where there are two.
  EXPECT_EQ(Decide(kFalls, values, "xlm7 seed 1 ended on the plateau").reason,
            "not measured at wiki60, wiki100; xlm7 seed 1 ended on the plateau");
}

TEST(ClaimTest, APeakThatWasNotMeasuredLeavesItsTestNamed) {
  SweepValues values = kPeaked;
  values.points[1].by_seed.clear();
  const ClaimTest claim = Decide(kPeak, values);
  EXPECT_EQ(claim.reason, "not measured at xnli15");
  EXPECT_EQ(claim.test, "intersection-union of 2 paired one-sided t tests");
  EXPECT_TRUE(claim.steps.empty()) << "up to the peak and after it cannot be told apart";
}

TEST(ClaimTest, OneSeedGivesNoVarianceEstimate) {
  const ClaimTest claim = Decide(kFalls, Sweep({{"a", {80}}, {"b", {70}}, {"c", {60}}}));
  EXPECT_EQ(claim.state, ClaimState::kUndecided);
  EXPECT_THAT(claim.reason, HasSubstr("no variance estimate: 1 pretraining seed"));
  EXPECT_EQ(claim.steps[0].difference, -10);
}

TEST(ClaimTest, SeedsThatAgreeExactlyDecideNothing) {
  const ClaimTest claim = Decide(kFalls, Sweep({{"a", {33.4, 33.4}}, {"b", {33.3, 33.3}}}));
  EXPECT_EQ(claim.state, ClaimState::kUndecided);
  EXPECT_THAT(claim.reason, HasSubstr("the seeds agree exactly"));
}

TEST(ClaimTest, ABlockedClaimStaysUndecidedWhateverItsNumbers) {
  const ClaimTest claim = Decide(kFalls, kFalling, "xlm7 seed 1 ended on the plateau");
  EXPECT_EQ(claim.state, ClaimState::kUndecided);
  EXPECT_EQ(claim.reason, "xlm7 seed 1 ended on the plateau");
  EXPECT_LT(claim.p, 0.05);
}

TEST(ClaimTest, WhatTheManifestLeavesOutIsSaid) {
  EXPECT_THAT(Decide({"wanders", "", 0}, kFalling).reason, HasSubstr("known: falls-at-every-step"));
  EXPECT_THAT(Decide({"level-then-falls", "xnli15", 0}, kFalling).reason, HasSubstr("no margin"));
  EXPECT_THAT(Decide({"rises-then-falls", "xlm17", 0}, kFalling).reason, HasSubstr("xlm17"));
}

TEST(DecideClaimsTest, HolmCountsEveryClaimOfTheManifest) {
  std::vector<ClaimTest> claims = {TestClaim(kFalls, kFalling),
                                   TestClaim(kFalls, Sweep({{"a", {1}}, {"b", {2}}}))};
  DecideClaims(claims);
  EXPECT_DOUBLE_EQ(claims[0].p_holm, 2 * claims[0].p);
  EXPECT_EQ(claims[1].state, ClaimState::kUndecided);
}

TEST(EstimateStepsTest, AreTwoSidedAndUnderNoClaim) {
  const SweepFit fit = FitSweep(Sweep({{"a", {10, 12}}, {"b", {8, 12}}, {"c", {3, 6}}}));
  const std::vector<StepEstimate> steps = EstimateSteps(fit);
  ASSERT_EQ(steps.size(), 2u);
  EXPECT_EQ(steps[1].from, "b");
  EXPECT_EQ(steps[1].difference, -5.5);
  EXPECT_NEAR(steps[1].t, -5.5 / std::sqrt(0.5), 1e-12);
  EXPECT_NEAR(steps[1].p, 2 * StudentTUpperTail(5.5 / std::sqrt(0.5), 2), 1e-12);
  EXPECT_NEAR(steps[1].high - steps[1].difference, 4.302652729696142 * std::sqrt(0.5), 1e-9);
  EXPECT_FALSE(EstimateSteps(FitSweep(Sweep({{"a", {1}}, {"b", {2}}})))[0].known());
  EXPECT_TRUE(EstimateSteps(FitSweep(Sweep({{"a", {1, 2}}}))).empty());
}

TEST(CalibrationTest, APlantedEffectIsFound) {
  constexpr int kSweeps = 1000;
  for (const ClaimRule& rule :
       {kFalls, ClaimRule{"rises-then-falls", "p1", 0}, ClaimRule{"level-then-falls", "p1", 4}}) {
    const double first = rule.rule == kFalls.rule ? -5 : rule.rule == "rises-then-falls" ? 5 : 0;
    EXPECT_GT(Simulate(rule, {0, first, first - 5}, 5, kSweeps, 4).supported, 0.95) << rule.rule;
  }
}

// The least favourable nulls: all steps but one are far from 0 in the claimed direction, that one
// is exactly on the border of the claim. A larger simulation is in calibration_test.cc.
TEST(CalibrationTest, ABorderlineSweepIsSeldomSupported) {
  constexpr int kSweeps = 2000;
  EXPECT_LE(Simulate(kFalls, {0, -20, -20}, 3, kSweeps, 1).supported, FivePercentLimit(kSweeps));
  EXPECT_LE(Simulate({"rises-then-falls", "p1", 0}, {0, 0, -20}, 3, kSweeps, 2).supported,
            FivePercentLimit(kSweeps));
  EXPECT_LE(Simulate({"level-then-falls", "p1", 4}, {0, 4, -20}, 3, kSweeps, 3).supported,
            FivePercentLimit(kSweeps));
}

}  // namespace
}  // namespace repro
