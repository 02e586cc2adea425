#pragma once
/// What stands around the results of a report: the sentences on top, what has not run, where it all
/// comes from.

#include "core/report/report_inputs.h"
#include "core/report/report_model.h"

namespace repro {

/// Fills `provenance`, `next_steps` and `headline` of a report that has its results.
void FrameReport(const ReportInputs& inputs, Report& report);

}  // namespace repro
