#pragma once
/// The artifact of `subset` and `coded`: text.txt, heldout.txt, stats.json (tasks/corpus/spec.h).

#include <filesystem>
#include <string>

#include "core/graph/task_context.h"
#include "experiments/corpus/clean/subset.h"
#include "experiments/tasks/subset/spec.h"

namespace repro {

SubsetOptions SubsetOptionsOf(const SubsetSettings& settings);

/// Writes it, and the metrics corpus.*. With less than `min_bytes` stats.json says why the language
/// is left out ("left_out"), also where there is none at all. `language` is what they call the
/// text. Errors: those of WriteSubset.
Status WriteSubsetArtifact(const std::filesystem::path& language_folder,
                           const std::string& language, const SubsetOptions& options,
                           std::int64_t min_bytes, TaskContext& context);

}  // namespace repro
