#pragma once
/// What each metric is called and how a report shows it: reports/measures.json, data and not code,
/// since the report knows nothing of the science.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace repro {

/// The part a metric plays in a report.
enum class MeasureKind {
  kTask,        ///< a labelled task: learnt in the source language, scored in all
  kIntrinsic,   ///< of the pretrained encoder itself
  kSurface,     ///< a classifier that must stay at chance
  kVocabulary,  ///< of the vocabulary, by language
  kData,        ///< of the text and how often it was seen, by language
  kTraining,    ///< of one pretraining
};

struct Measure {
  std::string metric;  ///< "xnli.accuracy"
  std::string name;    ///< "XNLI accuracy"
  std::string unit;    ///< "%", "bits", "" for a bare number
  std::string about;   ///< one sentence for people
  MeasureKind kind = MeasureKind::kTask;
  double factor = 1;  ///< logged value times this is the shown value (100 for a share)
  int decimals = 1;
  bool higher_is_better = true;
  bool in_source_language =
      true;  ///< false: has no value of its own in the source language (retrieval against it)
  std::optional<double> chance;  ///< in shown units; what guessing gives
  /// In shown units: outside the synthetic world a measure that stays below this in the source
  /// language was not learnt, and says nothing about other languages.
  std::optional<double> informative_from;
  std::string chance_one_over;  ///< path in a run's config: chance is 1 / that value, e.g.
                                ///< "benchmark.parallel"
};

/// Errors: kNotFound, kCorrupt naming the field.
Result<std::vector<Measure>> LoadMeasures(const std::filesystem::path& path);

/// The measure of a metric; for an unknown one a plain measure under its own name.
Measure FindMeasure(const std::vector<Measure>& measures, std::string_view metric);

}  // namespace repro
