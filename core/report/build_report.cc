#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/report/monolingual.h"
#include "core/report/report_frame.h"
#include "core/report/report_model.h"
#include "core/report/report_text.h"
#include "core/report/run_values.h"

namespace repro {
namespace {

constexpr const char* kValidationLoss = "valid.loss";
constexpr const char* kUnigramLoss = "valid.unigram_loss";
constexpr const char* kContextFreeLoss = "valid.context_free_loss";

/// "61.2 % (57.0 to 65.4)".
std::string WithInterval(const Measure& measure, const Estimate& estimate) {
  const std::string range = ShowRange(measure, estimate);
  return ShowMean(measure, estimate) + (range.empty() ? "" : " (" + range + ")");
}

/// "seed 2", "seeds 1, 3".
std::string SaySeeds(const std::vector<std::int64_t>& seeds) {
  return fmt::format("seed{} {}", seeds.size() == 1 ? "" : "s", fmt::join(seeds, ", "));
}

/// The values of a series as the tests take them.
SweepValues ToSweep(const SeriesReport& series) {
  SweepValues values;
  for (const SeriesPoint& point : series.points) {
    SweepValues::PointValues column;
    column.point = point.point;
    for (const auto& [seed, value] : point.main.by_seed) column.by_seed[seed] = value;
    values.points.push_back(std::move(column));
  }
  return values;
}

std::vector<double> Values(const Estimate& estimate) {
  std::vector<double> values;
  for (const auto& [seed, value] : estimate.by_seed) values.push_back(value);
  return values;
}

class Builder {
 public:
  explicit Builder(const ReportInputs& inputs)
      : inputs_(inputs),
        experiment_(inputs.experiment),
        states_(RunStates(inputs)),
        values_(inputs, states_) {}

  Report Build() {
    report_.id = experiment_.id;
    report_.item = experiment_.item;
    report_.title = experiment_.title;
    report_.question = experiment_.question;
    report_.assumptions = experiment_.assumptions;
    if (inputs_.reference) {
      report_.reference_notes = inputs_.reference->notes;
      report_.reference_unit = inputs_.reference->unit;
    }
    ListPoints();
    ListRuns();
    AddFigures();
    AddMeasures();
    ChooseLead();
    AddClaims();
    AddSurface();
    AddLanguages();
    report_.monolingual = ReadOffMonolingual(inputs_, values_);
    report_.language_facts = BuildLanguageFacts(inputs_, values_);
    report_.corpus = BuildCorpusPanel(inputs_, values_);
    AddVocabulary();
    FrameReport(inputs_, report_);
    return std::move(report_);
  }

 private:
  void ListPoints() {
    std::vector<std::string> planned;
    for (const Point& point : experiment_.points) {
      planned.push_back(point.id);
      report_.point_languages[point.id] = point.languages.size();
    }
    const auto in = [](const std::vector<std::string>& list, const std::string& value) {
      return std::find(list.begin(), list.end(), value) != list.end();
    };
    const bool paper_has_all =
        inputs_.reference && std::all_of(planned.begin(), planned.end(), [&](const auto& point) {
          return in(inputs_.reference->points, point);
        });
    report_.points = paper_has_all ? inputs_.reference->points : planned;
    for (const std::string& dropped : experiment_.dropped_points) {
      if (!in(report_.points, dropped)) report_.points.push_back(dropped);
    }
  }

  bool Planned(const std::string& point) const { return report_.point_languages.contains(point); }

  void ListRuns() {
    report_.runs = states_;
    for (std::size_t i = 0; i < report_.runs.size(); ++i) {
      RunReport& run = report_.runs[i];
      run.unigram_margin = values_.MeanGap(kUnigramLoss, kValidationLoss, i);
      run.context_free_margin = values_.MeanGap(kContextFreeLoss, kValidationLoss, i);
      run.plateau_margin = run.unigram_margin;
      if (run.context_free_margin &&
          (!run.plateau_margin || *run.context_free_margin < *run.plateau_margin)) {
        run.plateau_margin = run.context_free_margin;
      }
      // An encoder without pretraining is on the plateau by construction.
      run.on_plateau = run.role != kNoPretrainingRole && run.plateau_margin &&
                       *run.plateau_margin < kPlateauThreshold;
    }
    report_.complete = !report_.runs.empty() &&
                       std::all_of(report_.runs.begin(), report_.runs.end(),
                                   [](const RunReport& run) { return run.state == "done"; });
  }

  /// Why a planned point has no value, or not all of its seeds; empty when all main runs are done.
  std::string WhyMissing(const std::string& point) const {
    if (!Planned(point)) return fmt::format("not in the {} sweep", experiment_.scale);
    std::vector<std::string> why;  // each once, in the order of the runs
    std::map<std::string, std::vector<std::int64_t>> seeds_of;
    for (const RunReport& run : report_.runs) {
      if (run.point != point || run.role != kMainRole || run.state == "done") continue;
      // What went wrong says itself which state that is.
      const std::string text = run.reason.ends_with(run.state)
                                   ? ": " + run.reason
                                   : fmt::format(" {} ({})", run.state, run.reason);
      std::vector<std::int64_t>& seeds = seeds_of[text];
      if (seeds.empty()) why.push_back(text);
      seeds.push_back(run.pretrain_seed);
    }
    std::vector<std::string> parts;
    parts.reserve(why.size());
    for (const std::string& text : why) parts.push_back(SaySeeds(seeds_of[text]) + text);
    return fmt::format("{}", fmt::join(parts, "; "));
  }

  /// What there is to know of a value: languages of the series that are not pretrained at the
  /// point, seeds that it lacks, seeds that ended on the plateau.
  std::string PointNote(const SeriesPoint& entry, const Series& series) const {
    std::vector<std::string> parts;
    for (const Point& planned : experiment_.points) {
      if (planned.id != entry.point) continue;
      const auto lacks = std::count_if(
          series.languages.begin(), series.languages.end(), [&](const std::string& code) {
            return std::find(planned.languages.begin(), planned.languages.end(), code) ==
                   planned.languages.end();
          });
      if (lacks > 0) {
        parts.push_back(fmt::format("{} of its {} languages {} not pretrained here", lacks,
                                    series.languages.size(), lacks == 1 ? "is" : "are"));
      }
    }
    // Languages that are not there explain a missing value; seeds that are not done do not.
    if (!entry.main.empty() || parts.empty()) {
      if (std::string missing = WhyMissing(entry.point); !missing.empty()) {
        parts.push_back(std::move(missing));
      }
    }
    std::vector<std::int64_t> stuck;
    for (const RunReport& run : report_.runs) {
      if (run.point == entry.point && run.role == kMainRole && run.state == "done" &&
          run.on_plateau) {
        stuck.push_back(run.pretrain_seed);
      }
    }
    if (!entry.main.empty() && !stuck.empty()) {
      parts.push_back(SaySeeds(stuck) + " on the early plateau");
    }
    return fmt::format("{}", fmt::join(parts, "; "));
  }

  void AddFigures() {
    for (const Series& series : experiment_.series) {
      if (series.by_language) continue;
      auto figure = std::find_if(report_.figures.begin(), report_.figures.end(),
                                 [&](const auto& f) { return f.measure.metric == series.metric; });
      if (figure == report_.figures.end()) {
        FigureReport added;
        added.measure = FindMeasure(inputs_.measures, series.metric);
        added.chance = values_.Chance(added.measure);
        report_.figures.push_back(std::move(added));
        figure = report_.figures.end() - 1;
      }
      const ReferenceSeries* paper = nullptr;
      if (inputs_.reference && !series.companion) paper = inputs_.reference->FindSeries(series.id);
      figure->has_paper = figure->has_paper || paper != nullptr;
      figure->series.push_back(MakeSeries(series, figure->measure, paper));
      for (const SeriesPoint& point : figure->series.back().points) {
        figure->measured = figure->measured || !point.main.empty();
      }
    }
  }

  SeriesReport MakeSeries(const Series& series, const Measure& measure,
                          const ReferenceSeries* paper) const {
    SeriesReport result;
    result.id = series.id;
    result.name = series.name.empty() ? series.id : series.name;
    result.companion = series.companion;
    for (const std::string& code : series.languages) {
      result.languages.push_back(ShownCode(experiment_, code));
    }
    if (paper != nullptr) result.direction = paper->direction;
    for (const std::string& point : report_.points) {
      SeriesPoint entry;
      entry.point = point;
      entry.main = values_.Series(measure, point, kMainRole, series.languages);
      for (const char* role : {kNullWorldRole, kNoPretrainingRole}) {
        Estimate control = values_.Series(measure, point, role, series.languages);
        if (!control.empty()) entry.controls[role] = std::move(control);
      }
      entry.transfer = Transfer(measure, entry.main, entry.controls);
      entry.note = PointNote(entry, series);
      if (paper != nullptr) {
        const auto cell = paper->cells.find(point);
        if (cell != paper->cells.end()) entry.paper = cell->second;
        const auto stated = paper->stated.find(point);
        if (stated != paper->stated.end()) entry.paper_stated = stated->second;
      }
      // Another world or another scale than the paper's gives no verdict on a cell. At the paper's
      // own scale a cell read off the pixels of a figure still has no level to compare with: its
      // series is judged by its claims.
      entry.cell = entry.main.empty() ? CellState::kNotRun : CellState::kNotComparable;
      result.points.push_back(std::move(entry));
    }
    const SweepFit fit = FitSweep(ToSweep(result));
    result.steps = EstimateSteps(fit);
    result.step_seeds = fit.seeds;
    return result;
  }

  static std::optional<DifferenceInterval> Transfer(
      const Measure& measure, const Estimate& main,
      const std::map<std::string, Estimate>& controls) {
    const auto null_world = controls.find(kNullWorldRole);
    if (main.empty() || null_world == controls.end() || null_world->second.empty()) {
      return std::nullopt;
    }
    const std::vector<double> a = Values(main);
    const std::vector<double> b = Values(null_world->second);
    // Positive means that languages gained from each other, whichever way the measure points.
    return measure.higher_is_better ? PooledDifference(a, b) : PooledDifference(b, a);
  }

  void AddMeasures() {
    for (const Measure& measure : inputs_.measures) {
      if (measure.kind != MeasureKind::kTask && measure.kind != MeasureKind::kIntrinsic) continue;
      MeasureReport result;
      result.measure = measure;
      result.chance = values_.Chance(measure);
      for (const std::string& point : report_.points) {
        if (Planned(point)) result.points.push_back(MeasureAt(measure, point, result.chance));
      }
      std::erase_if(result.points,
                    [](const auto& at) { return at.source.empty() && at.targets.empty(); });
      if (result.points.empty() && !HasSeries(measure.metric)) continue;
      SayWhetherItMoves(result);
      report_.measures.push_back(std::move(result));
    }
  }

  bool HasSeries(const std::string& metric) const {
    return std::any_of(experiment_.series.begin(), experiment_.series.end(),
                       [&](const Series& series) { return series.metric == metric; });
  }

  MeasureReport::AtPoint MeasureAt(const Measure& measure, const std::string& point,
                                   const std::optional<double>& chance) const {
    MeasureReport::AtPoint at;
    at.point = point;
    const std::string& source = experiment_.source_language;
    // Only languages that every role was scored in, so that a difference compares like with like.
    std::set<std::string> common = values_.Languages(measure.metric, point, kMainRole);
    std::vector<std::string> roles;
    for (const char* role : {kNullWorldRole, kNoPretrainingRole}) {
      const std::set<std::string> scored = values_.Languages(measure.metric, point, role);
      if (scored.empty()) continue;
      roles.emplace_back(role);
      std::erase_if(common, [&](const std::string& code) { return !scored.contains(code); });
    }
    common.erase(source);
    const std::vector<std::string> targets(common.begin(), common.end());
    if (measure.in_source_language) at.source = values_.Series(measure, point, kMainRole, {source});
    at.targets = values_.Series(measure, point, kMainRole, targets);
    at.target_count = targets.size();
    for (const std::string& role : roles) {
      if (measure.in_source_language) {
        at.source_controls[role] = values_.Series(measure, point, role, {source});
      }
      at.target_controls[role] = values_.Series(measure, point, role, targets);
    }
    at.transfer = Transfer(measure, at.targets, at.target_controls);
    const std::optional<double> baseline = Baseline(at, chance);
    const Estimate& judged = Judged(at);
    at.moves = baseline && BetterThan(measure, judged.mean, *baseline) && LearntEnough(measure, at);
    return at;
  }

  /// In a synthetic world every language is as learnable as the source; there chance alone counts.
  bool LearntEnough(const Measure& measure, const MeasureReport::AtPoint& at) const {
    return IsSynthetic(experiment_) || !measure.informative_from || at.source.empty() ||
           at.source.mean.mean >= *measure.informative_from;
  }

  /// The whole interval lies on the better side. Seeds that all agree give none: then the value
  /// must be clear of the baseline by a distance that was fixed before.
  static bool BetterThan(const Measure& measure, const MeanInterval& value, double baseline) {
    if (value.all_same()) {
      return (measure.higher_is_better ? value.mean - baseline : baseline - value.mean) >
             kClearOfBaseline;
    }
    return value.known() &&
           (measure.higher_is_better ? value.low > baseline : value.high < baseline);
  }

  static const Estimate& Judged(const MeasureReport::AtPoint& at) {
    return at.source.empty() ? at.targets : at.source;
  }

  /// What a measure must beat: chance, or else the encoder without pretraining.
  static std::optional<double> Baseline(const MeasureReport::AtPoint& at,
                                        const std::optional<double>& chance) {
    if (chance) return chance;
    const auto& controls = at.source.empty() ? at.target_controls : at.source_controls;
    const auto untrained = controls.find(kNoPretrainingRole);
    if (untrained == controls.end() || untrained->second.empty()) return std::nullopt;
    return untrained->second.mean.mean;
  }

  void SayWhetherItMoves(MeasureReport& result) const {
    if (result.points.empty()) {
      result.verdict = "not measured yet";
      return;
    }
    auto shown = std::find_if(result.points.begin(), result.points.end(),
                              [](const auto& at) { return at.moves; });
    result.moves = shown != result.points.end();
    result.informative =
        std::any_of(result.points.begin(), result.points.end(),
                    [&](const auto& at) { return LearntEnough(result.measure, at); });
    if (!result.informative) {
      const auto best = std::max_element(
          result.points.begin(), result.points.end(),
          [](const auto& a, const auto& b) { return a.source.mean.mean < b.source.mean.mean; });
      result.verdict = fmt::format(
          "not informative{}: at most {} in the source language ({}), where {} is what values of "
          "other languages would need to say something",
          BesideChance(result, best->source.mean.mean), WithInterval(result.measure, best->source),
          best->point, ShowValue(result.measure, *result.measure.informative_from));
      return;
    }
    if (!result.moves) {
      shown = std::find_if(result.points.begin(), result.points.end(),
                           [](const auto& at) { return Judged(at).mean.n >= 2; });
      if (shown == result.points.end()) shown = result.points.begin();
    }
    const std::optional<double> baseline = Baseline(*shown, result.chance);
    const std::string where =
        shown->source.empty() ? "over the other languages" : "in the source language";
    const std::string against =
        !baseline ? std::string("no baseline to compare with")
                  : fmt::format("{} {}", result.chance ? "chance" : "without pretraining",
                                ShowValue(result.measure, *baseline));
    const std::string value = WithInterval(result.measure, Judged(*shown));
    const char* state = result.moves                ? "moves"
                        : Judged(*shown).mean.n < 2 ? "one value, no interval"
                        : !baseline                 ? "undetermined"
                        : result.chance             ? "at chance"
                                                    : "no better than without pretraining";
    result.verdict = fmt::format("{}: {} {} at {}; {}", state, value, where, shown->point, against);
  }

  /// " (close to chance, 33.3 %)": closer than to where the measure says something.
  static std::string BesideChance(const MeasureReport& result, double value) {
    if (!result.chance) return "";
    const bool close = value - *result.chance < *result.measure.informative_from - value;
    return fmt::format(" ({} {})", close ? "close to chance," : "chance",
                       ShowValue(result.measure, *result.chance));
  }

  /// Why a claim on this metric cannot be judged: it moves at no point, so that "level" holds and
  /// every step is noise whatever the languages do. Empty when it moves, and while no point has the
  /// seeds that would tell: then the claim lacks its own.
  std::string StandstillNote(const std::string& metric) const {
    const MeasureReport* measure = MeasureOf(metric);
    if (measure == nullptr || measure->moves) return "";
    const auto told = std::find_if(measure->points.begin(), measure->points.end(),
                                   [](const auto& at) { return Judged(at).mean.n >= 2; });
    if (told == measure->points.end()) return "";
    const std::string& name = measure->measure.name;
    if (!measure->informative) return fmt::format("{} is {}", name, measure->verdict);
    const char* where =
        told->source.empty() ? "over the other languages" : "in the source language";
    if (measure->chance) {
      return fmt::format("{} does not move: at no point better than chance ({}) {}", name,
                         ShowValue(measure->measure, *measure->chance), where);
    }
    const bool compared =
        std::any_of(measure->points.begin(), measure->points.end(),
                    [&](const auto& at) { return Baseline(at, measure->chance).has_value(); });
    return fmt::format(
        "{} does not move: {} {}", name,
        compared ? "at no point better than without pretraining" : "no baseline to compare with",
        where);
  }

  const MeasureReport* MeasureOf(const std::string& metric) const {
    for (const MeasureReport& measure : report_.measures) {
      if (measure.measure.metric == metric) return &measure;
    }
    return nullptr;
  }

  /// The paper's own measure leads, unless it stands at chance while others move.
  void ChooseLead() {
    if (report_.figures.empty()) return;
    const auto moves = [&](const FigureReport& figure) {
      const MeasureReport* measure = MeasureOf(figure.measure.metric);
      return measure != nullptr && measure->moves;
    };
    const auto measured = [&](const FigureReport& figure) {
      const MeasureReport* measure = MeasureOf(figure.measure.metric);
      return measure != nullptr && !measure->points.empty();
    };
    std::stable_partition(report_.figures.begin(), report_.figures.end(),
                          [](const FigureReport& figure) { return figure.has_paper; });
    const FigureReport& paper = report_.figures.front();
    if (!paper.has_paper || moves(paper) || !measured(paper)) return;
    const std::string name = paper.measure.name;
    if (std::none_of(report_.figures.begin(), report_.figures.end(), moves)) {
      report_.lead_reason = fmt::format(
          "{} does not move at this scale, and neither does any measure beside it.", name);
      return;
    }
    const std::string verdict = MeasureOf(paper.measure.metric)->verdict;
    std::stable_partition(report_.figures.begin(), report_.figures.end(), moves);
    report_.lead_reason = fmt::format(
        "{} does not move here ({}), so the measures that do come first; {} follows below. A "
        "measure moves when its "
        "interval in the source language (retrieval: over the other languages) lies wholly on the "
        "better side of "
        "chance, at one sweep point at least{}.",
        name, verdict, name,
        paper.measure.informative_from
            ? fmt::format(" (and outside babel reaches {} there)",
                          ShowValue(paper.measure, *paper.measure.informative_from))
            : "");
  }

  void AddClaims() {
    std::vector<ClaimTest> tests;
    for (const Claim& claim : experiment_.claims) {
      ClaimReport entry;
      entry.claim = claim;
      SweepValues values;
      std::string blocked;
      if (const SeriesReport* series = FindSeries(claim.series)) {
        entry.series_name = series->name;
        values = ToSweep(*series);
        std::vector<std::string> reasons;
        const bool all_measured =
            std::all_of(values.points.begin(), values.points.end(),
                        [](const auto& point) { return !point.by_seed.empty(); });
        // A point without any value says enough of its seeds.
        if (all_measured) reasons.push_back(OpenSeedsNote());
        reasons.push_back(PlateauNote());
        reasons.push_back(StandstillNote(MetricOf(claim.series)));
        std::erase(reasons, "");
        blocked = fmt::format("{}", fmt::join(reasons, "; "));
      } else {
        blocked = fmt::format("the manifest has no series '{}'", claim.series);
      }
      tests.push_back(TestClaim({claim.rule, claim.peak, claim.margin}, values, blocked));
      report_.claims.push_back(std::move(entry));
    }
    DecideClaims(tests);
    StateDesign(tests);
    for (std::size_t i = 0; i < tests.size(); ++i) report_.claims[i].test = std::move(tests[i]);
  }

  const SeriesReport* FindSeries(const std::string& id) const {
    for (const FigureReport& figure : report_.figures) {
      for (const SeriesReport& series : figure.series) {
        if (series.id == id) return &series;
      }
    }
    return nullptr;
  }

  std::string MetricOf(const std::string& series) const {
    const auto found = std::find_if(experiment_.series.begin(), experiment_.series.end(),
                                    [&](const Series& known) { return known.id == series; });
    return found == experiment_.series.end() ? "" : found->metric;
  }

  /// Runs of the sweep that may still give a value. The number of seeds was fixed before the run: a
  /// verdict on the first few would be an earlier look at the same data.
  std::string OpenSeedsNote() const {
    std::vector<std::string> open;
    for (const RunReport& run : report_.runs) {
      if (run.role != kMainRole || run.state == "done" || run.state == "diverged") continue;
      open.push_back(fmt::format("{} seed {} ({})", run.point, run.pretrain_seed, run.state));
    }
    if (open.empty()) return "";
    return fmt::format("not every planned seed has a value yet: {}", fmt::join(open, ", "));
  }

  /// Runs of the sweep that ended on the plateau, or that do not say where they ended. Every claim
  /// compares all points of a series, so one such run blocks them all.
  std::string PlateauNote() const {
    std::vector<std::string> near;
    std::vector<std::string> unknown;
    for (const RunReport& run : report_.runs) {
      if (run.role != kMainRole || run.state != "done") continue;
      if (!run.plateau_margin) {
        unknown.push_back(fmt::format("{} seed {}", run.point, run.pretrain_seed));
      } else if (run.on_plateau) {
        near.push_back(fmt::format("{} seed {} ({})", run.point, run.pretrain_seed,
                                   FormatNumber(*run.plateau_margin, 3)));
      }
    }
    if (!near.empty()) {
      return fmt::format("ended less than {:g} nats below the plateau: {}", kPlateauThreshold,
                         fmt::join(near, ", "));
    }
    if (!unknown.empty()) {
      return fmt::format("no distance from the plateau was logged for {}",
                         fmt::join(unknown, ", "));
    }
    return "";
  }

  void AddSurface() {
    for (const Measure& measure : inputs_.measures) {
      if (measure.kind != MeasureKind::kSurface) continue;
      const std::optional<double> chance = values_.Chance(measure);
      if (!chance) continue;
      SurfaceReport surface;
      surface.measure = measure;
      surface.chance = *chance;
      for (const Point& point : experiment_.points) {
        for (const char* role : {kMainRole, kNullWorldRole}) {
          for (const std::string& language : point.languages) {
            const auto value = values_.Fact(measure, point.id, role, language);
            if (!value) continue;
            ++surface.values;
            const double distance = std::abs(*value - *chance);
            if (surface.worst_where.empty() || distance > surface.largest_distance) {
              surface.largest_distance = distance;
              surface.worst_value = *value;
              surface.worst_where =
                  fmt::format("{}, {}{}", ShownCode(experiment_, language), point.id,
                              role == std::string_view(kNullWorldRole) ? ", null world" : "");
            }
          }
        }
      }
      if (surface.values == 0) continue;
      surface.within = surface.largest_distance <= kSurfaceLimit;
      report_.surface.push_back(std::move(surface));
    }
  }

  void AddLanguages() {
    for (const Measure& measure : inputs_.measures) {
      if (measure.kind != MeasureKind::kTask && measure.kind != MeasureKind::kIntrinsic) continue;
      PerLanguageTable table;
      table.measure = measure;
      std::vector<std::string> order;  // in the order of the sets, each language once
      for (const Point& point : experiment_.points) {
        table.points.push_back(point.id);
        const std::set<std::string> scored = values_.Languages(measure.metric, point.id, kMainRole);
        for (const std::string& code : point.languages) {
          if (scored.contains(code) && std::find(order.begin(), order.end(), code) == order.end()) {
            order.push_back(code);
          }
        }
      }
      for (const std::string& code : order) {
        PerLanguageTable::Row row;
        row.code = ShownCode(experiment_, code);
        const auto language = experiment_.languages.find(code);
        if (language != experiment_.languages.end()) row.name = language->second.name;
        row.source = code == experiment_.source_language;
        for (const std::string& point : table.points) {
          row.values.push_back(values_.Series(measure, point, kMainRole, {code}));
          row.null_world.push_back(values_.Series(measure, point, kNullWorldRole, {code}));
        }
        table.rows.push_back(std::move(row));
      }
      if (!table.rows.empty()) report_.languages.push_back(std::move(table));
    }
  }

  void AddVocabulary() {
    const Measure words = FindMeasure(inputs_.measures, "vocab.tokens_per_word");
    const Measure coverage = FindMeasure(inputs_.measures, "vocab.coverage");
    const Measure unknown = FindMeasure(inputs_.measures, "vocab.unknown_rate");
    const Measure repeats = FindMeasure(inputs_.measures, "pretrain.repeats");
    for (const Point& point : experiment_.points) {
      VocabularyReport entry;
      entry.point = point.id;
      for (const std::string& code : point.languages) {
        VocabularyReport::Row row;
        row.code = ShownCode(experiment_, code);
        row.tokens_per_word = values_.Fact(words, point.id, kMainRole, code);
        row.coverage = values_.Fact(coverage, point.id, kMainRole, code);
        row.unknown_rate = values_.Fact(unknown, point.id, kMainRole, code);
        row.repeats = values_.Fact(repeats, point.id, kMainRole, code);
        if (row.tokens_per_word || row.coverage || row.unknown_rate || row.repeats) {
          entry.rows.push_back(std::move(row));
        }
      }
      if (!entry.rows.empty()) report_.vocabulary.push_back(std::move(entry));
    }
  }

  const ReportInputs& inputs_;
  const Experiment& experiment_;
  const std::vector<RunReport> states_;
  const RunValues values_;
  Report report_;
};

}  // namespace

std::string_view CellStateName(CellState state) {
  switch (state) {
    case CellState::kReproduced:
      return "reproduced";
    case CellState::kNotReproduced:
      return "not reproduced";
    case CellState::kInconclusive:
      return "inconclusive";
    case CellState::kNotComparable:
      return "not comparable";
    case CellState::kNotRun:
      return "not run";
  }
  return "";
}

Report BuildReport(const ReportInputs& inputs) {
  return Builder(inputs).Build();
}

}  // namespace repro
