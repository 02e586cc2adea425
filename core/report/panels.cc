#include "core/report/panels.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/text.h"
#include "core/base/units.h"
#include "core/report/monolingual.h"
#include "core/report/report_text.h"

namespace repro {
namespace {

constexpr const char* kNothing = "–";
constexpr std::size_t kBars = 40;  // languages in a chart; the tables have all

PageCell Cell(std::string text, std::string below = "") {
  return {.text = std::move(text), .below = std::move(below)};
}

std::string ColumnName(const LanguageFacts& facts, const LanguageFacts::Column& column) {
  const bool several =
      std::any_of(facts.columns.begin(), facts.columns.end(), [&](const auto& other) {
        return other.series == column.series && other.point != column.point;
      });
  return several ? fmt::format("{}, {}", column.name, column.point) : column.name;
}

/// "12413.5" -> "12,413.5". Of amounts, which are never negative.
std::string Grouped(const std::string& number) {
  const std::size_t point = std::min(number.find('.'), number.size());
  std::int64_t whole = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + point, whole);
  if (error != std::errc() || end != number.data() + point) return number;  // "5.5e+12"
  return FormatCount(whole) + number.substr(point);
}

/// With the measure's decimals, and more where that would leave nothing of a small value.
std::string ShowSmall(const Measure& measure, double value) {
  int decimals = measure.decimals;
  if (value > 0 && value < 1)
    decimals = std::max(decimals, 1 - static_cast<int>(std::floor(std::log10(value))));
  return Grouped(FormatNumber(value, decimals));
}

std::string ShowPaper(double value) {
  return Grouped(fmt::format("{:.7g}", value));
}

/// States of a row's cells, each once.
std::string RowState(const LanguageFacts::Row& row) {
  std::vector<std::string> states;
  for (const LanguageFacts::Cell& cell : row.cells) {
    if (!cell.paper) continue;
    std::string state(CellStateName(cell.state));
    if (std::find(states.begin(), states.end(), state) == states.end()) {
      states.push_back(std::move(state));
    }
  }
  return states.empty() ? kNothing : fmt::format("{}", fmt::join(states, "; "));
}

ReportPanel FactsPanel(const LanguageFacts& facts) {
  ReportPanel panel;
  panel.title = "By language, beside the paper";
  const bool has_paper = std::any_of(facts.columns.begin(), facts.columns.end(),
                                     [](const auto& column) { return column.has_paper; });
  PageTable table;
  table.title = Plural(facts.rows.size(), "language");
  table.columns = {{"Language"}, {"Name"}};
  for (const LanguageFacts::Column& column : facts.columns) {
    const std::string name = ColumnName(facts, column);
    const std::string unit = column.measure.unit.empty() ? "" : " " + column.measure.unit;
    std::string sentence = fmt::format(
        "{}: {} of {} languages, {}{} together", name, column.measured, facts.rows.size(),
        Grouped(FormatNumber(column.total, column.measure.decimals)), unit);
    table.columns.push_back({name, true});
    if (column.has_paper) {
      sentence += fmt::format("; the paper {} in {} rows", ShowPaper(column.paper_total),
                              column.paper_cells);
      table.columns.push_back({"Paper", true});
    }
    panel.sentences.push_back(sentence + ".");
  }
  if (has_paper) table.columns.push_back({"Cell"});
  for (const LanguageFacts::Row& row : facts.rows) {
    std::vector<PageCell> cells = {Cell(row.code), Cell(row.name.empty() ? kNothing : row.name)};
    for (std::size_t i = 0; i < facts.columns.size(); ++i) {
      const LanguageFacts::Column& column = facts.columns[i];
      const LanguageFacts::Cell& cell = row.cells[i];
      cells.push_back(Cell(cell.value ? ShowSmall(column.measure, *cell.value) : kNothing));
      if (!column.has_paper) continue;
      cells.push_back(Cell(cell.paper ? ShowPaper(cell.paper->value) : kNothing,
                           cell.paper && cell.paper->uncertainty > 0
                               ? fmt::format("± {:.2g}", cell.paper->uncertainty)
                               : ""));
    }
    if (has_paper) cells.push_back(Cell(RowState(row)));
    table.rows.push_back(std::move(cells));
  }
  panel.tables.push_back(std::move(table));
  return panel;
}

std::string SayLeaks(const LeakCheck& check) {
  const std::string lines = fmt::format("{} lines at {}", FormatCount(check.lines), check.point);
  if (check.evaluation_lines == 0) {
    return fmt::format(
        "Nothing is known of leaks: no test set was at hand for {} to be held against.", lines);
  }
  const std::string alike =
      check.alike == 0 ? ""
                       : fmt::format(
                             " {} of one, apart from punctuation, spaces and spelling of "
                             "characters.",
                             check.alike == 1 ? "1 has the letters"
                                              : FormatCount(check.alike) + " have the letters");
  if (check.shared == 0) {
    return fmt::format(
        "No leak: none of {} is among the {} different lines of test sets (normalised).{}", lines,
        FormatCount(check.evaluation_lines), alike);
  }
  std::vector<std::string> where;
  for (const auto& [language, count] : check.leaking) {
    where.push_back(fmt::format("{} {}", language, FormatCount(count)));
  }
  return fmt::format(
      "Leak: {} of {} {} of test sets ({}): what is measured on them says nothing.{}",
      FormatCount(check.shared), lines, check.shared == 1 ? "is a line" : "are lines",
      fmt::join(where, ", "), alike);
}

std::string SayHalf(const std::vector<TextHalves::Language>& languages) {
  std::vector<std::string> parts;
  parts.reserve(languages.size());
  for (const auto& [language, bytes] : languages) {
    parts.push_back(fmt::format("{} ({})", language, FormatBytes(bytes)));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::vector<std::string> SayHalves(const TextHalves& halves) {
  std::vector<std::string> sentences;
  if (!halves.empty()) {
    sentences.push_back(fmt::format(
        "By bytes, of the languages that are at every point, much text: {}; little: {}.",
        SayHalf(halves.most), SayHalf(halves.least)));
  }
  for (const TextHalves::Misplaced& one : halves.misplaced) {
    sentences.push_back(
        fmt::format("The series \"{}\" is of languages with the {} text, and {} is not one here.",
                    one.series, one.text, one.language));
  }
  return sentences;
}

/// Faults of the files that were read, each sentence once: points mostly share their text.
std::set<std::string> SayFaults(const CorpusPanel& corpus) {
  std::set<std::string> sentences;
  for (const auto& [point, counts] : corpus.faults) {
    std::vector<std::string> parts;
    for (const auto& [reason, count] : counts) {
      parts.push_back(fmt::format("{} {}", FormatCount(count), reason));
    }
    sentences.insert(fmt::format(
        "Faults of the files that were read, passed over: {}; `repro data stats` shows where.",
        fmt::join(parts, ", ")));
  }
  return sentences;
}

PageTable VolumeTable(const Report& report) {
  PageTable table;
  table.title = "Volume";
  table.about =
      "Unique text without what is held out, words between white space; available is what limits "
      "of "
      "the corpus left to take from. What pretraining saw of it is each language's text times its "
      "repeats.";
  table.columns = {{"Point"},
                   {"Languages", true},
                   {"Available", true},
                   {"Text", true},
                   {"Lines", true},
                   {"Words", true},
                   {"Lines held out", true},
                   {"Seen in pretraining", true}};
  const auto or_nothing = [](const std::optional<std::int64_t>& value, auto format) {
    return Cell(value ? format(*value) : kNothing);
  };
  for (const std::string& point : report.points) {
    const auto volume = report.corpus.volumes.find(point);
    if (volume == report.corpus.volumes.end()) continue;
    const TextVolume& v = volume->second;
    table.rows.push_back({Cell(point), Cell(std::to_string(v.languages)),
                          or_nothing(v.available_bytes, &FormatBytes), Cell(FormatBytes(v.bytes)),
                          Cell(FormatCount(v.lines)), Cell(FormatCount(v.words)),
                          or_nothing(v.heldout_lines, &FormatCount),
                          or_nothing(v.seen_bytes, &FormatBytes)});
  }
  return table;
}

/// Languages of which there was too little text.
std::vector<std::string> SayLeftOut(const Report& report) {
  std::vector<std::string> sentences;
  for (const std::string& point : report.points) {
    const auto volume = report.corpus.volumes.find(point);
    if (volume == report.corpus.volumes.end()) continue;
    for (const auto& [language, bytes] : volume->second.left_out) {
      sentences.push_back(fmt::format(
          "{} is left out at {}: its {} of text are less than `corpus.min_bytes` asks for.",
          language, point, FormatBytes(bytes)));
    }
  }
  return sentences;
}

ReportPanel VolumePanel(const Report& report) {
  const CorpusPanel& corpus = report.corpus;
  ReportPanel panel;
  panel.title = "Text that is trained on";
  panel.alarm = corpus.shared_lines() > 0 || !corpus.halves.misplaced.empty();
  const auto say = [&](const auto& sentences) {
    panel.sentences.insert(panel.sentences.end(), sentences.begin(), sentences.end());
  };
  for (const LeakCheck& check : corpus.leaks) panel.sentences.push_back(SayLeaks(check));
  say(SayHalves(corpus.halves));
  say(SayFaults(corpus));
  say(SayLeftOut(report));
  panel.tables.push_back(VolumeTable(report));
  return panel;
}

/// Names of the steps, each once, in their order: columns of the table by language.
std::vector<std::string> StepNames(const TextFunnel& funnel) {
  std::vector<std::string> names;
  for (const TextFunnel::Step& step : funnel.steps) {
    if (names.empty() || names.back() != step.name) names.push_back(step.name);
  }
  return names;
}

FunnelAmount AmountOf(const TextFunnel& funnel, const TextFunnel::Row& row,
                      const std::string& step) {
  FunnelAmount sum;
  for (std::size_t i = 0; i < funnel.steps.size(); ++i) {
    if (funnel.steps[i].name == step) sum += row.at[i];
  }
  return sum;
}

ShareBars FunnelBars(const TextFunnel& funnel, const std::vector<std::string>& names) {
  ShareBars bars;
  bars.classes.push_back(names.back());
  for (std::size_t i = 1; i + 1 < names.size(); ++i) bars.classes.push_back("dropped: " + names[i]);
  for (const TextFunnel::Row& row : funnel.rows) {
    if (bars.bars.size() == kBars) break;
    ShareBar bar{.name = row.language, .whole = row.at.front().bytes, .parts = {}};
    bar.parts.push_back(row.at.back().bytes);
    for (std::size_t i = 1; i + 1 < names.size(); ++i) {
      bar.parts.push_back(AmountOf(funnel, row, names[i]).bytes);
    }
    bars.bars.push_back(std::move(bar));
  }
  return bars;
}

ReportPanel FunnelPanel(const TextFunnel& funnel, bool only) {
  const std::vector<std::string> names = StepNames(funnel);
  const FunnelAmount& read = funnel.total.at.front();
  const FunnelAmount& kept = funnel.total.at.back();
  ReportPanel panel;
  panel.title = only ? "What became of the text"
                     : fmt::format("What became of the text, {}", fmt::join(funnel.points, ", "));
  panel.about =
      "Every document and line that was dropped, under its reason. What is kept of a language is "
      "what a point may take of it.";
  panel.sentences.push_back(fmt::format(
      "{} documents, {} lines and {} were read in {}; {} documents, {} lines and {} are kept ({}).",
      FormatCount(read.documents), FormatCount(read.lines), FormatBytes(read.bytes),
      Plural(funnel.rows.size(), "language"), FormatCount(kept.documents), FormatCount(kept.lines),
      FormatBytes(kept.bytes), FormatShare(kept.bytes, read.bytes)));
  if (funnel.rows.size() > kBars) {
    panel.sentences.push_back(
        fmt::format("The bars show the {} languages of which most was read.", kBars));
  }
  panel.chart = FunnelBars(funnel, names);
  panel.show_part = &FormatBytes;

  PageTable steps;
  steps.title = "Step by step";
  steps.columns = {{"Step"},        {"Reason"},     {"Documents", true},
                   {"Lines", true}, {"Size", true}, {"Of what was read", true}};
  for (std::size_t i = 0; i < funnel.steps.size(); ++i) {
    const TextFunnel::Step& step = funnel.steps[i];
    const FunnelAmount& amount = funnel.total.at[i];
    steps.rows.push_back({Cell(step.reason.empty() ? step.name : "dropped: " + step.name),
                          Cell(step.reason.empty() ? kNothing : step.reason),
                          Cell(FormatCount(amount.documents)), Cell(FormatCount(amount.lines)),
                          Cell(FormatBytes(amount.bytes)),
                          Cell(FormatShare(amount.bytes, read.bytes))});
  }
  panel.tables.push_back(std::move(steps));

  PageTable languages;
  languages.title = "By language and step";
  languages.open = false;
  languages.columns = {{"Language"}};
  for (const std::string& name : names) languages.columns.push_back({name, true});
  languages.columns.push_back({"Share kept", true});
  for (const TextFunnel::Row& row : funnel.rows) {
    std::vector<PageCell> cells = {Cell(row.language)};
    for (const std::string& name : names) {
      const FunnelAmount amount = AmountOf(funnel, row, name);
      cells.push_back(Cell(FormatBytes(amount.bytes), FormatCount(amount.lines) + " lines"));
    }
    cells.push_back(Cell(FormatShare(row.at.back().bytes, row.at.front().bytes)));
    languages.rows.push_back(std::move(cells));
  }
  panel.tables.push_back(std::move(languages));
  return panel;
}

}  // namespace

std::vector<ReportPanel> ReportPanels(const Report& report) {
  std::vector<ReportPanel> panels;
  if (!report.language_facts.columns.empty()) panels.push_back(FactsPanel(report.language_facts));
  if (!report.corpus.volumes.empty() || !report.corpus.leaks.empty()) {
    panels.push_back(VolumePanel(report));
  }
  for (const TextFunnel& funnel : report.corpus.funnels) {
    panels.push_back(FunnelPanel(funnel, report.corpus.funnels.size() == 1));
  }
  if (!report.monolingual.empty()) panels.push_back(MonolingualPanel(report.monolingual));
  return panels;
}

std::string ShowVolume(const Report& report, const std::string& point) {
  const auto volume = report.corpus.volumes.find(point);
  if (volume != report.corpus.volumes.end()) {
    return fmt::format("{}, {}", Plural(volume->second.languages, "language"),
                       FormatBytes(volume->second.bytes));
  }
  const auto planned = report.point_languages.find(point);
  return planned == report.point_languages.end() ? kNothing : Plural(planned->second, "language");
}

std::vector<std::string> SayVolumes(const Report& report) {
  std::vector<std::string> sentences;
  for (const std::string& point : report.points) {
    const auto volume = report.corpus.volumes.find(point);
    if (volume == report.corpus.volumes.end()) continue;
    sentences.push_back(fmt::format("{}: {}, {} words.", point, ShowVolume(report, point),
                                    FormatCount(volume->second.words)));
  }
  return sentences;
}

std::string LeakWarning(const CorpusPanel& corpus) {
  std::vector<std::string> warnings;
  for (const LeakCheck& check : corpus.leaks) {
    if (check.shared > 0) warnings.push_back(SayLeaks(check));
  }
  return fmt::format("{}", fmt::join(warnings, " "));
}

}  // namespace repro
