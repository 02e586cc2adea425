#pragma once
/// The ready queue: which task may start next, given what has ended and what the machine has left.
/// Bookkeeping only, no I/O: the scheduler's loop and the dry run of `repro plan` use the same one.
///
/// Tasks are named by their position in TaskGraph::tasks().

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "core/graph/task_graph.h"

namespace repro {

/// What can be handed out at one time.
struct Pools {
  int cores = 1;
  int gpus = 0;
  std::int64_t memory_bytes = 0;
};

/// Order of starting: ready tasks by critical path, the estimated seconds of the task and of the
/// longest chain of tasks that wait for it. A task that does not fit now lets a smaller one pass.
///
/// A task that wants more cores or memory than there are at all gets all there are, alone: an
/// estimate may be wrong, and slow is better than never. A GPU that is not there is a failure of
/// the task (`FitsMachine`).
class Plan {
 public:
  enum class State { kSkipped, kWaiting, kReady, kRunning, kDone, kFailed, kBlocked };

  /// `must_run[i]`: whether task i has to run; the others count as done. `seconds[i]`: its
  /// estimated time. `graph` must be valid and outlive the plan.
  Plan(const TaskGraph& graph, const std::vector<bool>& must_run, std::vector<double> seconds,
       Pools pools);

  /// The ready task with the longest way ahead that fits what is free; it is then running. Empty
  /// when there is none.
  std::optional<std::size_t> TakeReady();
  /// Marks a ready task as running although it was not offered: an adopted one. May overdraw the
  /// pools.
  void Adopt(std::size_t task);
  /// Sets resources aside for somebody else, or gives them back (negative).
  void Reserve(const Resources& resources, int sign);

  /// A running task ended well: what it held is free, what waited only for it is ready.
  void Done(std::size_t task);
  /// A running task is to be started again.
  void PutBack(std::size_t task);
  /// A running or ready task will not be done: every task that needs it is blocked. Returns those.
  std::vector<std::size_t> Fail(std::size_t task);
  /// A failed task gets another chance, and so do those that it alone blocked.
  void Revive(std::size_t task);

  State state(std::size_t task) const { return states_[task]; }
  /// Seconds of the longest chain that starts with `task`.
  double critical_path(std::size_t task) const { return critical_path_[task]; }
  std::size_t Count(State state) const;
  const Pools& free() const { return free_; }
  bool FitsMachine(std::size_t task) const;

 private:
  void SetReady(std::size_t task);
  void Release(std::size_t task);
  Resources Granted(std::size_t task) const;
  bool Fits(const Resources& resources) const;

  const TaskGraph* graph_;
  Pools pools_, free_;
  std::vector<State> states_;
  std::vector<std::vector<std::size_t>> inputs_;  ///< only those that must run
  std::vector<std::vector<std::size_t>> dependents_;
  std::vector<std::size_t> open_inputs_;  ///< inputs that are not done yet
  std::vector<double> critical_path_;
  std::set<std::pair<double, std::size_t>> ready_;  ///< (minus critical path, task)
};

/// Seconds to order tasks by when some have no estimate: those get their share of a nominal minute,
/// by work within their kind. Only the order means anything then.
std::vector<double> OrderingSeconds(const TaskGraph& graph,
                                    const std::vector<std::optional<double>>& estimates);

/// Estimated seconds until everything is done, with the plan's own rule on its pools.
double SimulateSeconds(Plan plan, const std::vector<double>& seconds);

}  // namespace repro
