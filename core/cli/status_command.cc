#include "core/cli/status_command.h"

#include <algorithm>
#include <map>
#include <ostream>

#include <CLI/CLI.hpp>

#include "core/base/text.h"
#include "core/base/units.h"
#include "core/cli/log_access.h"
#include "core/cli/text_table.h"

namespace repro {

namespace {

constexpr std::size_t kFailuresShown = 5;

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
    app.footer("Example:\n  repro status fig2 --runs --state failed");
  }

  Result<int> Run(const CommandContext& context) override {
    const GlobalOptions& options = context.options;
    REPRO_ASSIGN_OR_RETURN(const RunLog log, OpenLogForReading(options));
    list_runs_ = list_runs_ || !query_.state.empty() || !query_.tag.empty() || query_.limit != 0;
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
    REPRO_ASSIGN_OR_RETURN(running_, log.RunningAttempts());
    REPRO_ASSIGN_OR_RETURN(failures_, log.Failures(kFailuresShown));
    for (const AttemptRow& attempt : running_) {
      REPRO_ASSIGN_OR_RETURN(const std::vector<TaskRow> task, log.Tasks({attempt.task_key}));
      labels_.push_back(task.empty() ? std::string() : task.front().label);
    }
    if (list_runs_) {
      query_.with_config = false;
      REPRO_ASSIGN_OR_RETURN(runs_, log.Runs(query_));
    }
    lease_ = InspectLease(options.workspace);
    if (options.json) {
      PrintJson(context.out, AsJson(options));
    } else {
      PrintText(context.out, options);
    }
    return 0;
  }

 private:
  Json AsJson(const GlobalOptions& options) const {
    Json json = {{"workspace", options.workspace.string()},
                 {"lease", ToJson(lease_)},
                 {"experiments", Json::array()},
                 {"tasks", tasks_},
                 {"running", Json::array()},
                 {"failures", Json::array()}};
    for (const ExperimentSummary& e : experiments_) {
      json["experiments"].push_back({{"experiment", e.experiment},
                                     {"scale", e.scale},
                                     {"runs", e.runs},
                                     {"states", e.states},
                                     {"newest_ms", e.newest_ms}});
    }
    for (std::size_t i = 0; i < running_.size(); ++i) {
      Json entry = ToJson(running_[i]);
      entry["label"] = labels_[i];
      entry["alive"] = IsAlive(options, running_[i]);
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

  void PrintText(std::ostream& out, const GlobalOptions& options) const {
    const bool color = options.color;
    out << "workspace " << Printable(options.workspace.string()) << ": ";
    if (lease_.held) {
      out << "in use by "
          << Printable(lease_.holder ? lease_.holder->Describe() : std::string("another process"));
    } else {
      out << "nobody works here now";
    }
    out << "\n\n";
    if (list_runs_) {
      PrintRuns(out, options);
    } else {
      PrintExperiments(out, color);
    }
    PrintRunning(out, options);
    PrintFailures(out, options);
    if (!list_runs_ && !experiments_.empty()) {
      out << "\nlist the runs: repro status " << Printable(experiments_.front().experiment)
          << " --runs" << Printable(options.workspace_flag) << '\n';
    }
  }

  void PrintExperiments(std::ostream& out, bool color) const {
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
    table.Print(out, color);
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
    table.Print(out, options.color);
    out << '\n'
        << FormatCount(static_cast<std::int64_t>(runs_.size())) << " runs; one of them: repro show "
        << runs_.front().id << Printable(options.workspace_flag) << '\n';
  }

  void PrintRunning(std::ostream& out, const GlobalOptions& options) const {
    if (running_.empty()) return;
    bool lost = false;
    TextTable table({{"running"}, {"task"}, {"attempt", true}, {"for"}, {"progress"}});
    for (std::size_t i = 0; i < running_.size(); ++i) {
      const AttemptRow& attempt = running_[i];
      const bool alive = IsAlive(options, attempt);
      lost = lost || !alive;
      const double seconds = static_cast<double>(WallTimeMs() - attempt.started_ms) / 1000;
      table.AddRow({ShortKey(attempt.task_key), labels_[i], std::to_string(attempt.number),
                    FormatDuration(std::max(0.0, seconds)),
                    alive ? TextTable::Cell(FormatProgress(attempt.progress))
                          : TextTable::Cell("no longer alive", Style::kYellow)});
    }
    out << '\n';
    table.Print(out, options.color);
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
  std::vector<ExperimentSummary> experiments_;
  std::map<std::string, std::int64_t> tasks_;
  std::vector<AttemptRow> running_;
  std::vector<std::string> labels_;  ///< of `running_`
  std::vector<FailureRow> failures_;
  std::vector<RunRow> runs_;
  LeaseState lease_;
};

}  // namespace

std::unique_ptr<Command> MakeStatusCommand() {
  return std::make_unique<StatusCommand>();
}

}  // namespace repro
