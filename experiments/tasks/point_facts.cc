#include "experiments/tasks/point_facts.h"

#include "experiments/tasks/import/spec.h"
#include "experiments/tasks/real_text.h"

namespace repro {
namespace {

constexpr std::string_view kBabelPrefix = "babel-";

}  // namespace

const std::vector<std::string>& BenchmarkLanguages() {
  static const std::vector<std::string> kLanguages = {
      "ar", "bg", "de", "el", "en", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh"};
  return kLanguages;
}

bool IsBabel(const std::string& source) {
  return source.starts_with(kBabelPrefix);
}

std::string_view WorldOf(const std::string& source) {
  if (IsBabel(source)) return "babel";
  return IsCodedSource(source) ? "coded English" : "real text";
}

bool SameTokens(const Point& point) {
  const auto budget = point.sweep.find("budget");
  return budget != point.sweep.end() && budget->second == "same-tokens-per-language";
}

std::string_view SizeField(const std::string& source) {
  return source.ends_with("cc") ? "cc_gb" : "wiki_gb";
}

double NominalGb(const Experiment& experiment, const std::string& code, const std::string& source) {
  if (IsCodedSource(source)) return 1;  // slices of one corpus
  const auto found = experiment.languages.find(code);
  if (found == experiment.languages.end()) return 0;
  return SizeField(source) == "cc_gb" ? found->second.cc_gb : found->second.wiki_gb;
}

const Result<ImportRecord>& ImportedModels::Find(const std::string& from) {
  const auto known = models_.find(from);
  if (known != models_.end()) return known->second;
  return models_.emplace(from, ResolveImport(workspace_, from)).first->second;
}

}  // namespace repro
