#pragma once
/// The generic half of a manifest: everything but the sections of the task kinds.

#include <map>
#include <string>
#include <vector>

#include "core/manifest/diagnostics.h"
#include "core/manifest/document.h"
#include "core/manifest/experiment.h"
#include "core/manifest/languages.h"
#include "core/manifest/reference.h"

namespace repro {

/// What a manifest is read against.
struct ReadContext {
  const LanguageTable& languages;
  const ReferenceItem* reference =
      nullptr;           ///< the paper's cells of the item; null: series are not checked
  const Document& base;  ///< the manifest without scale and --set: what assumptions speak of
  /// Sweep values of the base level by key; null when `manifest` is the base level itself.
  const std::map<std::string, std::vector<std::string>>* base_values = nullptr;
};

struct ReadOutcome {
  Experiment experiment;
  std::map<std::string, std::vector<std::string>> sweep_values;
};

/// Reads `manifest`, whose scale and --set are laid over already. Fills everything of Experiment
/// but path, scale, overrides, canonical and hash. Mistakes go to `diagnostics`.
ReadOutcome ReadExperiment(const Document& manifest, const ReadContext& context,
                           Diagnostics& diagnostics);

}  // namespace repro
