#pragma once
/// A node of the task graph: what is to be done, from what, with how much of the machine.
///
/// The key is the SHA-256 of kind, version, canonical spec and the keys of the inputs: the same key
/// is the same artifact, shared between figures and never computed twice. Label, resources and work
/// do not enter the key, except that a numeric task states its thread count in the spec and is
/// given exactly those threads.

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "core/io/json_io.h"

namespace repro {

/// What the executor sets aside for a task while it runs.
struct Resources {
  int threads = 1;  ///< CPU cores of its own
  int gpus = 0;
  std::int64_t memory_bytes = 256 << 20;  ///< estimated peak
  std::int64_t disk_bytes = 0;            ///< estimated size of the artifact and checkpoints
};

struct Task {
  std::string kind;            ///< "corpus", "pretrain", ...: a folder of experiments/tasks
  int version = 1;             ///< raised when the kind's output changes for the same spec
  Json spec = Json::object();  ///< canonical settings, from `ToJson`
  std::map<std::string, std::string> inputs;  ///< role -> key of the task whose artifact it reads
  std::string key;                            ///< 64 hex digits; see `ComputeTaskKey`

  std::string label;  ///< for people: "pretrain xlm7 seed 1"
  Resources resources;
  double work =
      0;  ///< size in `work_unit`; times are estimated from earlier runs of the kind by work
  std::string work_unit;  ///< "tokens", "sentences", ...
  /// Exact facts for `plan`, `show` and the task itself, not part of the key: {"parameters",
  /// "weight_bytes", "checkpoint_bytes"}; where a source lies ("folder").
  Json info = Json::object();
  /// Not empty: the task cannot run because a source is not at hand; says which dataset and its
  /// stated size. Its key then reads "unresolved" in listings, and so do those of the tasks that
  /// follow from it.
  std::string unresolved;
  /// Not empty: a source is not at hand, but its digests are (from a results file), so the key is
  /// known; says which. The task cannot run, its results may be there.
  std::string absent{};
  /// Of the two: ids of the data sets that are missing, where that is what is not at hand.
  std::set<std::string> missing_sets{};
};

/// What a completion record says of `task`: kind, version, key, spec, inputs, label.
Json DescribeTask(const Task& task);

/// The content address of `task` (fields kind, version, spec, inputs). 64 hex digits.
std::string ComputeTaskKey(const Task& task);

}  // namespace repro
