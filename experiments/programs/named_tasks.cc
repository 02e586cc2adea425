#include "experiments/programs/named_tasks.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "core/cli/log_access.h"

namespace repro {
namespace {

/// A task and what it was made from, inputs of inputs included.
Result<std::vector<TaskRow>> WithInputs(const RunLog& log, TaskRow task) {
  std::set<std::string> seen = {task.key};
  std::vector<TaskRow> tasks = {std::move(task)};
  for (std::size_t next = 0; next < tasks.size(); ++next) {
    std::vector<std::string> keys;
    for (const auto& [role, key] : tasks[next].inputs.items()) {
      if (key.is_string() && seen.insert(key.get<std::string>()).second) keys.push_back(key);
    }
    if (keys.empty()) continue;
    REPRO_ASSIGN_OR_RETURN(std::vector<TaskRow> inputs, log.Tasks(keys));
    std::move(inputs.begin(), inputs.end(), std::back_inserter(tasks));
  }
  return tasks;
}

}  // namespace

std::vector<TaskRow> NamedTasks::OfKind(std::string_view kind) const {
  std::vector<TaskRow> found;
  std::copy_if(tasks.begin(), tasks.end(), std::back_inserter(found),
               [&](const TaskRow& task) { return task.kind == kind; });
  return found;
}

Result<std::optional<NamedTasks>> TasksOfExperiment(const RunLog& log, const std::string& id) {
  REPRO_ASSIGN_OR_RETURN(const std::vector<RunRow> runs,
                         log.Runs({.experiment_id = id, .with_config = false}));
  if (runs.empty()) return std::optional<NamedTasks>();
  std::set<std::string> keys;
  for (const RunRow& run : runs) {
    if (run.invocation != runs.front().invocation) continue;
    REPRO_ASSIGN_OR_RETURN(const std::vector<std::string> of_run, log.RunTaskKeys(run.id));
    keys.insert(of_run.begin(), of_run.end());
  }
  NamedTasks named{.name = id, .tasks = {}};
  REPRO_ASSIGN_OR_RETURN(named.tasks, log.Tasks({keys.begin(), keys.end()}));
  return std::optional(std::move(named));
}

Result<NamedTasks> TasksOfTarget(const RunLog& log, const std::string& name) {
  REPRO_ASSIGN_OR_RETURN(Target target, FindTarget(log, name));
  NamedTasks named;
  if (target.task) {
    named.name = target.task->label;
    REPRO_ASSIGN_OR_RETURN(named.tasks, WithInputs(log, std::move(*target.task)));
    return named;
  }
  named.name = fmt::format("run {}", target.run->id);
  REPRO_ASSIGN_OR_RETURN(const std::vector<std::string> keys, log.RunTaskKeys(target.run->id));
  REPRO_ASSIGN_OR_RETURN(named.tasks, log.Tasks(keys));
  return named;
}

}  // namespace repro
