#include "core/report/report_inputs.h"

#include <utility>

namespace repro {

Status ReadRunLog(const RunLog* log, const TaskGraph& graph, ReportInputs& inputs) {
  inputs.runs = graph.runs();
  std::vector<std::string> keys;
  for (const Task& task : graph.tasks()) {
    keys.push_back(task.key);
    inputs.plan[task.key] = task;
  }
  if (log == nullptr) return {};

  REPRO_ASSIGN_OR_RETURN(std::vector<TaskRow> tasks, log->Tasks(keys));
  for (TaskRow& task : tasks) inputs.tasks[task.key] = std::move(task);
  REPRO_ASSIGN_OR_RETURN(inputs.imported, log->ImportedArtifacts());
  std::erase_if(inputs.imported,
                [&](const auto& entry) { return !inputs.tasks.contains(entry.first); });
  if (!keys.empty()) {
    REPRO_ASSIGN_OR_RETURN(inputs.metrics,
                           log->Metrics({.task_keys = keys, .last_step_only = true}));
  }
  REPRO_ASSIGN_OR_RETURN(std::vector<InvocationRow> invocations, log->Invocations(0));
  for (InvocationRow& invocation : invocations) {
    if (invocation.experiment_id == inputs.experiment.id &&
        invocation.scale == inputs.experiment.scale) {
      inputs.invocations.push_back(std::move(invocation));
    }
  }
  return {};
}

}  // namespace repro
