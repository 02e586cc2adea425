#include "core/cli/run_command.h"

#include <ostream>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/ranges.h>
#include <signal.h>

#include "core/base/text.h"
#include "core/base/units.h"
#include "core/cli/experiment_plan.h"
#include "core/cli/log_access.h"
#include "core/cli/progress.h"
#include "core/cli/text_table.h"
#include "core/scheduler/local_executor.h"
#include "core/scheduler/scheduler.h"
#include "core/store/apply_request.h"
#include "core/store/provenance.h"

namespace repro {
namespace {

constexpr double kSecondsPerMinute = 60;

/// What the log knew before: the tasks that are done though their row does not say so are brought
/// in.
Status RecordCached(const TaskGraph& graph, const Assessment& assessment, RunLog& log,
                    AttemptBook& book) {
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < graph.tasks().size(); ++i) {
    if (assessment.standings[i].standing == Standing::kCached) keys.push_back(graph.tasks()[i].key);
  }
  REPRO_ASSIGN_OR_RETURN(const auto rows, log.Tasks(keys));
  for (const TaskRow& row : rows) {
    if (row.state != "done") REPRO_RETURN_IF_ERROR(book.RecordFound(*graph.Find(row.key)));
  }
  return {};
}

class RunCommand : public Command {
 public:
  void Define(CLI::App& app) override {
    arguments_.Define(app);
    app.add_option("--retries", retries_, "How often a failed task is tried again")
        ->check(CLI::Range(0, 1000))
        ->capture_default_str();
    app.add_option("--stall-minutes", stall_minutes_,
                   "A task without a sign of progress for so long is taken for hung (0: never)")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
    app.footer(
        "Does what is missing and nothing else: killed or interrupted, it goes on where it was.\n"
        "Ctrl-C lets the running tasks save and ends; a second Ctrl-C kills them.\n\n"
        "Example: the smallest complete run, then the report\n"
        "  repro run fig2 --scale smoke\n"
        "  repro report fig2 --scale smoke\n"
        "Example: another vocabulary; only what depends on it runs again\n"
        "  repro run fig2 --set vocab.size=3000");
  }

  Result<int> Run(const CommandContext& context) override {
    REPRO_ASSIGN_OR_RETURN(const LoadedExperiment loaded,
                           LoadGraph(arguments_, context.suite, context.options.workspace));
    const std::string words = CommandWords(arguments_, context.options);
    REPRO_RETURN_IF_ERROR(RefuseMissing(loaded, MissingSources(loaded.graph), words));
    PrintNotes(loaded.graph, context);
    const GlobalOptions& options = context.options;
    const std::int64_t began_ms = WallTimeMs();
    REPRO_ASSIGN_OR_RETURN(const Lease lease,
                           Lease::Acquire(options.workspace, CommandText(options)));
    REPRO_ASSIGN_OR_RETURN(RunLog log, OpenLogForWriting(options));
    const ArtifactStore store(options.workspace);
    LocalExecutor executor(context.suite.task_program, DetectMachine(arguments_.cores));

    SignalInbox inbox;
    ::signal(SIGPIPE, SIG_IGN);  // `repro run | head` goes on without its reader
    const std::string title = loaded.experiment.id + " " + loaded.experiment.scale;
    std::unique_ptr<Observer> progress = MakeProgress(title, context);
    REPRO_ASSIGN_OR_RETURN(std::vector<Survivor> survivors,
                           RecoverAttempts(log, store, executor, [&](const std::string& line) {
                             progress->OnMessage("info", "", line);
                           }));
    REPRO_ASSIGN_OR_RETURN(Assessment assessment,
                           Assess(loaded.graph, &log, store, context.suite.build_id));

    REPRO_RETURN_IF_ERROR(RefuseMissing(loaded, MissingSources(loaded.graph, assessment), words));
    // Before any task: hours of work must not end in a task that could never start.
    const std::string no_gpu = GpuShortfall(loaded.graph, assessment, executor.Capacity());
    if (!no_gpu.empty()) return Fail(ErrorCode::kInvalidArgument, "{}", no_gpu);

    std::vector<TaskProgress> stand;
    for (const TaskStanding& standing : assessment.standings) {
      stand.push_back(standing.standing == Standing::kCached ? TaskProgress::kDone
                                                             : TaskProgress::kWaiting);
    }
    RunBook runs(loaded.graph, log, std::move(stand));
    const bool all_cached = assessment.Count(Standing::kCached) == loaded.graph.tasks().size();
    if (all_cached) {
      REPRO_ASSIGN_OR_RETURN(const bool known,
                             runs.AllKnownDone(loaded.experiment.id, loaded.experiment.scale));
      if (known) {
        REPRO_RETURN_IF_ERROR(TakeWhatWasAsked(options, log, *progress));
        progress.reset();
        RunSummary summary;
        summary.cached = loaded.graph.tasks().size();
        return Finish(context, loaded, summary);
      }
    }

    REPRO_ASSIGN_OR_RETURN(const std::int64_t invocation,
                           log.BeginInvocation(Describe(context, loaded, assessment)));
    const auto work = [&]() -> Result<RunSummary> {
      REPRO_RETURN_IF_ERROR(
          runs.Register(loaded.experiment.id, loaded.experiment.scale, invocation));
      AttemptBook book(log, store);
      REPRO_RETURN_IF_ERROR(RecordCached(loaded.graph, assessment, log, book));
      WarnOfDisk(context, loaded, assessment, *progress);
      const std::string tight = MemoryShortfall(loaded.graph, assessment, executor.Capacity());
      if (!tight.empty()) progress->OnMessage("warning", "", tight);
      SchedulerOptions scheduling;
      scheduling.retries = retries_;
      scheduling.stall_seconds = stall_minutes_ * kSecondsPerMinute;
      scheduling.heed_stops_since_ms = began_ms;
      Scheduler scheduler({loaded.graph, log, store, executor, inbox, *progress, runs}, scheduling,
                          assessment.standings, std::move(assessment.seconds),
                          std::move(survivors));
      return scheduler.Run();
    };
    const auto summary = work();
    progress.reset();  // clears its lines before anything else is printed
    const std::string_view state = !summary               ? "failed"
                                   : summary->signal != 0 ? "interrupted"
                                   : summary->failures.empty() && summary->interrupted == 0
                                       ? "done"
                                       : "failed";
    const Status ended = log.EndInvocation(invocation, state);
    if (!summary) return tl::unexpected<Error>(summary.error());
    REPRO_RETURN_IF_ERROR(ended);
    return Finish(context, loaded, *summary);
  }

 private:
  static Status RefuseMissing(const LoadedExperiment& loaded, const Missing& missing,
                              const std::string& words) {
    if (missing.sources.empty()) return {};
    if (!missing.sets.empty()) {
      return Fail(ErrorCode::kInvalidArgument,
                  "{} at scale {} needs {} not at hand, {}; {}. `repro plan {}` shows what "
                  "it would take",
                  loaded.experiment.id, loaded.experiment.scale,
                  missing.sets.size() == 1 ? "a data set that is"
                                           : Plural(missing.sets.size(), "data set") + " that are",
                  fmt::join(missing.sets, ", "), missing.HowToGet(), words);
    }
    return Fail(ErrorCode::kInvalidArgument,
                "{} at scale {} needs {} that {} not at hand, e.g. {}; `repro plan {}` shows what "
                "it would take",
                loaded.experiment.id, loaded.experiment.scale,
                missing.sources.size() == 1 ? "a source" : Plural(missing.sources.size(), "source"),
                missing.sources.size() == 1 ? "is" : "are", missing.sources.front(), words);
  }

  /// With nothing to do there is no loop that would take requests: those that a killed `repro`
  /// left.
  static Status TakeWhatWasAsked(const GlobalOptions& options, RunLog& log, Observer& progress) {
    const auto apply = [&log](const Request& request) -> Status {
      REPRO_RETURN_IF_ERROR(ApplyToLog(log, request));
      return {};
    };
    REPRO_ASSIGN_OR_RETURN(const auto taken, TakeRequests(options.workspace, apply));
    for (const TakenRequest& request : taken) {
      if (request.outcome) continue;
      progress.OnMessage("warning", "", "request refused: " + request.outcome.error().message);
    }
    return {};
  }

  /// This `repro run` for the log: where it came from, and how long its tasks should take.
  static InvocationRow Describe(const CommandContext& context, const LoadedExperiment& loaded,
                                const Assessment& assessment) {
    const Experiment& experiment = loaded.experiment;
    ProvenanceRequest request;
    request.checkout = context.suite.manifest_dir.parent_path();
    request.command_line = context.options.command_line;
    request.build_id = context.suite.build_id;
    request.version = context.suite.version;
    InvocationRow row;
    row.provenance = CollectProvenance(request);
    row.provenance["manifest"] = {{"path", experiment.path}, {"canonical", experiment.canonical}};
    row.provenance["overrides"] = experiment.overrides;
    Json estimates = Json::object();
    for (std::size_t i = 0; i < assessment.seconds.size(); ++i) {
      if (assessment.seconds[i]) estimates[loaded.graph.tasks()[i].key] = *assessment.seconds[i];
    }
    row.provenance["estimates"] = std::move(estimates);
    row.experiment_id = experiment.id;
    row.scale = experiment.scale;
    row.manifest = experiment.path;
    row.manifest_hash = experiment.hash;
    row.command_line = CommandText(context.options);
    row.state = "running";
    row.started_ms = WallTimeMs();
    return row;
  }

  static void WarnOfDisk(const CommandContext& context, const LoadedExperiment& loaded,
                         const Assessment& assessment, Observer& progress) {
    std::int64_t wanted = 0;
    for (std::size_t i = 0; i < assessment.standings.size(); ++i) {
      if (assessment.standings[i].standing == Standing::kRun) {
        wanted += loaded.graph.tasks()[i].resources.disk_bytes;
      }
    }
    std::error_code error;
    const auto space = std::filesystem::space(context.options.workspace, error);
    if (error || static_cast<std::int64_t>(space.available) >= wanted) return;
    progress.OnMessage("warning", "",
                       fmt::format("about {} will be written, {} has {} free", FormatBytes(wanted),
                                   context.options.workspace.string(),
                                   FormatBytes(static_cast<std::int64_t>(space.available))));
  }

  /// Without the word that stands before it on the line.
  static std::string Reason(const RunSummary::Failure& failure) {
    constexpr std::string_view kDiverged = "diverged: ";
    return failure.diverged && failure.reason.starts_with(kDiverged)
               ? failure.reason.substr(kDiverged.size())
               : failure.reason;
  }

  static int ExitCode(const RunSummary& summary) {
    if (summary.signal != 0) return 128 + summary.signal;
    return summary.failures.empty() && summary.interrupted == 0 ? 0 : 1;
  }

  /// What was done, how long it took, and what to type next.
  Result<int> Finish(const CommandContext& context, const LoadedExperiment& loaded,
                     const RunSummary& summary) const {
    const int code = ExitCode(summary);
    // What diverged would do so again: all that can be done was done.
    const bool over =
        code == 0 || (summary.signal == 0 && summary.failed == 0 && summary.interrupted == 0);
    const std::string next = over ? "repro report " + CommandWords(arguments_, context.options)
                                  : RunCommandText(arguments_, context.options);
    if (context.options.json) {
      Json failures = Json::array();
      for (const RunSummary::Failure& failure : summary.failures) {
        failures.push_back({{"task", failure.key},
                            {"label", failure.label},
                            {"reason", failure.reason},
                            {"diverged", failure.diverged}});
      }
      context.out << CanonicalJson({{"event", "summary"},
                                    {"experiment", loaded.experiment.id},
                                    {"scale", loaded.experiment.scale},
                                    {"done", summary.done},
                                    {"cached", summary.cached},
                                    {"failed", summary.failed},
                                    {"diverged", summary.diverged},
                                    {"blocked", summary.blocked},
                                    {"interrupted", summary.interrupted},
                                    {"seconds", summary.seconds},
                                    {"failures", failures},
                                    {"exit_code", code},
                                    {"next", next}})
                  << "\n";
      return code;
    }
    std::ostream& out = context.out;
    const std::string title = loaded.experiment.id + " " + loaded.experiment.scale;
    if (summary.done == 0 && code == 0) {
      out << fmt::format("{}: nothing to do, {} done\n", title,
                         summary.cached == 1 ? "its one task is"
                                             : fmt::format("all {} tasks are", summary.cached));
    } else {
      out << fmt::format("{}: {} done in {}, {} done before", title, Plural(summary.done, "task"),
                         FormatDuration(summary.seconds), summary.cached);
      const auto add = [&out](std::size_t count, std::string_view what) {
        if (count > 0) out << fmt::format(", {} {}", count, what);
      };
      add(summary.failed, "failed");
      add(summary.diverged, "diverged");
      add(summary.interrupted, "interrupted");
      add(summary.blocked, "waiting for those");
      out << "\n";
    }
    const std::string flag = Printable(context.options.workspace_flag);
    for (const RunSummary::Failure& failure : summary.failures) {
      out << Styled(failure.diverged ? "  diverged  " : "  failed  ", Style::kRed,
                    context.options.color)
          << Printable(failure.label) << ": " << Printable(Brief(Reason(failure)))
          << "\n            repro logs " << ShortKey(failure.key) << flag
          << (Brief(failure.reason) == failure.reason ? "" : " --stream stderr has all of it");
      if (failure.diverged) {
        out << "; the same settings diverge again: --set others, or insist with repro retry "
            << ShortKey(failure.key) << flag;
      }
      out << "\n";
    }
    out << (over ? "next: " : "to go on: ") << Printable(next) << std::endl;
    return code;
  }

  ExperimentArguments arguments_;
  int retries_ = 2;
  double stall_minutes_ = 60;
};

}  // namespace

std::unique_ptr<Command> MakeRunCommand() {
  return std::make_unique<RunCommand>();
}

}  // namespace repro
