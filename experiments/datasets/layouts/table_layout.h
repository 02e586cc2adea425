#pragma once
/// What tells one layout of tables from another: names and order of columns, and the labels.

#include <string>
#include <string_view>
#include <vector>

namespace repro {

/// Names that one column has in files of the layout, the usual one first. A "*" at the end stands
/// for a code of a language that is not "en".
using ColumnNames = std::vector<std::string_view>;

/// How a label is written; several may mean the same.
struct LabelSpelling {
  std::string_view text;
  int label;
};

struct TableLayout {
  enum class Header { kAlways, kNever, kMaybe };
  enum class Gives { kNliPair, kTextRow };

  std::string_view name;
  Gives gives = Gives::kTextRow;
  Header header = Header::kMaybe;
  ColumnNames columns{};  ///< as published, in order: what a file without a header has
  ColumnNames id{}, language{}, first{}, second{}, label{};  ///< empty: the layout has none
  std::vector<std::string> label_names{};                    ///< empty: the label is a score
  std::vector<LabelSpelling> spellings{};
  bool may_lack_labels = true;   ///< test files have no such column
  bool more_annotators = false;  ///< rows may hold label2 to label5 before the gold label
  bool jsonl = false;            ///< published as JSON lines, too
  bool translated = false;       ///< the language is the one that was translated from
};

/// Null for a layout that is no table.
const TableLayout* FindTableLayout(std::string_view name);
std::vector<std::string> TableLayoutNames();

}  // namespace repro
