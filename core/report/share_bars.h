#pragma once
/// Bars of parts of a whole: of each of several things, what shares it falls into. For a terminal,
/// and as a Vega specification.

#include <cstdint>
#include <string>
#include <vector>

#include "core/io/json_io.h"
#include "core/report/unicode_chart.h"

namespace repro {

/// How large a part of the whole is: "12.3 %", "100 %"; "< 0.1 %" and "> 99.9 %" where that would
/// round to nothing or to all; "-" of nothing.
std::string FormatShare(std::int64_t part, std::int64_t whole);

struct ShareBar {
  std::string name;
  std::int64_t whole = 0;
  std::vector<std::int64_t> parts;  ///< one a class, none negative; together at most the whole
};

struct ShareBars {
  std::vector<std::string> classes;  ///< what the parts are; the first is what the bars are about
  std::vector<ShareBar> bars;
};

/// A legend, then a row a bar with the share of its first class. No row is wider than the look (but
/// at least 40 columns are used); its height means nothing. Empty without bars.
std::vector<std::string> DrawShareBars(const ShareBars& chart, const PlotLook& look);

/// Colour of a class on a page, 0-based.
std::size_t ShareColor(std::size_t index);

/// Fills `specification`, a copy of reports/shares.vega.json. `show` writes a part as a person
/// reads it: "12.3 MiB".
Json VegaShareBars(const ShareBars& chart, std::string (*show)(std::int64_t), Json specification);

}  // namespace repro
