#pragma once
/// What follows from a point and its source of text, for those who build its graph and those who
/// check it.

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/manifest/experiment.h"
#include "experiments/tasks/import/import_record.h"

namespace repro {

/// XNLI has test sets in these languages (Conneau et al. 2018): outside real text the labelled
/// tasks exist in no other.
const std::vector<std::string>& BenchmarkLanguages();

/// Whether `corpus.source` is the synthetic world.
bool IsBabel(const std::string& source);

/// What `world` says where a source is used.
std::string_view WorldOf(const std::string& source);

/// Whether the point's `budget` is "same-tokens-per-language".
bool SameTokens(const Point& point);

/// The field of languages.toml that says how much text of a language the source has.
std::string_view SizeField(const std::string& source);

/// That size. Of coded languages 1: they are slices of one corpus. 0: no text.
double NominalGb(const Experiment& experiment, const std::string& code, const std::string& source);

/// Models from outside, each looked at once.
class ImportedModels {
 public:
  explicit ImportedModels(std::filesystem::path workspace) : workspace_(std::move(workspace)) {}

  /// By `pretrain.from`. Errors: those of ResolveImport.
  const Result<ImportRecord>& Find(const std::string& from);

 private:
  std::filesystem::path workspace_;
  std::map<std::string, Result<ImportRecord>> models_;
};

}  // namespace repro
