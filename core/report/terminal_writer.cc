#include <algorithm>
#include <cmath>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/text.h"
#include "core/base/units.h"
#include "core/report/panels.h"
#include "core/report/report_text.h"
#include "core/report/text_writers.h"
#include "core/report/unicode_chart.h"
#include "core/report/vega_chart.h"

namespace repro {
namespace {

constexpr std::size_t kLeastWidth = 60;
constexpr std::size_t kSideBySide = 96;  // from this width two panels stand beside each other
constexpr std::size_t kChartHeight = 12;

class Terminal {
 public:
  Terminal(const Report& report, const TerminalOptions& options)
      : report_(report), width_(std::max(options.width, kLeastWidth)), color_(options.color) {}

  std::string Write() {
    Line(Bold(report_.item.empty() ? report_.title
                                   : fmt::format("{}  {}", report_.item, report_.title)));
    Line(Dim(fmt::format("{} scale, {}, {}", report_.provenance.scale, report_.provenance.world,
                         SeedLine(report_.provenance))));
    Line("");
    for (const std::string& sentence : report_.headline) Wrapped(sentence, 0);
    if (!report_.lead_reason.empty()) {
      Line("");
      Wrapped(report_.lead_reason, 0);
    }
    for (const FigureReport& figure : report_.figures) Figure(figure);
    for (const ReportPanel& panel : ReportPanels(report_)) Panel(panel);
    Claims();
    Steps();
    Controls();
    Runs();
    Next();
    return out_;
  }

 private:
  using Row = std::vector<std::string>;

  std::string Bold(const std::string& text) const {
    return color_ ? "\x1b[1m" + Printable(text) + "\x1b[0m" : Printable(text);
  }
  std::string Dim(const std::string& text) const {
    return color_ ? "\x1b[2m" + Printable(text) + "\x1b[0m" : Printable(text);
  }
  void Line(const std::string& text) { out_ += text + "\n"; }
  void Heading(const std::string& text) {
    Line("");
    Line(Bold(text));
  }

  void Wrapped(const std::string& text, std::size_t indent) {
    std::istringstream words(Printable(text));
    std::string line(indent, ' ');
    std::string word;
    bool empty = true;
    while (words >> word) {
      if (!empty && DisplayWidth(line) + 1 + DisplayWidth(word) > width_) {
        Line(line);
        line.assign(indent, ' ');
        empty = true;
      }
      if (!empty) line += ' ';
      line += word;
      empty = false;
    }
    if (!empty) Line(line);
  }

  /// Columns as wide as their widest cell; the first `text_columns` to the left, numbers to the
  /// right.
  void Table(const Row& header, const std::vector<Row>& rows, std::size_t text_columns) {
    std::vector<std::size_t> widths;
    for (const std::string& cell : header) widths.push_back(DisplayWidth(cell));
    for (const Row& row : rows) {
      for (std::size_t i = 0; i < row.size(); ++i)
        widths[i] = std::max(widths[i], DisplayWidth(Printable(row[i])));
    }
    const auto text = [&](const Row& row) {
      std::string line = " ";
      for (std::size_t i = 0; i < row.size(); ++i)
        line += " " + Pad(Printable(row[i]), widths[i], i >= text_columns) + " ";
      line.erase(line.find_last_not_of(' ') + 1);
      return line;
    };
    Line(Dim(text(header)));
    for (const Row& row : rows) Line(text(row));
  }

  void Figure(const FigureReport& figure) {
    Heading(figure.measure.name + (figure.measure.unit.empty() ? "" : ", " + figure.measure.unit));
    if (!figure.measured && !figure.has_paper) {
      Line("  not measured yet");
      return;
    }
    const auto colors = SeriesColors(report_);
    const ChartRanges ranges = RangesOf(figure);
    const bool side_by_side = figure.has_paper && width_ >= kSideBySide;
    const std::size_t panel_width =
        side_by_side ? (width_ - 4) / 2 : std::min<std::size_t>(width_, 72);

    UnicodePanel run;
    run.title =
        fmt::format("  This run ({}, {})", report_.provenance.world, report_.provenance.scale);
    run.points = report_.points;
    run.low = ranges.run_low;
    run.high = ranges.run_high;
    run.reference = figure.chance;
    UnicodePanel paper = run;
    paper.title = "  Paper";
    paper.low = ranges.paper_low;
    paper.high = ranges.paper_high;
    paper.reference.reset();
    std::string legend;
    bool controls = false;
    for (const SeriesReport& series : figure.series) {
      const std::size_t style = colors.at(series.id);
      UnicodeLine ours{style, {}};
      UnicodeLine theirs{style, {}};
      for (std::size_t i = 0; i < series.points.size(); ++i) {
        const SeriesPoint& point = series.points[i];
        ours.values.push_back(point.main.empty() ? std::nullopt
                                                 : std::optional(point.main.mean.mean));
        theirs.values.push_back(point.paper ? std::optional(point.paper->value) : std::nullopt);
        for (const auto& [role, control] : point.controls) {
          run.marks.push_back({i, control.mean.mean, style, role == kNullWorldRole ? "◇" : "+"});
          controls = true;
        }
      }
      run.lines.push_back(std::move(ours));
      paper.lines.push_back(std::move(theirs));
      legend += fmt::format("  {} {}", InStyle(UnicodeMarker(style), style, color_),
                            Printable(series.name));
    }
    Line(legend);
    if (controls || figure.chance) {
      Line(Dim(fmt::format("  {}{}", controls ? "◇ null world  + no pretraining  " : "",
                           figure.chance ? "⠄⠄ chance" : "")));
    }
    const std::vector<std::string> right = DrawPanel(run, panel_width, kChartHeight, color_);
    if (!figure.has_paper) {
      for (const std::string& line : right) Line(line);
    } else {
      const std::vector<std::string> left = DrawPanel(paper, panel_width, kChartHeight, color_);
      for (std::size_t i = 0; i < left.size(); ++i)
        Line(side_by_side ? left[i] + "    " + right[i] : left[i]);
      for (std::size_t i = 0; !side_by_side && i < right.size(); ++i) Line(right[i]);
    }

    Row header = {"series", "point", "languages"};
    const bool sizes = !report_.corpus.volumes.empty();
    if (sizes) header.emplace_back("text");
    if (figure.has_paper) header.emplace_back("paper");
    const ControlColumns columns = ColumnsOf(figure);
    header.emplace_back("this run");
    if (columns.range) header.emplace_back("95 % interval");
    if (columns.null_world) header.emplace_back("null world");
    if (columns.no_pretraining) header.emplace_back("untrained");
    if (columns.transfer) header.emplace_back("transfer");
    if (figure.has_paper) header.emplace_back("cell");
    std::vector<Row> rows;
    const SeriesReport* last = nullptr;  // a series is named in its first row
    for (const SeriesReport& series : figure.series) {
      for (const SeriesPoint& point : series.points) {
        if (!Shown(point)) continue;
        const Measure& m = figure.measure;
        const bool again = &series == last;
        last = &series;
        Row row = {again ? "" : series.name, point.point, LanguageCount(point.point)};
        if (sizes) row.push_back(TextSize(point.point));
        if (figure.has_paper)
          row.push_back(point.paper ? FormatNumber(point.paper->value, m.decimals) : "–");
        row.push_back(ShowMean(m, point.main));
        if (columns.range) row.push_back(ShowRange(m, point.main));
        if (columns.null_world) row.push_back(ShowControl(m, point.controls, kNullWorldRole));
        if (columns.no_pretraining)
          row.push_back(ShowControl(m, point.controls, kNoPretrainingRole));
        if (columns.transfer) row.push_back(ShowDifference(m, point.transfer));
        if (figure.has_paper) row.emplace_back(point.paper ? CellStateName(point.cell) : "–");
        rows.push_back(std::move(row));
      }
    }
    Line("");
    Table(header, rows, 2);
    Wrapped(MeasureVerdict(report_, figure), 2);
    Wrapped(VariationNote(figure), 2);
    for (const std::string& note : ValueNotes(report_, figure)) Wrapped(note, 2);
  }

  /// What the runs of a point train on, beside their results.
  std::string LanguageCount(const std::string& point) const {
    const auto planned = report_.point_languages.find(point);
    return planned == report_.point_languages.end() ? "–" : std::to_string(planned->second);
  }
  std::string TextSize(const std::string& point) const {
    const auto volume = report_.corpus.volumes.find(point);
    return volume == report_.corpus.volumes.end() ? "–" : FormatBytes(volume->second.bytes);
  }

  void Panel(const ReportPanel& panel) {
    Heading(panel.title);
    if (!panel.about.empty()) Wrapped(panel.about, 2);
    if (panel.alarm && color_) out_ += "\x1b[31m";
    for (const std::string& sentence : panel.sentences) Wrapped(sentence, 2);
    if (panel.alarm && color_) out_ += "\x1b[0m";
    if (panel.chart) {
      Line("");
      const PlotLook look{.width = std::min<std::size_t>(width_ - 2, 100), .color = color_};
      for (const std::string& line : DrawShareBars(*panel.chart, look)) Line("  " + line);
    }
    for (const PageTable& table : panel.tables) {
      if (!table.open || table.rows.empty()) continue;
      Line("");
      Line("  " + Bold(table.title));
      if (!table.about.empty()) Wrapped(table.about, 2);
      const PlainTable plain = TextOf(table);
      Table(plain.header, plain.rows, plain.text_columns);
    }
  }

  /// A point that this scale leaves out and for which the paper has no value says nothing.
  bool Shown(const SeriesPoint& point) const {
    return point.paper || report_.point_languages.contains(point.point);
  }

  std::string State(ClaimState state) const {
    std::string name(ClaimStateName(state));
    if (!color_) return name;
    const int code = state == ClaimState::kSupported      ? 32
                     : state == ClaimState::kContradicted ? 31
                                                          : 33;
    return fmt::format("\x1b[{}m{}\x1b[0m", code, name);
  }

  void Claims() {
    if (report_.claims.empty()) return;
    Heading(fmt::format("Claims, in {} at {} scale", report_.provenance.world,
                        report_.provenance.scale));
    for (const ClaimReport& claim : report_.claims) {
      Line(fmt::format("  {}  {}", State(claim.test.state),
                       Printable(claim.claim.text.empty() ? claim.claim.id : claim.claim.text)));
      std::string how = claim.test.reason;
      if (!claim.test.test.empty()) how += "; " + claim.test.test;
      if (claim.test.decidable) how += fmt::format("; adjusted p {}", ShowClaimP(claim.test));
      if (std::isfinite(claim.test.smallest_detectable))
        how += "; detectable step " + ShowDetectable(claim.test);
      how += "; " + ShowSeeds(claim.test);
      Wrapped(how, 6);
      if (const std::string title = StepsTitle(claim.test); !title.empty()) Wrapped(title, 6);
      for (const StepTest& step : claim.test.steps) Line("        " + Dim(ShowStep(step)));
    }
  }

  void Steps() {
    if (!HasSteps(report_)) return;
    Heading("Steps of every series");
    Wrapped(StepsNote(), 2);
    for (const FigureReport& figure : report_.figures) {
      std::vector<Row> rows;
      for (const SeriesReport& series : figure.series) {
        for (const StepEstimate& step : series.steps) {
          rows.push_back({&step == &series.steps.front() ? series.name : "",
                          step.from + " → " + step.to, ShowDifference(figure.measure, step),
                          ShowRange(figure.measure, step), ShowT(step), ShowP(step.p),
                          std::to_string(series.step_seeds.size())});
        }
      }
      if (rows.empty()) continue;
      Line("  " + Bold(figure.measure.name));
      Table({"series", "step", "change", "95 % interval", "t", "p", "seeds"}, rows, 2);
    }
  }

  void Controls() {
    const ControlColumns columns = ColumnsOf(report_.measures);
    Row header = {"measure", "point", "source", "others", "of"};
    if (columns.null_world) header.emplace_back("null world");
    if (columns.no_pretraining) header.emplace_back("untrained");
    if (columns.transfer) header.emplace_back("transfer");
    if (columns.range) header.emplace_back("95 % interval");
    std::vector<Row> rows;
    for (const MeasureReport& measure : report_.measures) {
      const Measure& m = measure.measure;
      for (const MeasureReport::AtPoint& at : measure.points) {
        Row row = {&at == &measure.points.front() ? m.name : "", at.point, ShowMean(m, at.source),
                   ShowMean(m, at.targets),
                   at.targets.empty() ? "–" : std::to_string(at.target_count)};
        if (columns.null_world) row.push_back(ShowControl(m, at.target_controls, kNullWorldRole));
        if (columns.no_pretraining)
          row.push_back(ShowControl(m, at.target_controls, kNoPretrainingRole));
        if (columns.transfer) row.push_back(ShowDifference(m, at.transfer));
        if (columns.range) row.push_back(ShowRange(m, at.transfer));
        rows.push_back(std::move(row));
      }
    }
    if (!rows.empty()) {
      Heading("Controls and measures");
      Table(header, rows, 2);
    }
    for (const SurfaceReport& surface : report_.surface) {
      Wrapped(fmt::format("{}: furthest from chance {} at {}, {:.1f} points; {} the limit of {:g}",
                          surface.measure.name, ShowValue(surface.measure, surface.worst_value),
                          surface.worst_where, surface.largest_distance,
                          surface.within ? "within" : "OVER", kSurfaceLimit),
              2);
    }
    for (const VocabularyReport& entry : report_.vocabulary) Wrapped(VocabularyLine(entry), 2);
  }

  void Runs() {
    std::vector<Row> rows;
    for (const RunReport& run : report_.runs) {
      rows.push_back({run.point, RoleName(run.role), std::to_string(run.pretrain_seed), run.state,
                      run.unigram_margin ? FormatNumber(*run.unigram_margin, 3) : "–",
                      run.context_free_margin ? FormatNumber(*run.context_free_margin, 3) : "–",
                      RunNote(run)});
    }
    if (rows.empty()) return;
    Heading("Runs, and how far each ended below the loss without context (nats a token)");
    // The note is text: put it last and leave it unpadded.
    Table({"point", "role", "seed", "state", "unigram", "context-free", "note"}, rows, 7);
  }

  void Next() {
    if (!report_.next_steps.empty()) Heading("What has not run");
    for (const NextStep& step : report_.next_steps) {
      Wrapped(step.what + ":", 2);
      Line("    " + Printable(step.command));
    }
    Heading("Where this comes from");
    for (const auto& [name, value] : Facts(report_)) {
      Line(fmt::format("  {} {}", Dim(Pad(name, 26)), Printable(value)));
    }
  }

  const Report& report_;
  const std::size_t width_;
  const bool color_;
  std::string out_;
};

}  // namespace

std::string WriteTerminal(const Report& report, const TerminalOptions& options) {
  return Terminal(report, options).Write();
}

}  // namespace repro
