#pragma once
/// The terminal that standard output is, or would be.

#include <cstddef>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace repro {

struct TerminalSize {
  std::size_t columns = 80;
  std::size_t rows = 24;
};

/// Of standard output; COLUMNS x LINES, or `otherwise`, where it is no terminal.
TerminalSize CurrentTerminalSize(TerminalSize otherwise = {});

/// Columns for text that is read, not drawn: of the terminal, or 100, and never so many that a line
/// is hard to follow.
std::size_t ReadingWidth();

/// Columns that tables must fit in: of the terminal, or COLUMNS; 0, no limit, where there is
/// neither.
std::size_t TableWidth();

/// Whether the locale of the environment (LC_ALL, LC_CTYPE, LANG) writes UTF-8.
bool LocaleIsUtf8();

/// The first `columns` columns of a text without escapes.
std::string CutToColumns(const std::string& text, std::size_t columns);

/// The first `columns` columns of a line that may have colours: escapes take no column, and the
/// last one ends the colour. A line that is cut ends with `ellipsis`.
std::string CutColored(const std::string& line, std::size_t columns,
                       std::string_view ellipsis = "");

/// A text without escapes as lines of at most `columns` columns (at least 1), broken at blanks; a
/// word that is wider is broken anywhere. At least one line.
std::vector<std::string> WrapToColumns(const std::string& text, std::size_t columns);

/// Takes the whole terminal for as long as it lives (the alternate screen, without a cursor), and
/// gives it back as it was.
class Screen {
 public:
  explicit Screen(std::ostream& out);
  ~Screen();
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  /// Shows these lines in place of what was there; what is wider or longer than the terminal is
  /// cut.
  void Draw(const std::vector<std::string>& lines, TerminalSize size);

 private:
  std::ostream& out_;
};

}  // namespace repro
