#include "core/report/training_page.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>
#include <kainjow/mustache.hpp>

#include "core/base/text.h"
#include "core/base/units.h"
#include "core/report/page_data.h"
#include "core/report/training_writers.h"

namespace repro {
namespace {

using kainjow::mustache::data;
using kainjow::mustache::list;
using kainjow::mustache::mustache;

constexpr std::size_t kBuckets = 400;      // of a curve on the page
constexpr std::size_t kFaintBuckets = 80;  // of one that stands behind others
constexpr std::size_t kTipPoints = 100;    // of a curve that show their value under the pointer
constexpr std::size_t kDottedPoints = 40;  // a curve of no more points shows each

const char* Badge(const std::string& state) {
  if (state == "done") return "good";
  if (state == "failed" || state == "diverged") return "bad";
  return state == "waiting" ? "" : "open";
}

data Figure(const CurveFigure& figure, const TrainingTask& training, const std::string& unit,
            std::size_t index, const HtmlAssets& assets) {
  data view;
  view.set("title", figure.title);
  view.set("about", figure.about.empty() ? data(false) : data(figure.about));
  view.set("wide", figure.id == "loss" || figure.id == "dev-score");
  list legend;
  bool faint = false;
  for (const CurveLine& line : figure.lines) {
    faint = faint || line.faint;
    if (line.faint || figure.lines.size() < 2) continue;
    data entry;
    entry.set("color", std::to_string(line.style % 6));
    entry.set("name", line.name);
    legend.push_back(entry);
  }
  view.set("has_legend", !legend.empty());
  view.set("legend", legend);
  view.set("faint", faint);
  view.set("spec_id", fmt::format("chart-{}", index));
  view.set("spec", ScriptJson(VegaCurves(figure, unit, assets.curves)));
  view.set("alt", fmt::format("{} of {} over {}; the newest values are in the tables", figure.title,
                              training.task.label, unit));
  return view;
}

data Section(const TrainingTask& training, const TrainingReport& report, const HtmlAssets& assets,
             std::size_t& charts) {
  const TrainingSummary summary = SummarizeTraining(training, report.now_ms);
  const std::string state = TrainingState(training);
  data view;
  view.set("label", training.task.label);
  view.set("key", training.task.key.substr(0, 12));
  view.set("state", state);
  view.set("badge", Badge(state));
  view.set("verdict", TrainingVerdict(training, summary));
  view.set("known", NamedValues(KnownFigures(summary)));
  list figures;
  for (const CurveFigure& figure : TrainingFigures(training)) {
    figures.push_back(Figure(figure, training, summary.unit.empty() ? "updates" : summary.unit,
                             charts++, assets));
  }
  view.set("figures", figures);
  const std::vector<LanguageColumn> columns = LanguageColumns(summary.languages);
  list heads;
  for (const LanguageColumn& column : columns) heads.push_back(std::string(column.name));
  view.set("columns", heads);
  list rows;
  for (const LanguageState& language : summary.languages) {
    data row;
    row.set("language", language.language);
    list cells;
    for (const LanguageColumn& column : columns)
      cells.push_back(ShowLanguageValue(column, language));
    row.set("cells", cells);
    rows.push_back(row);
  }
  view.set("has_languages", !columns.empty());
  view.set("language_count", std::to_string(summary.languages.size()));
  view.set("languages", rows);
  list happenings;
  for (const Happening& happening : summary.happenings) {
    data row;
    row.set("time", FormatTime(happening.time_ms));
    row.set("text", Printable(Brief(happening.text)));
    row.set("badge", happening.level == "error"     ? "bad"
                     : happening.level == "warning" ? "open"
                                                    : "");
    row.set("level", happening.level);
    happenings.push_back(row);
  }
  view.set("has_happenings", !happenings.empty());
  view.set("happenings", happenings);
  return view;
}

}  // namespace

Json VegaCurves(const CurveFigure& figure, const std::string& x_unit, Json specification) {
  // Memory is drawn in GiB: a scale of 2^30 has no round numbers in bytes.
  const double scale = figure.unit == CurveUnit::kBytes ? 1.0 / (1 << 30) : 1.0;
  Json rows = Json::array();
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  for (std::size_t i = 0; i < figure.lines.size(); ++i) {
    const CurveLine& line = figure.lines[i];
    const std::vector<MetricPoint> points =
        Downsample(line.points, line.faint ? kFaintBuckets : kBuckets);
    const std::size_t stride = std::max<std::size_t>(1, points.size() / kTipPoints);
    for (std::size_t p = 0; p < points.size(); ++p) {
      low = std::min(low, points[p].value * scale);
      high = std::max(high, points[p].value * scale);
      Json row = {{"l", i}, {"x", points[p].step}, {"y", points[p].value * scale}};
      if (line.faint) {
        row["f"] = 1;
      } else {
        row["c"] = line.style % 6;
        if (points.size() <= kDottedPoints) row["d"] = 1;
        if (p % stride == 0 || p + 1 == points.size()) {
          row["tip"] = fmt::format("{}\n{} {}: {}", line.name, x_unit, FormatCount(points[p].step),
                                   ShowCurveValue(figure.unit, points[p].value));
        }
      }
      rows.push_back(std::move(row));
    }
  }
  Json marks = Json::array();
  for (const CurveMark& mark : figure.marks) {
    marks.push_back(
        {{"x", mark.step},
         {"tip", fmt::format("{} at {} {}", mark.text, FormatCount(mark.step), x_unit)}});
  }
  const bool short_form = figure.unit == CurveUnit::kShare || figure.unit == CurveUnit::kRate;
  const std::string format = fmt::format(".{}~{}", DigitsForRange(low, high, short_form ? 3 : 4),
                                         figure.unit == CurveUnit::kShare  ? "p"
                                         : figure.unit == CurveUnit::kRate ? "s"
                                                                           : "g");
  const std::map<std::string, Json> values = {
      {"xtitle", x_unit},
      {"ytitle", figure.unit == CurveUnit::kBytes ? "GiB" : ""},
      {"yformat", format},
      {"wide", figure.id == "loss" || figure.id == "dev-score"}};
  for (Json& signal : specification["signals"]) {
    const auto found = values.find(signal.value("name", ""));
    if (found != values.end()) signal["value"] = found->second;
  }
  specification["data"][0]["values"] = std::move(rows);
  specification["data"][1]["values"] = std::move(marks);
  return specification;
}

Result<std::string> WriteTrainingHtml(const TrainingReport& report, const HtmlAssets& assets) {
  mustache page(assets.run_page);
  if (!page.is_valid()) return Fail(ErrorCode::kCorrupt, "run.html: {}", page.error_message());
  const RunRow& run = report.run;
  data view;
  view.set("run", std::to_string(run.id));
  view.set("experiment", run.experiment_id);
  view.set("point", run.point);
  view.set("scale", run.scale);
  view.set("role", run.role);
  view.set("seed", std::to_string(run.pretrain_seed));
  const bool bad =
      std::any_of(report.training.begin(), report.training.end(), [](const auto& task) {
        return task.task.state == "diverged" || task.task.state == "failed";
      });
  view.set("bad", bad);
  list headline;
  for (const std::string& sentence : TrainingHeadline(report)) headline.push_back(sentence);
  view.set("headline", headline);
  std::size_t charts = 0;
  list sections;
  for (const TrainingTask& training : report.training) {
    sections.push_back(Section(training, report, assets, charts));
  }
  view.set("sections", sections);
  list tasks;
  for (const TaskRow& task : report.tasks) {
    data row;
    row.set("key", task.key.substr(0, 12));
    row.set("label", task.label);
    row.set("state", task.state);
    row.set("badge", Badge(task.state));
    row.set("attempts", std::to_string(task.attempts));
    row.set("time", task.state == "done" ? FormatDuration(task.seconds) : "–");
    row.set("size", task.artifact_bytes > 0 ? FormatBytes(task.artifact_bytes) : "–");
    tasks.push_back(row);
  }
  view.set("tasks", tasks);
  view.set("facts", NamedValues(TrainingFacts(report)));
  view.set("made", FormatTime(report.now_ms));
  view.set("style", assets.style);
  view.set("viewer", assets.viewer);
  view.set("vega", assets.vega);
  return page.render(view);
}

}  // namespace repro
