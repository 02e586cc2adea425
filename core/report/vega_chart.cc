#include "core/report/vega_chart.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/report/report_text.h"

namespace repro {
namespace {

/// Above this ratio of spans a shared span would draw one panel flat.
constexpr double kLargestSpanRatio = 4;
constexpr double kLeastSpan = 5;  // points of a percentage

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  void Add(double value) {
    if (!std::isfinite(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  bool empty() const { return low > high; }
  double span() const { return empty() ? 0 : high - low; }
};

/// Adds room above and below and widens to at least `span`, around the middle.
void Widen(Range& range, double span) {
  if (range.empty()) {
    range.low = 0;
    range.high = 1;
  }
  const double middle = (range.low + range.high) / 2;
  const double half = std::max({range.span(), span, 1e-9}) * 1.16 / 2;
  range.low = middle - half;
  range.high = middle + half;
}

/// Series are set a few pixels apart so that their intervals do not lie on each other.
double Shift(std::size_t index, std::size_t count) {
  return (static_cast<double>(index) - (static_cast<double>(count) - 1) / 2) * 7;
}

/// How exact the paper's values are; the bars of its panel say the same.
std::string HowRead(const FigureReport& figure) {
  double uncertainty = 0;
  for (const SeriesReport& series : figure.series) {
    for (const SeriesPoint& point : series.points) {
      if (point.paper) uncertainty = std::max(uncertainty, point.paper->uncertainty);
    }
  }
  return uncertainty > 0 ? fmt::format("read off the figure, ± {:g}", uncertainty) : "as printed";
}

}  // namespace

std::map<std::string, std::size_t> SeriesColors(const Report& report) {
  // "topic.low" looks like "low": what follows the last dot names the group of languages.
  const auto group = [](const std::string& id) { return id.substr(id.rfind('.') + 1); };
  std::map<std::string, std::size_t> by_group;
  std::map<std::string, std::size_t> colors;
  // The paper's series first: they get the first colours whatever figure leads.
  for (const bool companions : {false, true}) {
    for (const FigureReport& figure : report.figures) {
      for (const SeriesReport& series : figure.series) {
        if (series.companion != companions) continue;
        colors[series.id] = by_group.emplace(group(series.id), by_group.size()).first->second;
      }
    }
  }
  return colors;
}

ChartRanges RangesOf(const FigureReport& figure) {
  Range paper;
  Range run;
  for (const SeriesReport& series : figure.series) {
    for (const SeriesPoint& point : series.points) {
      if (point.paper) paper.Add(point.paper->value);
      if (point.paper_stated) paper.Add(point.paper_stated->value);
      if (!point.main.empty()) {
        run.Add(point.main.mean.mean);
        if (point.main.mean.known()) {
          run.Add(point.main.mean.low);
          run.Add(point.main.mean.high);
        }
      }
      for (const auto& [seed, value] : point.main.by_seed) run.Add(value);
      for (const auto& [role, control] : point.controls) run.Add(control.mean.mean);
    }
  }
  if (figure.chance && !run.empty()) run.Add(*figure.chance);
  ChartRanges ranges;
  // A flat panel is drawn flat: a few points of a percentage are not blown up to the height of the
  // figure.
  const double least = figure.measure.unit == "%" ? kLeastSpan : 0;
  const double larger = std::max({paper.span(), run.span(), least});
  const double smaller = std::min(paper.span(), run.span());
  if (run.empty()) run = paper;  // nothing measured yet: an empty panel on the paper's scale
  ranges.shared = !paper.empty() && !run.empty() && larger <= kLargestSpanRatio * smaller;
  Widen(paper, ranges.shared ? larger : least);
  Widen(run, ranges.shared ? larger : least);
  ranges.paper_low = paper.low;
  ranges.paper_high = paper.high;
  ranges.run_low = run.low;
  ranges.run_high = run.high;
  return ranges;
}

Json VegaChart(const Report& report, const FigureReport& figure, Json specification) {
  const ChartRanges ranges = RangesOf(figure);
  const std::string unit = figure.measure.unit.empty() ? "" : ", " + figure.measure.unit;
  Json rows = Json::array();
  const auto panel = [&](bool paper) {
    return paper ? Json{{"index", 0},
                        {"title", "Paper: " + figure.measure.name + unit},
                        {"subtitle", HowRead(figure)},
                        {"y0", ranges.paper_low},
                        {"y1", ranges.paper_high}}
                 : Json{{"index", figure.has_paper ? 1 : 0},
                        {"title", fmt::format("This run: {}{}", figure.measure.name, unit)},
                        {"subtitle", fmt::format("{}, {} scale", report.provenance.world,
                                                 report.provenance.scale)},
                        {"y0", ranges.run_low},
                        {"y1", ranges.run_high}};
  };
  const auto add = [&](bool paper, const char* kind, const std::string& series,
                       const std::string& point, double value, double shift,
                       std::string tip) -> Json& {
    Json row = panel(paper);
    row["kind"] = kind;
    row["series"] = series;
    row["point"] = point;
    row["value"] = value;
    row["shift"] = shift;
    row["tip"] = std::move(tip);
    rows.push_back(std::move(row));
    return rows.back();
  };

  std::map<std::string, bool> has_value;
  for (std::size_t i = 0; i < figure.series.size(); ++i) {
    const SeriesReport& series = figure.series[i];
    const double shift = Shift(i, figure.series.size());
    for (const SeriesPoint& point : series.points) {
      if (point.paper) {
        Json& row = add(
            true, "mean", series.id, point.point, point.paper->value, 0,
            fmt::format("{}\n{}: {}{}", series.name, point.point,
                        ShowValue(figure.measure, point.paper->value),
                        point.paper->uncertainty > 0
                            ? fmt::format(" ± {:g}, read off the figure", point.paper->uncertainty)
                            : ", as printed"));
        if (point.paper->uncertainty > 0) {
          row["low"] = point.paper->value - point.paper->uncertainty;
          row["high"] = point.paper->value + point.paper->uncertainty;
        }
      }
      if (point.paper_stated) {
        add(true, "stated", series.id, point.point, point.paper_stated->value, 0,
            fmt::format("{}\n{}: {}, stated in the text", series.name, point.point,
                        ShowValue(figure.measure, point.paper_stated->value)));
      }
      if (!point.main.empty()) {
        has_value[point.point] = true;
        std::string tip = fmt::format("{}\n{}: {}", series.name, point.point,
                                      ShowEstimate(figure.measure, point.main));
        for (const auto& [seed, value] : point.main.by_seed) {
          tip += fmt::format("\nseed {}: {}", seed, ShowValue(figure.measure, value));
          if (point.main.by_seed.size() > 1)
            add(false, "seed", series.id, point.point, value, shift, "");
        }
        if (point.transfer) {
          tip += "\nfrom the null world: " + ShowDifference(figure.measure, point.transfer);
        }
        if (!point.note.empty()) tip += "\n" + point.note;
        Json& row = add(false, "mean", series.id, point.point, point.main.mean.mean, shift, tip);
        if (point.main.mean.known()) {
          row["low"] = point.main.mean.low;
          row["high"] = point.main.mean.high;
        }
      }
      for (const auto& [role, control] : point.controls) {
        add(false, role.c_str(), series.id, point.point, control.mean.mean, shift,
            fmt::format("{}, {}\n{}: {}", series.name, RoleName(role), point.point,
                        ShowEstimate(figure.measure, control)));
      }
    }
  }
  if (figure.chance && !has_value.empty()) {
    add(false, "chance", "", "", *figure.chance, 0,
        "chance: " + ShowValue(figure.measure, *figure.chance));
  }
  for (const std::string& point : report.points) {
    if (!has_value.contains(point)) add(false, "gap", "", point, 0, 0, "")["label"] = "not run";
  }

  // The scale's domain is the whole list of colours, so that a series keeps its colour in every
  // figure.
  const auto colors = SeriesColors(report);
  std::size_t count = 0;
  for (const auto& [id, color] : colors) count = std::max(count, color + 1);
  std::vector<std::string> domain(count);
  for (std::size_t i = 0; i < count; ++i) domain[i] = fmt::format("(colour {})", i);
  for (const SeriesReport& series : figure.series) domain[colors.at(series.id)] = series.id;
  const std::map<std::string, Json> values = {{"panels", figure.has_paper ? 2 : 1},
                                              {"points", report.points},
                                              {"series", domain},
                                              {"unit", figure.measure.unit}};
  for (Json& signal : specification["signals"]) {
    const auto found = values.find(signal.value("name", ""));
    if (found != values.end()) signal["value"] = found->second;
  }
  specification["data"][0]["values"] = std::move(rows);
  return specification;
}

}  // namespace repro
