#include "core/report/unicode_chart.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>

#include <fmt/format.h>

#include "core/base/text.h"
#include "core/base/units.h"
#include "core/report/report_text.h"

namespace repro {
namespace {

constexpr std::array<std::string_view, 6> kMarkers = {"●", "■", "▲", "◆", "▼", "★"};
constexpr std::array<int, 6> kColors = {33, 34, 36,
                                        35, 32, 37};  // yellow, blue, cyan, magenta, green, white
constexpr std::size_t kAxis = 7;                      // columns of the y labels

constexpr std::array<std::string_view, 6> kAsciiMarkers = {"*", "o", "+", "x", "#", "@"};
constexpr std::size_t kPlotAxis = 11;     // columns of the y labels of a plot
constexpr std::size_t kSparsePoints = 3;  // a point for so many columns or more gets its marker

/// The plot area in braille dots, with a colour and an optional glyph for each character. In ASCII
/// a dot is a character.
class Canvas {
 public:
  Canvas(std::size_t columns, std::size_t rows, bool unicode = true)
      : columns_(columns), rows_(rows), unicode_(unicode), cells_(columns * rows) {}

  std::size_t dots_x() const { return columns_ * across(); }
  std::size_t dots_y() const { return rows_ * down(); }

  void Dot(std::int64_t x, std::int64_t y, std::optional<std::size_t> style) {
    if (x < 0 || y < 0 || x >= static_cast<std::int64_t>(dots_x()) ||
        y >= static_cast<std::int64_t>(dots_y()))
      return;
    // Bit of a dot in its character: the braille block numbers columns first, the fourth row last.
    static constexpr std::array<std::array<unsigned, 2>, 4> kBits = {
        {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}}};
    Cell& cell = At(static_cast<std::size_t>(x) / across(), static_cast<std::size_t>(y) / down());
    if (unicode_) {
      cell.dots |= kBits[static_cast<std::size_t>(y) % 4][static_cast<std::size_t>(x) % 2];
    } else {
      cell.glyph = style ? kAsciiMarkers[*style % kAsciiMarkers.size()] : ":";
    }
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
    Cell& cell = At(static_cast<std::size_t>(x) / across(), static_cast<std::size_t>(y) / down());
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
  std::size_t across() const { return unicode_ ? 2 : 1; }
  std::size_t down() const { return unicode_ ? 4 : 1; }

  std::size_t columns_, rows_;
  bool unicode_;
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

std::size_t PlotBuckets(const PlotLook& look) {
  const std::size_t columns = std::max<std::size_t>(look.width, 24) - kPlotAxis;
  return look.unicode ? 2 * columns : columns;
}

std::vector<std::string> DrawPlot(const UnicodePlot& plot, const PlotLook& look) {
  double left = std::numeric_limits<double>::infinity(), right = -left;
  double low = left, high = -left;
  for (const UnicodeCurve& curve : plot.curves) {
    for (const auto& [x, y] : curve.points) {
      left = std::min(left, x);
      right = std::max(right, x);
      low = std::min(low, y);
      high = std::max(high, y);
    }
  }
  if (left > right) return {};
  if (high - low < 1e-12 * std::max(1e-300, std::abs(high))) {  // a flat curve: in the middle
    const double room = high == 0 ? 1 : std::abs(high) / 2;
    low -= room;
    high += room;
  }
  const std::size_t width = std::max<std::size_t>(look.width, 24);
  const std::size_t height = std::max<std::size_t>(look.height, 3);
  const std::size_t columns = width - kPlotAxis;
  Canvas canvas(columns, height, look.unicode);
  const auto x_of = [&](double x) {
    const double share = right > left ? (x - left) / (right - left) : 0.5;
    return std::llround(share * static_cast<double>(canvas.dots_x() - 1));
  };
  const auto y_of = [&](double y) {
    return std::llround((high - y) / (high - low) * static_cast<double>(canvas.dots_y() - 1));
  };
  for (const double x : plot.verticals) {
    if (x < left || x > right) continue;
    for (std::size_t y = 0; y < canvas.dots_y(); y += 2) {
      canvas.Dot(x_of(x), static_cast<std::int64_t>(y), std::nullopt);
    }
  }
  for (const UnicodeCurve& curve : plot.curves) {
    for (std::size_t i = 0; i < curve.points.size(); ++i) {
      const auto& [x, y] = curve.points[i];
      const auto& [to_x, to_y] = curve.points[std::min(i + 1, curve.points.size() - 1)];
      canvas.Line(x_of(x), y_of(y), x_of(to_x), y_of(to_y), curve.style);
    }
  }
  for (const UnicodeCurve& curve : plot.curves) {
    if (!look.unicode || curve.points.size() * kSparsePoints > columns) continue;
    for (const auto& [x, y] : curve.points) {
      canvas.Glyph(x_of(x), y_of(y), UnicodeMarker(curve.style), curve.style);
    }
  }

  // A title that says which line is which; what does not fit is left out.
  std::string title = Printable(plot.title);
  std::size_t title_width = DisplayWidth(title);
  if (plot.curves.size() > 1) {
    for (const UnicodeCurve& curve : plot.curves) {
      const std::string_view marker = look.unicode
                                          ? UnicodeMarker(curve.style)
                                          : kAsciiMarkers[curve.style % kAsciiMarkers.size()];
      const std::string name = Printable(curve.name);
      if (title_width + 5 + DisplayWidth(name) > width) break;
      title += "   ";
      title += InStyle(marker, curve.style, look.color);
      title += " " + name;
      title_width += 5 + DisplayWidth(name);
    }
  }
  std::vector<std::string> rows = {std::move(title)};
  // Half of what lies between two labels: the middle one is round where its neighbours are.
  const double resolution = (high - low) / 4;
  const auto show = [&](double value) {
    std::string text = plot.show ? plot.show(value, resolution) : fmt::format("{:.4g}", value);
    // Rather fewer digits than a label that pushes its row over the edge.
    double coarser = resolution;
    for (int i = 0; plot.show && i < 12 && DisplayWidth(text) > kPlotAxis - 2; ++i) {
      coarser *= 10;
      text = plot.show(value, coarser);
    }
    if (!look.unicode && text == "–") text = "-";
    return text;
  };
  for (std::size_t row = 0; row < height; ++row) {
    const bool labelled = row == 0 || row + 1 == height || row == height / 2;
    const double value = row + 1 == height ? low
                                           : high - (high - low) * static_cast<double>(row) /
                                                        static_cast<double>(height - 1);
    const char* tick = look.unicode ? (labelled ? " ┤" : " │") : (labelled ? " +" : " |");
    std::string text =
        Pad(labelled ? show(value) : "", kPlotAxis - 2, true) + tick + canvas.Row(row, look.color);
    text.erase(text.find_last_not_of(' ') + 1);
    rows.push_back(std::move(text));
  }
  std::string axis = std::string(kPlotAxis - 1, ' ') + (look.unicode ? "└" : "+");
  for (std::size_t i = 0; i < columns; ++i) axis += look.unicode ? "─" : "-";
  rows.push_back(axis);
  std::string first = FormatCount(std::llround(left));
  std::string last = FormatCount(std::llround(right));
  const std::string unit = plot.x_unit.empty() ? "" : " " + Printable(plot.x_unit);
  if (kPlotAxis + DisplayWidth(first) + 1 + DisplayWidth(last) + DisplayWidth(unit) <= width) {
    last += unit;
  }
  if (kPlotAxis + DisplayWidth(first) + 1 + DisplayWidth(last) > width) first.clear();
  const std::size_t taken = kPlotAxis + DisplayWidth(first) + DisplayWidth(last);
  rows.push_back(std::string(kPlotAxis, ' ') + first +
                 std::string(width > taken ? width - taken : 1, ' ') + last);
  return rows;
}

}  // namespace repro
