#include "core/cli/training_view.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <sstream>
#include <utility>

#include "core/base/text.h"
#include "core/base/units.h"
#include "core/cli/terminal.h"
#include "core/cli/text_table.h"
#include "core/report/training_writers.h"
#include "core/report/unicode_chart.h"

namespace repro {
namespace {

constexpr std::size_t kLeastChartRows = 4;
constexpr std::size_t kTimesBeside = 60;  // columns from which on times stand beside their text

std::vector<std::string> LinesOf(const TextTable& table, const TrainingViewOptions& options) {
  std::ostringstream text;
  table.Print(text, options.color, options.width);
  std::vector<std::string> lines;
  std::istringstream reader(text.str());
  for (std::string line; std::getline(reader, line);) lines.push_back(line);
  return lines;
}

/// Text in as many lines as it takes: the first after `first` blanks, the others after `indent`.
void AddText(const std::string& text, std::size_t first, std::size_t indent, Style style,
             const TrainingViewOptions& options, std::vector<std::string>& lines) {
  const std::size_t room = options.width > 2 * indent ? options.width - indent : options.width;
  std::size_t blanks = first;
  for (const std::string& row : WrapToColumns(text, room)) {
    lines.push_back(std::string(blanks, ' ') + Styled(row, style, options.color));
    blanks = indent;
  }
}

void AddChart(const CurveFigure& figure, const std::string& unit,
              const TrainingViewOptions& options, std::vector<std::string>& lines) {
  const PlotLook look{.width = options.width,
                      .height = options.chart_rows,
                      .color = options.color,
                      .unicode = options.unicode};
  UnicodePlot plot;
  plot.title = figure.title;
  plot.x_unit = unit;
  plot.show = [&figure](double value, double resolution) {
    return ShowCurveValue(figure.unit, value, resolution);
  };
  for (const CurveLine& line : figure.lines) {
    if (line.faint) continue;
    UnicodeCurve curve{line.name, line.style, {}};
    for (const MetricPoint& point : Downsample(line.points, PlotBuckets(look))) {
      curve.points.emplace_back(static_cast<double>(point.step), point.value);
    }
    if (!curve.points.empty()) plot.curves.push_back(std::move(curve));
  }
  // One point is no curve; its value stands among the figures.
  const auto is_curve = [](const UnicodeCurve& curve) { return curve.points.size() > 1; };
  if (std::none_of(plot.curves.begin(), plot.curves.end(), is_curve)) return;
  for (const CurveMark& mark : figure.marks)
    plot.verticals.push_back(static_cast<double>(mark.step));
  const std::vector<std::string> rows = DrawPlot(plot, look);
  if (rows.empty()) return;
  lines.emplace_back();
  lines.insert(lines.end(), rows.begin(), rows.end());
}

void AddFigures(const TrainingSummary& summary, const TrainingViewOptions& options,
                std::vector<std::string>& lines) {
  auto figures = KnownFigures(summary);
  if (figures.empty()) return;
  lines.emplace_back();
  // How far it is takes a line of its own: the other values are short, and stand in columns.
  if (summary.total > 0) {
    lines.push_back("  " + Styled(figures[0].first, Style::kDim, options.color) + " " +
                    figures[0].second);
    figures.erase(figures.begin());
  }
  std::size_t names = 0;
  std::size_t values = 0;
  for (const auto& [name, value] : figures) {
    names = std::max(names, DisplayWidth(name) + 2);
    values = std::max(values, DisplayWidth(value) + 4);
  }
  const std::size_t columns =
      std::max<std::size_t>(1, options.width / std::max<std::size_t>(1, names + values));
  const std::size_t rows = (figures.size() + columns - 1) / columns;
  for (std::size_t row = 0; row < rows; ++row) {
    std::string line = "  ";
    for (std::size_t i = row; i < figures.size(); i += rows) {
      const auto& [name, value] = figures[i];
      line += Styled(Padded(name, names), Style::kDim, options.color);
      line += i + rows < figures.size() ? Padded(value, values) : value;
    }
    lines.push_back(std::move(line));
  }
}

void AddLanguages(const TrainingSummary& summary, const TrainingViewOptions& options,
                  std::vector<std::string>& lines) {
  const auto& all = summary.languages;
  if (all.empty()) return;
  const std::vector<LanguageColumn> fields = LanguageColumns(all);
  std::vector<TextTable::Column> columns = {{"  language"}};
  for (const LanguageColumn& field : fields) columns.push_back({field.name, true});
  TextTable table(columns);
  const std::size_t shown =
      options.languages == 0 ? all.size() : std::min(all.size(), options.languages);
  for (std::size_t i = 0; i < shown; ++i) {
    std::vector<TextTable::Cell> row = {"  " + all[i].language};
    for (const LanguageColumn& field : fields) row.emplace_back(ShowLanguageValue(field, all[i]));
    table.AddRow(std::move(row));
  }
  lines.emplace_back();
  for (std::string& line : LinesOf(table, options)) lines.push_back(std::move(line));
  if (shown < all.size()) lines.push_back(fmt::format("  and {} more", all.size() - shown));
}

void AddHappenings(const TrainingSummary& summary, const TrainingViewOptions& options,
                   std::vector<std::string>& lines) {
  const auto& all = summary.happenings;
  if (all.empty()) return;
  lines.emplace_back();
  const std::size_t first = options.happenings == 0 || all.size() <= options.happenings
                                ? 0
                                : all.size() - options.happenings;
  if (first > 0) lines.push_back(fmt::format("  ({} earlier)", first));
  for (std::size_t i = first; i < all.size(); ++i) {
    const Style style = all[i].level == "error"     ? Style::kRed
                        : all[i].level == "warning" ? Style::kYellow
                                                    : Style::kPlain;
    const std::string time = FormatTime(all[i].time_ms);
    const std::string text = Printable(Brief(all[i].text));
    if (options.width < kTimesBeside) {
      lines.push_back("  " + Styled(time, Style::kDim, options.color));
      AddText(text, 4, 4, style, options, lines);
      continue;
    }
    const std::size_t indent = 4 + time.size();
    std::vector<std::string> rows = WrapToColumns(text, options.width - indent);
    for (std::size_t row = 0; row < rows.size(); ++row) {
      const std::string before = row == 0 ? "  " + Styled(time, Style::kDim, options.color) + "  "
                                          : std::string(indent, ' ');
      lines.push_back(before + Styled(rows[row], style, options.color));
    }
  }
}

}  // namespace

std::vector<std::string> DrawTraining(const TrainingTask& training, std::int64_t now_ms,
                                      const TrainingViewOptions& options) {
  const TrainingSummary summary = SummarizeTraining(training, now_ms);
  std::vector<std::string> lines;
  // What ended before its first loss is not always a training.
  AddText((IsTraining(training) ? "training: " : "") + Printable(training.task.label), 0, 2,
          Style::kBold, options, lines);
  AddText(Printable(TrainingVerdict(training, summary)), 2, 2, StateStyle(training.task.state),
          options, lines);
  if (options.chart_rows >= kLeastChartRows) {
    for (const CurveFigure& figure : TrainingFigures(training)) {
      if (figure.id == "loss" || figure.id == "dev-score") {
        AddChart(figure, summary.unit, options, lines);
      }
    }
  }
  AddFigures(summary, options, lines);
  AddLanguages(summary, options, lines);
  AddHappenings(summary, options, lines);
  return lines;
}

std::string TrainingLine(const TrainingSummary& summary) {
  std::string line;
  for (const auto& [name, value] : KnownFigures(summary)) {
    line += fmt::format("{}{} {}", line.empty() ? "" : ", ", name, value);
  }
  const std::vector<LanguageColumn> columns = LanguageColumns(summary.languages);
  if (summary.languages.size() > 1 && !columns.empty()) {
    const LanguageState& worst = summary.languages.front();
    line += fmt::format(", worst language {} ({} {})", Printable(worst.language), columns[0].name,
                        ShowLanguageValue(columns[0], worst));
  }
  return line;
}

}  // namespace repro
