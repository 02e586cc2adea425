#pragma once
/// The loop: starts what is ready, takes in events, settles what ended, obeys requests and signals.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/graph/plan.h"
#include "core/graph/staleness.h"
#include "core/graph/task_graph.h"
#include "core/scheduler/attempt_book.h"
#include "core/scheduler/executor.h"
#include "core/scheduler/observer.h"
#include "core/scheduler/run_book.h"
#include "core/scheduler/signal_inbox.h"
#include "core/store/lease.h"

namespace repro {

struct SchedulerOptions {
  int retries = 2;  ///< failed attempts of a task that are tried again in one `repro run`
  double stall_seconds = 3600;  ///< without an event or a line of output for so long a task is
                                ///< taken for hung; 0: never
  double tick_seconds = 0.2;
  std::int64_t heed_stops_since_ms = 0;  ///< a request to stop that is older was meant for a `repro
                                         ///< run` that has ended; 0: since this was made
};

/// What this `repro run` did.
struct RunSummary {
  std::size_t done = 0, cached = 0, failed = 0, diverged = 0, blocked = 0, interrupted = 0;
  int signal = 0;  ///< SIGINT or SIGTERM when it was asked to stop, else 0
  double seconds = 0;
  struct Failure {
    std::string label, key, reason;
    bool diverged = false;
  };
  std::vector<Failure> failures;
};

/// Everything here is borrowed and must outlive the scheduler. The caller holds the lease.
struct SchedulerParts {
  const TaskGraph& graph;
  RunLog& log;
  const ArtifactStore& store;
  Executor& executor;
  Pulse& pulse;
  Observer& observer;
  RunBook& runs;
};

class Scheduler {
 public:
  /// `standings` as FindStandings gave them, `estimates` in seconds, empty where nothing is known;
  /// both by position in the graph. `survivors`: attempts that the executor has taken over already.
  Scheduler(SchedulerParts parts, SchedulerOptions options,
            const std::vector<TaskStanding>& standings,
            std::vector<std::optional<double>> estimates, std::vector<Survivor> survivors);

  /// Runs until nothing is left to do or it is asked to stop. A failed task is part of the summary;
  /// an Error means that the scheduler itself could not go on (disk full, run log damaged): the
  /// tasks were then asked to save and stop.
  Result<RunSummary> Run();

 private:
  struct Live {
    AttemptRow attempt;
    const Task* task = nullptr;
    std::optional<std::size_t> index;  ///< empty: of another experiment, found alive
    bool finishing = false;            ///< its artifact is whole already: about to end
    CancelReason cancelled = CancelReason::kNone;
    double started = 0;  ///< seconds on this loop's clock; negative when it was taken over
    std::int64_t last_sign_ms = 0;
    double quiet_seconds = 0;
    Json first_progress, progress;  ///< oldest and newest progress event seen
    /// Not told yet: an error is mostly the reason of an end that comes at once, and is said there.
    std::vector<std::string> errors;
    double errors_since = 0;  ///< seconds on this loop's clock, of the first of them
  };

  Status Loop();
  Status StartReady();
  Status StartOne(std::size_t index);
  Status TakeEvents();
  Status TakeEventsOf(Live& live);
  /// Tells what was kept back, less what the end's reason says.
  void TellErrors(Live& live, std::string_view reason);
  Status TakeEnds();
  Status Settle(const Live& live, const Judgement& judgement);
  Status GiveUp(std::size_t index, TaskProgress progress, const std::string& reason);
  Status ObeyRequests();
  Status Apply(const Request& request);
  Status ApplyStop(const Request& request);
  Status StopTask(std::size_t index);
  void BeginStop(int signal);
  void CheckStalls(double seconds);
  void Show();
  bool WorkLeft() const;
  double Now();
  /// Estimated seconds of a task: from earlier runs, else from what this run has seen of its kind,
  /// else nothing.
  std::optional<double> Estimate(std::size_t index) const;
  TaskView View(const Live& live);
  void Abandon();

  SchedulerParts parts_;
  SchedulerOptions options_;
  AttemptBook book_;
  std::vector<std::optional<double>> estimates_;
  std::vector<Survivor> survivors_;
  Plan plan_;
  std::map<std::string, Live> live_;  ///< by task key
  std::map<std::size_t, int> failures_;
  std::map<std::size_t, std::string> hopeless_;  ///< tasks that diverged before or lack a source
  std::set<std::size_t> interrupted_;            ///< tasks that were stopped before they were done
  std::map<std::string, std::vector<double>, std::less<>>
      seen_rates_;  ///< kind -> seconds per unit of work
  RunSummary summary_;
  std::size_t to_do_ = 0;
  std::int64_t began_ms_ = 0;
  int stop_signal_ = 0;
  bool killed_ = false;
};

}  // namespace repro
