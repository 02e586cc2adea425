#pragma once
/// Line charts for a terminal, drawn with braille dots (2 x 4 to a character).

#include <optional>
#include <string>
#include <string_view>
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

/// `text` padded with spaces to `width` columns, at the right or the left.
std::string Pad(std::string text, std::size_t width, bool left = false);

}  // namespace repro
