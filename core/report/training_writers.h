#pragma once
/// How a run trained, as files for people and programs; docs/formats.md ("Report files").

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/io/json_io.h"
#include "core/report/training_report.h"

namespace repro {

/// Name and value of what is known of a training: "update 412 of 1,500", "loss 5.123", ...
std::vector<std::pair<std::string, std::string>> KnownFigures(const TrainingSummary& summary);

/// The columns of a table by language that have a value somewhere.
struct LanguageColumn {
  const char* name;
  std::optional<double> LanguageState::*value;
  bool share = false;
};
std::vector<LanguageColumn> LanguageColumns(const std::vector<LanguageState>& languages);
/// "5.123", "61.2 %"; "-" where the language has none.
std::string ShowLanguageValue(const LanguageColumn& column, const LanguageState& language);

/// State and newest values of one training, without its curves. Numbers that are not finite are the
/// strings "nan", "inf", "-inf".
Json TrainingJson(const TrainingTask& training, std::int64_t now_ms);

/// Headline, figures, languages and events of each training, provenance.
std::string WriteTrainingMarkdown(const TrainingReport& report);

/// Every point of every curve: run, task, label, metric, split, language, seed, step, value.
std::string WriteTrainingCsv(const TrainingReport& report);

/// The run with all curves. Indented.
std::string WriteTrainingJson(const TrainingReport& report);

}  // namespace repro
