#pragma once
/// What `run` and `plan` share: their arguments, and the way from a manifest to what must run.

#include <optional>
#include <string>
#include <vector>

#include "core/cli/command.h"
#include "core/graph/staleness.h"
#include "core/graph/task_history.h"

namespace repro {

/// MANIFEST, --scale, --set, --cores.
struct ExperimentArguments {
  std::string manifest;
  std::string scale = "desk";
  std::vector<std::string> sets;
  int cores = 0;  ///< 0: all that this process may use

  void Define(CLI::App& app);
};

struct LoadedExperiment {
  Experiment experiment;
  TaskGraph graph;
};

/// Reads the manifest, checks it, and builds its tasks. Errors: as LoadExperiment and
/// Suite::build_graph.
Result<LoadedExperiment> LoadGraph(const ExperimentArguments& arguments, const Suite& suite);

/// What is known of each task, by its position in the graph.
struct Assessment {
  std::vector<TaskStanding> standings;
  std::vector<std::optional<double>> seconds;  ///< estimates, only for tasks that must run

  std::size_t Count(Standing standing) const;
};

/// `log` may be null: nothing has run in this workspace.
Result<Assessment> Assess(const TaskGraph& graph, const RunLog* log, const ArtifactStore& store,
                          const std::string& build_id);

/// "fig2 --scale desk": how a person names this experiment on the command line.
std::string CommandWords(const ExperimentArguments& arguments);

/// Datasets that the graph's tasks lack, each once.
std::vector<std::string> MissingSources(const TaskGraph& graph);

}  // namespace repro
