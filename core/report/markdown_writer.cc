#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/text.h"
#include "core/base/units.h"
#include "core/report/panels.h"
#include "core/report/report_text.h"
#include "core/report/text_writers.h"
#include "core/report/vega_chart.h"

namespace repro {
namespace {

class Markdown {
 public:
  explicit Markdown(const Report& report) : report_(report) {}

  std::string Write() {
    Line("# {}{}", report_.item.empty() ? "" : MarkdownText(report_.item) + ": ",
         MarkdownText(report_.title));
    Line("");
    Line("{} scale, {}, {}. {}", report_.provenance.scale, MarkdownText(report_.provenance.world),
         SeedLine(report_.provenance), MarkdownText(report_.question));
    for (const std::string& sentence : report_.headline) {
      Line("");
      Line("{}{}{}", &sentence == &report_.headline.front() ? "**" : "", MarkdownText(sentence),
           &sentence == &report_.headline.front() ? "**" : "");
    }
    if (!report_.lead_reason.empty()) Line("\n{}", MarkdownText(report_.lead_reason));
    for (const FigureReport& figure : report_.figures) Figure(figure);
    for (const ReportPanel& panel : ReportPanels(report_)) Panel(panel);
    Claims();
    Steps();
    Controls();
    Languages();
    Runs();
    Rest();
    return out_;
  }

 private:
  template <class... Args>
  void Line(fmt::format_string<Args...> format, Args&&... args) {
    out_ += fmt::format(format, std::forward<Args>(args)...) + "\n";
  }

  void Table(const std::vector<std::string>& header,
             const std::vector<std::vector<std::string>>& rows, std::size_t text_columns) {
    Line("\n| {} |", fmt::join(header, " | "));
    std::string rule = "|";
    for (std::size_t i = 0; i < header.size(); ++i) rule += i < text_columns ? " --- |" : " ---: |";
    Line("{}", rule);
    for (const auto& row : rows) {
      std::vector<std::string> cells(row.size());
      std::transform(row.begin(), row.end(), cells.begin(), MarkdownText);
      Line("| {} |", fmt::join(cells, " | "));
    }
  }

  static std::string WithRange(const std::string& value, const std::string& range) {
    return range.empty() ? value : value + " (" + range + ")";
  }

  void Figure(const FigureReport& figure) {
    const Measure& m = figure.measure;
    Line("\n## {}\n", MarkdownText(m.name));
    Line("{} {}", MarkdownText(m.about), MarkdownText(MeasureVerdict(report_, figure)));
    std::vector<std::string> header = {"Series", "Point", "Text"};
    if (figure.has_paper) header.insert(header.end(), {"Paper", "Cell"});
    const ControlColumns columns = ColumnsOf(figure);
    header.emplace_back("This run");
    if (columns.null_world) header.emplace_back("Null world");
    if (columns.no_pretraining) header.emplace_back("No pretraining");
    if (columns.transfer) header.emplace_back("From null world");
    header.insert(header.end(), {"Interval holds", "Note"});
    std::vector<std::vector<std::string>> rows;
    for (const SeriesReport& series : figure.series) {
      for (const SeriesPoint& point : series.points) {
        if (!point.paper && !report_.point_languages.contains(point.point)) continue;
        std::vector<std::string> row = {series.name, point.point, ShowVolume(report_, point.point)};
        if (figure.has_paper) {
          std::string paper = point.paper ? FormatNumber(point.paper->value, m.decimals) : "–";
          if (point.paper && point.paper->uncertainty > 0)
            paper += fmt::format(" ± {:g}", point.paper->uncertainty);
          row.push_back(paper);
          row.emplace_back(point.paper ? CellStateName(point.cell) : "–");
        }
        row.push_back(WithRange(ShowMean(m, point.main), ShowRange(m, point.main)));
        if (columns.null_world) row.push_back(ShowControl(m, point.controls, kNullWorldRole));
        if (columns.no_pretraining)
          row.push_back(ShowControl(m, point.controls, kNoPretrainingRole));
        if (columns.transfer) {
          row.push_back(WithRange(ShowDifference(m, point.transfer), ShowRange(m, point.transfer)));
        }
        row.push_back(point.main.variation);
        row.push_back(CellNote(point));
        rows.push_back(std::move(row));
      }
    }
    Table(header, rows, figure.has_paper ? 5 : 3);
  }

  void Panel(const ReportPanel& panel) {
    Line("\n## {}", MarkdownText(panel.title));
    if (!panel.about.empty()) Line("\n{}", MarkdownText(panel.about));
    const char* const weight = panel.alarm ? "**" : "";
    for (const std::string& sentence : panel.sentences) {
      Line("\n{}{}{}", weight, MarkdownText(sentence), weight);
    }
    for (const PageTable& table : panel.tables) {
      if (table.rows.empty()) continue;
      Line("\n### {}", MarkdownText(table.title));
      if (!table.about.empty()) Line("\n{}", MarkdownText(table.about));
      PlainTable plain = TextOf(table);
      for (std::string& name : plain.header) name = MarkdownText(name);
      Table(plain.header, plain.rows, plain.text_columns);
    }
  }

  void Steps() {
    if (!HasSteps(report_)) return;
    Line("\n## Steps of every series\n\n{}", MarkdownText(StepsNote()));
    std::vector<std::vector<std::string>> rows;
    for (const FigureReport& figure : report_.figures) {
      for (const SeriesReport& series : figure.series) {
        for (const StepEstimate& step : series.steps) {
          rows.push_back(
              {figure.measure.name, series.name, step.from + " → " + step.to,
               WithRange(ShowDifference(figure.measure, step), ShowRange(figure.measure, step)),
               ShowT(step), ShowP(step.p), std::to_string(series.step_seeds.size())});
        }
      }
    }
    Table({"Measure", "Series", "Step", "Change", "t", "p", "Seeds"}, rows, 3);
  }

  void Claims() {
    if (report_.claims.empty()) return;
    Line("\n## Claims\n\n{}", MarkdownText(ClaimsNote(report_)));
    std::vector<std::vector<std::string>> rows;
    for (const ClaimReport& claim : report_.claims) {
      std::vector<std::string> steps;
      if (std::string title = StepsTitle(claim.test); !title.empty()) steps.push_back(title);
      for (const StepTest& step : claim.test.steps) steps.push_back(ShowStep(step));
      rows.push_back({claim.claim.text.empty() ? claim.claim.id : claim.claim.text,
                      std::string(ClaimStateName(claim.test.state)), claim.test.reason,
                      claim.test.test, fmt::format("{}", fmt::join(steps, " ")),
                      ShowSeeds(claim.test), ShowClaimP(claim.test), ShowDetectable(claim.test)});
    }
    Table({"Claim", "State", "Reason", "Test", "Steps", "Seeds", "p, adjusted", "Detectable step"},
          rows, 6);
  }

  void Controls() {
    const ControlColumns columns = ColumnsOf(report_.measures);
    std::vector<std::string> header = {"Measure",         "Point",           "Chance",
                                       "Source language", "Other languages", "How many"};
    if (columns.null_world) header.emplace_back("Others, null world");
    if (columns.no_pretraining) header.emplace_back("Others, no pretraining");
    if (columns.transfer) header.emplace_back("Transfer");
    std::vector<std::vector<std::string>> rows;
    for (const MeasureReport& measure : report_.measures) {
      const Measure& m = measure.measure;
      for (const MeasureReport::AtPoint& at : measure.points) {
        std::vector<std::string> row = {
            m.name,
            at.point,
            measure.chance ? ShowValue(m, *measure.chance) : "–",
            WithRange(ShowMean(m, at.source), ShowRange(m, at.source)),
            WithRange(ShowMean(m, at.targets), ShowRange(m, at.targets)),
            at.targets.empty() ? "–" : std::to_string(at.target_count)};
        if (columns.null_world) row.push_back(ShowControl(m, at.target_controls, kNullWorldRole));
        if (columns.no_pretraining)
          row.push_back(ShowControl(m, at.target_controls, kNoPretrainingRole));
        if (columns.transfer) {
          row.push_back(WithRange(ShowDifference(m, at.transfer), ShowRange(m, at.transfer)));
        }
        rows.push_back(std::move(row));
      }
    }
    if (!rows.empty()) {
      Line("\n## Controls\n\n{}", MarkdownText(TransferNote()));
      Table(header, rows, 2);
    }
    rows.clear();
    for (const SurfaceReport& surface : report_.surface) {
      rows.push_back({surface.measure.name, surface.worst_where,
                      ShowValue(surface.measure, surface.worst_value),
                      fmt::format("{:.1f}", surface.largest_distance),
                      surface.within ? "yes" : "no"});
    }
    if (rows.empty()) return;
    Line("\n### Can labels be read off the surface?");
    Table({"Classifier", "Furthest from chance at", "Value", "Points off",
           fmt::format("Within {:g} points", kSurfaceLimit)},
          rows, 2);
  }

  void Languages() {
    for (const PerLanguageTable& table : report_.languages) {
      Line("\n### {} by language (null world in brackets)", MarkdownText(table.measure.name));
      std::vector<std::string> header = {"Language"};
      header.insert(header.end(), table.points.begin(), table.points.end());
      std::vector<std::vector<std::string>> rows;
      for (const PerLanguageTable::Row& language : table.rows) {
        std::vector<std::string> row = {language.code + (language.source ? " (source)" : "")};
        for (std::size_t i = 0; i < language.values.size(); ++i) {
          row.push_back(WithRange(
              ShowMean(table.measure, language.values[i]),
              language.null_world[i].empty()
                  ? std::string()
                  : FormatNumber(language.null_world[i].mean.mean, table.measure.decimals)));
        }
        rows.push_back(std::move(row));
      }
      Table(header, rows, 1);
    }
  }

  void Runs() {
    Line("\n## Runs\n\n{}", MarkdownText(PlateauNote()));
    std::vector<std::vector<std::string>> rows;
    for (const RunReport& run : report_.runs) {
      rows.push_back({run.point, RoleName(run.role), run.state, RunNote(run),
                      std::to_string(run.pretrain_seed),
                      run.unigram_margin ? FormatNumber(*run.unigram_margin, 3) : "–",
                      run.context_free_margin ? FormatNumber(*run.context_free_margin, 3) : "–",
                      run.seconds > 0 ? FormatDuration(run.seconds) : "–"});
    }
    Table({"Point", "Role", "State", "Note", "Seed", "Below unigram loss",
           "Below best without context", "Task time"},
          rows, 4);
    if (!report_.vocabulary.empty()) Line("\n## Vocabulary and text\n");
    for (const VocabularyReport& entry : report_.vocabulary)
      Line("- {}", MarkdownText(VocabularyLine(entry)));
  }

  void Rest() {
    if (!report_.next_steps.empty()) Line("\n## What has not run\n");
    for (const NextStep& step : report_.next_steps)
      Line("- {}: `{}`", MarkdownText(step.what), Printable(step.command));
    Line("\n## Where this comes from\n");
    for (const auto& [name, value] : Facts(report_)) Line("- {}: {}", name, MarkdownText(value));
    if (!report_.reference_notes.empty()) Line("\nOn the paper's values:\n");
    for (const std::string& note : report_.reference_notes) Line("- {}", MarkdownText(note));
    if (report_.assumptions.empty()) return;
    Line("\n## Values that the paper does not state");
    std::vector<std::vector<std::string>> rows;
    for (const Assumption& assumption : report_.assumptions) {
      std::vector<std::string> alternatives;
      for (const Json& value : assumption.alternatives) alternatives.push_back(ShowJson(value));
      rows.push_back({assumption.key, ShowJson(assumption.value), assumption.status,
                      assumption.source, fmt::format("{}", fmt::join(alternatives, ", "))});
    }
    Table({"Setting", "Value", "Status", "Source", "Alternatives"}, rows, 5);
  }

  const Report& report_;
  std::string out_;
};

}  // namespace

std::string WriteMarkdown(const Report& report) {
  return Markdown(report).Write();
}

}  // namespace repro
