#include "core/cli/plan_command.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <ostream>
#include <system_error>

#include <CLI/CLI.hpp>

#include "core/base/text.h"
#include "core/base/units.h"
#include "core/cli/experiment_plan.h"
#include "core/cli/log_access.h"
#include "core/cli/text_table.h"
#include "core/graph/plan.h"
#include "core/scheduler/local_executor.h"

namespace repro {
namespace {

constexpr std::size_t kReasonsShown = 3;

/// Everything that `plan` prints, as figures.
struct PlanFigures {
  Pools pools;
  double wall_seconds = 0;  ///< until all is done, with the pools above
  double task_seconds = 0;  ///< of all tasks, one after the other
  std::size_t unknown = 0;  ///< tasks to run without an estimate
  std::vector<std::string> unknown_kinds;
  std::string no_gpu, tight;  ///< what does not fit this machine, as `run` would say it
  std::int64_t largest_memory = 0;
  std::string largest_task;
  std::int64_t disk_bytes = 0;
  std::int64_t free_bytes = -1;  ///< in the workspace's file system; -1: not known
};

std::string JoinReasons(const std::vector<std::string>& reasons) {
  std::string text;
  for (std::size_t i = 0; i < reasons.size() && i < kReasonsShown; ++i) {
    text += (i == 0 ? "" : "; ") + reasons[i];
  }
  if (reasons.size() > kReasonsShown)
    text += fmt::format("; and {} more", reasons.size() - kReasonsShown);
  return text;
}

/// "corpus 15, vocab 3", in the order of first appearance.
std::string CountByKind(const TaskGraph& graph, const std::vector<TaskStanding>& standings,
                        Standing wanted) {
  std::vector<std::pair<std::string, std::size_t>> counts;
  for (std::size_t i = 0; i < standings.size(); ++i) {
    if (standings[i].standing != wanted) continue;
    const std::string& kind = graph.tasks()[i].kind;
    const auto found =
        std::find_if(counts.begin(), counts.end(), [&](const auto& c) { return c.first == kind; });
    if (found == counts.end()) {
      counts.emplace_back(kind, 1);
    } else {
      ++found->second;
    }
  }
  std::string text;
  for (const auto& [kind, count] : counts)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", kind, count);
  return text;
}

PlanFigures ComputeFigures(const TaskGraph& graph, const Assessment& assessment, const Pools& pools,
                           const std::filesystem::path& workspace) {
  PlanFigures figures;
  figures.pools = pools;
  figures.no_gpu = GpuShortfall(graph, assessment, pools);
  figures.tight = MemoryShortfall(graph, assessment, pools);
  std::vector<bool> must_run;
  std::vector<double> seconds;
  for (std::size_t i = 0; i < graph.tasks().size(); ++i) {
    const Task& task = graph.tasks()[i];
    const bool run = assessment.standings[i].standing != Standing::kCached;
    must_run.push_back(run);
    seconds.push_back(assessment.seconds[i].value_or(0));
    if (!run) continue;
    figures.task_seconds += seconds.back();
    figures.disk_bytes += task.resources.disk_bytes;
    if (task.resources.memory_bytes > figures.largest_memory) {
      figures.largest_memory = task.resources.memory_bytes;
      figures.largest_task = task.label;
    }
    if (!assessment.seconds[i]) {
      ++figures.unknown;
      if (std::find(figures.unknown_kinds.begin(), figures.unknown_kinds.end(), task.kind) ==
          figures.unknown_kinds.end()) {
        figures.unknown_kinds.push_back(task.kind);
      }
    }
  }
  // The dry run asks when, not whether: a GPU that is not here does not end it.
  Pools lenient = pools;
  for (const Task& task : graph.tasks()) lenient.gpus = std::max(lenient.gpus, task.resources.gpus);
  figures.wall_seconds = SimulateSeconds(Plan(graph, must_run, seconds, lenient), seconds);
  std::error_code error;
  std::filesystem::path existing = workspace;
  while (!std::filesystem::exists(existing, error) && existing.has_relative_path())
    existing = existing.parent_path();
  const auto space = std::filesystem::space(existing, error);
  if (!error) figures.free_bytes = static_cast<std::int64_t>(space.available);
  return figures;
}

std::string KeyText(const Task& task) {
  return task.unresolved.empty() ? ShortKey(task.key) : "unresolved";
}

std::string RatioText(double ratio) {
  return fmt::format("{:.2f}x", ratio);
}

class PlanCommand : public Command {
 public:
  void Define(CLI::App& app) override {
    arguments_.Define(app);
    app.add_flag("--all", all_, "List the cached tasks one by one, too");
    app.footer(
        "Changes nothing. A task runs when its settings or an input differ from every artifact at "
        "hand;\n"
        "the reason names what differs from the most similar earlier task.\n\n"
        "Example: what another vocabulary would cost\n"
        "  repro plan fig2 --set vocab.size=3000\n"
        "Example: the paper's own scale, which this machine cannot run\n"
        "  repro plan fig2 --scale paper");
  }

  Result<int> Run(const CommandContext& context) override {
    REPRO_ASSIGN_OR_RETURN(const LoadedExperiment loaded,
                           LoadGraph(arguments_, context.suite, context.options.workspace));
    PrintNotes(loaded.graph, context);
    const ArtifactStore store(context.options.workspace);
    std::optional<RunLog> log;
    std::optional<EstimateAccuracy> accuracy;
    std::error_code error;
    if (std::filesystem::exists(LogPath(context.options), error)) {
      REPRO_ASSIGN_OR_RETURN(log, OpenLogForReading(context.options));
      REPRO_ASSIGN_OR_RETURN(accuracy, LastEstimateAccuracy(*log));
    }
    REPRO_ASSIGN_OR_RETURN(const Assessment assessment, Assess(loaded.graph, log ? &*log : nullptr,
                                                               store, context.suite.build_id));
    const Machine machine = DetectMachine(arguments_.cores);
    const Pools pools = LocalExecutor(context.suite.task_program, machine).Capacity();
    const PlanFigures figures =
        ComputeFigures(loaded.graph, assessment, pools, context.options.workspace);
    if (context.options.json) {
      PrintJson(context.out, MakeJson(loaded, assessment, figures, accuracy));
    } else {
      Print(context, loaded, assessment, figures, accuracy);
    }
    return 0;
  }

 private:
  void Print(const CommandContext& context, const LoadedExperiment& loaded,
             const Assessment& assessment, const PlanFigures& figures,
             const std::optional<EstimateAccuracy>& accuracy) const {
    std::ostream& out = context.out;
    const Experiment& experiment = loaded.experiment;
    const TaskGraph& graph = loaded.graph;
    const std::size_t cached = assessment.Count(Standing::kCached);
    const std::size_t to_run = graph.tasks().size() - cached;
    out << fmt::format(
        "{} at scale {}: {}\n{}, {}, {}: {} cached, {} to run\n", experiment.id, experiment.scale,
        Printable(experiment.title), Plural(experiment.points.size(), "point"),
        Plural(graph.runs().size(), "run"), Plural(graph.tasks().size(), "task"), cached, to_run);
    if (to_run > 0) {
      out << "\nto run\n";
      PrintTasks(out, context.options.color, loaded, assessment, false);
    }
    if (cached > 0) {
      out << "\ncached: " << CountByKind(graph, assessment.standings, Standing::kCached) << "\n";
      if (all_) PrintTasks(out, context.options.color, loaded, assessment, true);
    }
    const auto other = static_cast<std::size_t>(
        std::count_if(assessment.standings.begin(), assessment.standings.end(),
                      [](const TaskStanding& standing) { return standing.other_build; }));
    if (other > 0) {
      out << fmt::format(
          "{} of them made by another build than this one (kept; the report marks them)\n", other);
    }
    out << "\n";
    if (to_run > 0) PrintFigures(out, figures, to_run);
    PrintModels(out, graph);
    if (accuracy) {
      out << fmt::format(
          "last time estimates: {}, {} estimated, {} taken; the middle task took {} of its "
          "estimate, the "
          "worst {}\n",
          Plural(accuracy->tasks, "task"), FormatDuration(accuracy->estimated_seconds),
          FormatDuration(accuracy->actual_seconds), RatioText(accuracy->median_ratio),
          RatioText(accuracy->worst_ratio));
    }
    const Missing missing = MissingSources(graph, assessment);
    if (!missing.sources.empty()) {
      out << fmt::format(
          "not at hand: {}, so this cannot run here; keys that depend on what nobody knows read "
          "\"unresolved\"\n",
          missing.sets.empty() ? Plural(missing.sources.size(), "source")
                               : Plural(missing.sets.size(), "data set"));
      if (!missing.sets.empty()) out << missing.HowToGet() << "\n";
    } else {
      out << "next: "
          << Printable(to_run > 0 ? RunCommandText(arguments_, context.options)
                                  : "repro report " + CommandWords(arguments_, context.options))
          << "\n";
    }
  }

  static void PrintTasks(std::ostream& out, bool color, const LoadedExperiment& loaded,
                         const Assessment& assessment, bool cached) {
    TextTable table({{"KEY"}, {"TASK"}, {"TIME", true}, {"MEMORY", true}, {"DISK", true}, {"WHY"}});
    for (std::size_t i = 0; i < loaded.graph.tasks().size(); ++i) {
      const TaskStanding& standing = assessment.standings[i];
      if ((standing.standing == Standing::kCached) != cached) continue;
      const Task& task = loaded.graph.tasks()[i];
      const std::string time = cached                  ? "-"
                               : assessment.seconds[i] ? FormatDuration(*assessment.seconds[i])
                                                       : "?";
      const std::string cache = standing.results_only ? "results only" : "cached";
      const std::string why = !cached                ? JoinReasons(standing.reasons)
                              : standing.other_build ? cache + ", made by build " + standing.build
                                                     : cache;
      table.AddRow({KeyText(task), task.label, time, FormatBytes(task.resources.memory_bytes),
                    FormatBytes(task.resources.disk_bytes), why});
    }
    table.Print(out, color);
  }

  static void PrintFigures(std::ostream& out, const PlanFigures& figures, std::size_t to_run) {
    if (figures.unknown == to_run) {
      out << "time    no earlier run to estimate from\n";
    } else {
      out << fmt::format("time    {}{} on {} cores ({} of tasks one after the other)\n",
                         figures.unknown > 0 ? "more than " : "about ",
                         FormatDuration(figures.wall_seconds), figures.pools.cores,
                         FormatDuration(figures.task_seconds));
      if (figures.unknown > 0) {
        out << fmt::format("        {} without an earlier run to estimate from ({})\n",
                           Plural(figures.unknown, "task"), fmt::join(figures.unknown_kinds, ", "));
      }
    }
    out << fmt::format("memory  at most {} for one task ({}); this machine has {}\n",
                       FormatBytes(figures.largest_memory), Printable(figures.largest_task),
                       FormatBytes(figures.pools.memory_bytes));
    if (!figures.tight.empty()) out << "        " << Printable(figures.tight) << "\n";
    if (!figures.no_gpu.empty()) out << "gpu     " << Printable(figures.no_gpu) << "\n";
    out << fmt::format(
        "disk    about {} to write{}\n", FormatBytes(figures.disk_bytes),
        figures.free_bytes >= 0 ? ", " + FormatBytes(figures.free_bytes) + " free" : "");
  }

  /// Exact facts of the models, one line for each that differs.
  static void PrintModels(std::ostream& out, const TaskGraph& graph) {
    std::vector<std::string> lines;
    for (const Task& task : graph.tasks()) {
      const auto parameters = task.info.find("parameters");
      if (parameters == task.info.end()) continue;
      const std::string line =
          fmt::format("{} parameters, {} of weights, {} a checkpoint",
                      FormatCount(parameters->get<std::int64_t>()),
                      FormatBytes(task.info.value("weight_bytes", std::int64_t{0})),
                      FormatBytes(task.info.value("checkpoint_bytes", std::int64_t{0})));
      if (std::find(lines.begin(), lines.end(), line) == lines.end()) lines.push_back(line);
    }
    for (const std::string& line : lines) out << "model   " << line << "\n";
  }

  static Json MakeJson(const LoadedExperiment& loaded, const Assessment& assessment,
                       const PlanFigures& figures,
                       const std::optional<EstimateAccuracy>& accuracy) {
    Json tasks = Json::array();
    for (std::size_t i = 0; i < loaded.graph.tasks().size(); ++i) {
      const Task& task = loaded.graph.tasks()[i];
      const TaskStanding& standing = assessment.standings[i];
      tasks.push_back(
          {{"key", task.unresolved.empty() ? task.key : "unresolved"},
           {"kind", task.kind},
           {"label", task.label},
           {"standing", StandingName(standing.standing)},
           {"reasons", standing.reasons},
           {"seconds", assessment.seconds[i] ? Json(*assessment.seconds[i]) : Json(nullptr)},
           {"threads", task.resources.threads},
           {"gpus", task.resources.gpus},
           {"memory_bytes", task.resources.memory_bytes},
           {"disk_bytes", task.resources.disk_bytes},
           {"work", task.work},
           {"work_unit", task.work_unit},
           {"info", task.info},
           {"build", standing.build},
           {"other_build", standing.other_build},
           {"results_only", standing.results_only},
           {"unresolved", task.unresolved}});
    }
    Json plan = {{"experiment", loaded.experiment.id},
                 {"scale", loaded.experiment.scale},
                 {"manifest_hash", loaded.experiment.hash},
                 {"runs", loaded.graph.runs().size()},
                 {"tasks", std::move(tasks)},
                 {"cores", figures.pools.cores},
                 {"wall_seconds", figures.wall_seconds},
                 {"task_seconds", figures.task_seconds},
                 {"without_estimate", figures.unknown},
                 {"memory_bytes", figures.largest_memory},
                 {"machine_memory_bytes", figures.pools.memory_bytes},
                 {"machine_gpus", figures.pools.gpus},
                 {"does_not_fit", Json::array()},
                 {"disk_bytes", figures.disk_bytes},
                 {"free_bytes", figures.free_bytes},
                 {"last_estimates", nullptr}};
    for (const std::string& line : {figures.no_gpu, figures.tight}) {
      if (!line.empty()) plan["does_not_fit"].push_back(line);
    }
    if (accuracy) {
      plan["last_estimates"] = {{"tasks", accuracy->tasks},
                                {"estimated_seconds", accuracy->estimated_seconds},
                                {"actual_seconds", accuracy->actual_seconds},
                                {"median_ratio", accuracy->median_ratio},
                                {"worst_ratio", accuracy->worst_ratio}};
    }
    return plan;
  }

  ExperimentArguments arguments_;
  bool all_ = false;
};

}  // namespace

std::unique_ptr<Command> MakePlanCommand() {
  return std::make_unique<PlanCommand>();
}

}  // namespace repro
