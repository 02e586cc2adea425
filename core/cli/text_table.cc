#include "core/cli/text_table.h"

#include <algorithm>
#include <ostream>

#include <fmt/format.h>

#include "core/base/check.h"
#include "core/base/text.h"

namespace repro {

std::string Styled(std::string_view text, Style style, bool color) {
  if (!color || style == Style::kPlain || text.empty()) return std::string(text);
  const int code = [style] {
    switch (style) {
      case Style::kBold:
        return 1;
      case Style::kDim:
        return 2;
      case Style::kGreen:
        return 32;
      case Style::kRed:
        return 31;
      case Style::kYellow:
        return 33;
      case Style::kBlue:
        return 34;
      case Style::kPlain:
        break;
    }
    return 0;
  }();
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

Style StateStyle(std::string_view state) {
  if (state == "done") return Style::kGreen;
  if (state == "running") return Style::kBlue;
  if (state == "failed" || state == "diverged" || state == "killed" || state == "lost") {
    return Style::kRed;
  }
  if (state == "partial" || state == "interrupted" || state == "continued") return Style::kYellow;
  return Style::kPlain;
}

void TextTable::AddRow(std::vector<Cell> cells) {
  REPRO_CHECK(cells.size() == columns_.size());
  rows_.push_back(std::move(cells));
}

void TextTable::Print(std::ostream& out, bool color) const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t width = DisplayWidth(columns_[i].header);
    for (const auto& row : rows_) width = std::max(width, DisplayWidth(row[i].text));
    widths.push_back(width);
  }
  const auto line = [&](std::size_t i, const std::string& text, Style style, std::string& to) {
    const std::string padding(widths[i] - DisplayWidth(text), ' ');
    const bool last = i + 1 == columns_.size();
    if (columns_[i].right) to += padding;
    to += Styled(text, style, color);
    if (!columns_[i].right && !last) to += padding;
    if (!last) to += "  ";
  };
  std::string text;
  for (std::size_t i = 0; i < columns_.size(); ++i) line(i, columns_[i].header, Style::kDim, text);
  text += '\n';
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) line(i, row[i].text, row[i].style, text);
    text += '\n';
  }
  out << text;
}

}  // namespace repro
