#pragma once
/// A report as text: for a terminal, as Markdown, CSV and JSON.

#include <string>

#include "core/io/json_io.h"
#include "core/report/report_model.h"

namespace repro {

struct TerminalOptions {
  std::size_t width = 100;  ///< columns; at least 60 are used
  bool color = false;
};

/// Verdict, charts, values, claims, controls, next steps. Control characters of any text are made
/// harmless.
std::string WriteTerminal(const Report& report, const TerminalOptions& options);

/// Everything of the page but the drawn charts, as GitHub's Markdown. Text from manifests cannot
/// start a table cell, a link or HTML.
std::string WriteMarkdown(const Report& report);

/// One row for each value: item, scale, world, series, metric, languages, point, role, seed, value,
/// low, high, n, variation, unit, state. Seeds and means, the paper's cells and the controls. RFC
/// 4180 quoting; a text that a spreadsheet would take for a formula is quoted with an apostrophe.
std::string WriteCsv(const Report& report);

/// The whole report with numbers as numbers; NaN and infinite become null. Indented.
std::string WriteJson(const Report& report);

}  // namespace repro
