#include "core/graph/task_graph.h"

#include <set>

namespace repro {

std::string TaskGraph::Add(Task task) {
  task.key = ComputeTaskKey(task);
  // A task that reads something unresolved is unresolved itself: its real key is not known yet.
  for (const auto& [role, input] : task.inputs) {
    const Task* source = Find(input);
    if (source == nullptr || source->unresolved.empty()) continue;
    if (task.unresolved.empty()) task.unresolved = source->unresolved;
    task.missing_sets.insert(source->missing_sets.begin(), source->missing_sets.end());
  }
  const auto [at, added] = index_.emplace(task.key, tasks_.size());
  if (added) tasks_.push_back(std::move(task));
  return at->first;
}

void TaskGraph::AddRun(RunSpec run) {
  runs_.push_back(std::move(run));
}

const Task* TaskGraph::Find(std::string_view key) const {
  const auto found = index_.find(key);
  return found == index_.end() ? nullptr : &tasks_[found->second];
}

std::vector<std::string> TaskGraph::Closure(const std::vector<std::string>& keys) const {
  std::set<std::string> wanted(keys.begin(), keys.end());
  for (auto task = tasks_.rbegin(); task != tasks_.rend(); ++task) {
    if (!wanted.contains(task->key)) continue;
    for (const auto& [role, input] : task->inputs) wanted.insert(input);
  }
  std::vector<std::string> ordered;
  for (const Task& task : tasks_) {
    if (wanted.contains(task.key)) ordered.push_back(task.key);
  }
  return ordered;
}

Status TaskGraph::Validate() const {
  for (std::size_t i = 0; i < tasks_.size(); ++i) {
    for (const auto& [role, input] : tasks_[i].inputs) {
      const auto found = index_.find(input);
      if (found == index_.end() || found->second >= i) {
        return Fail(ErrorCode::kInvalidArgument,
                    "task '{}': input '{}' names no task that was added before it", tasks_[i].label,
                    role);
      }
    }
  }
  return {};
}

}  // namespace repro
