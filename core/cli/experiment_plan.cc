#include "core/cli/experiment_plan.h"

#include <algorithm>

#include <CLI/CLI.hpp>

#include "core/base/text.h"
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

Result<LoadedExperiment> LoadGraph(const ExperimentArguments& arguments, const Suite& suite) {
  if (!suite.data_problem.empty()) return Fail(ErrorCode::kNotFound, "{}", suite.data_problem);
  LoadOptions options;
  options.scale = arguments.scale;
  options.sets = arguments.sets;
  options.manifest_dir = suite.manifest_dir;
  options.reference_dir = suite.reference_dir;
  options.validate_sections = suite.validate_sections;
  LoadedExperiment loaded;
  REPRO_ASSIGN_OR_RETURN(loaded.experiment, LoadExperiment(arguments.manifest, options));
  REPRO_ASSIGN_OR_RETURN(loaded.graph, suite.build_graph(loaded.experiment));
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

std::vector<std::string> MissingSources(const TaskGraph& graph) {
  std::vector<std::string> missing;
  for (const Task& task : graph.tasks()) {
    if (task.unresolved.empty()) continue;
    if (std::find(missing.begin(), missing.end(), task.unresolved) == missing.end()) {
      missing.push_back(task.unresolved);
    }
  }
  return missing;
}

}  // namespace repro
