#pragma once
/// The tasks of one experiment and the runs that they serve. Built once from a validated manifest;
/// read-only after.

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/graph/task.h"

namespace repro {

/// Roles of runs: a model of the sweep, and one of a language alone.
inline constexpr const char* kMainRole = "main";
inline constexpr const char* kMonolingualRole = "monolingual";
/// Controls: a model of languages that share no meaning, and one that was not pretrained.
inline constexpr const char* kNullWorldRole = "null-world";
inline constexpr const char* kNoPretrainingRole = "no-pretraining";

/// One point of the sweep with one pretraining seed and its fine-tuning seeds; or one control at
/// such a point.
struct RunSpec {
  std::string point;                         ///< id of the sweep's point: "xlm7", "xlm7/8000"
  std::map<std::string, std::string> sweep;  ///< key -> value, e.g. languages -> xlm7
  std::string role = kMainRole;              ///< one of those above
  std::int64_t pretrain_seed = 0;
  std::vector<std::int64_t> finetune_seeds;
  Json config;                         ///< resolved settings of this run, for `compare`
  std::vector<std::string> task_keys;  ///< every task it needs, inputs of inputs included
  std::string key;  ///< SHA-256 over the sorted final task keys and role: the run's identity
};

/// A directed acyclic graph of tasks, unique by key.
class TaskGraph {
 public:
  /// Sets the key and adds the task; returns the key. A task that is there already is left as it is
  /// (shared).
  std::string Add(Task task);
  void AddRun(RunSpec run);

  /// A sentence that a person should read with whatever the graph is used for.
  void AddNote(std::string note) { notes_.push_back(std::move(note)); }

  const Task* Find(std::string_view key) const;
  /// Topological order: inputs before the tasks that read them; ties in order of adding.
  const std::vector<Task>& tasks() const { return tasks_; }
  const std::vector<RunSpec>& runs() const { return runs_; }
  const std::vector<std::string>& notes() const { return notes_; }
  /// `keys` and everything that they need.
  std::vector<std::string> Closure(const std::vector<std::string>& keys) const;
  /// Errors: kInvalidArgument when an input names no task that was added before its reader. That
  /// every input was makes the order topological and a cycle impossible.
  Status Validate() const;

 private:
  std::vector<Task> tasks_;
  std::map<std::string, std::size_t, std::less<>> index_;
  std::vector<RunSpec> runs_;
  std::vector<std::string> notes_;
};

}  // namespace repro
