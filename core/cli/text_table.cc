#include "core/cli/text_table.h"

#include <algorithm>
#include <ostream>

#include <fmt/format.h>

#include "core/base/check.h"
#include "core/base/text.h"
#include "core/cli/terminal.h"

namespace repro {
namespace {

constexpr std::size_t kGap = 2;         // columns between two cells
constexpr std::size_t kLeastLast = 24;  // columns that text in the last column must keep
constexpr std::size_t kIndent = 2;      // of a row's first cell where rows are paragraphs

}  // namespace

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

void TextTable::Print(std::ostream& out, bool color, std::size_t width) const {
  std::vector<std::size_t> widths;
  std::size_t before_last = 0;  // columns left of the last one
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t widest = DisplayWidth(columns_[i].header);
    for (const auto& row : rows_) widest = std::max(widest, DisplayWidth(row[i].text));
    widths.push_back(widest);
    if (i + 1 < columns_.size()) before_last += widest + kGap;
  }
  const bool too_wide = width > 0 && before_last + widths.back() > width;
  if (too_wide) {
    const std::size_t least = std::max(kLeastLast, DisplayWidth(columns_.back().header));
    if (columns_.back().right || before_last + least > width) {
      PrintParagraphs(out, color, width);
      return;
    }
    widths.back() = width - before_last;
  }
  const auto line = [&](std::size_t i, const std::string& text, Style style, std::string& to) {
    const std::string padding(widths[i] - DisplayWidth(text), ' ');
    const bool last = i + 1 == columns_.size();
    if (columns_[i].right) to += padding;
    to += Styled(text, style, color);
    if (!columns_[i].right && !last) to += padding;
    if (!last) to += std::string(kGap, ' ');
  };
  std::string text;
  for (std::size_t i = 0; i < columns_.size(); ++i) line(i, columns_[i].header, Style::kDim, text);
  text += '\n';
  for (const auto& row : rows_) {
    std::vector<std::string> last = {row.back().text};
    if (too_wide) last = WrapToColumns(row.back().text, widths.back());
    for (std::size_t i = 0; i + 1 < row.size(); ++i) line(i, row[i].text, row[i].style, text);
    line(row.size() - 1, last.front(), row.back().style, text);
    text += '\n';
    for (std::size_t i = 1; i < last.size(); ++i) {
      text += std::string(before_last, ' ') + Styled(last[i], row.back().style, color) + '\n';
    }
  }
  out << text;
}

void TextTable::PrintParagraphs(std::ostream& out, bool color, std::size_t width) const {
  const auto trimmed = [](const std::string& text) {
    const std::size_t first = text.find_first_not_of(' ');
    return first == std::string::npos ? std::string() : text.substr(first);
  };
  std::string text;
  for (const auto& row : rows_) {
    // The first cell names the row.
    const std::string head =
        columns_[0].right ? trimmed(columns_[0].header) + ' ' + row[0].text : row[0].text;
    for (const std::string& part : WrapToColumns(head, width - std::min(width, kIndent))) {
      text += std::string(kIndent, ' ') + Styled(part, row[0].style, color) + '\n';
    }
    std::string line;
    std::size_t used = 0;
    for (std::size_t i = 1; i < row.size(); ++i) {
      const std::string value = trimmed(row[i].text);
      if (value.empty() || value == "-") continue;
      const std::string name = trimmed(columns_[i].header);
      const std::size_t room = width - std::min(width, 2 * kIndent);
      const std::size_t wanted = DisplayWidth(name) + 1 + DisplayWidth(value);
      if (used > 0 && used + kGap + wanted > room) {
        text += std::string(2 * kIndent, ' ') + line + '\n';
        line.clear();
        used = 0;
      }
      if (wanted > room) {  // alone on its lines
        for (const std::string& part : WrapToColumns(fmt::format("{} {}", name, value), room)) {
          text += std::string(2 * kIndent, ' ') + Styled(part, row[i].style, color) + '\n';
        }
        continue;
      }
      if (used > 0) line += std::string(kGap, ' ');
      line += Styled(name, Style::kDim, color) + ' ' + Styled(value, row[i].style, color);
      used += (used > 0 ? kGap : 0) + wanted;
    }
    if (used > 0) text += std::string(2 * kIndent, ' ') + line + '\n';
  }
  out << text;
}

}  // namespace repro
