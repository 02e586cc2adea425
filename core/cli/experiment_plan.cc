#include "core/cli/experiment_plan.h"

#include <algorithm>
#include <ostream>

#include <CLI/CLI.hpp>
#include <fmt/ranges.h>

#include "core/base/text.h"
#include "core/base/units.h"
#include "core/manifest/manifest.h"

namespace repro {

void ExperimentArguments::Define(CLI::App& app) {
  DefineExperiment(app);
  app.add_option("--cores", cores, "Use at most so many CPU cores")->check(CLI::Range(1, 4096));
}

void ExperimentArguments::DefineExperiment(CLI::App& app) {
  app.add_option("manifest", manifest, "Name of a manifest (fig2, fig2.toml) or a path to one")
      ->required()
      ->type_name("MANIFEST");
  app.add_option("--scale", scale, "How large: smoke, desk, lab, released or paper")
      ->capture_default_str();
  app.add_option("--set", sets, "Changes one value, e.g. --set vocab.size=3000; may be given often")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
}

Result<LoadedExperiment> LoadGraph(const ExperimentArguments& arguments, const Suite& suite,
                                   const std::filesystem::path& workspace) {
  if (!suite.data_problem.empty()) return Fail(ErrorCode::kNotFound, "{}", suite.data_problem);
  LoadOptions options;
  options.scale = arguments.scale;
  options.sets = arguments.sets;
  options.manifest_dir = suite.manifest_dir;
  options.reference_dir = suite.reference_dir;
  options.validate_sections = suite.validate_sections;
  LoadedExperiment loaded;
  REPRO_ASSIGN_OR_RETURN(loaded.experiment, LoadExperiment(arguments.manifest, options));
  REPRO_ASSIGN_OR_RETURN(loaded.graph, suite.build_graph(loaded.experiment, workspace));
  REPRO_RETURN_IF_ERROR(loaded.graph.Validate());
  return loaded;
}

std::size_t Assessment::Count(Standing standing) const {
  return static_cast<std::size_t>(
      std::count_if(standings.begin(), standings.end(),
                    [standing](const TaskStanding& task) { return task.standing == standing; }));
}

Result<Assessment> Assess(const TaskGraph& graph, const RunLog* log, const ArtifactStore& store,
                          const std::string& build_id) {
  TaskHistory history(log);
  Assessment assessment;
  REPRO_ASSIGN_OR_RETURN(assessment.standings, FindStandings(graph, log, store, history, build_id));
  assessment.seconds.resize(graph.tasks().size());
  for (std::size_t i = 0; i < graph.tasks().size(); ++i) {
    if (assessment.standings[i].standing == Standing::kCached) continue;
    REPRO_ASSIGN_OR_RETURN(assessment.seconds[i], history.EstimateSeconds(graph.tasks()[i]));
  }
  return assessment;
}

std::string CommandWords(const ExperimentArguments& arguments, const GlobalOptions& options) {
  std::string words = ShellWord(arguments.manifest) + " --scale " + ShellWord(arguments.scale);
  for (const std::string& set : arguments.sets) words += " --set " + ShellWord(set);
  return words + options.workspace_flag;
}

std::string RunCommandText(const ExperimentArguments& arguments, const GlobalOptions& options) {
  std::string text = "repro run " + CommandWords(arguments, options);
  if (arguments.cores > 0) text += fmt::format(" --cores {}", arguments.cores);
  return text;
}

namespace {

/// How many tasks to run want more than there is, and the one that wants most.
struct Excess {
  std::size_t tasks = 0;
  const Task* largest = nullptr;
};

template <class Amount>
Excess FindExcess(const TaskGraph& graph, const Assessment& assessment, Amount Resources::*amount,
                  Amount limit) {
  Excess excess;
  for (std::size_t i = 0; i < graph.tasks().size(); ++i) {
    const Task& task = graph.tasks()[i];
    if (assessment.standings[i].standing != Standing::kRun) continue;
    if (task.resources.*amount <= limit) continue;
    ++excess.tasks;
    if (excess.largest == nullptr || task.resources.*amount > excess.largest->resources.*amount) {
      excess.largest = &task;
    }
  }
  return excess;
}

}  // namespace

std::string GpuShortfall(const TaskGraph& graph, const Assessment& assessment, const Pools& pools) {
  const Excess excess = FindExcess(graph, assessment, &Resources::gpus, pools.gpus);
  if (excess.tasks == 0) return {};
  const auto gpus = [](int count) { return Plural(static_cast<std::size_t>(count), "GPU"); };
  return fmt::format(
      "{} cannot run here: '{}' needs {}, this machine has {}; run it on a machine that has, or on "
      "the CPU (--set compute.device=cpu, or compute.device = \"cpu\" in the manifest)",
      Plural(excess.tasks, "task"), excess.largest->label, gpus(excess.largest->resources.gpus),
      pools.gpus == 0 ? "none" : gpus(pools.gpus));
}

std::string MemoryShortfall(const TaskGraph& graph, const Assessment& assessment,
                            const Pools& pools) {
  const Excess excess = FindExcess(graph, assessment, &Resources::memory_bytes, pools.memory_bytes);
  if (excess.tasks == 0) return {};
  return fmt::format(
      "{} may not fit in memory: '{}' is estimated at {}, this machine has {}; tried all the same, "
      "each alone, since the estimate may be wrong; if they are killed, take a machine with more "
      "memory, a smaller scale or smaller batches",
      Plural(excess.tasks, "task"), excess.largest->label,
      FormatBytes(excess.largest->resources.memory_bytes), FormatBytes(pools.memory_bytes));
}

namespace {

void AddMissing(const std::string& source, const Task& task, Missing& missing) {
  if (source.empty()) return;
  if (std::find(missing.sources.begin(), missing.sources.end(), source) == missing.sources.end()) {
    missing.sources.push_back(source);
  }
  missing.sets.insert(task.missing_sets.begin(), task.missing_sets.end());
}

}  // namespace

std::string Missing::HowToGet() const {
  if (sets.empty()) return "";
  return fmt::format("`repro data fetch {}` gets {}, with --mirror DIR from a folder",
                     fmt::join(sets, " "), sets.size() == 1 ? "it" : "them");
}

Missing MissingSources(const TaskGraph& graph) {
  Missing missing;
  for (const Task& task : graph.tasks()) AddMissing(task.unresolved, task, missing);
  return missing;
}

Missing MissingSources(const TaskGraph& graph, const Assessment& assessment) {
  Missing missing = MissingSources(graph);
  for (std::size_t i = 0; i < graph.tasks().size(); ++i) {
    if (assessment.standings[i].standing != Standing::kUnresolved) continue;
    AddMissing(graph.tasks()[i].absent, graph.tasks()[i], missing);
  }
  return missing;
}

void PrintNotes(const TaskGraph& graph, const CommandContext& context) {
  for (const std::string& note : graph.notes()) context.err << "note: " << Printable(note) << "\n";
}

}  // namespace repro
