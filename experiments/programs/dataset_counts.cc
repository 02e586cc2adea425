#include "experiments/programs/dataset_counts.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/text.h"
#include "core/base/units.h"
#include "core/cli/terminal.h"
#include "core/cli/text_table.h"
#include "core/report/report_text.h"
#include "experiments/corpus/source/open_documents.h"
#include "experiments/corpus/source/text_lines.h"
#include "experiments/datasets/dataset_manifest.h"
#include "experiments/datasets/layouts/split_fields.h"
#include "experiments/tasks/source_documents.h"

namespace repro {
namespace {

constexpr const char* kNotSaid = "(not said)";

void AddDocument(std::string_view text, DocumentCounts& counts) {
  ++counts.documents;
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const std::string_view line = TakeLine(text);
    SplitAtBlanks(line, words);
    if (words.empty()) continue;
    ++counts.lines;
    counts.bytes += static_cast<std::int64_t>(line.size()) + 1;
    counts.words += static_cast<std::int64_t>(words.size());
  }
}

Status CountDocuments(const DatasetManifest& manifest, const std::vector<DatasetFileAt>& files,
                      bool strict, PartCounts& counts) {
  ReadNotes all;
  for (const DatasetFileAt& file : files) {
    ReadNotes notes(strict, manifest.id + "/" + file.name);
    const CorpusFile source = CorpusFileOf(SourceFileOf(manifest, file, /*sha256=*/{}));
    REPRO_ASSIGN_OR_RETURN(const auto reader, OpenDocuments(source, notes));
    TextDocument document;
    while (true) {
      REPRO_ASSIGN_OR_RETURN(const bool more, reader->Next(document));
      if (!more) break;
      const std::string& language = document.language.empty() ? file.language : document.language;
      AddDocument(document.text, counts.documents[language.empty() ? kNotSaid : language]);
    }
    for (const auto& [kind, count] : reader->passed_over()) counts.passed_over[kind] += count;
    REPRO_RETURN_IF_ERROR(all.MergeJson(notes.ToJson()));
  }
  for (const auto& [reason, note] : all.reasons()) {
    counts.faults[reason] = {.count = note.count, .messages = note.examples};
  }
  return {};
}

Status CountExampleFiles(const std::vector<DatasetFileAt>& files, bool strict, PartCounts& counts) {
  std::vector<LayoutFile> layout_files;
  for (const DatasetFileAt& file : files) {
    layout_files.push_back({.path = file.path,
                            .layout = file.part->layout,
                            .language = file.language,
                            .encoding = file.part->encoding});
  }
  REPRO_ASSIGN_OR_RETURN(counts.faults,
                         CountExamplesByLanguage(layout_files, {.skip = !strict}, counts.examples));
  return {};
}

/// Languages of a map of counts, that of which there is most first.
template <class Counts, class Size>
std::vector<std::string> LargestFirst(const std::map<std::string, Counts>& counts,
                                      const Size& size) {
  std::vector<std::string> languages;
  for (const auto& [language, unused] : counts) languages.push_back(language);
  std::stable_sort(languages.begin(), languages.end(), [&](const auto& a, const auto& b) {
    return size(counts.at(a)) > size(counts.at(b));
  });
  return languages;
}

std::string LabelList(const ExampleCounts& counts) {
  std::vector<std::string> labels;
  for (const auto& [label, count] : counts.by_label) {
    labels.push_back(fmt::format("{} {}", label, FormatCount(count)));
  }
  return fmt::format("{}", fmt::join(labels, ", "));
}

/// Prints the tables of the examples and of the documents, each where there are any.
class CountTables {
 public:
  explicit CountTables(const std::vector<PartCounts>& parts) : parts_(parts) {
    for (const PartCounts& part : parts) several_sets_ |= part.set != parts.front().set;
  }

  void Print(std::ostream& out, bool color, std::size_t width) const {
    const TextTable examples = Examples(), documents = Documents();
    if (!examples.empty()) examples.Print(out, color, width);
    if (!examples.empty() && !documents.empty()) out << '\n';
    if (!documents.empty()) documents.Print(out, color, width);
  }

 private:
  std::vector<TextTable::Column> Columns(std::vector<TextTable::Column> counts) const {
    std::vector<TextTable::Column> columns;
    if (several_sets_) columns.push_back({"set"});
    columns.push_back({"part"});
    columns.push_back({"language"});
    columns.insert(columns.end(), counts.begin(), counts.end());
    return columns;
  }
  std::vector<TextTable::Cell> Cells(const PartCounts& part, const std::string& language) const {
    std::vector<TextTable::Cell> cells;
    if (several_sets_) cells.emplace_back(part.set);
    cells.emplace_back(part.part);
    cells.emplace_back(language, Style::kBold);
    return cells;
  }
  /// Rows of several sets are summed up by language, too.
  template <class Counts, class Add, class Size>
  void AddTotals(const std::map<std::string, Counts>& by_language, std::size_t rows,
                 const Size& size, const Add& add) const {
    PartCounts all_parts;
    all_parts.set = all_parts.part = "all";
    if (several_sets_) {
      for (const std::string& language : LargestFirst(by_language, size)) {
        add(Cells(all_parts, language), by_language.at(language));
      }
    }
    if (rows < 2) return;
    Counts all;
    for (const auto& [language, counts] : by_language) all += counts;
    add(Cells(all_parts, ""), all);
  }

  TextTable Examples() const {
    TextTable table(
        Columns({{"examples", true}, {"sentences", true}, {"words", true}, {"labels or phrases"}}));
    std::map<std::string, ExampleCounts> by_language;
    const auto size = [](const ExampleCounts& counts) { return counts.examples; };
    std::size_t rows = 0;
    const auto add = [&](std::vector<TextTable::Cell> cells, const ExampleCounts& counts) {
      cells.emplace_back(FormatCount(counts.examples));
      cells.emplace_back(FormatCount(counts.sentences));
      cells.emplace_back(FormatCount(counts.words));
      cells.emplace_back(LabelList(counts));
      table.AddRow(std::move(cells));
      ++rows;
    };
    for (const PartCounts& part : parts_) {
      for (const std::string& language : LargestFirst(part.examples, size)) {
        add(Cells(part, language), part.examples.at(language));
        by_language[language] += part.examples.at(language);
      }
    }
    AddTotals(by_language, rows, size, add);
    return table;
  }

  TextTable Documents() const {
    TextTable table(
        Columns({{"documents", true}, {"lines", true}, {"bytes", true}, {"words", true}}));
    std::map<std::string, DocumentCounts> by_language;
    const auto size = [](const DocumentCounts& counts) { return counts.bytes; };
    std::size_t rows = 0;
    const auto add = [&](std::vector<TextTable::Cell> cells, const DocumentCounts& counts) {
      cells.emplace_back(FormatCount(counts.documents));
      cells.emplace_back(FormatCount(counts.lines));
      cells.emplace_back(FormatBytes(counts.bytes));
      cells.emplace_back(FormatCount(counts.words));
      table.AddRow(std::move(cells));
      ++rows;
    };
    for (const PartCounts& part : parts_) {
      for (const std::string& language : LargestFirst(part.documents, size)) {
        add(Cells(part, language), part.documents.at(language));
        by_language[language] += part.documents.at(language);
      }
    }
    AddTotals(by_language, rows, size, add);
    return table;
  }

  const std::vector<PartCounts>& parts_;
  bool several_sets_ = false;
};

/// What there is to know of a part beside its numbers.
std::vector<std::string> PartNotes(const PartCounts& part) {
  std::vector<std::string> notes;
  const std::string name = fmt::format("{}, `{}`", part.set, part.part);
  if (part.at_hand == AtHand::kNothing) notes.push_back(name + ": no file of it is at hand");
  if (part.layout == kFileLayout && part.files > 0) {
    notes.push_back(
        fmt::format("{}: {}, no text", name, Plural(static_cast<std::size_t>(part.files), "file")));
  }
  if (!part.stand_in_note.empty()) {
    notes.push_back(fmt::format("{} is a stand-in: {}", name, part.stand_in_note));
  }
  std::int64_t examples = 0;
  for (const auto& [language, counts] : part.examples) examples += counts.examples;
  if (part.stated > 0 && examples > 0 && examples != part.stated) {
    notes.push_back(fmt::format("{}: {} examples, the manifest says there are {}", name,
                                FormatCount(examples), FormatCount(part.stated)));
  }
  for (const auto& [reason, fault] : part.faults) {
    if (fault.count == 0) continue;  // of examples that are counted under another reason
    const std::string_view what = part.examples.empty() ? "wrong with the input"
                                  : fault.kept          ? "kept, but incomplete"
                                                        : "left out";
    notes.push_back(fmt::format("{}: {}: {} {}{}{}", name, what, FormatCount(fault.count), reason,
                                fault.messages.empty() ? "" : ", e.g. ",
                                fault.messages.empty() ? "" : fault.messages.front()));
  }
  for (const auto& [kind, count] : part.passed_over) {
    notes.push_back(
        fmt::format("{}: passed over, as no document: {} {}", name, FormatCount(count), kind));
  }
  return notes;
}

/// Visits each number of a part: language, what it counts, and it.
template <class Visit>
void EachNumber(const PartCounts& part, const Visit& visit) {
  for (const auto& [language, counts] : part.examples) {
    visit(language, "examples", counts.examples);
    visit(language, "sentences", counts.sentences);
    visit(language, "words", counts.words);
    for (const auto& [label, count] : counts.by_label) visit(language, "label " + label, count);
  }
  for (const auto& [language, counts] : part.documents) {
    visit(language, "documents", counts.documents);
    visit(language, "lines", counts.lines);
    visit(language, "bytes", counts.bytes);
    visit(language, "words", counts.words);
  }
  for (const auto& [reason, fault] : part.faults) {
    visit("", (fault.kept ? "incomplete " : "left out ") + reason, fault.count);
  }
  for (const auto& [kind, count] : part.passed_over) visit("", "passed over " + kind, count);
}

}  // namespace

DocumentCounts& DocumentCounts::operator+=(const DocumentCounts& other) {
  documents += other.documents;
  lines += other.lines;
  bytes += other.bytes;
  words += other.words;
  return *this;
}

Result<std::vector<PartCounts>> CountDataset(
    const DatasetManifest& manifest, const DatasetState& state, bool strict,
    const std::function<bool(const DatasetPart&)>& wants_part,
    const std::function<bool(const DatasetFileAt&)>& wants_file) {
  std::vector<PartCounts> parts;
  for (const PartState& at : state.parts) {
    if (!wants_part(*at.part)) continue;
    std::vector<DatasetFileAt> files;
    std::copy_if(at.files.begin(), at.files.end(), std::back_inserter(files), wants_file);
    PartCounts& counts = parts.emplace_back();
    counts.set = manifest.id;
    counts.part = at.part->name;
    counts.layout = at.part->layout;
    counts.at_hand = at.at_hand;
    if (at.at_hand == AtHand::kStandIn) counts.stand_in_note = at.part->stand_in_note;
    if (files.size() == at.files.size()) counts.stated = at.part->examples;
    counts.files = static_cast<std::int64_t>(files.size());
    if (files.empty() || counts.layout == kFileLayout) continue;
    REPRO_RETURN_IF_ERROR(HoldsExamples(counts.layout)
                              ? CountExampleFiles(files, strict, counts)
                              : CountDocuments(manifest, files, strict, counts));
  }
  return parts;
}

void PrintDatasetCounts(const std::vector<PartCounts>& parts, std::size_t table_width,
                        std::size_t width, bool color, std::ostream& out) {
  CountTables(parts).Print(out, color, table_width);
  bool first = true;
  for (const PartCounts& part : parts) {
    for (const std::string& note : PartNotes(part)) {
      if (std::exchange(first, false)) out << '\n';
      for (const std::string& line : WrapToColumns(Printable(note), width)) out << line << '\n';
    }
  }
}

Json DatasetCountsToJson(const std::vector<PartCounts>& parts) {
  Json list = Json::array();
  for (const PartCounts& part : parts) {
    Json rows = Json::array();
    for (const auto& [language, counts] : part.examples) {
      rows.push_back({{"language", language},
                      {"examples", counts.examples},
                      {"sentences", counts.sentences},
                      {"words", counts.words},
                      {"labels", counts.by_label}});
    }
    for (const auto& [language, counts] : part.documents) {
      rows.push_back({{"language", language},
                      {"documents", counts.documents},
                      {"lines", counts.lines},
                      {"bytes", counts.bytes},
                      {"words", counts.words}});
    }
    Json left_out = Json::object();
    Json incomplete = Json::object();
    for (const auto& [reason, fault] : part.faults) {
      (fault.kept ? incomplete : left_out)[reason] = {{"count", fault.count},
                                                      {"examples", fault.messages}};
    }
    list.push_back({{"set", part.set},
                    {"part", part.part},
                    {"layout", part.layout},
                    {"at_hand", AtHandName(part.at_hand)},
                    {"files", part.files},
                    {"stated_examples", part.stated},
                    {"rows", std::move(rows)},
                    {"left_out", std::move(left_out)},
                    {"incomplete", std::move(incomplete)},
                    {"passed_over", part.passed_over}});
  }
  return list;
}

std::string DatasetCountsToCsv(const std::vector<PartCounts>& parts) {
  std::string csv = "set,part,language,what,count\n";
  for (const PartCounts& part : parts) {
    EachNumber(part, [&](const std::string& language, const std::string& what, std::int64_t count) {
      csv += fmt::format("{},{},{},{},{}\n", CsvField(part.set), CsvField(part.part),
                         CsvField(language), CsvField(what), count);
    });
  }
  return csv;
}

}  // namespace repro
