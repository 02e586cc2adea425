#pragma once
/// What the scheduler tells those who look on. Nothing flows back.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/graph/task.h"

namespace repro {

/// A running task as a person sees it.
struct TaskView {
  std::string label, kind, key;
  int attempt = 1;
  double elapsed_seconds = 0;
  std::int64_t done = 0, total = 0;  ///< of the newest progress event; total 0: none yet
  std::string unit;
  double fraction = 0;         ///< 0..1: by progress, else by time against the estimate
  std::optional<double> rate;  ///< what it reports as "tokens_per_second"
  std::optional<double> loss;
  std::optional<double> eta_seconds;
};

/// Everything at one moment.
struct Snapshot {
  std::size_t total = 0;  ///< tasks that this `repro run` has to do
  std::size_t done = 0, failed = 0, blocked = 0, running = 0;
  double fraction = 0;  ///< of the work, by estimated time
  double elapsed_seconds = 0;
  std::optional<double> eta_seconds;  ///< empty while too much is unknown
  bool stopping = false;
  std::vector<TaskView> tasks;  ///< running, oldest first
};

struct TaskEnded {
  const Task& task;
  int attempt = 1;
  std::string_view outcome;  ///< "done", "retry", "failed", "diverged", "interrupted"
  std::string reason;
  double seconds = 0;
};

class Observer {
 public:
  virtual ~Observer() = default;
  virtual void OnStarted(const Task& task, int attempt, bool adopted) = 0;
  virtual void OnEnded(const TaskEnded& ended) = 0;
  /// A warning or error of a running task, or that it goes on from a checkpoint (info); or a
  /// message of the scheduler ("" as label). An error that is the reason of an end is told by
  /// OnEnded alone.
  virtual void OnMessage(std::string_view level, std::string_view label, std::string_view text) = 0;
  /// Every tick of the loop.
  virtual void OnTick(const Snapshot& snapshot) = 0;
};

}  // namespace repro
