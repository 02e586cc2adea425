#include "core/graph/staleness.h"

#include <unordered_map>

#include <fmt/ranges.h>

namespace repro {
namespace {

/// Why a task that the log knows has no artifact.
std::string DescribeKnown(const TaskRow& row) {
  if (row.state == "done") return "artifact missing";
  if (row.state == "failed") return fmt::format("failed before (attempt {})", row.attempts);
  if (row.state == "interrupted") return fmt::format("interrupted (attempt {})", row.attempts);
  if (row.state == "running")
    return fmt::format("still running, or ended unseen (attempt {})", row.attempts);
  return row.attempts > 0 ? "asked for again" : "never ran";
}

/// ": loss is nan at update 3", of the last attempt's "diverged: loss is nan at update 3".
std::string WhyDiverged(const std::vector<AttemptRow>& attempts) {
  constexpr std::string_view kDiverged = "diverged";
  if (attempts.empty() || !attempts.back().reason.starts_with(kDiverged)) return {};
  return attempts.back().reason.substr(kDiverged.size());
}

Result<std::vector<std::string>> ExplainNew(const Task& task, TaskHistory& history) {
  REPRO_ASSIGN_OR_RETURN(const TaskRow* nearest, history.Nearest(task));
  if (nearest == nullptr) return std::vector<std::string>{"never ran"};
  std::vector<std::string> reasons = DescribeDifference(*nearest, task);
  // The same label is the same thing with other settings. Another label is a thing of its own that
  // has not run.
  if (nearest->label != task.label && !reasons.empty()) {
    reasons.front() = fmt::format("never ran; unlike '{}': {}", nearest->label, reasons.front());
  }
  return reasons;
}

/// A task that runs reads the files of its inputs: where only their results are here, they run,
/// too.
void AskForFiles(const TaskGraph& graph, std::vector<TaskStanding>& standings) {
  std::unordered_map<std::string_view, std::size_t> index;
  const std::vector<Task>& tasks = graph.tasks();
  for (std::size_t i = 0; i < tasks.size(); ++i) index.emplace(tasks[i].key, i);
  // Inputs come before the tasks that read them, so from the back every reader is final.
  for (std::size_t i = tasks.size(); i-- > 0;) {
    if (standings[i].standing != Standing::kRun) continue;
    for (const auto& [role, key] : tasks[i].inputs) {
      const auto found = index.find(key);
      if (found == index.end() || !standings[found->second].results_only) continue;
      TaskStanding& input = standings[found->second];
      input = {};
      input.reasons = {
          fmt::format("only its results were imported, and '{}' reads its files", tasks[i].label)};
    }
  }
}

/// The task that lacks what `task` cannot do without: itself, or one before it.
const Task& LackingTask(const TaskGraph& graph, const Task& task) {
  for (const auto& [role, key] : task.inputs) {
    const Task* const input = graph.Find(key);
    // TaskGraph::Add hands it on as it is.
    if (input != nullptr && input->unresolved == task.unresolved) return LackingTask(graph, *input);
  }
  return task;
}

std::string WhyUnresolved(const TaskGraph& graph, const Task& task) {
  const Task& lacking = LackingTask(graph, task);
  if (&lacking != &task) return fmt::format("needs '{}'", lacking.label);
  if (task.missing_sets.empty()) return fmt::format("not at hand: {}", task.unresolved);
  return fmt::format("not at hand: data set{} {}", task.missing_sets.size() == 1 ? "" : "s",
                     fmt::join(task.missing_sets, ", "));
}

}  // namespace

std::string_view StandingName(Standing standing) {
  switch (standing) {
    case Standing::kCached:
      return "cached";
    case Standing::kRun:
      return "run";
    case Standing::kDiverged:
      return "diverged";
    case Standing::kUnresolved:
      break;
  }
  return "unresolved";
}

Result<std::vector<TaskStanding>> FindStandings(const TaskGraph& graph, const RunLog* log,
                                                const ArtifactStore& store, TaskHistory& history,
                                                std::string_view build_id) {
  std::vector<std::string> keys;
  keys.reserve(graph.tasks().size());
  for (const Task& task : graph.tasks()) keys.push_back(task.key);
  std::unordered_map<std::string, TaskRow> known;
  if (log != nullptr) {
    REPRO_ASSIGN_OR_RETURN(std::vector<TaskRow> rows, log->Tasks(keys));
    for (TaskRow& row : rows) {
      std::string key = row.key;
      known.emplace(std::move(key), std::move(row));
    }
  }

  std::vector<TaskStanding> standings;
  standings.reserve(graph.tasks().size());
  for (const Task& task : graph.tasks()) {
    TaskStanding& standing = standings.emplace_back();
    if (!task.unresolved.empty()) {
      standing.standing = Standing::kUnresolved;
      standing.reasons = {WhyUnresolved(graph, task)};
      continue;
    }
    const auto artifact = store.Find(task.kind, task.key);
    if (artifact && artifact->has_value()) {
      standing.standing = Standing::kCached;
      standing.build = (*artifact)->build;
      standing.other_build = standing.build != build_id;
      continue;
    }
    const auto results = store.FindResults(task.kind, task.key);
    if (artifact && results && results->has_value()) {
      standing.standing = Standing::kCached;
      standing.build = (*results)->build;
      standing.other_build = standing.build != build_id;
      standing.results_only = true;
      continue;
    }
    const auto row = known.find(task.key);
    if (!artifact) {
      if (artifact.error().code != ErrorCode::kCorrupt) return tl::unexpected(artifact.error());
      standing.damaged = true;
      standing.reasons = {"artifact damaged: " + artifact.error().message};
    } else if (!results) {
      if (results.error().code != ErrorCode::kCorrupt) return tl::unexpected(results.error());
      standing.reasons = {"imported results damaged: " + results.error().message};
    } else if (log == nullptr || row == known.end()) {
      REPRO_ASSIGN_OR_RETURN(standing.reasons, ExplainNew(task, history));
    } else if (row->second.state == "diverged") {
      standing.standing = Standing::kDiverged;
      REPRO_ASSIGN_OR_RETURN(const auto attempts, log->Attempts(task.key));
      standing.reasons = {"diverged before" + WhyDiverged(attempts), "`repro retry` runs it again"};
    } else if (row->second.state == "waiting" && row->second.attempts == 0) {
      REPRO_ASSIGN_OR_RETURN(standing.reasons, ExplainNew(task, history));
    } else {
      standing.reasons = {DescribeKnown(row->second)};
    }
  }
  AskForFiles(graph, standings);
  for (std::size_t i = 0; i < standings.size(); ++i) {
    const std::string& absent = graph.tasks()[i].absent;
    if (standings[i].standing != Standing::kRun || absent.empty()) continue;
    standings[i].standing = Standing::kUnresolved;
    standings[i].reasons.insert(standings[i].reasons.begin(), "not at hand: " + absent);
  }
  return standings;
}

}  // namespace repro
