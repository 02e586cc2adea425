#include "core/report/unicode_chart.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>

#include <fmt/format.h>

#include "core/base/text.h"
#include "core/report/report_text.h"

namespace repro {
namespace {

constexpr std::array<std::string_view, 6> kMarkers = {"●", "■", "▲", "◆", "▼", "★"};
constexpr std::array<int, 6> kColors = {33, 34, 36,
                                        35, 32, 37};  // yellow, blue, cyan, magenta, green, white
constexpr std::size_t kAxis = 7;                      // columns of the y labels

/// The plot area in braille dots, with a colour and an optional glyph for each character.
class Canvas {
 public:
  Canvas(std::size_t columns, std::size_t rows)
      : columns_(columns), rows_(rows), cells_(columns * rows) {}

  std::size_t dots_x() const { return columns_ * 2; }
  std::size_t dots_y() const { return rows_ * 4; }

  void Dot(std::int64_t x, std::int64_t y, std::optional<std::size_t> style) {
    if (x < 0 || y < 0 || x >= static_cast<std::int64_t>(dots_x()) ||
        y >= static_cast<std::int64_t>(dots_y()))
      return;
    // Bit of a dot in its character: the braille block numbers columns first, the fourth row last.
    static constexpr std::array<std::array<unsigned, 2>, 4> kBits = {
        {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}}};
    Cell& cell = At(static_cast<std::size_t>(x) / 2, static_cast<std::size_t>(y) / 4);
    cell.dots |= kBits[static_cast<std::size_t>(y) % 4][static_cast<std::size_t>(x) % 2];
    if (style) cell.style = style;
  }

  void Line(std::int64_t x0, std::int64_t y0, std::int64_t x1, std::int64_t y1, std::size_t style) {
    const std::int64_t steps = std::max({std::abs(x1 - x0), std::abs(y1 - y0), std::int64_t{1}});
    for (std::int64_t i = 0; i <= steps; ++i) {
      const double share = static_cast<double>(i) / static_cast<double>(steps);
      Dot(x0 + std::llround(share * static_cast<double>(x1 - x0)),
          y0 + std::llround(share * static_cast<double>(y1 - y0)), style);
    }
  }

  void Glyph(std::int64_t x, std::int64_t y, std::string_view glyph, std::size_t style) {
    if (x < 0 || y < 0 || x >= static_cast<std::int64_t>(dots_x()) ||
        y >= static_cast<std::int64_t>(dots_y()))
      return;
    Cell& cell = At(static_cast<std::size_t>(x) / 2, static_cast<std::size_t>(y) / 4);
    cell.glyph = glyph;
    cell.style = style;
  }

  std::string Row(std::size_t row, bool color) const {
    std::string text;
    for (std::size_t column = 0; column < columns_; ++column) {
      const Cell& cell = cells_[row * columns_ + column];
      std::string symbol = " ";
      if (!cell.glyph.empty()) {
        symbol = cell.glyph;
      } else if (cell.dots != 0) {
        const unsigned code = 0x2800 + cell.dots;
        symbol = {static_cast<char>(0xE0 | (code >> 12)),
                  static_cast<char>(0x80 | ((code >> 6) & 0x3F)),
                  static_cast<char>(0x80 | (code & 0x3F))};
      }
      text += cell.style ? InStyle(symbol, *cell.style, color) : symbol;
    }
    return text;
  }

 private:
  struct Cell {
    unsigned dots = 0;
    std::optional<std::size_t> style;
    std::string_view glyph;
  };
  Cell& At(std::size_t column, std::size_t row) { return cells_[row * columns_ + column]; }

  std::size_t columns_, rows_;
  std::vector<Cell> cells_;
};

}  // namespace

std::string_view UnicodeMarker(std::size_t style) {
  return kMarkers[style % kMarkers.size()];
}

std::string InStyle(std::string_view text, std::size_t style, bool color) {
  return color ? fmt::format("\x1b[{}m{}\x1b[0m", kColors[style % kColors.size()], text)
               : std::string(text);
}

std::string Pad(std::string text, std::size_t width, bool left) {
  const std::size_t columns = DisplayWidth(text);
  if (columns >= width) return text;
  return left ? std::string(width - columns, ' ') + text : text + std::string(width - columns, ' ');
}

std::vector<std::string> DrawPanel(const UnicodePanel& panel, std::size_t width, std::size_t height,
                                   bool color) {
  const std::size_t columns = std::max<std::size_t>(width, 24) - kAxis;
  Canvas canvas(columns, height);
  const double span = panel.high > panel.low ? panel.high - panel.low : 1;
  const auto y_of = [&](double value) {
    return std::llround((panel.high - value) / span * static_cast<double>(canvas.dots_y() - 1));
  };
  const auto x_of = [&](std::size_t point) {
    const double share = (static_cast<double>(point) + 0.5) /
                         static_cast<double>(std::max<std::size_t>(1, panel.points.size()));
    return std::llround(share * static_cast<double>(canvas.dots_x() - 1));
  };
  if (panel.reference) {
    for (std::size_t x = 0; x < canvas.dots_x(); x += 4)
      canvas.Dot(static_cast<std::int64_t>(x), y_of(*panel.reference), std::nullopt);
  }
  for (const UnicodeLine& line : panel.lines) {
    for (std::size_t i = 0; i + 1 < line.values.size(); ++i) {
      if (!line.values[i] || !line.values[i + 1]) continue;
      canvas.Line(x_of(i), y_of(*line.values[i]), x_of(i + 1), y_of(*line.values[i + 1]),
                  line.style);
    }
  }
  for (const UnicodeMark& mark : panel.marks)
    canvas.Glyph(x_of(mark.point), y_of(mark.value), mark.glyph, mark.style);
  for (const UnicodeLine& line : panel.lines) {
    for (std::size_t i = 0; i < line.values.size(); ++i) {
      if (line.values[i])
        canvas.Glyph(x_of(i), y_of(*line.values[i]), UnicodeMarker(line.style), line.style);
    }
  }

  std::vector<std::string> rows = {Pad(panel.title, kAxis + columns)};
  const int decimals = span < 4 ? 2 : 1;
  for (std::size_t row = 0; row < height; ++row) {
    const bool labelled = row % 3 == 0 || row + 1 == height;
    const double value =
        panel.high - span * (static_cast<double>(row) + 0.5) / static_cast<double>(height);
    const std::string label = labelled ? FormatNumber(value, decimals) : "";
    rows.push_back(Pad(label, kAxis - 2, true) + (labelled ? " ┤" : " │") + canvas.Row(row, color));
  }
  std::string axis = std::string(kAxis - 1, ' ') + "└";
  for (std::size_t i = 0; i < columns; ++i) axis += "─";
  rows.push_back(axis);
  std::string labels(kAxis, ' ');
  for (std::size_t i = 0; i < panel.points.size(); ++i) {
    const std::size_t centre = kAxis + static_cast<std::size_t>(x_of(i)) / 2;
    const std::size_t half = DisplayWidth(panel.points[i]) / 2;
    const std::size_t start = centre > half ? centre - half : 0;
    if (start > DisplayWidth(labels)) labels += std::string(start - DisplayWidth(labels), ' ');
    if (i > 0 && labels.back() != ' ') labels += ' ';
    labels += panel.points[i];
  }
  rows.push_back(Pad(labels, kAxis + columns));
  return rows;
}

}  // namespace repro
