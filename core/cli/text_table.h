#pragma once
/// Text for a person's terminal: aligned tables, a little colour, and data that cannot take the
/// terminal over.

#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace repro {

/// `text` with everything a terminal might act on made visible: control characters (C0 with ESC,
/// DEL, C1), bidirectional overrides and bytes that are not UTF-8 become "\x1b", "\u202e". Line
/// breaks and tabs become spaces, unless `keep_lines`. Everything that comes from a manifest, a
/// task or a file passes through here.
std::string Printable(std::string_view text, bool keep_lines = false);

/// Columns that a text takes: one for each code point, two for wide East Asian ones, none for
/// combining marks.
std::size_t DisplayWidth(std::string_view text);

enum class Style { kPlain, kBold, kDim, kGreen, kRed, kYellow, kBlue };

/// `text` between the escapes of `style`; as it is when `color` is false.
std::string Styled(std::string_view text, Style style, bool color);

/// Green for done, red for failed, ...: one colour a state everywhere.
Style StateStyle(std::string_view state);

/// A table with a header line, columns padded to their widest cell. Cells are made printable when
/// they are added.
class TextTable {
 public:
  struct Column {
    std::string header;
    bool right = false;  ///< numbers
  };
  struct Cell {
    Cell(std::string cell_text,
         Style cell_style = Style::kPlain)  // NOLINT(google-explicit-constructor)
        : text(Printable(cell_text)), style(cell_style) {}
    Cell(const char* cell_text)
        : Cell(std::string(cell_text)) {}  // NOLINT(google-explicit-constructor)
    std::string text;
    Style style;
  };

  explicit TextTable(std::vector<Column> columns) : columns_(std::move(columns)) {}
  /// As many cells as columns.
  void AddRow(std::vector<Cell> cells);
  bool empty() const { return rows_.empty(); }
  void Print(std::ostream& out, bool color) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace repro
