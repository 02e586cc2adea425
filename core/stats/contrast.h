#pragma once
/// Planned contrasts over the points of a sweep, and the rules by which a claim about a series is
/// judged.
///
/// Model. A series has one value for each sweep point and pretraining seed. Seeds are paired across
/// points (seed 2 at one point goes with seed 2 at the next): value(point, seed) = mean(point) +
/// shift(seed) + noise. The noise variance is pooled over the whole series, with (n - 1)(P - 1)
/// degrees of freedom for n seeds at P points; it assumes that the spread is the same at every
/// point. A step is the difference of two neighbouring means; its standard error is sigma * sqrt(2
/// / n). Only seeds that have a value at every point enter: the others are named, not imputed.
///
/// Rules. Each is an intersection-union test: the claim says that all of its steps hold, so its
/// p-value is the largest of the steps' p-values, each at full level (Berger 1982). What "the
/// opposite" means:
///   falls-at-every-step  each step is below 0.     Opposite: at least one step is above 0.
///   rises-then-falls     steps up to `peak` are above 0, later ones below 0.
///                        Opposite: at least one step goes the other way.
///   level-then-falls     steps up to `peak` lie within +-margin (TOST), later ones are below 0.
///                        Opposite: a level step lies beyond the margin on either side, or a later
///                        step is above 0.
/// The p-value of the opposite is the smallest of its one-sided p-values times their number
/// (Bonferroni). Both p-values are then Holm-adjusted over all claims of the manifest, each kind in
/// a family of its own (`DecideClaims`).

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace repro {

inline constexpr double kClaimAlpha = 0.05;  ///< family-wise, over the claims of one manifest
inline constexpr double kClaimPower = 0.8;   ///< of "smallest detectable difference"

/// The measured values of one series, in the order of the sweep. Units are the caller's (the report
/// uses points).
struct SweepValues {
  struct PointValues {
    std::string point;
    std::map<std::int64_t, double>
        by_seed;  ///< pretraining seed -> value; empty: nothing usable was measured
  };
  std::vector<PointValues> points;
};

/// Means and pooled noise of the points that have values.
struct SweepFit {
  std::vector<std::string> points;
  std::vector<double> means;                   ///< over `seeds`
  std::vector<std::int64_t> seeds;             ///< complete ones
  std::vector<std::int64_t> incomplete_seeds;  ///< have a value at some point but not at all
  std::vector<std::string> missing_points;     ///< no value at all
  double sigma = 0;                            ///< NaN without a degree of freedom
  double df = 0;

  /// Standard error of a step between two points.
  double StepError() const;
};
SweepFit FitSweep(const SweepValues& values);

/// A step as an estimate with its two-sided paired t test: for information, under no claim and in
/// no family of tests. NaN stands where there is no degree of freedom or no spread.
struct StepEstimate {
  std::string from, to;
  double difference = 0;  ///< mean(to) - mean(from)
  double standard_error = 0;
  double df = 0;
  double t = 0, p = 0;
  double low = 0, high = 0;  ///< 95 % interval of the difference

  bool known() const { return df > 0 && standard_error > 0; }
};
/// Every step between neighbours among the points that have values.
std::vector<StepEstimate> EstimateSteps(const SweepFit& fit);

enum class StepKind { kFalls, kRises, kLevel };
std::string_view StepKindName(StepKind kind);

/// One step under its part of the claim.
struct StepTest {
  std::string from, to;
  StepKind kind = StepKind::kFalls;
  double difference = 0;  ///< mean(to) - mean(from)
  double standard_error = 0;
  double t = 0;              ///< of the one-sided test; for a level step the weaker of its two
  double p = 0;              ///< that the step is as the claim says
  double p_opposite = 0;     ///< that it is the opposite, not yet corrected for their number
  int opposite_tests = 1;    ///< 2 for a level step
  double low = 0, high = 0;  ///< 95 % interval of the difference
};

enum class ClaimState { kSupported, kContradicted, kUndecided };
std::string_view ClaimStateName(ClaimState state);

/// A claim under its rule. NaN stands where nothing could be computed.
struct ClaimTest {
  ClaimState state = ClaimState::kUndecided;
  std::string test;    ///< of the whole claim, points without values included: "intersection-union
                       ///< of 2 paired one-sided t tests"; empty when the rule cannot be applied
  std::string reason;  ///< why it is undecided, or what decided it; one sentence
  std::vector<StepTest> steps;    ///< those between points that have values
  std::size_t claimed_steps = 0;  ///< of the whole claim
  double statistic = 0;           ///< t of the weakest step
  double df = 0;
  double p = 0;       ///< of the claim
  double p_holm = 0;  ///< adjusted within the manifest
  double p_opposite = 0;
  double p_opposite_holm = 0;
  double smallest_detectable =
      0;  ///< true size of one step that is found with power 0.8 at the strictest Holm level
  std::size_t seeds = 0;               ///< n, paired
  std::vector<std::int64_t> left_out;  ///< seeds that have a value at some point but not at all
  bool decidable = false;  ///< false: `reason` says why it stays undecided whatever the numbers are
};

ClaimTest FallsAtEveryStep(const SweepFit& fit);
/// `peak`: name of the point where the direction turns; it must be one of `fit.points`.
ClaimTest RisesThenFalls(const SweepFit& fit, std::string_view peak);
/// `margin`: in the units of the values, > 0; fixed before the run.
ClaimTest LevelThenFalls(const SweepFit& fit, std::string_view peak, double margin);

/// What a claim says: rule by name. An unknown rule gives an undecidable test whose reason lists
/// the known ones.
struct ClaimRule {
  std::string rule;
  std::string peak;
  double margin = 0;
};
/// Applies a rule by its name in the manifest. Never decidable, with the reason, when: a point of
/// the claim has no value (the steps over the points that ran are still computed, for information),
/// fewer than two complete seeds, no variance among the seeds, or `blocked` says why the values
/// cannot be judged.
ClaimTest TestClaim(const ClaimRule& claim, const SweepValues& values,
                    const std::string& blocked = "");

/// Names of the rules that `TestClaim` knows.
std::vector<std::string> ClaimRules();

/// Holm over all claims of one manifest, then the states. An undecidable claim stays in the family
/// (p = 1): the family was fixed in the manifest, before the run.
void DecideClaims(std::vector<ClaimTest>& claims, double alpha = kClaimAlpha);

/// Fills `smallest_detectable` of each claim: what this design could have seen. Apart from the
/// decision, which does not depend on it.
void StateDesign(std::vector<ClaimTest>& claims, double alpha = kClaimAlpha,
                 double power = kClaimPower);

}  // namespace repro
