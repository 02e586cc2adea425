#pragma once
/// What `run`, `plan` and `report` share: their arguments, the way from a manifest to what must
/// run, and how a person types that again.

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/cli/command.h"
#include "core/graph/plan.h"
#include "core/graph/staleness.h"
#include "core/graph/task_history.h"

namespace repro {

/// MANIFEST, --scale, --set, --cores.
struct ExperimentArguments {
  std::string manifest;
  std::string scale = "desk";
  std::vector<std::string> sets{};
  int cores = 0;  ///< 0: all that this process may use

  void Define(CLI::App& app);
  /// Without --cores: for what runs nothing.
  void DefineExperiment(CLI::App& app);
};

struct LoadedExperiment {
  Experiment experiment;
  TaskGraph graph;
};

/// Reads the manifest, checks it, and builds its tasks for the command's workspace. Errors: as
/// LoadExperiment and Suite::build_graph.
Result<LoadedExperiment> LoadGraph(const ExperimentArguments& arguments, const Suite& suite,
                                   const std::filesystem::path& workspace);

/// What is known of each task, by its position in the graph.
struct Assessment {
  std::vector<TaskStanding> standings;
  std::vector<std::optional<double>> seconds;  ///< estimates, only for tasks that must run

  std::size_t Count(Standing standing) const;
};

/// `log` may be null: nothing has run in this workspace.
Result<Assessment> Assess(const TaskGraph& graph, const RunLog* log, const ArtifactStore& store,
                          const std::string& build_id);

/// "fig2 --scale desk --workspace there": how a person names this experiment on the command line,
/// to be pasted into a shell.
std::string CommandWords(const ExperimentArguments& arguments, const GlobalOptions& options);

/// "repro run fig2 --scale desk --cores 2": what starts it, or goes on with it.
std::string RunCommandText(const ExperimentArguments& arguments, const GlobalOptions& options);

/// The tasks to run that want more GPUs, or more memory, than the machine has at all: a sentence
/// with what needs how much, what there is and what to do. Empty when all fit.
std::string GpuShortfall(const TaskGraph& graph, const Assessment& assessment, const Pools& pools);
std::string MemoryShortfall(const TaskGraph& graph, const Assessment& assessment,
                            const Pools& pools);

/// What is not at hand.
struct Missing {
  std::vector<std::string> sources;  ///< each once, as tasks say it
  std::set<std::string> sets;        ///< ids of those that are data sets with a manifest

  /// "`repro data fetch A B` gets them, ..."; empty without sets.
  std::string HowToGet() const;
};

/// What the graph's tasks lack: that without which keys are not known.
Missing MissingSources(const TaskGraph& graph);
/// And what tasks lack which must run.
Missing MissingSources(const TaskGraph& graph, const Assessment& assessment);

/// What a person should know of the graph: a line each, to stderr.
void PrintNotes(const TaskGraph& graph, const CommandContext& context);

}  // namespace repro
