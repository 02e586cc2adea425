#include "core/scheduler/run_book.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "core/base/check.h"
#include "core/graph/task_history.h"

namespace repro {

RunBook::RunBook(const TaskGraph& graph, RunLog& log, std::vector<TaskProgress> progress)
    : graph_(graph),
      log_(log),
      progress_(std::move(progress)),
      tasks_of_run_(graph.runs().size()),
      runs_of_task_(graph.tasks().size()),
      ids_(graph.runs().size(), 0),
      states_(graph.runs().size()) {
  REPRO_CHECK(progress_.size() == graph.tasks().size());
  std::unordered_map<std::string_view, std::size_t> index;
  for (std::size_t i = 0; i < graph.tasks().size(); ++i) index.emplace(graph.tasks()[i].key, i);
  for (std::size_t run = 0; run < graph.runs().size(); ++run) {
    for (const std::string& key : graph.runs()[run].task_keys) {
      const auto task = index.find(key);
      REPRO_CHECK(task != index.end());
      tasks_of_run_[run].push_back(task->second);
      runs_of_task_[task->second].push_back(run);
    }
  }
}

Result<bool> RunBook::AllKnownDone(const std::string& experiment_id,
                                   const std::string& scale) const {
  RunQuery query;
  query.experiment_id = experiment_id;
  query.scale = scale;
  query.state = "done";
  query.with_config = false;
  REPRO_ASSIGN_OR_RETURN(const auto rows, log_.Runs(query));
  std::set<std::string_view> done;
  for (const RunRow& row : rows) done.insert(row.key);
  return std::all_of(graph_.runs().begin(), graph_.runs().end(),
                     [&](const RunSpec& run) { return done.contains(run.key); });
}

Status RunBook::Register(const std::string& experiment_id, const std::string& scale,
                         std::int64_t invocation) {
  return log_.InTransaction([&]() -> Status {
    for (const Task& task : graph_.tasks())
      REPRO_RETURN_IF_ERROR(log_.UpsertTask(MakeTaskRow(task)));
    for (std::size_t i = 0; i < graph_.runs().size(); ++i) {
      const RunSpec& run = graph_.runs()[i];
      states_[i] = StateOf(i);
      RunRow row;
      row.experiment_id = experiment_id;
      row.scale = scale;
      row.point = run.point;
      row.role = run.role;
      row.key = run.key;
      row.pretrain_seed = run.pretrain_seed;
      row.finetune_seeds = run.finetune_seeds;
      row.state = states_[i];
      row.config = run.config;
      row.sweep = run.sweep;
      row.invocation = invocation;
      REPRO_ASSIGN_OR_RETURN(ids_[i], log_.UpsertRun(row, run.task_keys));
      // UpsertRun describes the run; the time it was finished comes with the state.
      if (states_[i] == "done") REPRO_RETURN_IF_ERROR(log_.SetRunState(ids_[i], "done"));
    }
    return {};
  });
}

std::string RunBook::StateOf(std::size_t run) const {
  std::size_t done = 0;
  bool failed = false;
  bool diverged = false;
  bool running = false;
  bool interrupted = false;
  for (const std::size_t task : tasks_of_run_[run]) {
    done += progress_[task] == TaskProgress::kDone ? 1 : 0;
    failed |= progress_[task] == TaskProgress::kFailed;
    diverged |= progress_[task] == TaskProgress::kDiverged;
    running |= progress_[task] == TaskProgress::kRunning;
    interrupted |= progress_[task] == TaskProgress::kInterrupted;
  }
  if (done == tasks_of_run_[run].size()) return "done";
  if (diverged) return "diverged";
  if (failed) return "failed";
  if (interrupted) return "interrupted";
  if (running) return "running";
  // Between two of its tasks a run that has begun goes on running.
  if (done > 0) return states_[run] == "running" ? "running" : "partial";
  return "waiting";
}

Status RunBook::SetState(std::size_t run, std::string state) {
  if (state == states_[run]) return {};
  states_[run] = std::move(state);
  return log_.SetRunState(ids_[run], states_[run]);
}

Status RunBook::Set(std::size_t task, TaskProgress progress) {
  progress_[task] = progress;
  for (const std::size_t run : runs_of_task_[task]) {
    REPRO_RETURN_IF_ERROR(SetState(run, StateOf(run)));
  }
  return {};
}

Status RunBook::Close(bool stopped) {
  return log_.InTransaction([&]() -> Status {
    for (std::size_t run = 0; run < states_.size(); ++run) {
      std::string state = StateOf(run);
      if (state == "running" || state == "partial") state = stopped ? "interrupted" : "partial";
      REPRO_RETURN_IF_ERROR(SetState(run, std::move(state)));
    }
    return {};
  });
}

std::vector<std::size_t> RunBook::TasksOfRun(std::int64_t id) const {
  const auto found = std::find(ids_.begin(), ids_.end(), id);
  if (id == 0 || found == ids_.end()) return {};
  return tasks_of_run_[static_cast<std::size_t>(found - ids_.begin())];
}

std::size_t RunBook::CountDone() const {
  return static_cast<std::size_t>(std::count(states_.begin(), states_.end(), "done"));
}

}  // namespace repro
