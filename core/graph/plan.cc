#include "core/graph/plan.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <string_view>
#include <unordered_map>

#include "core/base/check.h"

namespace repro {

Plan::Plan(const TaskGraph& graph, const std::vector<bool>& must_run, std::vector<double> seconds,
           Pools pools)
    : graph_(&graph),
      pools_(pools),
      free_(pools),
      states_(graph.tasks().size(), State::kSkipped),
      inputs_(graph.tasks().size()),
      dependents_(graph.tasks().size()),
      open_inputs_(graph.tasks().size(), 0),
      critical_path_(std::move(seconds)) {
  const std::vector<Task>& tasks = graph.tasks();
  REPRO_CHECK(must_run.size() == tasks.size() && critical_path_.size() == tasks.size());
  std::unordered_map<std::string_view, std::size_t> index;
  for (std::size_t i = 0; i < tasks.size(); ++i) index.emplace(tasks[i].key, i);
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (!must_run[i]) continue;
    states_[i] = State::kWaiting;
    for (const auto& [role, key] : tasks[i].inputs) {
      const auto input = index.find(key);
      REPRO_CHECK(input != index.end());
      const bool known =
          std::find(inputs_[i].begin(), inputs_[i].end(), input->second) != inputs_[i].end();
      if (!must_run[input->second] || known) continue;
      inputs_[i].push_back(input->second);
      dependents_[input->second].push_back(i);
    }
    open_inputs_[i] = inputs_[i].size();
  }
  // Inputs come before the tasks that read them, so from the back every dependent is final.
  for (std::size_t i = tasks.size(); i-- > 0;) {
    double longest = 0;
    for (const std::size_t dependent : dependents_[i])
      longest = std::max(longest, critical_path_[dependent]);
    critical_path_[i] += longest;
  }
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (states_[i] == State::kWaiting && open_inputs_[i] == 0) SetReady(i);
  }
}

void Plan::SetReady(std::size_t task) {
  states_[task] = State::kReady;
  ready_.emplace(-critical_path_[task], task);
}

Resources Plan::Granted(std::size_t task) const {
  Resources granted = graph_->tasks()[task].resources;
  granted.threads = std::clamp(granted.threads, 1, std::max(pools_.cores, 1));
  granted.memory_bytes = std::min(granted.memory_bytes, pools_.memory_bytes);
  return granted;
}

bool Plan::Fits(const Resources& resources) const {
  return resources.threads <= free_.cores && resources.gpus <= free_.gpus &&
         resources.memory_bytes <= free_.memory_bytes;
}

bool Plan::FitsMachine(std::size_t task) const {
  return graph_->tasks()[task].resources.gpus <= pools_.gpus;
}

void Plan::Reserve(const Resources& resources, int sign) {
  free_.cores -= sign * resources.threads;
  free_.gpus -= sign * resources.gpus;
  free_.memory_bytes -= sign * resources.memory_bytes;
}

void Plan::Release(std::size_t task) {
  REPRO_CHECK(states_[task] == State::kRunning);
  Reserve(Granted(task), -1);
}

std::optional<std::size_t> Plan::TakeReady() {
  if (free_.cores <= 0) return std::nullopt;
  for (const auto& [priority, task] : ready_) {
    if (!Fits(Granted(task))) continue;
    const std::size_t taken = task;  // a copy: Adopt erases the entry
    Adopt(taken);
    return taken;
  }
  return std::nullopt;
}

void Plan::Adopt(std::size_t task) {
  REPRO_CHECK(states_[task] == State::kReady || states_[task] == State::kWaiting);
  ready_.erase({-critical_path_[task], task});
  states_[task] = State::kRunning;
  Reserve(Granted(task), 1);
}

void Plan::Done(std::size_t task) {
  Release(task);
  states_[task] = State::kDone;
  for (const std::size_t dependent : dependents_[task]) {
    if (--open_inputs_[dependent] == 0 && states_[dependent] == State::kWaiting)
      SetReady(dependent);
  }
}

void Plan::PutBack(std::size_t task) {
  Release(task);
  states_[task] = State::kWaiting;
  if (open_inputs_[task] == 0) SetReady(task);
}

std::vector<std::size_t> Plan::Fail(std::size_t task) {
  if (states_[task] == State::kRunning) Release(task);
  ready_.erase({-critical_path_[task], task});
  states_[task] = State::kFailed;
  std::vector<std::size_t> blocked;
  std::vector<std::size_t> open = {task};
  while (!open.empty()) {
    const std::size_t next = open.back();
    open.pop_back();
    for (const std::size_t dependent : dependents_[next]) {
      if (states_[dependent] != State::kWaiting) continue;
      states_[dependent] = State::kBlocked;
      blocked.push_back(dependent);
      open.push_back(dependent);
    }
  }
  std::sort(blocked.begin(), blocked.end());
  return blocked;
}

void Plan::Revive(std::size_t task) {
  REPRO_CHECK(states_[task] == State::kFailed);
  states_[task] = State::kWaiting;
  if (open_inputs_[task] == 0) SetReady(task);
  // In topological order: a task is free when none of its inputs failed or is blocked.
  for (std::size_t i = task + 1; i < states_.size(); ++i) {
    if (states_[i] != State::kBlocked) continue;
    const bool blocked = std::any_of(inputs_[i].begin(), inputs_[i].end(), [&](std::size_t input) {
      return states_[input] == State::kFailed || states_[input] == State::kBlocked;
    });
    if (!blocked) states_[i] = State::kWaiting;
  }
}

std::size_t Plan::Count(State state) const {
  return static_cast<std::size_t>(std::count(states_.begin(), states_.end(), state));
}

std::vector<double> OrderingSeconds(const TaskGraph& graph,
                                    const std::vector<std::optional<double>>& estimates) {
  constexpr double kNominalSeconds = 60;
  const std::vector<Task>& tasks = graph.tasks();
  REPRO_CHECK(estimates.size() == tasks.size());
  std::unordered_map<std::string_view, double> largest;
  for (const Task& task : tasks) {
    double& work = largest[task.kind];
    work = std::max(work, task.work);
  }
  std::vector<double> seconds;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const double share = tasks[i].work > 0 ? tasks[i].work / largest[tasks[i].kind] : 0;
    seconds.push_back(estimates[i].value_or(1 + kNominalSeconds * share));
  }
  return seconds;
}

double SimulateSeconds(Plan plan, const std::vector<double>& seconds) {
  using End = std::pair<double, std::size_t>;
  std::priority_queue<End, std::vector<End>, std::greater<>> running;
  double now = 0;
  while (true) {
    while (const auto task = plan.TakeReady()) running.emplace(now + seconds[*task], *task);
    if (running.empty()) return now;
    const auto [end, task] = running.top();
    running.pop();
    now = end;
    plan.Done(task);
  }
}

}  // namespace repro
