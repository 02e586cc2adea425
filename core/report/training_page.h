#pragma once
/// How a run trained, as one self-contained HTML page with charts.

#include <string>

#include "core/base/result.h"
#include "core/report/html_writer.h"
#include "core/report/training_report.h"

namespace repro {

/// A figure as a Vega specification: `specification`, a copy of curves.vega.json, with its data
/// filled in. Long curves are downsampled; spikes stay.
Json VegaCurves(const CurveFigure& figure, const std::string& x_unit, Json specification);

/// The page. All text is escaped, also inside the charts' JSON. Errors: kCorrupt when the template
/// is broken.
Result<std::string> WriteTrainingHtml(const TrainingReport& report, const HtmlAssets& assets);

}  // namespace repro
