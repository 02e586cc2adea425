#pragma once
/// The tasks that a person means by a name: those of a run, of an experiment, or behind a task.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/store/run_log.h"

namespace repro {

struct NamedTasks {
  std::string name;            ///< "run 12", "lab-real", "text lab-real en"
  std::vector<TaskRow> tasks;  ///< in no order; none twice

  std::vector<TaskRow> OfKind(std::string_view kind) const;
};

/// All runs of an experiment that its newest `repro run` touched; nothing when none ran here.
Result<std::optional<NamedTasks>> TasksOfExperiment(const RunLog& log, const std::string& id);

/// By a run's number, or the first digits of a task's key: then the task, and what it was made
/// from. Errors: as FindTarget.
Result<NamedTasks> TasksOfTarget(const RunLog& log, const std::string& name);

}  // namespace repro
