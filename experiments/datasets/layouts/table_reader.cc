#include "experiments/datasets/layouts/table_reader.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/ranges.h>

#include "core/base/text.h"
#include "core/io/json_io.h"
#include "core/manifest/diagnostics.h"
#include "experiments/datasets/layouts/checked_lines.h"
#include "experiments/datasets/layouts/split_fields.h"

namespace repro {
namespace {

using Header = TableLayout::Header;
using Gives = TableLayout::Gives;

constexpr double kHighestScore = 5;

/// Whether a column may have the name; then also the code that "*" stands for.
bool Matches(std::string_view pattern, std::string_view name, std::string_view* code = nullptr) {
  if (!pattern.ends_with('*')) return pattern == name;
  pattern.remove_suffix(1);
  if (!name.starts_with(pattern)) return false;
  name.remove_prefix(pattern.size());
  if (name.empty() || name == "en") return false;
  if (code != nullptr) *code = name;
  return true;
}

bool IsNameOf(const TableLayout& layout, std::string_view name) {
  for (const ColumnNames* names : {&layout.columns, &layout.id, &layout.language, &layout.first,
                                   &layout.second, &layout.label}) {
    for (const std::string_view pattern : *names) {
      if (Matches(pattern, name)) return true;
    }
  }
  return false;
}

/// What a row says, as views into it.
struct RowFields {
  std::string_view id, language, first, second, label;
};

class TableReader {
 public:
  TableReader(const TableLayout& layout, const LayoutFile& file, const ReadRules& rules,
              CheckedLines lines, ExampleProblems& problems, const ExampleSink& sink)
      : layout_(layout),
        file_(file),
        rules_(rules),
        lines_(std::move(lines)),
        problems_(problems),
        sink_(sink) {}

  Status Read() {
    const bool jsonl = layout_.jsonl && lines_.Ahead(1) == "{";
    if (jsonl) labelled_ = true;
    bool first = !jsonl;
    std::int64_t blank = 0;  // the first blank line of those before this one
    while (const auto line = lines_.Next(problems_)) {
      if (!line->faulty && line->text.empty()) {
        if (blank == 0) blank = line->number;
        continue;
      }
      if (blank != 0) {  // blank lines at the end are none of our business
        problems_.Add("empty-line", lines_.Where(blank), "an empty line", "", "a row");
        problems_.EndExample();
        blank = 0;
      }
      if (std::exchange(first, false)) {
        bool header = false;
        if (!FindColumns(*line, header)) return {};
        if (header) continue;
      }
      ++rows_;
      RowFields row;
      if (!line->faulty) {
        line_ = *line;
        if (jsonl ? FromJson(row) : FromTable(row)) {
          REPRO_RETURN_IF_ERROR(Give(row));
          continue;
        }
      }
      problems_.EndExample();
    }
    return {};
  }

 private:
  void Fault(std::string_view reason, std::string_view what, std::string_view found,
             std::string_view expected) {
    problems_.Add(reason, lines_.Where(line_.number), what, found, expected);
  }

  /// By the first line; false when the file cannot be read.
  bool FindColumns(const CheckedLines::Line& line, bool& header) {
    if (line.faulty && layout_.header != Header::kNever) {
      problems_.EndExample();
      problems_.AddFile(fmt::format("{}: the first line, which may name the columns, is not read",
                                    lines_.Where(line.number)));
      return false;
    }
    SplitAtTabs(line.text, fields_);
    const auto known = std::count_if(fields_.begin(), fields_.end(),
                                     [this](std::string_view f) { return IsNameOf(layout_, f); });
    const bool looks_like_one = 2 * static_cast<std::size_t>(known) >= fields_.size();
    header = layout_.header != Header::kNever && looks_like_one;
    const auto fail = [&](std::string_view what) {
      problems_.AddFile(
          fmt::format("{}: {} (`{}`), expected the columns {}", lines_.Where(line.number), what,
                      Printable(Prefix(line.text, 200)), fmt::join(layout_.columns, ", ")));
      return false;
    };
    if (!header && layout_.header == Header::kAlways) return fail("no line of column names");
    const ColumnNames names = header ? fields_ : layout_.columns;
    columns_ = names.size();
    const auto find = [&](const ColumnNames& patterns, std::string_view* code = nullptr) {
      for (const std::string_view pattern : patterns) {
        for (std::size_t i = 0; i < names.size(); ++i) {
          if (Matches(pattern, names[i], code)) return static_cast<int>(i);
        }
      }
      return -1;
    };
    std::string_view code;
    id_ = find(layout_.id);
    language_ = find(layout_.language, &code);
    first_ = find(layout_.first);
    second_ = find(layout_.second);
    label_ = find(layout_.label);
    labelled_ = label_ >= 0;
    for (const auto& [patterns, at] :
         {std::pair(&layout_.first, first_), std::pair(&layout_.second, second_),
          std::pair(&layout_.language, language_)}) {
      if (at < 0 && !patterns->empty()) {
        return fail(fmt::format("no column `{}`", patterns->front()));
      }
    }
    if (!labelled_ && (rules_.needs_labels || !layout_.may_lack_labels)) {
      return fail(fmt::format("no column `{}`", layout_.label.front()));
    }
    if (!code.empty()) {  // the column's name says the language, not its text
      header_language_ = code;
      language_ = -1;
    }
    // Annotators' labels stand before the gold one, and the header names those of most rows.
    label_last_ = layout_.more_annotators && labelled_ && columns_ > 1 &&
                  label_ + 1 == static_cast<int>(columns_) && names[columns_ - 2] == "label1";
    return true;
  }

  bool FromTable(RowFields& row) {
    constexpr std::size_t kMoreAnnotators = 4;
    SplitAtTabs(line_.text, fields_);
    const std::size_t count = fields_.size();
    if (count != columns_ && !(label_last_ && count == columns_ + kMoreAnnotators)) {
      Fault("columns", Plural(count, "column"), line_.text, std::to_string(columns_));
      return false;
    }
    const auto field = [this](int at) {
      return at < 0 ? std::string_view() : fields_[static_cast<std::size_t>(at)];
    };
    row = {.id = field(id_),
           .language = field(language_),
           .first = field(first_),
           .second = field(second_),
           .label = label_last_ ? fields_.back() : field(label_)};
    return true;
  }

  bool FromJson(RowFields& row) {
    json_ = Json::parse(line_.text, nullptr, /*allow_exceptions=*/false);
    if (!json_.is_object()) {
      Fault("json", "no JSON object", line_.text, "one on each line");
      return false;
    }
    bool all = true;
    const auto field = [&](const ColumnNames& names, std::string_view& to) {
      for (const std::string_view name : names) {
        const auto found = json_.find(name);
        if (found == json_.end() || !found->is_string()) continue;
        to = found->get_ref<const std::string&>();
        return;
      }
      if (names.empty()) return;
      all = false;
      Fault("field", fmt::format("no text `{}`", names.front()), line_.text, "one");
    };
    field(layout_.id, row.id);
    field(layout_.language, row.language);
    field(layout_.first, row.first);
    field(layout_.second, row.second);
    field(layout_.label, row.label);
    return all;
  }

  void CheckText(const ColumnNames& names, std::string_view text) {
    if (!names.empty() && IsBlankLine(text)) {
      Fault("empty-field", fmt::format("no text in `{}`", names.front()), line_.text, "some");
    } else if (text.find('\0') != std::string_view::npos) {  // "\u0000" of JSON
      Fault("nul", fmt::format("a NUL in `{}`", names.front()), text, "text");
    }
  }

  std::optional<int> Label(std::string_view text) {
    for (const LabelSpelling& spelling : layout_.spellings) {
      if (spelling.text == text) return spelling.label;
    }
    std::vector<std::string> usual;
    for (const LabelSpelling& spelling : layout_.spellings) {
      if (usual.size() < layout_.label_names.size()) usual.emplace_back(spelling.text);
    }
    Fault("unknown-label", "unknown label", text,
          OneOfText(usual) + (text.size() > 1 ? DidYouMean(text, usual) : ""));
    return std::nullopt;
  }

  std::optional<double> Score(std::string_view text) {
    double score = -1;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), score);
    const bool number = parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
    if (number && score >= 0 && score <= kHighestScore) return score;
    Fault("score", "score", text, "a number from 0 to 5");
    return std::nullopt;
  }

  Status Give(const RowFields& row) {
    CheckText(layout_.first, row.first);
    CheckText(layout_.second, row.second);
    if (!layout_.language.empty() && header_language_.empty() && row.language.empty()) {
      Fault("empty-field", "no language", line_.text, "its code");
    }
    const bool nli = layout_.gives == Gives::kNliPair;
    const bool no_gold = nli && row.label == "-";
    std::optional<int> label;
    std::optional<double> score;
    if (labelled_ && !no_gold) {
      if (layout_.label_names.empty()) {
        score = Score(row.label);
      } else {
        label = Label(row.label);
      }
    }
    if (!problems_.EndExample()) return {};
    if (no_gold) {
      problems_.LeaveOut("no-gold-label");
      return {};
    }
    std::string id = row.id.empty() ? std::to_string(rows_) : std::string(row.id);
    std::string language = !row.language.empty()       ? std::string(row.language)
                           : !header_language_.empty() ? header_language_
                                                       : file_.language;
    if (!nli) {
      return sink_(TextRow{std::move(id), std::string(row.first), std::string(row.second), label,
                           score, std::move(language)});
    }
    NliPair pair;
    pair.id = std::move(id);
    pair.premise = row.first;
    pair.hypothesis = row.second;
    pair.label = label;
    pair.language = std::move(language);
    if (layout_.translated) pair.translated_from = std::exchange(pair.language, "en");
    return sink_(std::move(pair));
  }

  const TableLayout& layout_;
  const LayoutFile& file_;
  const ReadRules& rules_;
  CheckedLines lines_;
  ExampleProblems& problems_;
  const ExampleSink& sink_;
  std::size_t columns_ = 0;
  int id_ = -1, language_ = -1, first_ = -1, second_ = -1, label_ = -1;
  bool labelled_ = false;
  bool label_last_ = false;
  std::string header_language_;
  std::int64_t rows_ = 0;
  CheckedLines::Line line_;
  std::vector<std::string_view> fields_;
  Json json_;
};

}  // namespace

Status ReadTable(const TableLayout& layout, const LayoutFile& file, const ReadRules& rules,
                 ExampleProblems& problems, const ExampleSink& sink) {
  REPRO_ASSIGN_OR_RETURN(CheckedLines lines, CheckedLines::Open(file.path, file.encoding));
  return TableReader(layout, file, rules, std::move(lines), problems, sink).Read();
}

}  // namespace repro
