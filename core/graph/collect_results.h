#pragma once
/// What a workspace knows of an experiment's finished tasks, for a results file.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/graph/results_file.h"
#include "core/graph/task_graph.h"
#include "core/manifest/experiment.h"
#include "core/store/artifact_store.h"
#include "core/store/run_log.h"

namespace repro {

/// Whether a file of a kind's artifact goes into a results file: small, and nobody's text.
using KeepsFile = std::function<bool(const std::string& kind, const std::string& path)>;

/// "import /home/me/xlmr" -> "import xlmr": of absolute paths the last name alone. Addresses stay.
std::string WithoutFolders(std::string_view text);

/// A curve keeps so many points, its first and its last among them.
inline constexpr std::size_t kResultsPoints = 50;

/// Evenly spread ones of `points`, kResultsPoints at most.
std::vector<MetricPoint> ThinnedCurve(std::vector<MetricPoint> points);

/// Puts the experiment's runs, its tasks and what is known of those that are complete behind what
/// `results` holds; a task that is there already is not put there again. What tells a person or
/// his folders (command lines, paths, users) is left out. Errors: kInvalidArgument (a source is not
/// at hand, so keys are not known; the log does not know a whole artifact yet), kNotFound (nothing
/// is complete), kCorrupt (a kept file is not what its task wrote), kIo.
Status CollectResults(const Experiment& experiment, const TaskGraph& graph, const RunLog& log,
                      const ArtifactStore& store, const KeepsFile& keeps, ResultsFile& results);

}  // namespace repro
