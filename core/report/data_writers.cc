#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/text.h"
#include "core/base/units.h"
#include "core/report/report_text.h"
#include "core/report/text_data.h"
#include "core/report/text_writers.h"

namespace repro {
namespace {

class Csv {
 public:
  explicit Csv(const Report& report) : report_(report) {
    out_ =
        "item,scale,world,kind,series,metric,languages,point,role,seed,value,low,high,n,variation,"
        "unit,state,text_languages,text_bytes\n";
  }

  std::string Write() {
    for (const FigureReport& figure : report_.figures) {
      for (const SeriesReport& series : figure.series) {
        for (const SeriesPoint& point : series.points) SeriesRows(figure.measure, series, point);
      }
    }
    for (const PerLanguageTable& table : report_.languages) {
      for (const PerLanguageTable::Row& language : table.rows) {
        for (std::size_t i = 0; i < table.points.size(); ++i) {
          const Key key{"language", "", table.measure, language.code, table.points[i]};
          EstimateRows(key, kMainRole, language.values[i], "");
          EstimateRows(key, kNullWorldRole, language.null_world[i], "");
        }
      }
    }
    for (const MonolingualReport& language : report_.monolingual) {
      for (const MonolingualReport::Amount& amount : language.curve) {
        const Key key{"language", "", language.measure, language.code, amount.point};
        EstimateRows(key, kMonolingualRole, amount.value, "");
      }
    }
    for (const LanguageFacts::Row& row : report_.language_facts.rows) LanguageFactRows(row);
    for (const TextFunnel& funnel : report_.corpus.funnels) FunnelRows(funnel);
    for (const LeakCheck& check : report_.corpus.leaks) {
      const Measure shared = Plain("leaks.shared_lines", "lines");
      Row({"leaks", "", shared, "", check.point}, kMainRole, "", static_cast<double>(check.shared),
          NAN, NAN, "", "", "");
    }
    return out_;
  }

 private:
  struct Key {
    std::string kind, series;
    const Measure& measure;
    std::string languages, point;
  };

  void Row(const Key& key, const std::string& role, const std::string& seed, double value,
           double low, double high, const std::string& n, const std::string& variation,
           const std::string& state) {
    const std::vector<std::string> fields = {report_.item,
                                             report_.provenance.scale,
                                             report_.provenance.world,
                                             key.kind,
                                             key.series,
                                             key.measure.metric,
                                             key.languages,
                                             key.point,
                                             role,
                                             seed,
                                             CsvNumber(value),
                                             CsvNumber(low),
                                             CsvNumber(high),
                                             n,
                                             variation,
                                             key.measure.unit,
                                             state,
                                             LanguageCount(key.point),
                                             TextBytes(key.point)};
    for (std::size_t i = 0; i < fields.size(); ++i)
      out_ += (i == 0 ? "" : ",") + CsvField(fields[i]);
    out_ += "\n";
  }

  /// What the runs of a point train on, beside each of its values.
  std::string LanguageCount(const std::string& point) const {
    const auto planned = report_.point_languages.find(point);
    return planned == report_.point_languages.end() ? "" : std::to_string(planned->second);
  }
  std::string TextBytes(const std::string& point) const {
    const auto volume = report_.corpus.volumes.find(point);
    return volume == report_.corpus.volumes.end() ? "" : std::to_string(volume->second.bytes);
  }

  static Measure Plain(std::string metric, std::string unit) {
    Measure measure;
    measure.metric = std::move(metric);
    measure.unit = std::move(unit);
    return measure;
  }

  void LanguageFactRows(const LanguageFacts::Row& row) {
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      const LanguageFacts::Column& column = report_.language_facts.columns[i];
      const LanguageFacts::Cell& cell = row.cells[i];
      const Key key{"language-fact", column.series, column.measure, row.code, column.point};
      const std::string state = cell.paper ? std::string(CellStateName(cell.state)) : "";
      if (cell.paper) {
        Row(key, "paper", "", cell.paper->value, cell.paper->value - cell.paper->uncertainty,
            cell.paper->value + cell.paper->uncertainty, "", cell.paper->method, state);
      }
      if (cell.value) Row(key, kMainRole, "", *cell.value, NAN, NAN, "", "", state);
    }
  }

  void FunnelRows(const TextFunnel& funnel) {
    for (const TextFunnel::Row& row : funnel.rows) {
      for (std::size_t i = 0; i < funnel.steps.size(); ++i) {
        const TextFunnel::Step& step = funnel.steps[i];
        const std::string name =
            step.reason.empty() ? step.name : fmt::format("{}:{}", step.name, step.reason);
        const auto add = [&](const char* unit, std::int64_t amount) {
          const Measure measure = Plain(fmt::format("funnel.{}", unit), unit);
          Row({"funnel", name, measure, row.language, funnel.points.front()}, kMainRole, "",
              static_cast<double>(amount), NAN, NAN, "", "", "");
        };
        add("documents", row.at[i].documents);
        add("lines", row.at[i].lines);
        add("bytes", row.at[i].bytes);
      }
    }
  }

  void EstimateRows(const Key& key, const std::string& role, const Estimate& estimate,
                    const std::string& state) {
    if (estimate.empty()) return;
    for (const auto& [seed, value] : estimate.by_seed) {
      Row(key, role, std::to_string(seed), value, NAN, NAN, "1", "", state);
    }
    Row(key, role, "mean", estimate.mean.mean, estimate.mean.low, estimate.mean.high,
        std::to_string(estimate.by_seed.size()), estimate.variation, state);
  }

  void SeriesRows(const Measure& measure, const SeriesReport& series, const SeriesPoint& point) {
    const Key key{"series", series.id, measure, fmt::format("{}", fmt::join(series.languages, " ")),
                  point.point};
    const std::string state = point.paper ? std::string(CellStateName(point.cell)) : "";
    const auto paper = [&](const std::optional<ReferenceCell>& cell, const char* role) {
      if (!cell) return;
      Row(key, role, "", cell->value, cell->value - cell->uncertainty,
          cell->value + cell->uncertainty, "", cell->method, state);
    };
    paper(point.paper, "paper");
    paper(point.paper_stated, "paper-text");
    EstimateRows(key, kMainRole, point.main, state);
    for (const auto& [role, control] : point.controls) EstimateRows(key, role, control, "");
    if (point.transfer) {
      Row(key, "transfer", "mean", point.transfer->difference, point.transfer->low,
          point.transfer->high, std::to_string(point.transfer->n),
          SeedVariation(point.transfer->all_same()), "");
    }
  }

  const Report& report_;
  std::string out_;
};

Json Number(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}
Json Number(const std::optional<double>& value) {
  return value ? Number(*value) : Json(nullptr);
}

Json ToJson(const Estimate& estimate) {
  if (estimate.empty()) return nullptr;
  Json seeds = Json::array();
  for (const auto& [seed, value] : estimate.by_seed)
    seeds.push_back({{"seed", seed}, {"value", Number(value)}});
  return {{"mean", Number(estimate.mean.mean)},
          {"sd", Number(estimate.mean.sd)},
          {"low", Number(estimate.mean.low)},
          {"high", Number(estimate.mean.high)},
          {"n", estimate.mean.n},
          {"variation", estimate.variation},
          {"seeds", std::move(seeds)}};
}

Json ToJson(const std::map<std::string, Estimate>& controls) {
  Json object = Json::object();
  for (const auto& [role, estimate] : controls) object[role] = ToJson(estimate);
  return object;
}

Json ToJson(const std::optional<DifferenceInterval>& difference) {
  if (!difference) return nullptr;
  return {{"difference", Number(difference->difference)},
          {"standard_error", Number(difference->standard_error)},
          {"df", Number(difference->df)},
          {"low", Number(difference->low)},
          {"high", Number(difference->high)},
          {"variation", SeedVariation(difference->all_same())}};
}

Json ToJson(const std::optional<ReferenceCell>& cell) {
  if (!cell) return nullptr;
  return {{"value", cell->value}, {"uncertainty", cell->uncertainty}, {"method", cell->method}};
}

Json ToJson(const Measure& measure) {
  return {{"metric", measure.metric},
          {"name", measure.name},
          {"unit", measure.unit},
          {"higher_is_better", measure.higher_is_better}};
}

Json ToJson(const ClaimReport& claim) {
  Json steps = Json::array();
  for (const StepTest& step : claim.test.steps) {
    steps.push_back({{"from", step.from},
                     {"to", step.to},
                     {"claimed", StepKindName(step.kind)},
                     {"difference", Number(step.difference)},
                     {"standard_error", Number(step.standard_error)},
                     {"t", Number(step.t)},
                     {"p", Number(step.p)},
                     {"p_opposite", Number(step.p_opposite)},
                     {"low", Number(step.low)},
                     {"high", Number(step.high)}});
  }
  return {{"id", claim.claim.id},
          {"text", claim.claim.text},
          {"series", claim.claim.series},
          {"rule", claim.claim.rule},
          {"peak", claim.claim.peak},
          {"margin", claim.claim.margin},
          {"margin_source", claim.claim.margin_source},
          {"state", ClaimStateName(claim.test.state)},
          {"reason", claim.test.reason},
          {"test", claim.test.test},
          {"statistic", Number(claim.test.statistic)},
          {"df", Number(claim.test.df)},
          {"p", Number(claim.test.p)},
          {"p_holm", Number(claim.test.p_holm)},
          {"p_opposite", Number(claim.test.p_opposite)},
          {"p_opposite_holm", Number(claim.test.p_opposite_holm)},
          {"smallest_detectable", Number(claim.test.smallest_detectable)},
          {"seeds", claim.test.seeds},
          {"seeds_left_out", claim.test.left_out},
          {"decidable", claim.test.decidable},
          {"claimed_steps", claim.test.claimed_steps},
          {"steps", std::move(steps)}};
}

/// For information: under no claim, in no family of tests.
Json Steps(const SeriesReport& series) {
  Json steps = Json::array();
  for (const StepEstimate& step : series.steps) {
    steps.push_back({{"from", step.from},
                     {"to", step.to},
                     {"difference", Number(step.difference)},
                     {"standard_error", Number(step.standard_error)},
                     {"df", step.df},
                     {"t", Number(step.t)},
                     {"p_two_sided", Number(step.p)},
                     {"low", Number(step.low)},
                     {"high", Number(step.high)},
                     {"seeds", series.step_seeds}});
  }
  return steps;
}

Json Figures(const Report& report) {
  Json figures = Json::array();
  for (const FigureReport& figure : report.figures) {
    Json all = Json::array();
    for (const SeriesReport& series : figure.series) {
      Json points = Json::array();
      for (const SeriesPoint& point : series.points) {
        points.push_back({{"point", point.point},
                          {"main", ToJson(point.main)},
                          {"controls", ToJson(point.controls)},
                          {"transfer", ToJson(point.transfer)},
                          {"paper", ToJson(point.paper)},
                          {"paper_text", ToJson(point.paper_stated)},
                          {"cell", point.paper ? Json(CellStateName(point.cell)) : Json(nullptr)},
                          {"note", point.note}});
      }
      all.push_back({{"id", series.id},
                     {"name", series.name},
                     {"companion", series.companion},
                     {"languages", series.languages},
                     {"points", std::move(points)},
                     {"steps", Steps(series)}});
    }
    figures.push_back({{"measure", ToJson(figure.measure)},
                       {"chance", Number(figure.chance)},
                       {"series", std::move(all)}});
  }
  return figures;
}

Json Measures(const Report& report) {
  Json measures = Json::array();
  for (const MeasureReport& measure : report.measures) {
    Json points = Json::array();
    for (const MeasureReport::AtPoint& at : measure.points) {
      points.push_back({{"point", at.point},
                        {"moves", at.moves},
                        {"source", ToJson(at.source)},
                        {"others", ToJson(at.targets)},
                        {"others_count", at.target_count},
                        {"source_controls", ToJson(at.source_controls)},
                        {"others_controls", ToJson(at.target_controls)},
                        {"transfer", ToJson(at.transfer)}});
    }
    measures.push_back({{"measure", ToJson(measure.measure)},
                        {"chance", Number(measure.chance)},
                        {"moves", measure.moves},
                        {"verdict", measure.verdict},
                        {"points", std::move(points)}});
  }
  return measures;
}

Json Runs(const Report& report) {
  Json runs = Json::array();
  for (const RunReport& run : report.runs) {
    runs.push_back({{"point", run.point},
                    {"role", run.role},
                    {"seed", run.pretrain_seed},
                    {"state", run.state},
                    {"reason", run.reason},
                    {"tasks", run.tasks},
                    {"tasks_done", run.tasks_done},
                    {"seconds", run.seconds},
                    {"unigram_margin", Number(run.unigram_margin)},
                    {"context_free_margin", Number(run.context_free_margin)},
                    {"plateau_margin", Number(run.plateau_margin)},
                    {"on_plateau", run.on_plateau},
                    {"stale", run.stale},
                    {"imported", run.imported}});
  }
  return runs;
}

Json Languages(const Report& report) {
  Json tables = Json::array();
  for (const PerLanguageTable& table : report.languages) {
    Json rows = Json::array();
    for (const PerLanguageTable::Row& language : table.rows) {
      Json values = Json::object();
      for (std::size_t i = 0; i < table.points.size(); ++i) {
        values[table.points[i]] = {{"main", ToJson(language.values[i])},
                                   {kNullWorldRole, ToJson(language.null_world[i])}};
      }
      rows.push_back({{"language", language.code},
                      {"name", language.name},
                      {"source", language.source},
                      {"points", std::move(values)}});
    }
    tables.push_back({{"measure", ToJson(table.measure)}, {"languages", std::move(rows)}});
  }
  return tables;
}

Json ToJson(const std::optional<ReadOff>& read) {
  if (!read) return nullptr;
  return {{"bytes", read->x},
          {"side", read->side == ReadOff::Side::kBefore   ? "less"
                   : read->side == ReadOff::Side::kBeyond ? "more"
                                                          : "on"}};
}

/// 0 stands for an amount that is not known yet.
Json KnownAmount(double amount) {
  return amount > 0 ? Json(amount) : Json(nullptr);
}

Json Monolingual(const Report& report) {
  Json languages = Json::array();
  for (const MonolingualReport& language : report.monolingual) {
    Json curve = Json::array();
    for (const MonolingualReport::Amount& amount : language.curve) {
      curve.push_back({{"point", amount.point},
                       {"asked_bytes", amount.asked},
                       {"bytes", KnownAmount(amount.bytes)},
                       {"value", ToJson(amount.value)}});
    }
    Json readings = Json::array();
    for (const MonolingualReport::Reading& reading : language.readings) {
      readings.push_back({{"point", reading.point},
                          {"value", ToJson(reading.value)},
                          {"bytes", KnownAmount(reading.bytes)},
                          {"repeats", KnownAmount(reading.repeats)},
                          {"equivalent", ToJson(reading.equivalent)},
                          {"least", ToJson(reading.least)},
                          {"most", ToJson(reading.most)}});
    }
    languages.push_back({{"language", language.code},
                         {"measure", ToJson(language.measure)},
                         {"curve", std::move(curve)},
                         {"readings", std::move(readings)},
                         {"complete", language.complete},
                         {"pooled", language.pooled}});
  }
  return languages;
}

Json Vocabulary(const Report& report) {
  Json points = Json::array();
  for (const VocabularyReport& entry : report.vocabulary) {
    Json rows = Json::array();
    for (const VocabularyReport::Row& row : entry.rows) {
      rows.push_back({{"language", row.code},
                      {"tokens_per_word", Number(row.tokens_per_word)},
                      {"coverage_percent", Number(row.coverage)},
                      {"unknown_percent", Number(row.unknown_rate)},
                      {"repeats", Number(row.repeats)}});
    }
    points.push_back({{"point", entry.point}, {"languages", std::move(rows)}});
  }
  return points;
}

Json ProvenanceJson(const Report& report) {
  const Provenance& p = report.provenance;
  return {{"scale", p.scale},
          {"world", p.world},
          {"manifest", p.manifest},
          {"manifest_hash", p.manifest_hash},
          {"pretrain_seeds", p.pretrain_seeds},
          {"finetune_seeds", p.finetune_seeds},
          {"control_seeds", p.control_seeds},
          {"selection", p.selection},
          {"commit", p.commit},
          {"machine", p.machine},
          {"build", p.build},
          {"command", p.command},
          {"overrides", p.overrides},
          {"task_seconds", p.task_seconds},
          {"wall_seconds", p.wall_seconds},
          {"invocations", p.invocations},
          {"tasks", p.tasks},
          {"tasks_done", p.tasks_done},
          {"stale_builds", p.stale_builds},
          {"imported", p.imported},
          {"unresolved", p.unresolved},
          {"stand_ins", p.stand_ins},
          {"not_kept_out", p.not_kept_out},
          {"made", FormatTime(p.made_ms)}};
}

}  // namespace

std::string WriteCsv(const Report& report) {
  return Csv(report).Write();
}

std::string WriteJson(const Report& report) {
  Json claims = Json::array();
  for (const ClaimReport& claim : report.claims) claims.push_back(ToJson(claim));
  Json surface = Json::array();
  for (const SurfaceReport& entry : report.surface) {
    surface.push_back({{"measure", ToJson(entry.measure)},
                       {"chance", entry.chance},
                       {"values", entry.values},
                       {"largest_distance", entry.largest_distance},
                       {"worst_value", entry.worst_value},
                       {"worst_where", entry.worst_where},
                       {"within", entry.within},
                       {"limit", kSurfaceLimit}});
  }
  Json assumptions = Json::array();
  for (const Assumption& assumption : report.assumptions) {
    assumptions.push_back({{"key", assumption.key},
                           {"value", assumption.value},
                           {"status", assumption.status},
                           {"source", assumption.source},
                           {"alternatives", assumption.alternatives}});
  }
  Json next = Json::array();
  for (const NextStep& step : report.next_steps)
    next.push_back({{"what", step.what}, {"command", step.command}});
  const Json json = {{"id", report.id},
                     {"item", report.item},
                     {"title", report.title},
                     {"question", report.question},
                     {"points", report.points},
                     {"headline", report.headline},
                     {"lead_reason", report.lead_reason},
                     {"complete", report.complete},
                     {"figures", Figures(report)},
                     {"claims", std::move(claims)},
                     {"measures", Measures(report)},
                     {"surface_controls", std::move(surface)},
                     {"languages", Languages(report)},
                     {"language_facts", ToJson(report.language_facts)},
                     {"text", ToJson(report.corpus)},
                     {"runs", Runs(report)},
                     {"monolingual", Monolingual(report)},
                     {"vocabulary", Vocabulary(report)},
                     {"assumptions", std::move(assumptions)},
                     {"next_steps", std::move(next)},
                     {"provenance", ProvenanceJson(report)}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace repro
