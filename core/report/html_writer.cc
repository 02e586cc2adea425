#include "core/report/html_writer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <kainjow/mustache.hpp>

#include "core/base/units.h"
#include "core/io/file.h"
#include "core/report/page_data.h"
#include "core/report/panels.h"
#include "core/report/report_text.h"
#include "core/report/vega_chart.h"

namespace repro {
namespace {

using kainjow::mustache::data;
using kainjow::mustache::list;
using kainjow::mustache::mustache;

/// A value that is also a condition: false when the text is empty.
data Optional(const std::string& text) {
  return text.empty() ? data(false) : data(text);
}

const char* ClaimBadge(ClaimState state) {
  switch (state) {
    case ClaimState::kSupported:
      return "good";
    case ClaimState::kContradicted:
      return "bad";
    case ClaimState::kUndecided:
      return "open";
  }
  return "";
}

const char* RunBadge(const RunReport& run) {
  if (run.state == "diverged" || run.state == "failed") return "bad";
  if (run.on_plateau || run.state == "running" || run.state == "partial") return "open";
  return run.state == "done" ? "good" : "";
}

/// Marks of the legend that the figure shows.
list LegendMarks(const FigureReport& figure) {
  bool null_world = false;
  bool untrained = false;
  bool interval = false;
  bool stated = false;
  bool measured = false;
  bool seeds = false;
  for (const SeriesReport& series : figure.series) {
    for (const SeriesPoint& point : series.points) {
      null_world = null_world || point.controls.contains(kNullWorldRole);
      untrained = untrained || point.controls.contains(kNoPretrainingRole);
      interval = interval || point.main.mean.known();
      measured = measured || !point.main.empty();
      seeds = seeds || point.main.by_seed.size() > 1;
      stated = stated || point.paper_stated.has_value();
    }
  }
  const auto icon = [](const char* shape) {
    return fmt::format(
        "<svg viewBox=\"0 0 14 14\" aria-hidden=\"true\" fill=\"none\" stroke=\"currentColor\" "
        "stroke-width=\"1.4\">{}</svg>",
        shape);
  };
  list marks;
  const auto add = [&](bool shown, const char* shape, const char* text) {
    if (!shown) return;
    data mark;
    mark.set("icon", icon(shape));
    mark.set("text", text);
    marks.push_back(mark);
  };
  add(interval, "<path d=\"M7 1v12\"/><circle cx=\"7\" cy=\"7\" r=\"2.6\" fill=\"currentColor\"/>",
      "mean with 95 % interval");
  add(seeds, "<circle cx=\"7\" cy=\"7\" r=\"2\" fill=\"currentColor\" opacity=\".5\"/>",
      "one seed");
  add(null_world, "<path d=\"M7 1.5 11.5 7 7 12.5 2.5 7z\"/>", "null world");
  add(untrained, "<path d=\"M5 2h4v3h3v4H9v3H5V9H2V5h3z\"/>", "no pretraining");
  add(figure.chance && measured, "<path d=\"M0 7h14\" stroke-dasharray=\"2 2.6\"/>", "chance");
  add(stated, "<path d=\"M3 3h8v8H3z\"/>", "stated in the paper's text");
  return marks;
}

data CellRow(const Report& report, const FigureReport& figure, const SeriesReport& series,
             const SeriesPoint& point) {
  const Measure& measure = figure.measure;
  data row;
  row.set("series", series.name);
  row.set("point", point.point);
  row.set("volume", ShowVolume(report, point.point));
  row.set("paper",
          point.paper ? fmt::format("{:.{}f}", point.paper->value, measure.decimals) : "–");
  row.set("paper_range", Optional(point.paper && point.paper->uncertainty > 0
                                      ? fmt::format("± {:g}", point.paper->uncertainty)
                                      : std::string()));
  row.set("main", ShowMean(measure, point.main));
  row.set("range", Optional(ShowRange(measure, point.main)));
  row.set("null_world", ShowControl(measure, point.controls, kNullWorldRole));
  row.set("no_pretraining", ShowControl(measure, point.controls, kNoPretrainingRole));
  row.set("transfer", ShowDifference(measure, point.transfer));
  row.set("transfer_range", Optional(ShowRange(measure, point.transfer)));
  row.set("state", Optional(point.paper ? std::string(CellStateName(point.cell)) : std::string()));
  row.set("badge", point.cell == CellState::kReproduced      ? "good"
                   : point.cell == CellState::kNotReproduced ? "bad"
                                                             : "");
  row.set("note", CellNote(point));
  return row;
}

std::string FigureCaption(const FigureReport& figure) {
  std::string caption = VariationNote(figure);
  if (!caption.empty()) caption = "This run: " + caption + ".";
  if (figure.has_paper && figure.measured) {
    caption += RangesOf(figure).shared ? " Both panels span the same number of points, so slopes "
                                         "compare by eye; levels do not compare."
                                       : " The panels have scales of their own.";
  }
  return caption;
}

void SetColumns(const ControlColumns& columns, data& view) {
  view.set("with_null_world", columns.null_world);
  view.set("with_no_pretraining", columns.no_pretraining);
  view.set("with_transfer", columns.transfer);
}

data Figure(const Report& report, const FigureReport& figure, std::size_t index,
            const HtmlAssets& assets) {
  const auto colors = SeriesColors(report);
  data view;
  view.set("name", figure.measure.name);
  view.set("about", figure.measure.about);
  view.set("verdict", MeasureVerdict(report, figure));
  list legend;
  for (const SeriesReport& series : figure.series) {
    data entry;
    entry.set("color", std::to_string(colors.at(series.id) % 6));
    entry.set("name", series.name);
    legend.push_back(entry);
  }
  view.set("legend", legend);
  view.set("marks", LegendMarks(figure));
  view.set("spec_id", fmt::format("chart-{}", index));
  view.set("spec", ScriptJson(VegaChart(report, figure, assets.chart)));
  view.set("alt", fmt::format("{} over the sweep, {}{}", figure.measure.name,
                              figure.has_paper ? "the paper's values beside this run's; " : "",
                              "the values are in the table below"));
  view.set("caption", FigureCaption(figure));
  list notes;
  for (const std::string& note : ValueNotes(report, figure)) notes.push_back(note);
  view.set("value_notes", notes);
  view.set("cells_title",
           figure.has_paper ? "All values, with the paper's cells and their states" : "All values");
  view.set("open", figure.has_paper);
  view.set("has_paper", figure.has_paper);
  const ControlColumns columns = ColumnsOf(figure);
  SetColumns(columns, view);
  const int controls =
      (columns.null_world ? 1 : 0) + (columns.no_pretraining ? 1 : 0) + (columns.transfer ? 1 : 0);
  view.set("columns", std::to_string((figure.has_paper ? 5 : 3) + controls));
  view.set("hidden", !figure.has_paper && !figure.measured);
  list cells;
  for (const SeriesReport& series : figure.series) {
    std::vector<const SeriesPoint*>
        shown;  // a point left out here and unknown to the paper says nothing
    for (const SeriesPoint& point : series.points) {
      if (point.paper || report.point_languages.contains(point.point)) shown.push_back(&point);
    }
    for (const SeriesPoint* point : shown) {
      data row = CellRow(report, figure, series, *point);
      row.set("first", point == shown.front());
      cells.push_back(row);
    }
  }
  view.set("cells", cells);
  return view;
}

void SetPanels(const Report& report, const HtmlAssets& assets, data& view) {
  list panels;
  for (const ReportPanel& panel : ReportPanels(report)) {
    data entry;
    entry.set("title", panel.title);
    entry.set("about", TextOrNothing(panel.about));
    list sentences;
    for (const std::string& sentence : panel.sentences) sentences.push_back(sentence);
    entry.set("sentences", sentences);
    entry.set("alarm", panel.alarm);
    entry.set("has_chart", panel.chart.has_value());
    if (panel.chart) {
      entry.set("spec_id", fmt::format("bars-{}", panels.size()));
      SetShareChart(*panel.chart, panel.show_part, assets, entry);
    }
    list tables;
    for (const PageTable& table : panel.tables) {
      if (!table.rows.empty()) tables.push_back(TableView(table));
    }
    entry.set("tables", tables);
    panels.push_back(entry);
  }
  view.set("panels", panels);
}

data ClaimRow(const ClaimReport& claim) {
  data row;
  row.set("id", claim.claim.id);
  row.set("text", claim.claim.text.empty() ? claim.claim.id : claim.claim.text);
  row.set("series", claim.series_name);
  row.set("rule", claim.claim.rule);
  row.set("state", std::string(ClaimStateName(claim.test.state)));
  row.set("badge", ClaimBadge(claim.test.state));
  row.set("reason", claim.test.reason);
  row.set("test", Optional(claim.test.test));
  list steps;
  row.set("steps_title", Optional(StepsTitle(claim.test)));
  for (const StepTest& step : claim.test.steps) steps.push_back(ShowStep(step));
  row.set("steps", steps);
  row.set("seeds", ShowSeeds(claim.test));
  row.set("p", ShowClaimP(claim.test));
  row.set("detectable", ShowDetectable(claim.test));
  return row;
}

void SetSteps(const Report& report, data& view) {
  list rows;
  for (const FigureReport& figure : report.figures) {
    bool first_of_figure = true;
    for (const SeriesReport& series : figure.series) {
      for (const StepEstimate& step : series.steps) {
        data row;
        row.set("group", first_of_figure ? data(figure.measure.name) : data(false));
        first_of_figure = false;
        row.set("series", series.name);
        row.set("step", step.from + " → " + step.to);
        row.set("change", ShowDifference(figure.measure, step));
        row.set("range", Optional(ShowRange(figure.measure, step)));
        row.set("t", ShowT(step));
        row.set("p", ShowP(step.p));
        row.set("seeds", std::to_string(series.step_seeds.size()));
        rows.push_back(row);
      }
    }
  }
  view.set("has_steps", !rows.empty());
  view.set("series_steps", rows);
  view.set("steps_note", StepsNote());
}

void SetControls(const Report& report, data& view) {
  list rows;
  for (const MeasureReport& measure : report.measures) {
    for (std::size_t i = 0; i < measure.points.size(); ++i) {
      const MeasureReport::AtPoint& at = measure.points[i];
      const Measure& m = measure.measure;
      data row;
      row.set("first", i == 0);
      row.set("span", std::to_string(measure.points.size()));
      row.set("measure", m.name);
      row.set("chance", measure.chance ? "chance " + ShowValue(m, *measure.chance) : std::string());
      row.set("point", at.point);
      row.set("source", ShowMean(m, at.source));
      row.set("source_range", Optional(ShowRange(m, at.source)));
      row.set("targets", ShowMean(m, at.targets));
      row.set("targets_range", Optional(ShowRange(m, at.targets)));
      row.set("count",
              Optional(at.targets.empty() ? "" : fmt::format("{} languages", at.target_count)));
      row.set("null_world", ShowControl(m, at.target_controls, kNullWorldRole));
      row.set("no_pretraining", ShowControl(m, at.target_controls, kNoPretrainingRole));
      row.set("transfer", ShowDifference(m, at.transfer));
      row.set("transfer_range", Optional(ShowRange(m, at.transfer)));
      rows.push_back(row);
    }
  }
  SetColumns(ColumnsOf(report.measures), view);
  view.set("has_transfer", !rows.empty());
  view.set("transfers", rows);
  view.set("transfer_note", TransferNote());

  list surface;
  for (const SurfaceReport& entry : report.surface) {
    data row;
    row.set("name", entry.measure.name);
    row.set("about", entry.measure.about);
    row.set("worst", ShowValue(entry.measure, entry.worst_value));
    row.set("distance", fmt::format("{:.1f} points off", entry.largest_distance));
    row.set("where", entry.worst_where);
    row.set("values", std::to_string(entry.values));
    row.set("state", entry.within ? "yes" : "no");
    row.set("badge", entry.within ? "good" : "bad");
    surface.push_back(row);
  }
  view.set("has_surface", !surface.empty());
  view.set("surface", surface);
  view.set("surface_limit", fmt::format("{:g}", kSurfaceLimit));
}

void SetLanguages(const Report& report, data& view) {
  list tables;
  for (const PerLanguageTable& table : report.languages) {
    data entry;
    entry.set("measure", table.measure.name);
    entry.set("count", std::to_string(table.rows.size()));
    list points;
    for (const std::string& point : table.points) points.push_back(point);
    entry.set("points", points);
    list rows;
    for (const PerLanguageTable::Row& language : table.rows) {
      data row;
      row.set("code", language.code);
      row.set("source", language.source);
      list values;
      for (std::size_t i = 0; i < language.values.size(); ++i) {
        std::string text = ShowMean(table.measure, language.values[i]);
        if (!language.null_world[i].empty()) {
          text +=
              fmt::format(" ({:.{}f})", language.null_world[i].mean.mean, table.measure.decimals);
        }
        values.push_back(text);
      }
      row.set("values", values);
      rows.push_back(row);
    }
    entry.set("rows", rows);
    tables.push_back(entry);
  }
  view.set("has_languages", !tables.empty());
  view.set("languages", tables);
}

void SetRuns(const Report& report, data& view) {
  list rows;
  for (const RunReport& run : report.runs) {
    data row;
    row.set("point", run.point);
    row.set("role", RoleName(run.role));
    row.set("seed", std::to_string(run.pretrain_seed));
    row.set("state", run.state);
    row.set("badge", RunBadge(run));
    row.set("unigram", run.unigram_margin ? FormatNumber(*run.unigram_margin, 3) : "–");
    row.set("context_free",
            run.context_free_margin ? FormatNumber(*run.context_free_margin, 3) : "–");
    row.set("seconds", run.seconds > 0 ? FormatDuration(run.seconds) : "–");
    row.set("note", RunNote(run));
    rows.push_back(row);
  }
  view.set("runs", rows);
  view.set("plateau_note", PlateauNote());
}

void SetVocabulary(const Report& report, data& view) {
  const auto show = [](const std::optional<double>& value, int decimals, const char* unit) {
    return value ? fmt::format("{:.{}f}{}", *value, decimals, unit) : std::string("–");
  };
  list entries;
  for (const VocabularyReport& entry : report.vocabulary) {
    data vocabulary;
    vocabulary.set("point", entry.point);
    vocabulary.set("line", VocabularyLine(entry));
    list rows;
    for (const VocabularyReport::Row& language : entry.rows) {
      data row;
      row.set("code", language.code);
      row.set("words", show(language.tokens_per_word, 2, ""));
      row.set("coverage", show(language.coverage, 2, " %"));
      row.set("unknown", show(language.unknown_rate, 2, " %"));
      row.set("repeats", show(language.repeats, 1, ""));
      rows.push_back(row);
    }
    vocabulary.set("rows", rows);
    entries.push_back(vocabulary);
  }
  view.set("has_vocabulary", !entries.empty());
  view.set("vocabulary", entries);
}

void SetProvenance(const Report& report, data& view) {
  view.set("facts", NamedValues(Facts(report)));
  list notes;
  for (const std::string& note : report.reference_notes) notes.push_back(note);
  view.set("has_notes", !notes.empty());
  view.set("notes", notes);
  list assumptions;
  for (const Assumption& assumption : report.assumptions) {
    data row;
    row.set("key", assumption.key);
    row.set("value", ShowJson(assumption.value));
    row.set("status", assumption.status);
    row.set("source", assumption.source);
    std::vector<std::string> alternatives;
    for (const Json& value : assumption.alternatives) alternatives.push_back(ShowJson(value));
    row.set("alternatives", fmt::format("{}", fmt::join(alternatives, ", ")));
    assumptions.push_back(row);
  }
  view.set("has_assumptions", !assumptions.empty());
  view.set("assumption_count", std::to_string(assumptions.size()));
  view.set("assumptions", assumptions);
  list next;
  for (const NextStep& step : report.next_steps) {
    data row;
    row.set("what", step.what);
    row.set("command", step.command);
    next.push_back(row);
  }
  view.set("has_next", !next.empty());
  view.set("next", next);
  view.set("made", FormatTime(report.provenance.made_ms));
}

}  // namespace

std::string ScriptJson(const Json& value) {
  std::string safe;
  for (const char c : CanonicalJson(value)) {
    if (c == '<') {
      safe += "\\u003c";
    } else {
      safe += c;
    }
  }
  return safe;
}

Result<HtmlAssets> LoadHtmlAssets(const std::filesystem::path& report_dir) {
  HtmlAssets assets;
  REPRO_ASSIGN_OR_RETURN(assets.page, ReadFile(report_dir / "templates/report.html"));
  REPRO_ASSIGN_OR_RETURN(assets.style, ReadFile(report_dir / "style.css"));
  REPRO_ASSIGN_OR_RETURN(assets.viewer, ReadFile(report_dir / "viewer.js"));
  REPRO_ASSIGN_OR_RETURN(assets.run_page, ReadFile(report_dir / "templates/run.html"));
  REPRO_ASSIGN_OR_RETURN(assets.table_page, ReadFile(report_dir / "templates/tables.html"));
  REPRO_ASSIGN_OR_RETURN(assets.curves, LoadJson(report_dir / "curves.vega.json"));
  REPRO_ASSIGN_OR_RETURN(assets.chart, LoadJson(report_dir / "chart.vega.json"));
  REPRO_ASSIGN_OR_RETURN(assets.shares, LoadJson(report_dir / "shares.vega.json"));
  const std::filesystem::path installed = report_dir / "vega.js";
  std::error_code error;
  REPRO_ASSIGN_OR_RETURN(assets.vega, ReadFile(std::filesystem::exists(installed, error)
                                                   ? installed
                                                   : std::filesystem::path(REPRO_VEGA_BUNDLE)));
  return assets;
}

Result<std::string> WriteHtml(const Report& report, const HtmlAssets& assets) {
  mustache page(assets.page);
  if (!page.is_valid()) return Fail(ErrorCode::kCorrupt, "report.html: {}", page.error_message());
  data view;
  view.set("item", Optional(report.item));
  view.set("title", report.title.empty() ? report.id : report.title);
  view.set("question", report.question);
  view.set("scale", report.provenance.scale);
  view.set("world", report.provenance.world == "babel" ? "babel, a synthetic world"
                                                       : report.provenance.world);
  view.set("seed_line", SeedLine(report.provenance));
  list headline;
  for (const std::string& sentence : report.headline) headline.push_back(sentence);
  view.set("headline", headline);
  view.set("lead_reason", Optional(report.lead_reason));
  list figures;
  for (std::size_t i = 0; i < report.figures.size(); ++i) {
    figures.push_back(Figure(report, report.figures[i], i, assets));
  }
  view.set("figures", figures);
  view.set("has_models", !report.figures.empty());
  SetPanels(report, assets, view);
  list claims;
  for (const ClaimReport& claim : report.claims) claims.push_back(ClaimRow(claim));
  view.set("has_claims", !claims.empty());
  view.set("claims", claims);
  view.set("claims_note", ClaimsNote(report));
  SetSteps(report, view);
  SetControls(report, view);
  SetLanguages(report, view);
  SetRuns(report, view);
  SetVocabulary(report, view);
  SetProvenance(report, view);
  view.set("style", assets.style);
  view.set("viewer", assets.viewer);
  view.set("vega", assets.vega);
  return page.render(view);
}

}  // namespace repro
