#include "core/scheduler/scheduler.h"

#include <algorithm>
#include <utility>

#include <signal.h>

#include "core/base/text.h"
#include "core/base/units.h"
#include "core/store/apply_request.h"

namespace repro {
namespace {

constexpr double kLongestTick = 5;         // a machine that slept does not make a task hung
constexpr double kStallGraceSeconds = 60;  // between asking a hung task to save and killing it
constexpr double kAbandonSeconds =
    30;  // for the tasks to save when the scheduler itself cannot go on
constexpr double kErrorWaitSeconds = 10;  // for the end that an error announces
constexpr double kMsPerSecond = 1000;

std::vector<bool> MustRun(const std::vector<TaskStanding>& standings) {
  std::vector<bool> must_run;
  must_run.reserve(standings.size());
  for (const TaskStanding& standing : standings) {
    must_run.push_back(standing.standing != Standing::kCached);
  }
  return must_run;
}

double NumberOr(const Json& object, const char* name, double other) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number() ? found->get<double>() : other;
}

std::optional<double> Number(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number()) return std::nullopt;
  return found->get<double>();
}

double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

Scheduler::Scheduler(SchedulerParts parts, SchedulerOptions options,
                     const std::vector<TaskStanding>& standings,
                     std::vector<std::optional<double>> estimates, std::vector<Survivor> survivors)
    : parts_(parts),
      options_(options),
      book_(parts.log, parts.store),
      estimates_(std::move(estimates)),
      survivors_(std::move(survivors)),
      plan_(parts.graph, MustRun(standings), OrderingSeconds(parts.graph, estimates_),
            parts.executor.Capacity()),
      began_ms_(parts.pulse.NowMs()) {
  if (options_.heed_stops_since_ms == 0) options_.heed_stops_since_ms = began_ms_;
  for (std::size_t i = 0; i < standings.size(); ++i) {
    switch (standings[i].standing) {
      case Standing::kCached:
        ++summary_.cached;
        break;
      case Standing::kRun:
        ++to_do_;
        break;
      case Standing::kDiverged:
      case Standing::kUnresolved:
        ++to_do_;
        hopeless_[i] = standings[i].reasons.empty() ? "" : standings[i].reasons.front();
        break;
    }
  }
}

double Scheduler::Now() {
  return static_cast<double>(parts_.pulse.NowMs() - began_ms_) / kMsPerSecond;
}

Result<RunSummary> Scheduler::Run() {
  const Status status = Loop();
  if (!status) {
    Abandon();
    return tl::unexpected<Error>(status.error());
  }
  REPRO_RETURN_IF_ERROR(parts_.runs.Close(stop_signal_ != 0));
  summary_.signal = stop_signal_;
  summary_.seconds = Now();
  summary_.done = plan_.Count(Plan::State::kDone);
  summary_.diverged =
      static_cast<std::size_t>(std::count_if(summary_.failures.begin(), summary_.failures.end(),
                                             [](const auto& failure) { return failure.diverged; }));
  summary_.failed = summary_.failures.size() - summary_.diverged;
  summary_.blocked = plan_.Count(Plan::State::kBlocked);
  summary_.interrupted = interrupted_.size();
  return summary_;
}

Status Scheduler::Loop() {
  std::map<std::string_view, std::size_t> index;
  for (std::size_t i = 0; i < parts_.graph.tasks().size(); ++i)
    index.emplace(parts_.graph.tasks()[i].key, i);
  for (const Survivor& survivor : survivors_) {
    Live live;
    live.attempt = survivor.attempt;
    live.task = &survivor.task;
    live.progress = survivor.attempt.progress;
    live.started = static_cast<double>(survivor.attempt.started_ms - began_ms_) / kMsPerSecond;
    const auto own = index.find(survivor.task.key);
    if (own != index.end() && plan_.state(own->second) != Plan::State::kSkipped) {
      live.index = own->second;
      plan_.Adopt(own->second);
      REPRO_RETURN_IF_ERROR(parts_.runs.Set(own->second, TaskProgress::kRunning));
    } else {
      live.finishing = own != index.end();
      plan_.Reserve(survivor.task.resources, 1);
    }
    parts_.observer.OnStarted(survivor.task, survivor.attempt.number, true);
    live_.emplace(survivor.task.key, std::move(live));
  }
  // What diverged before fails again at once, and what needs it is blocked.
  for (const auto& [task, reason] : std::exchange(hopeless_, {})) {
    if (plan_.state(task) == Plan::State::kRunning) continue;
    REPRO_RETURN_IF_ERROR(GiveUp(task, TaskProgress::kDiverged, reason));
  }

  double last = Now();
  while (true) {
    REPRO_RETURN_IF_ERROR(parts_.log.CheckInPlace());
    REPRO_RETURN_IF_ERROR(ObeyRequests());
    if (stop_signal_ == 0) REPRO_RETURN_IF_ERROR(StartReady());
    if (!WorkLeft()) break;
    Show();
    const auto signal = parts_.pulse.Wait(options_.tick_seconds);
    if (signal) BeginStop(*signal);
    REPRO_RETURN_IF_ERROR(TakeEvents());
    REPRO_RETURN_IF_ERROR(TakeEnds());
    const double now = Now();
    CheckStalls(std::clamp(now - last, 0.0, kLongestTick));
    last = now;
  }
  Show();
  return {};
}

bool Scheduler::WorkLeft() const {
  const bool own = std::any_of(live_.begin(), live_.end(), [](const auto& entry) {
    return entry.second.index.has_value() || entry.second.finishing;
  });
  if (stop_signal_ != 0) return !live_.empty();
  // A guest of another experiment is left running; the next `repro run` takes it over again.
  return own || plan_.Count(Plan::State::kReady) > 0;
}

Status Scheduler::StartReady() {
  while (const auto task = plan_.TakeReady()) REPRO_RETURN_IF_ERROR(StartOne(*task));
  // What wants more GPUs than there are is never offered.
  for (std::size_t i = 0; i < parts_.graph.tasks().size(); ++i) {
    if (plan_.state(i) != Plan::State::kReady || plan_.FitsMachine(i)) continue;
    REPRO_RETURN_IF_ERROR(parts_.log.SetTaskState(parts_.graph.tasks()[i].key, "failed"));
    REPRO_RETURN_IF_ERROR(GiveUp(
        i, TaskProgress::kFailed,
        fmt::format("needs {}, this machine has {}",
                    Plural(static_cast<std::size_t>(parts_.graph.tasks()[i].resources.gpus), "GPU"),
                    parts_.executor.Capacity().gpus)));
  }
  return {};
}

Status Scheduler::StartOne(std::size_t index) {
  const Task& task = parts_.graph.tasks()[index];
  const auto failed = [&task](const Error& error) {
    return Context("task '" + task.label + "' could not be started", error);
  };
  Live live;
  auto attempt = book_.Begin(task);
  if (!attempt) return failed(attempt.error());
  live.attempt = std::move(*attempt);
  live.task = &task;
  live.index = index;
  live.started = Now();

  AttemptDescription description;
  description.task = task;
  for (const auto& [role, key] : task.inputs) {
    description.inputs[role] = parts_.store.Folder(parts_.graph.Find(key)->kind, key);
  }
  description.staging = parts_.store.StagingFolder(task.key, live.attempt.number);
  description.scratch = parts_.store.ScratchFolder(task.key);
  description.workspace = parts_.store.workspace();
  const Status started = parts_.executor.Start(book_.Folder(live.attempt), description);
  if (!started) {
    // The machine is at fault, not the task: whatever starts next would fail the same way.
    AttemptRow row = live.attempt;
    row.state = "lost";
    row.reason = started.error().message;
    row.ended_ms = parts_.pulse.NowMs();
    // The log may be on the same full disk; the first error is the one to tell.
    (void)parts_.log.EndAttempt(row);
    (void)parts_.log.SetTaskState(task.key, "interrupted");
    return failed(started.error());
  }
  parts_.observer.OnStarted(task, live.attempt.number, false);
  live_.emplace(task.key, std::move(live));
  return parts_.runs.Set(index, TaskProgress::kRunning);
}

Status Scheduler::TakeEvents() {
  for (auto& [key, live] : live_) {
    REPRO_RETURN_IF_ERROR(TakeEventsOf(live));
    if (!live.errors.empty() && Now() - live.errors_since >= kErrorWaitSeconds) {
      TellErrors(live, "");
    }
  }
  return {};
}

Status Scheduler::TakeEventsOf(Live& live) {
  auto events = book_.Ingest(live.attempt);
  if (!events) return Context("events of '" + live.task->label + "'", events.error());
  for (Json& event : *events) {
    const std::string type = TextField(event, "type");
    const std::string level = TextField(event, "level");
    if (type == "progress") {
      if (live.first_progress.is_null()) live.first_progress = event;
      live.progress = std::move(event);
    } else if (type == "message" && level == "error") {
      if (live.errors.empty()) live.errors_since = Now();
      live.errors.push_back(TextField(event, "text"));
    } else if (type == "message" && level != "info") {
      parts_.observer.OnMessage(level, live.task->label, TextField(event, "text"));
    } else if (type == "state" && TextField(event, "state") == "resumed") {
      const auto info = event.find("info");
      const bool known = info != event.end() && info->is_object();
      parts_.observer.OnMessage(
          "info", live.task->label,
          "going on from update " + FormatCount(known ? IntegerField(*info, "update") : 0));
    }
  }
  return {};
}

void Scheduler::TellErrors(Live& live, std::string_view reason) {
  for (const std::string& text : std::exchange(live.errors, {})) {
    if (reason.find(text) != std::string_view::npos) continue;
    parts_.observer.OnMessage("error", live.task->label, text);
  }
}

Status Scheduler::TakeEnds() {
  REPRO_ASSIGN_OR_RETURN(const std::vector<AttemptEnd> ends, parts_.executor.Poll());
  for (const AttemptEnd& end : ends) {
    const auto found = live_.find(end.task_key);
    if (found == live_.end()) continue;
    Live live = std::move(found->second);
    live_.erase(found);
    REPRO_RETURN_IF_ERROR(TakeEventsOf(live));
    const auto judgement = book_.End(live.attempt, *live.task, end, live.cancelled);
    if (!judgement) return Context("end of '" + live.task->label + "'", judgement.error());
    TellErrors(live, judgement->reason);
    REPRO_RETURN_IF_ERROR(Settle(live, *judgement));
  }
  return {};
}

Status Scheduler::Settle(const Live& live, const Judgement& judgement) {
  const double seconds = Now() - live.started;
  const auto tell = [&](std::string_view outcome, const std::string& reason) {
    parts_.observer.OnEnded({*live.task, live.attempt.number, outcome, reason, seconds});
  };
  if (!live.index) {
    plan_.Reserve(live.task->resources, -1);
    tell(judgement.next == Next::kDone ? "done" : "interrupted", judgement.reason);
    return {};
  }
  const std::size_t task = *live.index;
  const auto give_up = [&](TaskProgress progress, const std::string& reason) {
    tell(progress == TaskProgress::kDiverged ? "diverged" : "failed", reason);
    return GiveUp(task, progress, reason);
  };
  switch (judgement.next) {
    case Next::kDone:
      plan_.Done(task);
      if (live.task->work > 0) seen_rates_[live.task->kind].push_back(seconds / live.task->work);
      tell("done", judgement.reason);
      return parts_.runs.Set(task, TaskProgress::kDone);
    case Next::kDiverged:
      return give_up(TaskProgress::kDiverged, judgement.reason);
    case Next::kGiveUp:
      return give_up(TaskProgress::kFailed, judgement.reason);
    case Next::kAgain:
      if (live.cancelled == CancelReason::kStop || live.cancelled == CancelReason::kRequest) {
        interrupted_.insert(task);
        tell("interrupted", judgement.reason);
        plan_.Fail(task);
        return parts_.runs.Set(task, TaskProgress::kInterrupted);
      }
      break;
    case Next::kRetry:
      if (++failures_[task] > options_.retries) {
        return give_up(TaskProgress::kFailed, fmt::format("{} (attempt {}, no retry left)",
                                                          judgement.reason, live.attempt.number));
      }
      if (stop_signal_ != 0 || live.cancelled == CancelReason::kRequest) {
        return give_up(TaskProgress::kFailed, judgement.reason);
      }
      break;
  }
  tell("retry", judgement.reason);
  plan_.PutBack(task);
  return parts_.runs.Set(task, TaskProgress::kWaiting);
}

Status Scheduler::GiveUp(std::size_t index, TaskProgress progress, const std::string& reason) {
  plan_.Fail(index);
  const Task& task = parts_.graph.tasks()[index];
  summary_.failures.push_back({task.label, task.key, reason, progress == TaskProgress::kDiverged});
  return parts_.runs.Set(index, progress);
}

Status Scheduler::ObeyRequests() {
  REPRO_ASSIGN_OR_RETURN(const auto taken,
                         TakeRequests(parts_.store.workspace(),
                                      [&](const Request& request) { return Apply(request); }));
  for (const TakenRequest& request : taken) {
    if (!request.outcome)
      parts_.observer.OnMessage("warning", "",
                                "request refused: " + request.outcome.error().message);
  }
  return {};
}

Status Scheduler::Apply(const Request& request) {
  if (request.kind == Request::Kind::kStop) return ApplyStop(request);
  REPRO_RETURN_IF_ERROR(ApplyToLog(parts_.log, request));
  if (request.kind != Request::Kind::kRetry) return {};
  // What the log has as waiting again gets its chance here, too.
  std::map<std::string, std::size_t> failed;
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < parts_.graph.tasks().size(); ++i) {
    if (plan_.state(i) != Plan::State::kFailed) continue;
    failed.emplace(parts_.graph.tasks()[i].key, i);
    keys.push_back(parts_.graph.tasks()[i].key);
  }
  REPRO_ASSIGN_OR_RETURN(const auto rows, parts_.log.Tasks(keys));
  for (const TaskRow& row : rows) {
    if (row.state != "waiting") continue;
    const std::size_t task = failed.at(row.key);
    plan_.Revive(task);
    failures_.erase(task);
    interrupted_.erase(task);
    std::erase_if(summary_.failures, [&](const auto& failure) { return failure.key == row.key; });
    REPRO_RETURN_IF_ERROR(parts_.runs.Set(task, TaskProgress::kWaiting));
  }
  return {};
}

Status Scheduler::ApplyStop(const Request& request) {
  if (request.time_ms < options_.heed_stops_since_ms) return {};
  if (request.run == 0 && request.task_key.empty()) {
    parts_.observer.OnMessage("info", "", "asked to stop by " + request.by);
    // Asking twice is no second Ctrl-C: it kills nothing.
    if (stop_signal_ == 0) BeginStop(SIGTERM);
    return {};
  }
  const std::vector<Task>& tasks = parts_.graph.tasks();
  std::vector<std::size_t> chosen = parts_.runs.TasksOfRun(request.run);
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (tasks[i].key == request.task_key) chosen.push_back(i);
  }
  if (chosen.empty())
    return Fail(ErrorCode::kNotFound, "nothing of that name belongs to this `repro run`");
  for (const std::size_t task : chosen) REPRO_RETURN_IF_ERROR(StopTask(task));
  return {};
}

Status Scheduler::StopTask(std::size_t index) {
  const std::string& key = parts_.graph.tasks()[index].key;
  const auto live = live_.find(key);
  if (live != live_.end()) {
    live->second.cancelled = CancelReason::kRequest;
    parts_.executor.Cancel(key, CancelMode::kCheckpoint);
    return {};
  }
  const Plan::State state = plan_.state(index);
  if (state != Plan::State::kReady && state != Plan::State::kWaiting) return {};
  plan_.Fail(index);
  interrupted_.insert(index);
  // Not "waiting": that is what a retry makes of it.
  REPRO_RETURN_IF_ERROR(parts_.log.SetTaskState(key, "interrupted"));
  return parts_.runs.Set(index, TaskProgress::kInterrupted);
}

void Scheduler::BeginStop(int signal) {
  const bool again = stop_signal_ != 0;
  // A closed terminal is told of by its shell and by the kernel: twice is no wish to kill.
  if (again && signal == SIGHUP) return;
  if (!again) stop_signal_ = signal;
  if (again && killed_) return;
  killed_ = again;
  for (auto& [key, live] : live_) {
    live.cancelled = CancelReason::kStop;
    parts_.executor.Cancel(key, again ? CancelMode::kKill : CancelMode::kCheckpoint);
  }
  parts_.observer.OnMessage(
      "info", "",
      again ? "killing the tasks; their last checkpoints stay"
            : fmt::format("stopping: the running tasks save their work{}",
                          signal == SIGINT ? " (Ctrl-C again kills them)" : ""));
}

void Scheduler::CheckStalls(double seconds) {
  if (options_.stall_seconds <= 0) return;
  for (auto& [key, live] : live_) {
    const std::int64_t sign = parts_.executor.LastSignMs(key);
    live.quiet_seconds = sign == live.last_sign_ms ? live.quiet_seconds + seconds : 0;
    live.last_sign_ms = sign;
    if (live.quiet_seconds < options_.stall_seconds) continue;
    if (live.cancelled == CancelReason::kNone) {
      live.cancelled = CancelReason::kStalled;
      parts_.observer.OnMessage("warning", live.task->label,
                                "no sign of progress for " + FormatDuration(live.quiet_seconds));
      parts_.executor.Cancel(key, CancelMode::kCheckpoint);
    } else if (live.cancelled == CancelReason::kStalled &&
               live.quiet_seconds >=
                   options_.stall_seconds + std::min(kStallGraceSeconds, options_.stall_seconds)) {
      parts_.executor.Cancel(key, CancelMode::kKill);
    }
  }
}

std::optional<double> Scheduler::Estimate(std::size_t index) const {
  if (estimates_[index]) return estimates_[index];
  const Task& task = parts_.graph.tasks()[index];
  const auto seen = seen_rates_.find(task.kind);
  if (seen == seen_rates_.end() || task.work <= 0) return std::nullopt;
  return Median(seen->second) * task.work;
}

TaskView Scheduler::View(const Live& live) {
  TaskView view;
  view.label = live.task->label;
  view.kind = live.task->kind;
  view.key = live.task->key;
  view.attempt = live.attempt.number;
  view.elapsed_seconds = std::max(
      0.0, static_cast<double>(parts_.pulse.NowMs() - live.attempt.started_ms) / kMsPerSecond);
  if (live.progress.is_object()) {
    view.done = static_cast<std::int64_t>(NumberOr(live.progress, "done", 0));
    view.total = static_cast<std::int64_t>(NumberOr(live.progress, "total", 0));
    view.unit = TextField(live.progress, "unit");
    if (const auto info = live.progress.find("info");
        info != live.progress.end() && info->is_object()) {
      view.rate = Number(*info, "tokens_per_second");
      view.loss = Number(*info, "loss");
    }
  }
  if (view.total > 0) {
    view.fraction =
        std::clamp(static_cast<double>(view.done) / static_cast<double>(view.total), 0.0, 1.0);
    // Speed between the first and the newest event of this attempt: a resumed task does not count
    // what it found done.
    const double span =
        NumberOr(live.progress, "time_ms", 0) - NumberOr(live.first_progress, "time_ms", 0);
    const double moved =
        NumberOr(live.progress, "done", 0) - NumberOr(live.first_progress, "done", 0);
    if (!live.first_progress.is_null() && span > 0 && moved > 0) {
      const double left = static_cast<double>(view.total - view.done) * span / moved / kMsPerSecond;
      const double age =
          static_cast<double>(parts_.pulse.NowMs()) - NumberOr(live.progress, "time_ms", 0);
      view.eta_seconds = std::max(0.0, left - age / kMsPerSecond);
    }
  } else if (const auto estimate = live.index ? Estimate(*live.index) : std::nullopt) {
    view.fraction = std::min(view.elapsed_seconds / std::max(*estimate, 1e-3), 0.95);
    // Past its estimate nothing is known.
    if (*estimate > view.elapsed_seconds) view.eta_seconds = *estimate - view.elapsed_seconds;
  }
  return view;
}

void Scheduler::Show() {
  Snapshot shot;
  shot.total = to_do_;
  shot.done = plan_.Count(Plan::State::kDone);
  shot.failed = plan_.Count(Plan::State::kFailed);
  shot.blocked = plan_.Count(Plan::State::kBlocked);
  shot.running = plan_.Count(Plan::State::kRunning);
  shot.elapsed_seconds = Now();
  shot.stopping = stop_signal_ != 0;

  std::map<std::size_t, double> fractions;
  std::map<std::size_t, double> left_of_running;
  for (const auto& [key, live] : live_) {
    shot.tasks.push_back(View(live));
    if (!live.index) continue;
    fractions[*live.index] = shot.tasks.back().fraction;
    if (shot.tasks.back().eta_seconds)
      left_of_running[*live.index] = *shot.tasks.back().eta_seconds;
  }
  std::stable_sort(shot.tasks.begin(), shot.tasks.end(), [](const TaskView& a, const TaskView& b) {
    return a.elapsed_seconds > b.elapsed_seconds;
  });

  // Work is weighed by time where it is known, else as a task like any other. The time left is at
  // least that of the longest chain and at least all core seconds shared out evenly.
  double all = 0;
  double through = 0;
  double core_seconds = 0;
  double longest = 0;
  bool known = true;
  const int cores = std::max(parts_.executor.Capacity().cores, 1);
  for (std::size_t i = 0; i < parts_.graph.tasks().size(); ++i) {
    const Plan::State state = plan_.state(i);
    if (state == Plan::State::kSkipped || state == Plan::State::kFailed ||
        state == Plan::State::kBlocked)
      continue;
    const std::optional<double> estimate = Estimate(i);
    const double weight = estimate.value_or(1);
    all += weight;
    if (state == Plan::State::kDone) {
      through += weight;
      continue;
    }
    const double fraction = fractions.contains(i) ? fractions.at(i) : 0;
    through += weight * fraction;
    double left = weight * (1 - fraction);
    if (left_of_running.contains(i)) {
      left = left_of_running.at(i);
    } else if (!estimate) {
      known = false;
    }
    core_seconds += left * std::min(parts_.graph.tasks()[i].resources.threads, cores);
    if (estimates_[i]) longest = std::max(longest, plan_.critical_path(i) - *estimates_[i] + left);
  }
  shot.fraction = all > 0 ? through / all : 1;
  if (known) shot.eta_seconds = std::max(longest, core_seconds / cores);
  parts_.observer.OnTick(shot);
}

void Scheduler::Abandon() {
  if (live_.empty()) return;
  parts_.observer.OnMessage("warning", "",
                            "cannot go on; the running tasks are asked to save their work first");
  for (const auto& [key, live] : live_) parts_.executor.Cancel(key, CancelMode::kCheckpoint);
  const double deadline = Now() + kAbandonSeconds;
  std::size_t left = live_.size();
  while (left > 0 && Now() < deadline) {
    if (parts_.pulse.Wait(options_.tick_seconds)) break;
    const auto ends = parts_.executor.Poll();
    if (!ends) break;
    left -= std::min(left, ends->size());
  }
}

}  // namespace repro
