#include "core/report/language_facts.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "core/report/report_model.h"
#include "core/report/report_text.h"
#include "core/report/run_values.h"

namespace repro {
namespace {

/// A row: the paper's id of it, and the code of the language that stands for it; one may be empty.
struct RowName {
  std::string paper;
  std::string code;
};

std::vector<RowName> ListRows(const Experiment& experiment, const ReferenceItem* paper) {
  std::map<std::string, std::string> code_of;  // by id of the paper's row
  for (const auto& [code, language] : experiment.languages) {
    code_of[language.row.empty() ? code : language.row] = code;
  }
  std::vector<RowName> rows;
  std::set<std::string> taken;
  if (paper != nullptr) {
    for (const std::string& id : paper->points) {
      // Another item of the paper may call a language by its code.
      const auto by_row = code_of.find(id);
      const std::string code = by_row != code_of.end()             ? by_row->second
                               : experiment.languages.contains(id) ? id
                                                                   : "";
      rows.push_back({id, code});
      taken.insert(code);
    }
  }
  for (const Point& point : experiment.points) {
    for (const std::string& code : point.languages) {
      if (taken.insert(code).second) rows.push_back({"", code});
    }
  }
  return rows;
}

CellState StateOf(const LanguageFacts::Cell& cell, const Series& series,
                  const Experiment& experiment) {
  if (!cell.value) return CellState::kNotRun;
  if (experiment.scale != "paper" || experiment.world != "real text") {
    return CellState::kNotComparable;
  }
  const double margin = series.relative_margin * std::abs(cell.paper->value);
  return std::abs(*cell.value - cell.paper->value) <= margin + cell.paper->uncertainty
             ? CellState::kReproduced
             : CellState::kNotReproduced;
}

void AddColumn(const ReportInputs& inputs, const RunValues& values, const Series& series,
               const Point& point, const std::vector<RowName>& names, LanguageFacts& facts) {
  const ReferenceSeries* paper = nullptr;
  if (inputs.reference && !series.companion) paper = inputs.reference->FindSeries(series.id);
  LanguageFacts::Column& column = facts.columns.emplace_back();
  column.series = series.id;
  column.name = series.name;
  column.point = point.id;
  column.measure = FindMeasure(inputs.measures, series.metric);
  column.has_paper = paper != nullptr;
  const std::map<std::string, double> measured = values.Facts(column.measure, point.id, kMainRole);
  for (std::size_t i = 0; i < names.size(); ++i) {
    LanguageFacts::Cell& cell = facts.rows[i].cells.emplace_back();
    cell.state = CellState::kNotRun;
    if (const auto value = measured.find(names[i].code); value != measured.end()) {
      cell.value = value->second;
      column.total += value->second;
      ++column.measured;
    }
    if (paper == nullptr) continue;
    if (const auto stated = paper->cells.find(names[i].paper); stated != paper->cells.end()) {
      cell.paper = stated->second;
      column.paper_total += stated->second.value;
      ++column.paper_cells;
      cell.state = StateOf(cell, series, inputs.experiment);
    }
  }
}

}  // namespace

LanguageFacts BuildLanguageFacts(const ReportInputs& inputs, const RunValues& values) {
  const Experiment& experiment = inputs.experiment;
  LanguageFacts facts;
  if (std::none_of(experiment.series.begin(), experiment.series.end(),
                   [](const Series& series) { return series.by_language; })) {
    return facts;
  }
  const std::vector<RowName> names =
      ListRows(experiment, inputs.reference ? &*inputs.reference : nullptr);
  for (const RowName& name : names) {
    LanguageFacts::Row& row = facts.rows.emplace_back();
    row.code = name.code.empty() ? name.paper : ShownCode(experiment, name.code);
    const auto language = experiment.languages.find(name.code);
    const auto known = experiment.row_names.find(name.paper);
    if (language != experiment.languages.end()) {
      row.name = language->second.name;
    } else if (known != experiment.row_names.end()) {
      row.name = known->second;
    }
  }
  for (const Series& series : experiment.series) {
    if (!series.by_language) continue;
    for (const Point& point : experiment.points) {
      if (!series.at.empty() && series.at != point.id) continue;
      AddColumn(inputs, values, series, point, names, facts);
    }
  }
  return facts;
}

}  // namespace repro
