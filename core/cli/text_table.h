#pragma once
/// Text for a person's terminal: aligned tables and a little colour.

#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/text.h"

namespace repro {

enum class Style { kPlain, kBold, kDim, kGreen, kRed, kYellow, kBlue };

/// `text` between the escapes of `style`; as it is when `color` is false.
std::string Styled(std::string_view text, Style style, bool color);

/// Green for done, red for failed, ...: one colour a state everywhere.
Style StateStyle(std::string_view state);

/// A table with a header line, columns padded to their widest cell. Where that is too wide for the
/// terminal, the text of the last column goes on below itself; where even that does not fit, each
/// row becomes a paragraph of names and values. Cells are made printable when they are added.
class TextTable {
 public:
  struct Column {
    std::string header;
    bool right = false;  ///< numbers
  };
  struct Cell {
    // NOLINTNEXTLINE(google-explicit-constructor): a row is written as a list of texts
    Cell(const std::string& cell_text, Style cell_style = Style::kPlain)
        : text(Printable(cell_text)), style(cell_style) {}
    // NOLINTNEXTLINE(google-explicit-constructor): as above
    Cell(const char* cell_text) : Cell(std::string(cell_text)) {}
    std::string text;
    Style style;
  };

  explicit TextTable(std::vector<Column> columns) : columns_(std::move(columns)) {}
  /// As many cells as columns.
  void AddRow(std::vector<Cell> cells);
  bool empty() const { return rows_.empty(); }
  /// In at most `width` columns; 0: as many as it takes.
  void Print(std::ostream& out, bool color, std::size_t width = 0) const;

 private:
  void PrintParagraphs(std::ostream& out, bool color, std::size_t width) const;

  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace repro
