#include "core/stats/contrast.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/check.h"
#include "core/stats/holm.h"
#include "core/stats/student_t.h"
#include "core/stats/tost.h"

namespace repro {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr std::array<const char*, 3> kRules = {"falls-at-every-step", "rises-then-falls",
                                               "level-then-falls"};

StepEstimate EstimateStep(const SweepFit& fit, std::size_t from) {
  StepEstimate step;
  step.from = fit.points[from];
  step.to = fit.points[from + 1];
  step.difference = fit.means[from + 1] - fit.means[from];
  step.standard_error = fit.StepError();
  step.df = fit.df;
  step.t = step.p = step.low = step.high = kNaN;
  // Without a degree of freedom, or without any spread, there is no test.
  if (!step.known()) return step;
  step.t = step.difference / step.standard_error;
  step.p = std::min(1.0, 2 * StudentTUpperTail(std::abs(step.t), fit.df));
  const double half = StudentTQuantile(0.975, fit.df) * step.standard_error;
  step.low = step.difference - half;
  step.high = step.difference + half;
  return step;
}

StepTest MakeStep(const SweepFit& fit, std::size_t from, StepKind kind, double margin) {
  const StepEstimate estimate = EstimateStep(fit, from);
  StepTest step;
  step.from = estimate.from;
  step.to = estimate.to;
  step.kind = kind;
  step.difference = estimate.difference;
  step.standard_error = estimate.standard_error;
  step.low = estimate.low;
  step.high = estimate.high;
  step.t = step.p = step.p_opposite = kNaN;
  if (kind == StepKind::kLevel) step.opposite_tests = 2;
  if (!estimate.known()) return step;
  if (kind == StepKind::kLevel) {
    const TostResult tost =
        TostEstimate(step.difference, step.standard_error, fit.df, -margin, margin, kClaimAlpha);
    step.t = tost.p_low > tost.p_upp ? tost.t_low : tost.t_upp;
    step.p = tost.p_tost;
    step.p_opposite = std::min(StudentTUpperTail(tost.t_upp, fit.df),    // above +margin
                               StudentTUpperTail(-tost.t_low, fit.df));  // below -margin
  } else {
    const double sign = kind == StepKind::kRises ? 1 : -1;
    step.t = estimate.t;
    step.p = StudentTUpperTail(sign * step.t, fit.df);
    step.p_opposite = StudentTUpperTail(-sign * step.t, fit.df);
  }
  return step;
}

/// "intersection-union of 1 TOST within ±1 and 3 paired one-sided t tests".
std::string DescribeTest(std::size_t level_steps, std::size_t direction_steps, double margin) {
  if (level_steps + direction_steps == 0) return "";
  std::string parts;
  if (level_steps > 0) parts = fmt::format("{} TOST within ±{:g}", level_steps, margin);
  if (direction_steps > 0) {
    parts += fmt::format("{}{} paired one-sided t test{}", parts.empty() ? "" : " and ",
                         direction_steps, direction_steps == 1 ? "" : "s");
  }
  return level_steps + direction_steps == 1 ? parts : "intersection-union of " + parts;
}

/// The intersection-union test over `steps`. `before`: kind of the steps that end at or before
/// `turn`.
ClaimTest IntersectionUnion(const SweepFit& fit, std::size_t turn, StepKind before, double margin) {
  ClaimTest claim;
  claim.df = fit.df;
  claim.seeds = fit.seeds.size();
  claim.left_out = fit.incomplete_seeds;
  claim.statistic = claim.p = claim.p_holm = claim.p_opposite = claim.p_opposite_holm = kNaN;
  claim.smallest_detectable = kNaN;
  int opposite_tests = 0;
  std::size_t level_steps = 0;
  for (std::size_t i = 0; i + 1 < fit.points.size(); ++i) {
    const StepTest step = MakeStep(fit, i, i < turn ? before : StepKind::kFalls, margin);
    if (!std::isnan(step.p)) {
      if (!(step.p <= claim.p)) {
        claim.p = step.p;
        claim.statistic = step.t;
      }
      if (!(step.p_opposite >= claim.p_opposite)) claim.p_opposite = step.p_opposite;
    }
    opposite_tests += step.opposite_tests;
    if (step.kind == StepKind::kLevel) ++level_steps;
    claim.steps.push_back(step);
  }
  if (!std::isnan(claim.p_opposite)) {
    claim.p_opposite = std::min(1.0, claim.p_opposite * opposite_tests);
  }
  claim.decidable = !std::isnan(claim.p);

  claim.test = DescribeTest(level_steps, claim.steps.size() - level_steps, margin);
  return claim;
}

std::size_t IndexOf(const SweepFit& fit, std::string_view point) {
  const auto found = std::find(fit.points.begin(), fit.points.end(), point);
  REPRO_CHECK(found != fit.points.end());
  return static_cast<std::size_t>(found - fit.points.begin());
}

/// Why these values cannot decide a claim; empty when they can.
std::string WhyUndecidable(const ClaimRule& claim, const SweepFit& fit,
                           const std::string& blocked) {
  if (!fit.missing_points.empty()) {
    return fmt::format("not measured at {}{}{}", fmt::join(fit.missing_points, ", "),
                       blocked.empty() ? "" : "; ", blocked);
  }
  if (!blocked.empty()) return blocked;
  if (claim.rule == kRules[2] && !(claim.margin > 0)) {
    return "the manifest states no margin for \"level\"";
  }
  if (fit.points.size() < 2) return "fewer than two sweep points";
  if (fit.seeds.size() < 2) {
    return fmt::format("no variance estimate: {} pretraining seed{} at every point",
                       fit.seeds.empty() ? std::string("no") : std::to_string(fit.seeds.size()),
                       fit.seeds.size() == 1 ? "" : "s");
  }
  if (!(fit.sigma > 0)) return "no variance estimate: the seeds agree exactly";
  return "";
}

}  // namespace

std::string_view StepKindName(StepKind kind) {
  switch (kind) {
    case StepKind::kFalls:
      return "falls";
    case StepKind::kRises:
      return "rises";
    case StepKind::kLevel:
      return "level";
  }
  return "";
}

std::string_view ClaimStateName(ClaimState state) {
  switch (state) {
    case ClaimState::kSupported:
      return "supported";
    case ClaimState::kContradicted:
      return "contradicted";
    case ClaimState::kUndecided:
      return "undecided";
  }
  return "";
}

double SweepFit::StepError() const {
  return seeds.empty() ? kNaN : sigma * std::sqrt(2.0 / static_cast<double>(seeds.size()));
}

SweepFit FitSweep(const SweepValues& values) {
  SweepFit fit;
  std::vector<const SweepValues::PointValues*> present;
  std::set<std::int64_t> all_seeds;
  for (const auto& point : values.points) {
    if (point.by_seed.empty()) {
      fit.missing_points.push_back(point.point);
      continue;
    }
    fit.points.push_back(point.point);
    present.push_back(&point);
    for (const auto& [seed, value] : point.by_seed) all_seeds.insert(seed);
  }
  for (const std::int64_t seed : all_seeds) {
    const bool complete = std::all_of(present.begin(), present.end(), [&](const auto* point) {
      return point->by_seed.contains(seed);
    });
    (complete ? fit.seeds : fit.incomplete_seeds).push_back(seed);
  }

  const std::size_t n = fit.seeds.size();
  const std::size_t points = present.size();
  fit.sigma = kNaN;
  fit.means.assign(points, kNaN);
  if (n == 0) return fit;
  std::vector<double> seed_means(n, 0);
  double grand_mean = 0;
  for (std::size_t p = 0; p < points; ++p) {
    double sum = 0;
    for (std::size_t s = 0; s < n; ++s) {
      const double value = present[p]->by_seed.at(fit.seeds[s]);
      sum += value;
      seed_means[s] += value / static_cast<double>(points);
    }
    fit.means[p] = sum / static_cast<double>(n);
    grand_mean += fit.means[p] / static_cast<double>(points);
  }
  if (n < 2 || points < 2) return fit;
  fit.df = static_cast<double>((n - 1) * (points - 1));
  double squares = 0;
  double largest = 0;
  for (std::size_t p = 0; p < points; ++p) {
    for (std::size_t s = 0; s < n; ++s) {
      const double value = present[p]->by_seed.at(fit.seeds[s]);
      const double residual = value - fit.means[p] - seed_means[s] + grand_mean;
      squares += residual * residual;
      largest = std::max(largest, std::abs(value));
    }
  }
  fit.sigma = std::sqrt(squares / fit.df);
  // What is left when all seeds agree is rounding of the means, not spread.
  if (fit.sigma < 1e-12 * largest) fit.sigma = 0;
  return fit;
}

std::vector<StepEstimate> EstimateSteps(const SweepFit& fit) {
  std::vector<StepEstimate> steps;
  for (std::size_t i = 0; i + 1 < fit.points.size(); ++i) steps.push_back(EstimateStep(fit, i));
  return steps;
}

ClaimTest FallsAtEveryStep(const SweepFit& fit) {
  return IntersectionUnion(fit, 0, StepKind::kFalls, 0);
}

ClaimTest RisesThenFalls(const SweepFit& fit, std::string_view peak) {
  return IntersectionUnion(fit, IndexOf(fit, peak), StepKind::kRises, 0);
}

ClaimTest LevelThenFalls(const SweepFit& fit, std::string_view peak, double margin) {
  return IntersectionUnion(fit, IndexOf(fit, peak), StepKind::kLevel, margin);
}

std::vector<std::string> ClaimRules() {
  return {kRules.begin(), kRules.end()};
}

ClaimTest TestClaim(const ClaimRule& claim, const SweepValues& values, const std::string& blocked) {
  const SweepFit fit = FitSweep(values);
  const std::size_t steps = values.points.empty() ? 0 : values.points.size() - 1;
  const auto peak = static_cast<std::size_t>(
      std::find_if(values.points.begin(), values.points.end(),
                   [&](const auto& point) { return point.point == claim.peak; }) -
      values.points.begin());
  const bool has_peak = peak < values.points.size();
  const bool peak_measured = has_peak && !values.points[peak].by_seed.empty();
  ClaimTest test = IntersectionUnion({}, 0, StepKind::kFalls, 0);
  std::string problem = WhyUndecidable(claim, fit, blocked);
  // The test that is named is the claim's own, over all of its steps; what can be computed of it
  // are the steps between points that have values.
  std::string planned;
  if (claim.rule == kRules[0]) {
    test = FallsAtEveryStep(fit);
    planned = DescribeTest(0, steps, 0);
  } else if (claim.rule == kRules[1] && has_peak) {
    if (peak_measured) test = RisesThenFalls(fit, claim.peak);
    planned = DescribeTest(0, steps, 0);
  } else if (claim.rule == kRules[2] && has_peak && claim.margin > 0) {
    if (peak_measured) test = LevelThenFalls(fit, claim.peak, claim.margin);
    planned = DescribeTest(peak, steps - peak, claim.margin);
  } else if (std::find(kRules.begin(), kRules.end(), claim.rule) == kRules.end()) {
    problem = fmt::format("no rule named '{}'; known: {}", claim.rule, fmt::join(kRules, ", "));
  } else if (!has_peak) {
    problem = fmt::format("no sweep point named '{}'", claim.peak);
  }
  test.test = planned;
  test.claimed_steps = planned.empty() ? 0 : steps;
  test.seeds = fit.seeds.size();
  test.left_out = fit.incomplete_seeds;
  if (!problem.empty()) {
    test.decidable = false;
    test.reason = problem;
  }
  return test;
}

void DecideClaims(std::vector<ClaimTest>& claims, double alpha) {
  std::vector<double> p;
  std::vector<double> p_opposite;
  for (const ClaimTest& claim : claims) {
    p.push_back(claim.decidable ? claim.p : kNaN);
    p_opposite.push_back(claim.decidable ? claim.p_opposite : kNaN);
  }
  const std::vector<double> adjusted = HolmAdjust(p);
  const std::vector<double> adjusted_opposite = HolmAdjust(p_opposite);
  for (std::size_t i = 0; i < claims.size(); ++i) {
    ClaimTest& claim = claims[i];
    claim.state = ClaimState::kUndecided;
    if (!claim.decidable) continue;
    claim.p_holm = adjusted[i];
    claim.p_opposite_holm = adjusted_opposite[i];
    if (claim.p_holm <= alpha) {
      claim.state = ClaimState::kSupported;
      claim.reason = "every step is as the claim says";
    } else if (claim.p_opposite_holm <= alpha) {
      claim.state = ClaimState::kContradicted;
      claim.reason = "at least one step goes the other way";
    } else {
      claim.reason = "neither the claim nor its opposite is significant";
    }
  }
}

void StateDesign(std::vector<ClaimTest>& claims, double alpha, double power) {
  for (ClaimTest& claim : claims) {
    if (claim.steps.empty() || !(claim.steps.front().standard_error > 0)) continue;
    claim.smallest_detectable =
        SmallestDetectableEffect(claim.steps.front().standard_error, claim.df,
                                 alpha / static_cast<double>(claims.size()), power);
  }
}

}  // namespace repro
