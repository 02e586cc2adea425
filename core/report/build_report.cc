#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/units.h"
#include "core/report/report_model.h"
#include "core/report/report_text.h"
#include "core/report/run_values.h"

namespace repro {
namespace {

constexpr const char* kMain = "main";
constexpr const char* kNullWorld = "null-world";
constexpr const char* kNoPretraining = "no-pretraining";
constexpr const char* kValidationLoss = "valid.loss";
constexpr const char* kUnigramLoss = "valid.unigram_loss";
constexpr const char* kContextFreeLoss = "valid.context_free_loss";
constexpr const char* kLanguagesKey =
    "languages";  // of [sweep]: the points of an item are named by it

bool IsSynthetic(const Experiment& experiment) {
  return experiment.world == "babel";
}

/// Languages of the synthetic world never go by the names of the languages they stand in for.
std::string ShownCode(const Experiment& experiment, const std::string& code) {
  return IsSynthetic(experiment) ? "syn-" + code : code;
}

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
    AddVocabulary();
    AddProvenance();
    AddNextSteps();
    AddHeadline();
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
      run.on_plateau = run.role != kNoPretraining && run.plateau_margin &&
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
      if (run.point != point || run.role != kMain || run.state == "done") continue;
      // What went wrong says itself which state that is.
      const std::string text = run.reason.ends_with(run.state)
                                   ? ": " + run.reason
                                   : fmt::format(" {} ({})", run.state, run.reason);
      std::vector<std::int64_t>& seeds = seeds_of[text];
      if (seeds.empty()) why.push_back(text);
      seeds.push_back(run.pretrain_seed);
    }
    std::vector<std::string> parts;
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
      if (run.point == entry.point && run.role == kMain && run.state == "done" && run.on_plateau) {
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
      entry.main = values_.Series(measure, point, kMain, series.languages);
      for (const char* role : {kNullWorld, kNoPretraining}) {
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
    const auto null_world = controls.find(kNullWorld);
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
    std::set<std::string> common = values_.Languages(measure.metric, point, kMain);
    std::vector<std::string> roles;
    for (const char* role : {kNullWorld, kNoPretraining}) {
      const std::set<std::string> scored = values_.Languages(measure.metric, point, role);
      if (scored.empty()) continue;
      roles.emplace_back(role);
      std::erase_if(common, [&](const std::string& code) { return !scored.contains(code); });
    }
    common.erase(source);
    const std::vector<std::string> targets(common.begin(), common.end());
    if (measure.in_source_language) at.source = values_.Series(measure, point, kMain, {source});
    at.targets = values_.Series(measure, point, kMain, targets);
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
    at.moves = baseline && BetterThan(measure, judged.mean, *baseline);
    return at;
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
    const auto untrained = controls.find(kNoPretraining);
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
        "chance, at one sweep point at least.",
        name, verdict, name);
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
      if (run.role != kMain || run.state == "done" || run.state == "diverged") continue;
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
      if (run.role != kMain || run.state != "done") continue;
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
        for (const char* role : {kMain, kNullWorld}) {
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
                              role == std::string_view(kNullWorld) ? ", null world" : "");
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
        const std::set<std::string> scored = values_.Languages(measure.metric, point.id, kMain);
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
          row.values.push_back(values_.Series(measure, point, kMain, {code}));
          row.null_world.push_back(values_.Series(measure, point, kNullWorld, {code}));
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
        row.tokens_per_word = values_.Fact(words, point.id, kMain, code);
        row.coverage = values_.Fact(coverage, point.id, kMain, code);
        row.unknown_rate = values_.Fact(unknown, point.id, kMain, code);
        row.repeats = values_.Fact(repeats, point.id, kMain, code);
        if (row.tokens_per_word || row.coverage || row.unknown_rate || row.repeats) {
          entry.rows.push_back(std::move(row));
        }
      }
      if (!entry.rows.empty()) report_.vocabulary.push_back(std::move(entry));
    }
  }

  void AddProvenance() {
    Provenance& p = report_.provenance;
    p.scale = experiment_.scale;
    p.world = experiment_.world;
    p.manifest = experiment_.path;
    p.manifest_hash = experiment_.hash;
    p.pretrain_seeds = experiment_.pretrain_seeds;
    p.finetune_seeds = experiment_.finetune_seeds;
    p.control_seeds = experiment_.controls.seeds;
    p.selection = experiment_.selection;
    p.overrides = experiment_.overrides;
    p.build = inputs_.build_id;
    p.command = inputs_.command;
    p.made_ms = inputs_.now_ms;
    p.tasks = inputs_.plan.size();
    std::map<std::string, std::size_t> builds;
    for (const auto& [key, task] : inputs_.tasks) {
      if (task.state != "done") continue;
      ++p.tasks_done;
      p.task_seconds += task.seconds;
      if (!task.build.empty() && task.build != inputs_.build_id) ++builds[task.build];
    }
    for (const auto& [build, count] : builds) {
      p.stale_builds.push_back(fmt::format("{} ({} task{})", build, count, count == 1 ? "" : "s"));
    }
    std::set<std::string> unresolved;
    for (const auto& [key, task] : inputs_.plan) {
      if (!task.unresolved.empty()) unresolved.insert(task.unresolved);
    }
    p.unresolved.assign(unresolved.begin(), unresolved.end());

    const InvocationRow* shown = nullptr;
    for (const InvocationRow& invocation : inputs_.invocations) {
      if (invocation.manifest_hash != experiment_.hash) continue;
      if (shown == nullptr) shown = &invocation;
      const std::int64_t end = invocation.ended_ms > 0 ? invocation.ended_ms : inputs_.now_ms;
      p.wall_seconds +=
          static_cast<double>(std::max<std::int64_t>(0, end - invocation.started_ms)) / 1000;
    }
    if (shown == nullptr && !inputs_.invocations.empty()) shown = &inputs_.invocations.front();
    if (shown == nullptr) return;
    const auto text = [&](const char* pointer) {
      const Json::json_pointer at(pointer);
      if (!shown->provenance.contains(at) || !shown->provenance.at(at).is_string())
        return std::string();
      return shown->provenance.at(at).get<std::string>();
    };
    p.commit = text("/git/commit").substr(0, 12);
    const Json::json_pointer dirty("/git/dirty");
    if (!p.commit.empty() && shown->provenance.contains(dirty) &&
        shown->provenance.at(dirty) == true) {
      p.commit += " with uncommitted changes";
    }
    std::vector<std::string> machine;
    for (const char* pointer : {"/host/name", "/cpu/model", "/host/os"}) {
      if (const std::string part = text(pointer); !part.empty()) machine.push_back(part);
    }
    const Json::json_pointer cores("/cpu/cores");
    if (shown->provenance.contains(cores) && shown->provenance.at(cores).is_number_integer()) {
      machine.push_back(fmt::format("{} cores", shown->provenance.at(cores).get<int>()));
    }
    p.machine = fmt::format("{}", fmt::join(machine, ", "));
  }

  void AddNextSteps() {
    std::map<std::string, int> by_state;
    for (const RunReport& run : report_.runs) {
      if (run.state != "done") ++by_state[run.state];
    }
    int open = 0;
    std::vector<std::string> parts;
    for (const auto& [state, count] : by_state) {
      if (state == "diverged") continue;
      open += count;
      parts.push_back(fmt::format("{} {}", count, state));
    }
    // A run that diverged would diverge again: what helps is to see how it went.
    std::set<std::string> diverged;
    for (const RunReport& run : report_.runs) {
      if (run.diverged_task.empty() || !diverged.insert(run.diverged_task).second) continue;
      const std::size_t workspace = inputs_.command.find(" --workspace ");
      report_.next_steps.push_back(
          {fmt::format("{}, and would again with the same settings; its output", run.reason),
           fmt::format("repro logs {}{}", run.diverged_task.substr(0, 12),
                       workspace == std::string::npos ? "" : inputs_.command.substr(workspace))});
    }
    if (open > 0 && report_.provenance.unresolved.empty()) {
      report_.next_steps.push_back({fmt::format("{} of {} runs are not complete ({})", open,
                                                report_.runs.size(), fmt::join(parts, ", ")),
                                    inputs_.command});
    }
    if (open > 0 && !report_.provenance.unresolved.empty()) {
      std::string plan = inputs_.command;
      if (plan.starts_with("repro run ")) plan.replace(0, 10, "repro plan ");
      report_.next_steps.push_back(
          {fmt::format("{} source{} not at hand; the plan names them and what they would take",
                       report_.provenance.unresolved.size(),
                       report_.provenance.unresolved.size() == 1 ? " is" : "s are"),
           plan});
    }
    std::vector<std::string> missing;
    for (const std::string& point : report_.points) {
      if (!Planned(point)) missing.push_back(point);
    }
    const bool sweeps_languages =
        std::find(experiment_.sweep_keys.begin(), experiment_.sweep_keys.end(), kLanguagesKey) !=
        experiment_.sweep_keys.end();
    if (!missing.empty() && sweeps_languages) {
      std::string list;
      for (const std::string& point : report_.points)
        list += (list.empty() ? "\"" : ", \"") + point + "\"";
      report_.next_steps.push_back(
          {fmt::format("{} {} left out at this scale", fmt::join(missing, ", "),
                       missing.size() == 1 ? "is" : "are"),
           fmt::format("{} --set 'sweep.{}=[{}]'", inputs_.command, kLanguagesKey, list)});
    }
    if (experiment_.scale != "paper" && inputs_.reference) {
      report_.next_steps.push_back({"the paper's own setting, on real text: what it would take",
                                    fmt::format("repro plan {} --scale paper", experiment_.id)});
    }
  }

  void AddHeadline() {
    std::map<ClaimState, int> states;
    for (const ClaimReport& claim : report_.claims) ++states[claim.test.state];
    const std::string world =
        IsSynthetic(experiment_) ? "the synthetic world (babel)" : experiment_.world;
    if (!report_.claims.empty()) {
      report_.headline.push_back(fmt::format(
          "Of {} claim{}, {} supported, {} contradicted, {} undecided in {} at {} scale.",
          report_.claims.size(), report_.claims.size() == 1 ? "" : "s",
          states[ClaimState::kSupported], states[ClaimState::kContradicted],
          states[ClaimState::kUndecided], world, experiment_.scale));
    }
    if (IsSynthetic(experiment_)) {
      report_.headline.emplace_back(
          "A controlled world that calibrates machinery and statistics: never a verdict on the "
          "paper, whose cells are "
          "shown as not comparable.");
    }
    for (const MeasureReport* measure : TasksAsShown()) {
      std::vector<std::string> parts;
      for (const MeasureReport::AtPoint& at : measure->points) {
        if (at.transfer) parts.push_back(SayTransfer(measure->measure, at));
      }
      if (parts.empty()) continue;
      report_.headline.push_back(
          fmt::format("{}: transfer, the difference from the null world, is {}.",
                      measure->measure.name, fmt::join(parts, "; ")));
    }
    const auto stuck = std::count_if(report_.runs.begin(), report_.runs.end(),
                                     [](const RunReport& run) { return run.on_plateau; });
    if (stuck > 0) {
      report_.headline.push_back(
          fmt::format("{} run{} ended on the early plateau, less than {:g} nats below what a "
                      "predictor without context reaches: what was measured on {} says nothing "
                      "about languages.",
                      stuck, stuck == 1 ? "" : "s", kPlateauThreshold, stuck == 1 ? "it" : "them"));
    }
    if (!report_.complete) {
      const auto done = std::count_if(report_.runs.begin(), report_.runs.end(),
                                      [](const RunReport& run) { return run.state == "done"; });
      // Where a run would go on, the first next step says so.
      const bool goes_on =
          std::any_of(report_.next_steps.begin(), report_.next_steps.end(),
                      [&](const NextStep& step) { return step.command == inputs_.command; });
      report_.headline.push_back(fmt::format("Partial: {} of {} runs are complete{}.", done,
                                             report_.runs.size(),
                                             goes_on ? "; to go on: " + inputs_.command : ""));
    }
  }

  /// The measures of tasks, what moves first and then as the figures stand.
  std::vector<const MeasureReport*> TasksAsShown() const {
    std::vector<const MeasureReport*> tasks;
    for (const MeasureReport& measure : report_.measures) {
      if (measure.measure.kind == MeasureKind::kTask) tasks.push_back(&measure);
    }
    const auto place = [&](const MeasureReport* measure) {
      const auto figure = std::find_if(
          report_.figures.begin(), report_.figures.end(),
          [&](const auto& shown) { return shown.measure.metric == measure->measure.metric; });
      return std::pair(!measure->moves, figure - report_.figures.begin());
    };
    std::stable_sort(tasks.begin(), tasks.end(),
                     [&](const auto* a, const auto* b) { return place(a) < place(b); });
    return tasks;
  }

  static std::string SayTransfer(const Measure& measure, const MeasureReport::AtPoint& at) {
    const DifferenceInterval& d = *at.transfer;
    const std::string unit = measure.unit == "%" ? "points" : measure.unit;
    const std::string amount =
        fmt::format("{} {} at {}", FormatSigned(d.difference, measure.decimals), unit, at.point);
    if (d.all_same()) return amount + " (no interval: the seeds do not differ)";
    if (!d.known()) return amount + ", no interval";
    return fmt::format("{} (95 % interval {}, {})", amount, ShowRange(measure, d.low, d.high),
                       d.low > 0    ? "above zero"
                       : d.high < 0 ? "below zero"
                                    : "not told from zero");
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
