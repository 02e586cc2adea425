#pragma once
/// Runs in the run log, kept in step with the tasks that they need.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/graph/task_graph.h"
#include "core/store/run_log.h"

namespace repro {

/// Where a task stands while its runs are under way.
enum class TaskProgress { kWaiting, kRunning, kDone, kFailed, kDiverged, kInterrupted };

class RunBook {
 public:
  /// `graph` and `log` must outlive this. `progress`: where each task of the graph stands.
  RunBook(const TaskGraph& graph, RunLog& log, std::vector<TaskProgress> progress);

  /// Whether the log has every run of the graph as done: then a finished figure leaves no new
  /// trace.
  Result<bool> AllKnownDone(const std::string& experiment_id, const std::string& scale) const;
  /// Records tasks and runs. Tasks that are there keep their state.
  Status Register(const std::string& experiment_id, const std::string& scale,
                  std::int64_t invocation);
  /// A task moved on: the runs that need it may change their state.
  Status Set(std::size_t task, TaskProgress progress);
  /// Nothing runs any more: what is not done is failed, interrupted or partial. `stopped`: somebody
  /// ended it early, so what has begun and could go on is interrupted.
  Status Close(bool stopped);

  /// Tasks of the run with this number in the log; empty when it is none of ours.
  std::vector<std::size_t> TasksOfRun(std::int64_t id) const;
  std::size_t CountDone() const;

 private:
  /// What its tasks make of it, while `repro run` goes on.
  std::string StateOf(std::size_t run) const;
  Status SetState(std::size_t run, std::string state);

  const TaskGraph& graph_;
  RunLog& log_;
  std::vector<TaskProgress> progress_;
  std::vector<std::vector<std::size_t>> tasks_of_run_, runs_of_task_;
  std::vector<std::int64_t> ids_;
  std::vector<std::string> states_;
};

}  // namespace repro
