#pragma once
/// A figure as a Vega specification: reports/chart.vega.json with its data filled in.

#include <string>
#include <vector>

#include "core/io/json_io.h"
#include "core/report/report_model.h"

namespace repro {

/// Which colour a series has, 0-based: series over the same languages look alike in every figure of
/// a report.
std::map<std::string, std::size_t> SeriesColors(const Report& report);

/// Fills `specification`, a copy of chart.vega.json. Panels: the paper's, when it has values, then
/// the run's. Both span the same number of units, so that slopes compare by eye, unless one would
/// then be flat (`SharedSpan`).
Json VegaChart(const Report& report, const FigureReport& figure, Json specification);

/// Value ranges of the two panels. `shared`: both have the same span.
struct ChartRanges {
  double paper_low = 0, paper_high = 0;
  double run_low = 0, run_high = 0;
  bool shared = false;
};
ChartRanges RangesOf(const FigureReport& figure);

}  // namespace repro
