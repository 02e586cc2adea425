#include "core/cli/status_command.h"

#include <algorithm>
#include <map>
#include <optional>
#include <ostream>
#include <sstream>

#include <CLI/CLI.hpp>

#include "core/base/text.h"
#include "core/base/units.h"
#include "core/cli/log_access.h"
#include "core/cli/terminal.h"
#include "core/cli/text_table.h"
#include "core/cli/training_view.h"
#include "core/report/training_writers.h"
#include "core/scheduler/signal_inbox.h"

namespace repro {

namespace {

constexpr std::size_t kFailuresShown = 5;
constexpr double kWatchSeconds = 2;
constexpr double kPlainWatchSeconds = 30;
constexpr std::size_t kChartFrame = 4;  // rows of a chart beside its plot: a blank one, title, axis
constexpr std::size_t kHighestChart = 18;
constexpr std::size_t kRoomyRows = 36;  // from so many rows on a terminal has room for more

/// One experiment at one scale, with its runs by state.
struct ExperimentSummary {
  std::string experiment, scale;
  std::map<std::string, std::int64_t> states;
  std::int64_t runs = 0, newest_ms = 0;
};

std::vector<ExperimentSummary> Summarize(const std::vector<RunCount>& counts) {
  std::vector<ExperimentSummary> summaries;
  for (const RunCount& count : counts) {
    if (summaries.empty() || summaries.back().experiment != count.experiment_id ||
        summaries.back().scale != count.scale) {
      summaries.push_back({count.experiment_id, count.scale, {}, 0, 0});
    }
    ExperimentSummary& summary = summaries.back();
    summary.states[count.state] += count.runs;
    summary.runs += count.runs;
    summary.newest_ms = std::max(summary.newest_ms, count.newest_ms);
  }
  return summaries;
}

class StatusCommand : public Command {
 public:
  void Define(CLI::App& app) override {
    app.add_option("experiment", query_.experiment_id, "Only this experiment, e.g. fig2");
    app.add_flag("--runs", list_runs_, "List the runs one by one, newest first");
    app.add_option("--state", query_.state, "Only runs in this state (with --runs)");
    app.add_option("--scale", query_.scale, "Only runs of this scale");
    app.add_option("--tag", query_.tag, "Only runs with this tag (with --runs)");
    app.add_option("-n,--limit", query_.limit, "At most so many runs (with --runs)");
    app.add_flag(
        "--watch", watch_,
        "Go on looking until nothing runs: redrawn in place on a terminal, lines elsewhere");
    app.add_option("--interval", interval_, "Seconds between two looks (with --watch)")
        ->check(CLI::Range(0.2, 86400.0));
    app.footer(
        "Example:\n  repro status fig2 --runs --state failed\n"
        "Example: loss, speed and time left of what runs, until it has ended\n"
        "  repro status --watch");
  }

  Result<int> Run(const CommandContext& context) override {
    const GlobalOptions& options = context.options;
    list_runs_ = list_runs_ || !query_.state.empty() || !query_.tag.empty() || query_.limit != 0;
    if (watch_) return Watch(context);
    REPRO_RETURN_IF_ERROR(Collect(options));
    if (options.json) {
      PrintJson(context.out, AsJson());
    } else {
      PrintText(context.out, options);
    }
    return 0;
  }

 private:
  /// A running task: its attempt, and as much of its training as there is.
  struct RunningTask {
    AttemptRow attempt;
    const TrainingTask* training = nullptr;  ///< its reader's; until the next look
    bool trains = false;
  };

  Status Collect(const GlobalOptions& options) {
    if (!log_) {
      REPRO_ASSIGN_OR_RETURN(log_, OpenLogForReading(options));
    }
    const RunLog& log = *log_;
    workspace_ = options.workspace.string();
    REPRO_ASSIGN_OR_RETURN(const std::vector<RunCount> counts, log.RunCounts());
    experiments_ = Summarize(counts);
    std::erase_if(experiments_, [this](const ExperimentSummary& e) {
      return (!query_.experiment_id.empty() && e.experiment != query_.experiment_id) ||
             (!query_.scale.empty() && e.scale != query_.scale);
    });
    if (experiments_.empty() && !query_.experiment_id.empty()) {
      return Fail(ErrorCode::kNotFound, "no run of '{}' in {}; `repro status` lists what there is",
                  Printable(query_.experiment_id), LogPath(options).string());
    }
    REPRO_ASSIGN_OR_RETURN(tasks_, log.TaskCounts());
    REPRO_ASSIGN_OR_RETURN(failures_, log.Failures(kFailuresShown));
    REPRO_ASSIGN_OR_RETURN(std::vector<AttemptRow> attempts, log.RunningAttempts());
    std::map<std::string, TrainingReader> readers;  // those of tasks that have ended are dropped
    running_.clear();
    for (AttemptRow& attempt : attempts) {
      auto known = readers_.extract(attempt.task_key);
      TrainingReader& reader = known ? readers.insert(std::move(known)).position->second
                                     : readers
                                           .try_emplace(attempt.task_key, options.workspace,
                                                        attempt.task_key, CurveDetail::kWatch)
                                           .first->second;
      REPRO_ASSIGN_OR_RETURN(const TrainingTask* training, reader.Read(log));
      if (training == nullptr) continue;
      running_.push_back({std::move(attempt), training, IsTraining(*training)});
    }
    readers_ = std::move(readers);
    if (list_runs_) {
      query_.with_config = false;
      REPRO_ASSIGN_OR_RETURN(runs_, log.Runs(query_));
    }
    REPRO_ASSIGN_OR_RETURN(const std::vector<InvocationRow> newest, log.Invocations(1));
    newest_command_ = newest.empty() ? "" : newest.front().command_line;
    lease_ = InspectLease(options.workspace);
    return {};
  }

  bool AnyAlive() const {
    return std::any_of(running_.begin(), running_.end(),
                       [](const RunningTask& task) { return task.training->alive; });
  }

  Result<int> Watch(const CommandContext& context) {
    const GlobalOptions& options = context.options;
    const bool drawn = options.terminal && !options.json;
    const double seconds = interval_ ? *interval_ : drawn ? kWatchSeconds : kPlainWatchSeconds;
    REPRO_RETURN_IF_ERROR(Collect(options));  // an error before the screen is taken
    SignalInbox inbox;
    std::optional<Screen> screen;
    if (drawn) screen.emplace(context.out);
    for (bool first = true;; first = false) {
      if (!first) REPRO_RETURN_IF_ERROR(Collect(options));
      const bool over = !lease_.held && !AnyAlive();
      if (options.json) {
        context.out << CanonicalJson(AsJson()) << std::endl;
      } else if (screen && !over) {
        const TerminalSize size = CurrentTerminalSize();
        screen->Draw(Frame(options, size), size);
      } else if (!over) {
        PrintLines(context.out);
      }
      if (over) break;
      if (const auto signal = inbox.Wait(seconds)) {
        screen.reset();
        return 128 + *signal;
      }
    }
    screen.reset();
    if (options.json) return 0;
    if (drawn) PrintText(context.out, options);
    PrintEnd(context.out);
    return 0;
  }

  std::size_t CountTasks(const char* state) const {
    const auto found = tasks_.find(state);
    return found == tasks_.end() ? 0 : static_cast<std::size_t>(found->second);
  }

  /// Why watching is over.
  void PrintEnd(std::ostream& out) const {
    out << "nothing is running";
    const std::size_t cut_off = running_.size() + CountTasks("interrupted");
    const std::size_t left = cut_off + CountTasks("failed") + CountTasks("waiting");
    if (left > 0 && left == CountTasks("waiting") && CountTasks("diverged") > 0) {
      out << "; " << Plural(left, "task") << " not done, for want of what diverged";
    } else if (left > 0 && !newest_command_.empty()) {
      out << "; " << Plural(left, "task") << " not done: " << Printable(newest_command_)
          << " goes on";
    }
    out << '\n';
  }

  /// What a terminal of this size shows: the states of all runs, what runs, and of the first task
  /// that trains as much as there is room for.
  std::vector<std::string> Frame(const GlobalOptions& options, TerminalSize size) const {
    std::ostringstream text;
    PrintHead(text);
    text << '\n';
    // Rows are dear here: what is too wide is cut.
    PrintExperiments(text, options.color, 0);
    PrintRunning(text, options, 0);
    const auto shown = std::find_if(running_.begin(), running_.end(), [](const RunningTask& task) {
      return task.trains && task.training->alive;
    });
    if (shown == running_.end()) PrintFailures(text, options);
    std::vector<std::string> lines;
    std::istringstream reader(text.str());
    for (std::string line; std::getline(reader, line);) lines.push_back(line);
    if (shown != running_.end()) {
      const bool roomy = size.rows >= kRoomyRows;
      TrainingViewOptions view{.width = size.columns,
                               .chart_rows = 0,
                               .languages = roomy ? 8u : 3u,
                               .happenings = roomy ? 4u : 1u,
                               .color = options.color,
                               .unicode = LocaleIsUtf8()};
      const std::int64_t now_ms = WallTimeMs();
      // Without a chart first, to know how much room one would have.
      const std::size_t used =
          lines.size() + DrawTraining(*shown->training, now_ms, view).size() + 3;
      const std::size_t charts = ChartsOf(*shown->training);
      const std::size_t room = size.rows > used ? (size.rows - used) / charts : 0;
      view.chart_rows = room > kChartFrame ? std::min(room - kChartFrame, kHighestChart) : 0;
      lines.emplace_back();
      for (std::string& line : DrawTraining(*shown->training, now_ms, view)) {
        lines.push_back(std::move(line));
      }
    }
    // The last line always says how to leave.
    if (lines.size() + 1 > size.rows) lines.resize(size.rows > 1 ? size.rows - 1 : 0);
    lines.push_back(Styled("Ctrl-C ends watching; what runs goes on", Style::kDim, options.color));
    return lines;
  }

  /// Its loss, and the dev scores of a fine-tuning.
  static std::size_t ChartsOf(const TrainingTask& training) {
    const bool scored =
        std::any_of(training.curves.begin(), training.curves.end(), [](const TrainingCurve& curve) {
          return curve.series.split == "dev" && !curve.series.name.ends_with(".loss");
        });
    return scored ? 2 : 1;
  }

  /// One line for each running task and one for all, for a file or a pipe.
  void PrintLines(std::ostream& out) const {
    const std::string clock = FormatTime(WallTimeMs()).substr(11, 8);
    for (const RunningTask& task : running_) {
      out << clock << "  " << Printable(task.training->task.label) << "  " << So(task) << '\n';
    }
    out << clock << "  tasks:";
    const char* separator = " ";
    for (const auto& [state, count] : tasks_) {
      out << separator << FormatCount(count) << ' ' << state;
      separator = ", ";
    }
    out << std::endl;
  }

  /// How far a running task is.
  static std::string So(const RunningTask& task) {
    if (!task.training->alive) return "no longer alive";
    if (!task.trains) return FormatProgress(task.training->progress);
    return TrainingLine(SummarizeTraining(*task.training, WallTimeMs()));
  }

  Json AsJson() const {
    Json json = {{"workspace", workspace_},      {"lease", ToJson(lease_)},
                 {"experiments", Json::array()}, {"tasks", tasks_},
                 {"running", Json::array()},     {"failures", Json::array()}};
    for (const ExperimentSummary& e : experiments_) {
      json["experiments"].push_back({{"experiment", e.experiment},
                                     {"scale", e.scale},
                                     {"runs", e.runs},
                                     {"states", e.states},
                                     {"newest_ms", e.newest_ms}});
    }
    for (const RunningTask& task : running_) {
      Json entry = ToJson(task.attempt);
      entry["progress"] = task.training->progress;
      entry["label"] = task.training->task.label;
      entry["alive"] = task.training->alive;
      entry["training"] = task.trains ? TrainingJson(*task.training, WallTimeMs()) : Json();
      json["running"].push_back(std::move(entry));
    }
    for (const FailureRow& failure : failures_) {
      json["failures"].push_back(
          {{"task", ToJson(failure.task)}, {"attempt", ToJson(failure.attempt)}});
    }
    if (list_runs_) {
      json["runs"] = Json::array();
      for (const RunRow& run : runs_) json["runs"].push_back(ToJson(run));
    }
    return json;
  }

  void PrintHead(std::ostream& out) const {
    out << "workspace " << Printable(workspace_) << ": ";
    if (lease_.held) {
      out << "in use by "
          << Printable(lease_.holder ? lease_.holder->Describe() : std::string("another process"));
    } else {
      out << "nobody works here now";
    }
    out << '\n';
  }

  void PrintText(std::ostream& out, const GlobalOptions& options) const {
    const bool color = options.color;
    PrintHead(out);
    out << '\n';
    if (list_runs_) {
      PrintRuns(out, options);
    } else {
      PrintExperiments(out, color, TableWidth());
    }
    PrintRunning(out, options, TableWidth());
    PrintFailures(out, options);
    if (!list_runs_ && !experiments_.empty()) {
      out << "\nlist the runs: repro status " << Printable(experiments_.front().experiment)
          << " --runs" << Printable(options.workspace_flag) << '\n';
    }
  }

  void PrintExperiments(std::ostream& out, bool color, std::size_t width) const {
    if (experiments_.empty()) {
      out << "no runs yet: start with `repro run fig2`\n";
      return;
    }
    constexpr const char* kStates[] = {"done",   "running",  "waiting",    "partial",
                                       "failed", "diverged", "interrupted"};
    std::vector<TextTable::Column> columns = {{"experiment"}, {"scale"}, {"runs", true}};
    for (const char* state : kStates) columns.push_back({state, true});
    columns.push_back({"last change"});
    TextTable table(columns);
    for (const ExperimentSummary& e : experiments_) {
      std::vector<TextTable::Cell> row = {e.experiment, e.scale, FormatCount(e.runs)};
      for (const char* state : kStates) {
        const auto found = e.states.find(state);
        if (found == e.states.end()) {
          row.emplace_back("-", Style::kDim);
        } else {
          row.emplace_back(FormatCount(found->second), StateStyle(state));
        }
      }
      row.emplace_back(FormatTime(e.newest_ms));
      table.AddRow(std::move(row));
    }
    table.Print(out, color, width);
  }

  void PrintRuns(std::ostream& out, const GlobalOptions& options) const {
    if (runs_.empty()) {
      out << "no run matches\n";
      return;
    }
    TextTable table({{"run", true},
                     {"experiment"},
                     {"scale"},
                     {"point"},
                     {"role"},
                     {"seed", true},
                     {"state"},
                     {"changed"},
                     {"tags"}});
    for (const RunRow& run : runs_) {
      std::string tags;
      for (const std::string& tag : run.tags) tags += (tags.empty() ? "" : " ") + tag;
      table.AddRow({std::to_string(run.id),
                    run.experiment_id,
                    run.scale,
                    run.point,
                    run.role,
                    std::to_string(run.pretrain_seed),
                    {run.state, StateStyle(run.state)},
                    FormatTime(std::max(run.created_ms, run.finished_ms)),
                    tags});
    }
    table.Print(out, options.color, TableWidth());
    out << '\n'
        << FormatCount(static_cast<std::int64_t>(runs_.size())) << " runs; one of them: repro show "
        << runs_.front().id << Printable(options.workspace_flag) << '\n';
  }

  void PrintRunning(std::ostream& out, const GlobalOptions& options, std::size_t width) const {
    if (running_.empty()) return;
    bool lost = false;
    TextTable table({{"running"}, {"task"}, {"attempt", true}, {"for"}, {"progress"}});
    for (const RunningTask& task : running_) {
      const AttemptRow& attempt = task.attempt;
      const bool alive = task.training->alive;
      lost = lost || !alive;
      const double seconds = static_cast<double>(WallTimeMs() - attempt.started_ms) / 1000;
      table.AddRow({ShortKey(attempt.task_key), task.training->task.label,
                    std::to_string(attempt.number), FormatDuration(std::max(0.0, seconds)),
                    alive ? TextTable::Cell(FormatProgress(task.training->progress))
                          : TextTable::Cell("no longer alive", Style::kYellow)});
    }
    out << '\n';
    table.Print(out, options.color, width);
    if (lost && !lease_.held) {
      out << "what is no longer alive was cut off; the next `repro run` goes on from its last "
             "checkpoint\n";
    }
  }

  void PrintFailures(std::ostream& out, const GlobalOptions& options) const {
    if (failures_.empty()) return;
    out << '\n' << Styled("last failures", Style::kBold, options.color) << '\n';
    const std::string flag = Printable(options.workspace_flag);
    for (const FailureRow& failure : failures_) {
      const std::string key = ShortKey(failure.task.key);
      out << "  " << Styled(failure.task.state, StateStyle(failure.task.state), options.color)
          << "  " << key << "  " << Printable(failure.task.label);
      if (failure.attempt.number > 0) out << ", attempt " << failure.attempt.number;
      if (!failure.attempt.reason.empty()) out << ": " << Printable(failure.attempt.reason);
      out << "\n      why: repro logs " << key << flag << "    again: repro retry " << key << flag
          << '\n';
    }
  }

  RunQuery query_;
  bool list_runs_ = false;
  bool watch_ = false;
  std::optional<double> interval_;
  std::optional<RunLog> log_;
  std::string workspace_;
  std::vector<ExperimentSummary> experiments_;
  std::map<std::string, std::int64_t> tasks_;
  std::map<std::string, TrainingReader> readers_;  ///< by task; they keep what they have read
  std::vector<RunningTask> running_;
  std::vector<FailureRow> failures_;
  std::vector<RunRow> runs_;
  std::string newest_command_;  ///< the last `repro run` of the workspace, as it was given
  LeaseState lease_;
};

}  // namespace

std::unique_ptr<Command> MakeStatusCommand() {
  return std::make_unique<StatusCommand>();
}

}  // namespace repro
