#pragma once
/// Line charts for a terminal, drawn with braille dots (2 x 4 to a character), or with a character
/// a dot where the terminal knows ASCII alone.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace repro {

struct UnicodeLine {
  std::size_t style = 0;                      ///< marker and colour, 0-based
  std::vector<std::optional<double>> values;  ///< by point
};

struct UnicodeMark {
  std::size_t point = 0;
  double value = 0;
  std::size_t style = 0;
  std::string_view glyph;  ///< one column wide
};

struct UnicodePanel {
  std::string title;
  std::vector<std::string> points;  ///< x labels
  double low = 0, high = 1;         ///< of the y axis
  std::vector<UnicodeLine> lines;
  std::vector<UnicodeMark> marks;   ///< controls; lines are drawn over them
  std::optional<double> reference;  ///< a dotted horizontal line (chance)
};

/// The marker of a style; styles past the last share markers.
std::string_view UnicodeMarker(std::size_t style);

/// `text` in the colour of a style, or as it is.
std::string InStyle(std::string_view text, std::size_t style, bool color);

/// Rows of text, each `width` columns wide (escapes not counted): title, `height` rows of plot, x
/// labels. `width` is at least 24.
std::vector<std::string> DrawPanel(const UnicodePanel& panel, std::size_t width, std::size_t height,
                                   bool color);

/// Curves over a numeric x axis.
struct UnicodeCurve {
  std::string name;
  std::size_t style = 0;
  std::vector<std::pair<double, double>> points{};  ///< x ascending; finite
};

struct UnicodePlot {
  std::string title;
  std::vector<UnicodeCurve> curves;  ///< the later ones are drawn over the others
  std::vector<double> verticals;     ///< x at which a dotted line stands
  std::string x_unit;                ///< behind the last x label: "updates"
  /// Writes the y labels, at most 9 columns wide: those of values `resolution` apart must differ.
  std::function<std::string(double value, double resolution)> show;
};

struct PlotLook {
  std::size_t width = 80;   ///< columns; at least 24 are used
  std::size_t height = 12;  ///< rows of the plot; at least 3
  bool color = false;
  bool unicode = true;  ///< else nothing but ASCII
};

/// How many steps of x a plot of this width can tell apart: what to downsample to.
std::size_t PlotBuckets(const PlotLook& look);

/// Rows of text, none wider than the look: title with the names of several curves, the plot, x
/// axis, x labels. Empty when there is no point.
std::vector<std::string> DrawPlot(const UnicodePlot& plot, const PlotLook& look);

/// `text` padded with spaces to `width` columns, at the right or the left.
std::string Pad(std::string text, std::size_t width, bool left = false);

}  // namespace repro
