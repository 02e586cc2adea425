#include "experiments/programs/clean_report_writers.h"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/text.h"
#include "core/base/units.h"
#include "core/cli/log_access.h"
#include "core/cli/terminal.h"
#include "core/cli/text_table.h"
#include "core/report/report_text.h"
#include "core/report/share_bars.h"

namespace repro {
namespace {

constexpr const char* kAll = "all";
constexpr const char* kRead = "read";
constexpr const char* kKept = "kept";

/// What a table's cell says of an amount: how much, and which share of what was read.
struct AmountCell {
  std::string count;
  std::string share;
};

std::int64_t CountOf(const TextAmount& amount, const FunnelLook& look) {
  return amount.*look.unit->count;
}

/// Of what was read, of each stage's drop, and of what was kept.
std::vector<AmountCell> AmountCells(const FunnelRow& row, const std::vector<std::string>& stages,
                                    const FunnelLook& look) {
  const std::int64_t whole = CountOf(row.read, look);
  std::vector<AmountCell> cells = {{look.unit->show(whole), ""}};
  const auto add = [&](const TextAmount& amount) {
    const std::int64_t count = CountOf(amount, look);
    cells.push_back({look.unit->show(count), FormatShare(count, whole)});
  };
  for (const std::string& stage : stages) add(row.DroppedBy(stage));
  add(row.kept);
  return cells;
}

std::size_t CountLanguages(const FunnelTable& table) {
  std::set<std::string> languages;
  for (const FunnelRow& row : table.rows) languages.insert(row.language);
  languages.erase(std::string(Funnel::kUnknownLanguage));
  return languages.size();
}

/// What there is to say of rows without a language; empty where there are none.
std::string UnknownLanguageNote(const FunnelTable& table) {
  const bool any = std::any_of(table.rows.begin(), table.rows.end(), [](const FunnelRow& row) {
    return row.language == Funnel::kUnknownLanguage;
  });
  return any ? fmt::format("{}: nobody said or found out which language it is in",
                           Funnel::kUnknownLanguage)
             : "";
}

std::string Headline(const FunnelTable& table, const FunnelLook& look) {
  const std::int64_t read = CountOf(table.total.read, look);
  const std::int64_t kept = CountOf(table.total.kept, look);
  const char* const noun = look.unit->count == &TextAmount::bytes ? "" : look.unit->name;
  return fmt::format("{}{}{} in {} read, {} ({}) kept", look.unit->show(read),
                     *noun == '\0' ? "" : " ", noun, Plural(CountLanguages(table), "language"),
                     look.unit->show(kept), FormatShare(kept, read));
}

/// How many rejects are kept of each stage.
std::map<std::string, std::size_t> RejectCounts(const CleanReport& report) {
  std::map<std::string, std::size_t> counts;
  for (const auto& [key, rejects] : report.rejects.rejects()) counts[key.stage] += rejects.size();
  return counts;
}

std::vector<TextTable::Column> FunnelColumns(const FunnelTable& table, const FunnelLook& look) {
  std::vector<TextTable::Column> columns = {{"language"}};
  if (look.by_set) columns.push_back({"set"});
  columns.push_back({kRead, true});
  for (const std::string& stage : table.stages) columns.push_back({stage, true});
  columns.push_back({kKept, true});
  return columns;
}

/// `two_rows`: shares stand below what they are of, so that it takes less columns.
TextTable FunnelTextTable(const FunnelTable& table, const FunnelLook& look, bool two_rows) {
  TextTable text(FunnelColumns(table, look));
  const auto add = [&](const FunnelRow& row, const std::string& name) {
    const std::vector<AmountCell> amounts = AmountCells(row, table.stages, look);
    const auto begin = [&](const std::string& language, const std::string& set) {
      std::vector<TextTable::Cell> cells = {{language, Style::kBold}};
      if (look.by_set) cells.emplace_back(set);
      return cells;
    };
    std::vector<TextTable::Cell> first = begin(name, row.set), second = begin("", "");
    for (const AmountCell& amount : amounts) {
      const bool below = two_rows || amount.share.empty();
      first.emplace_back(below ? amount.count : amount.count + "  " + amount.share);
      second.emplace_back(amount.share, Style::kDim);
    }
    text.AddRow(std::move(first));
    if (two_rows) text.AddRow(std::move(second));
  };
  for (const FunnelRow& row : table.rows) add(row, row.language);
  add(table.total, kAll);
  return text;
}

void PrintFunnelTable(const FunnelTable& table, const FunnelLook& look, std::ostream& out) {
  const TextTable one_row = FunnelTextTable(table, look, false);
  if (look.table_width > 0) {
    const auto fits = [&](const TextTable& text) {
      std::ostringstream wide;
      text.Print(wide, /*color=*/false);
      const std::string lines = wide.str();
      return DisplayWidth(std::string_view(lines).substr(0, lines.find('\n'))) <= look.table_width;
    };
    const TextTable two_rows = FunnelTextTable(table, look, true);
    if (!fits(one_row) && fits(two_rows)) {
      two_rows.Print(out, look.color, look.table_width);
      return;
    }
  }
  one_row.Print(out, look.color, look.table_width);
}

ShareBars FunnelBars(const FunnelTable& table, const FunnelLook& look) {
  ShareBars bars{.classes = {kKept}, .bars = {}};
  for (const std::string& stage : table.stages) bars.classes.push_back("dropped by " + stage);
  const auto add = [&](const FunnelRow& row, const std::string& name) {
    ShareBar bar{.name = name, .whole = CountOf(row.read, look), .parts = {}};
    if (!row.set.empty()) bar.name += " " + row.set;
    bar.parts.push_back(CountOf(row.kept, look));
    for (const std::string& stage : table.stages) {
      bar.parts.push_back(CountOf(row.DroppedBy(stage), look));
    }
    bars.bars.push_back(std::move(bar));
  };
  for (const FunnelRow& row : table.rows) add(row, row.language);
  add(table.total, kAll);
  return bars;
}

void PrintWrapped(const std::string& text, std::size_t indent, const FunnelLook& look,
                  std::ostream& out) {
  const std::size_t room = look.width > indent + 20 ? look.width - indent : 20;
  for (const std::string& line : WrapToColumns(Printable(text), room)) {
    out << std::string(indent, ' ') << line << '\n';
  }
}

void PrintNotes(const CleanReport& report, const FunnelLook& look, std::ostream& out) {
  for (const auto& [reason, note] : report.notes.reasons()) {
    PrintWrapped(fmt::format("wrong with the input: {} {}{}{}", FormatCount(note.count), reason,
                             note.examples.empty() ? "" : ", e.g. ",
                             note.examples.empty() ? "" : note.examples.front()),
                 0, look, out);
  }
  if (!report.passed_over.empty()) {
    std::vector<std::string> kinds;
    for (const auto& [kind, count] : report.passed_over) {
      kinds.push_back(fmt::format("{} {}", FormatCount(count), kind));
    }
    PrintWrapped(fmt::format("passed over, as no document: {}", fmt::join(kinds, ", ")), 0, look,
                 out);
  }
  const auto counts = RejectCounts(report);
  if (counts.empty()) return;
  std::size_t all = 0;
  std::vector<std::string> stages;
  for (const std::string& stage : report.stages) {
    const auto found = counts.find(stage);
    if (found == counts.end()) continue;
    all += found->second;
    stages.push_back(fmt::format("{} {}", stage, found->second));
  }
  PrintWrapped(fmt::format("{} to be read ({}): {} --rejects [STAGE[:REASON]]",
                           Plural(all, "reject"), fmt::join(stages, ", "), look.command),
               0, look, out);
}

Json AmountToJson(const TextAmount& amount) {
  return {{"documents", amount.documents}, {"lines", amount.lines}, {"bytes", amount.bytes}};
}

Json ClassesToJson(const CleanReport& report) {
  Json classes = Json::object();
  for (const auto& [language, amounts] : report.classes) {
    for (const auto& [name, amount] : amounts) classes[language][name] = AmountToJson(amount);
  }
  return classes;
}

Json FunnelRowToJson(const FunnelRow& row, const std::vector<std::string>& stages) {
  Json dropped = Json::object();
  for (const std::string& stage : stages) dropped[stage] = Json::object();
  for (const auto& [what, amount] : row.dropped) {
    dropped[what.stage][what.reason] = AmountToJson(amount);
  }
  return {{"read", AmountToJson(row.read)},
          {"kept", AmountToJson(row.kept)},
          {"dropped", std::move(dropped)}};
}

/// Calls `visit` with the first rejects of each key.
template <class Visit>
void EachReject(const CleanReport& report, const std::vector<RejectSample::Key>& keys,
                std::size_t count, const Visit& visit) {
  for (const RejectSample::Key& key : keys) {
    const auto& rejects = report.rejects.rejects().at(key);
    for (std::size_t i = 0; i < std::min(count, rejects.size()); ++i) visit(key, rejects[i]);
  }
}

/// By language, the one of which most is kept first: how much is of each class.
PageTable ClassPageTable(const CleanReport& report, const FunnelLook& look) {
  PageTable page;
  page.title = "Classes of quality";
  page.about = fmt::format(
      "In {} of what is kept; perplexity up to its language's 30th percentile is head, up to the "
      "60th middle.",
      look.unit->name);
  page.columns = {{"Language"}};
  std::vector<std::string> names = {"head", "middle", "tail"};
  const bool unclassed = std::any_of(report.classes.begin(), report.classes.end(),
                                     [](const auto& of) { return of.second.contains("all"); });
  if (unclassed) names.emplace_back("all");
  for (const std::string& name : names) page.columns.push_back({name, true});
  std::vector<std::pair<std::int64_t, std::vector<PageCell>>> rows;
  for (const auto& [language, amounts] : report.classes) {
    std::int64_t whole = 0;
    for (const auto& [name, amount] : amounts) whole += CountOf(amount, look);
    std::vector<PageCell> cells = {{language, ""}};
    for (const std::string& name : names) {
      const auto found = amounts.find(name);
      const std::int64_t count = found == amounts.end() ? 0 : CountOf(found->second, look);
      cells.push_back({look.unit->show(count), FormatShare(count, whole)});
    }
    rows.emplace_back(whole, std::move(cells));
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  for (auto& [whole, cells] : rows) page.rows.push_back(std::move(cells));
  return page;
}

PageTable LanguagePageTable(const FunnelTable& table, const FunnelLook& look) {
  PageTable page;
  page.title = look.by_set ? "Languages and their data sets" : "Languages";
  page.about = fmt::format("In {}; shares are of what was read.", look.unit->name);
  if (const std::string note = UnknownLanguageNote(table); !note.empty()) {
    page.about += " " + note + ".";
  }
  page.columns = {{"Language"}};
  if (look.by_set) page.columns.push_back({"Data set"});
  page.columns.push_back({"Read", true});
  for (const std::string& stage : table.stages) page.columns.push_back({stage, true});
  page.columns.push_back({"Kept", true});
  const auto add = [&](const FunnelRow& row, const std::string& name) {
    std::vector<PageCell> cells = {{name, ""}};
    if (look.by_set) cells.push_back({row.set, ""});
    for (const AmountCell& amount : AmountCells(row, table.stages, look)) {
      cells.push_back({amount.count, amount.share});
    }
    page.rows.push_back(std::move(cells));
  };
  for (const FunnelRow& row : table.rows) add(row, row.language);
  add(table.total, kAll);
  return page;
}

PageTable ReasonPageTable(const FunnelTable& table) {
  PageTable page{
      .title = "Why it was dropped",
      .about = "",
      .columns = {{"Stage"}, {"Reason"}, {"Documents", true}, {"Lines", true}, {"Bytes", true}},
      .rows = {}};
  for (const auto& [what, amount] : Reasons(table.total, table.stages)) {
    page.rows.push_back({{what.stage, ""},
                         {what.reason, ""},
                         {FormatCount(amount.documents), ""},
                         {FormatCount(amount.lines), ""},
                         {FormatBytes(amount.bytes), ""}});
  }
  return page;
}

PageTable NotesPageTable(const CleanReport& report) {
  PageTable page{.title = "What was wrong with the input, and what was passed over",
                 .about = "",
                 .columns = {{"What"}, {"Times", true}, {"For example"}},
                 .rows = {}};
  for (const auto& [reason, note] : report.notes.reasons()) {
    page.rows.push_back({{"wrong: " + reason, ""},
                         {FormatCount(note.count), ""},
                         {note.examples.empty() ? "" : note.examples.front(), ""}});
  }
  for (const auto& [kind, count] : report.passed_over) {
    page.rows.push_back({{"passed over: " + kind, ""}, {FormatCount(count), ""}, {"", ""}});
  }
  return page;
}

PageTable RejectPageTable(const CleanReport& report, std::size_t count) {
  PageTable page{.title = "Some of what was dropped",
                 .about = fmt::format("At most {} of each stage, reason and language, drawn from "
                                      "where they stand.",
                                      count),
                 .columns = {{"Stage"}, {"Reason"}, {"Language"}, {"Text"}},
                 .rows = {},
                 .open = false};
  std::vector<RejectSample::Key> keys;
  for (const auto& [key, rejects] : report.rejects.rejects()) keys.push_back(key);
  EachReject(report, keys, count, [&](const auto& key, const RejectSample::Reject& reject) {
    page.rows.push_back({{key.stage, ""},
                         {key.reason, ""},
                         {key.language, ""},
                         {reject.text, fmt::format("{}, {}", reject.set, reject.source)}});
  });
  return page;
}

}  // namespace

void PrintFunnel(const CleanReport& report, const FunnelLook& look, std::ostream& out) {
  const FunnelTable table = MakeFunnelTable(report, *look.unit, look.by_set);
  out << Styled(Printable(report.task.label), Style::kBold, look.color) << ": "
      << Headline(table, look) << "\n\n";
  PrintFunnelTable(table, look, out);
  if (const std::string note = UnknownLanguageNote(table); !note.empty()) {
    PrintWrapped(note, 0, look, out);
  }
  out << '\n';
  for (const std::string& row :
       DrawShareBars(FunnelBars(table, look),
                     {.width = look.width, .color = look.color, .unicode = look.unicode})) {
    out << row << '\n';
  }
  TextTable reasons(
      {{"dropped by"}, {"reason"}, {"documents", true}, {"lines", true}, {"bytes", true}});
  for (const auto& [what, amount] : Reasons(table.total, table.stages)) {
    reasons.AddRow({what.stage, what.reason, FormatCount(amount.documents),
                    FormatCount(amount.lines), FormatBytes(amount.bytes)});
  }
  if (!reasons.empty()) {
    out << '\n';
    reasons.Print(out, look.color, look.table_width);
  }
  if (!report.classes.empty()) {
    const PageTable classes = ClassPageTable(report, look);
    std::vector<TextTable::Column> columns = {{"classes"}};
    for (std::size_t i = 1; i < classes.columns.size(); ++i) {
      columns.push_back({classes.columns[i].name, true});
    }
    TextTable by_class(columns);
    for (const auto& row : classes.rows) {
      std::vector<TextTable::Cell> cells = {{row.front().text, Style::kBold}};
      for (std::size_t i = 1; i < row.size(); ++i) {
        cells.emplace_back(row[i].text + "  " + row[i].below);
      }
      by_class.AddRow(std::move(cells));
    }
    out << '\n';
    by_class.Print(out, look.color, look.table_width);
  }
  std::ostringstream notes;
  PrintNotes(report, look, notes);
  if (!notes.str().empty()) out << '\n' << notes.str();
}

void PrintRejects(const CleanReport& report, const std::vector<RejectSample::Key>& keys,
                  std::size_t count, const FunnelLook& look, std::ostream& out) {
  constexpr std::size_t kIndent = 2;
  if (keys.empty()) {
    const auto& rows = report.funnel.rows();
    const bool dropped = std::any_of(rows.begin(), rows.end(),
                                     [](const auto& row) { return !row.second.dropped.empty(); });
    out << (dropped ? "No reject is here: results that were imported hold no text.\n"
                    : "Nothing was dropped, so no reject is kept.\n");
    return;
  }
  const RejectSample::Key* last = nullptr;
  EachReject(report, keys, count, [&](const auto& key, const RejectSample::Reject& reject) {
    if (last != &key) {
      const std::size_t kept = report.rejects.rejects().at(key).size();
      out << (last == nullptr ? "" : "\n")
          << Styled(Printable(fmt::format("{}: {}, {}", key.stage, key.reason, key.language)),
                    Style::kBold, look.color)
          << fmt::format(" ({} of {} kept)\n", std::min(count, kept), kept);
      last = &key;
    }
    out << std::string(kIndent, ' ')
        << Styled(CutToColumns(Printable(fmt::format("{}: {}", reject.set, reject.source)),
                               look.width - kIndent),
                  Style::kDim, look.color)
        << '\n';
    PrintWrapped(reject.text, 2 * kIndent, look, out);
  });
}

Json FunnelToJson(const CleanReport& report, const FunnelLook& look) {
  const FunnelTable table = MakeFunnelTable(report, *look.unit, look.by_set);
  Json rows = Json::array();
  for (const FunnelRow& row : table.rows) {
    Json json = FunnelRowToJson(row, table.stages);
    json["language"] = row.language;
    if (look.by_set) json["set"] = row.set;
    rows.push_back(std::move(json));
  }
  return {{"task", report.task.key},
          {"label", report.task.label},
          {"stages", report.stages},
          {"rows", std::move(rows)},
          {"total", FunnelRowToJson(table.total, table.stages)},
          {"classes", ClassesToJson(report)},
          {"notes", report.notes.ToJson()},
          {"passed_over", report.passed_over},
          {"rejects", RejectCounts(report)}};
}

Json RejectsToJson(const CleanReport& report, const std::vector<RejectSample::Key>& keys,
                   std::size_t count) {
  Json list = Json::array();
  EachReject(report, keys, count, [&](const auto& key, const RejectSample::Reject& reject) {
    list.push_back({{"stage", key.stage},
                    {"reason", key.reason},
                    {"language", key.language},
                    {"set", reject.set},
                    {"source", reject.source},
                    {"text", reject.text}});
  });
  return {{"task", report.task.key}, {"rejects", std::move(list)}};
}

std::string FunnelToCsv(const CleanReport& report) {
  std::string csv = "set,language,step,reason,documents,lines,bytes\n";
  for (const auto& [key, row] : report.funnel.rows()) {
    const auto add = [&](const std::string& step, const std::string& reason,
                         const TextAmount& amount) {
      csv += fmt::format("{},{},{},{},{},{},{}\n", CsvField(key.set), CsvField(key.language),
                         CsvField(step), CsvField(reason), amount.documents, amount.lines,
                         amount.bytes);
    };
    add(kRead, "", row.read);
    for (const auto& [what, amount] : Reasons(row, report.stages)) {
      add(what.stage, what.reason, amount);
    }
    add(kKept, "", row.kept);
  }
  return csv;
}

TablePage FunnelPage(const CleanReport& report, const FunnelLook& look, std::size_t rejects) {
  const FunnelTable table = MakeFunnelTable(report, *look.unit, look.by_set);
  TablePage page;
  page.kind = "What became of the text";
  page.title = report.task.label;
  page.headline = {Headline(table, look) + "."};
  page.chart_title = "Kept and dropped, by language";
  page.chart_about =
      fmt::format("Shares of the {} that were read; the language of which most was read first.",
                  look.unit->name);
  page.chart = FunnelBars(table, look);
  page.show_part = look.unit->show;
  page.tables = {LanguagePageTable(table, look), ReasonPageTable(table), NotesPageTable(report),
                 RejectPageTable(report, rejects)};
  if (!report.classes.empty()) {
    page.tables.insert(page.tables.begin() + 1, ClassPageTable(report, look));
  }
  page.facts = {{"Task", ShortKey(report.task.key)},
                {"Stages", fmt::format("{}", fmt::join(report.stages, ", "))},
                {"Build", report.task.build},
                {"Finished", FormatTime(report.task.finished_ms)}};
  page.made_ms = WallTimeMs();
  return page;
}

}  // namespace repro
