#pragma once
/// Monolingual-data equivalents: how much text of one language alone would have given what a model
/// of many languages reached (design after Chang et al. 2023, arXiv 2311.09205).

#include <vector>

#include "core/report/panels.h"
#include "core/report/report_inputs.h"
#include "core/report/report_model.h"
#include "core/report/run_values.h"

namespace repro {

/// One report a language of `[monolingual]`; the points are those that hold it.
std::vector<MonolingualReport> ReadOffMonolingual(const ReportInputs& inputs,
                                                  const RunValues& values);

/// A table a language, the curve itself in the sentence under its title.
ReportPanel MonolingualPanel(const std::vector<MonolingualReport>& reports);

}  // namespace repro
