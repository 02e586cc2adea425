#include "core/scheduler/attempt_book.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <set>
#include <system_error>

#include <unistd.h>

#include "core/base/text.h"
#include "core/base/units.h"
#include "core/graph/task_history.h"
#include "core/graph/task_runner.h"
#include "core/io/file.h"
#include "core/io/file_lock.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kStderrTail = 300;
constexpr std::int64_t kStderrBytes = 64 << 10;
constexpr int kKillSignal = 9;

/// The last line that a task printed on stderr, cut: often all there is when it was aborted. Only
/// the end of the file is read: a task may have filled the disk with it.
std::string LastStderrLine(const fs::path& folder) {
  std::ifstream in(folder / "stderr", std::ios::binary | std::ios::ate);
  const auto size = static_cast<std::int64_t>(in.tellg());
  if (!in || size <= 0) return {};
  const std::int64_t offset = std::max<std::int64_t>(0, size - kStderrBytes);
  in.seekg(offset);
  std::string text(static_cast<std::size_t>(size - offset), '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  const auto end = text.find_last_not_of(" \n\r\t");
  if (end == std::string::npos) return {};
  const auto before = text.find_last_of('\n', end);
  const auto start = text.find_first_not_of(" \t", before == std::string::npos ? 0 : before + 1);
  return std::string(Prefix(std::string_view(text).substr(start, end + 1 - start), kStderrTail));
}

/// Refused now is better than after hours of work, when the artifact is to be published.
Status CheckWritable(const fs::path& folder) {
  const Status made = MakeDirectories(folder);
  if (made && ::access(folder.c_str(), W_OK | X_OK) == 0) return {};
  const std::string reason = made ? fmt::format("{}: cannot write in this folder: {}",
                                                folder.string(), std::strerror(errno))
                                  : made.error().message;
  return Fail(ErrorCode::kIo, "{}; mend that or name another --workspace", reason);
}

std::string SignalReason(int signal, const AttemptTrace& trace) {
  std::string reason = fmt::format("killed by signal {} ({})", signal, ::strsignal(signal));
  // A program that aborts says why; what it said last has nothing to do with other signals.
  if (signal == SIGABRT && !trace.last_error.empty()) reason += ": " + trace.last_error;
  if (signal == kKillSignal) reason += "; the system does that when memory runs out";
  return reason;
}

std::string CancelText(CancelReason cancelled) {
  switch (cancelled) {
    case CancelReason::kStop:
      return "stopped with `repro run`";
    case CancelReason::kRequest:
      return "stopped on request";
    case CancelReason::kStalled:
      return "no sign of progress for too long (--stall-minutes says how long)";
    case CancelReason::kNone:
      break;
  }
  return {};
}

/// It ended itself when it was asked to.
Judgement StoppedInOrder(const AttemptTrace& trace, CancelReason cancelled, int code) {
  return {Next::kAgain, "continued",
          CancelText(cancelled) + (trace.saved ? ", work saved" : ", nothing saved"), code};
}

Judgement JudgeExit(int code, const AttemptTrace& trace, CancelReason cancelled) {
  const std::string detail = trace.last_error.empty() ? "" : ": " + trace.last_error;
  switch (static_cast<TaskExit>(code)) {
    case TaskExit::kDone:
      return {Next::kRetry, "failed", "exited without an artifact", code};
    case TaskExit::kContinue:
      if (cancelled != CancelReason::kNone) return StoppedInOrder(trace, cancelled, code);
      // Asked to stop from outside. Without a checkpoint it would start from nothing for ever.
      if (trace.saved) return {Next::kAgain, "continued", "stopped from outside, work saved", code};
      return {Next::kRetry, "continued", "stopped from outside, nothing saved", code};
    case TaskExit::kDiverged:
      return {Next::kDiverged, "diverged", "diverged" + detail, code};
    case TaskExit::kBadSpec:
      return {Next::kGiveUp, "failed", "refused its settings" + detail, code};
    case TaskExit::kDamaged:
      return {Next::kGiveUp, "failed", "cannot read what it needs" + detail, code};
    case TaskExit::kFailed:
      break;
  }
  return {Next::kRetry, "failed", fmt::format("exit code {}{}", code, detail), code};
}

/// Of a task that an earlier `repro` had started: how it ended is known from what it wrote alone.
Judgement JudgeVanished(const AttemptTrace& trace, CancelReason cancelled) {
  const std::string detail = trace.last_error.empty() ? "" : ": " + trace.last_error;
  if (trace.last_state == "diverged") {
    return {Next::kDiverged, "diverged", "diverged" + detail, -1};
  }
  if (trace.last_state == "failed") {
    return {Next::kRetry, "failed", "failed while no `repro` watched" + detail, -1};
  }
  const bool asked = cancelled == CancelReason::kStop || cancelled == CancelReason::kRequest;
  if (trace.last_state == "interrupted") {
    if (asked) return StoppedInOrder(trace, cancelled, -1);
    return {Next::kAgain, "continued", "stopped while no `repro` watched", -1};
  }
  if (asked) return {Next::kAgain, "interrupted", CancelText(cancelled), -1};
  return {Next::kAgain, "lost", "ended while no `repro` watched", -1};
}

}  // namespace

AttemptTrace ReadTrace(const fs::path& events_file) {
  AttemptTrace trace;
  const auto text = ReadFile(events_file);
  if (!text) return trace;
  std::string_view rest = *text;
  for (auto end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    // Metric lines are many and tell nothing here.
    if (line.find("\"state\"") == std::string_view::npos &&
        line.find("\"message\"") == std::string_view::npos) {
      continue;
    }
    const auto event = ParseJson(line, "events.jsonl");
    if (!event || !event->is_object()) continue;
    const std::string type = TextField(*event, "type");
    if (type == "state") {
      trace.last_state = TextField(*event, "state");
      trace.saved |= trace.last_state == "checkpoint";
    } else if (type == "message" && TextField(*event, "level") == "error") {
      trace.last_error = TextField(*event, "text");
    }
  }
  return trace;
}

Judgement Judge(const AttemptEnd& end, bool complete, const AttemptTrace& trace,
                CancelReason cancelled) {
  Judgement judgement;
  if (const auto* exited = std::get_if<Exited>(&end.how)) {
    judgement = JudgeExit(exited->code, trace, cancelled);
  } else if (const auto* signalled = std::get_if<Signalled>(&end.how)) {
    judgement = {Next::kRetry, "killed", SignalReason(signalled->signal, trace),
                 128 + signalled->signal};
    if (cancelled == CancelReason::kStop || cancelled == CancelReason::kRequest) {
      judgement = {Next::kAgain, "interrupted", CancelText(cancelled), 128 + signalled->signal};
    }
  } else {
    judgement = JudgeVanished(trace, cancelled);
  }
  if (complete) {
    // Exit 0 is the rule; anything else is worth a word.
    judgement = {Next::kDone, "done",
                 judgement.exit_code > 0 ? judgement.reason + ", after it had finished" : "",
                 judgement.exit_code};
  } else if (cancelled == CancelReason::kStalled && judgement.next != Next::kDiverged) {
    judgement.next = Next::kRetry;
    judgement.state = "killed";
    judgement.reason = CancelText(cancelled);
  }
  return judgement;
}

fs::path AttemptBook::Folder(const AttemptRow& attempt) const {
  return store_.workspace() / attempt.folder;
}

Result<AttemptRow> AttemptBook::Begin(const Task& task) {
  AttemptRow attempt;
  attempt.task_key = task.key;
  REPRO_ASSIGN_OR_RETURN(const auto earlier, log_.Attempts(task.key));
  REPRO_RETURN_IF_ERROR(CheckWritable(store_.Folder(task.kind, task.key).parent_path()));
  REPRO_RETURN_IF_ERROR(CheckWritable(store_.StagingFolder(task.key, 1).parent_path()));
  REPRO_RETURN_IF_ERROR(CheckWritable(store_.WorkFolder(task.key)));
  attempt.number = 1;
  for (const AttemptRow& row : earlier) attempt.number = std::max(attempt.number, row.number + 1);
  // A folder that the log does not know belongs to a log that was lost: it is left as it is.
  std::error_code error;
  while (fs::exists(store_.AttemptFolder(task.key, attempt.number), error)) ++attempt.number;
  const fs::path folder = store_.AttemptFolder(task.key, attempt.number);
  REPRO_RETURN_IF_ERROR(MakeDirectories(folder));
  attempt.folder = folder.lexically_relative(store_.workspace()).string();
  attempt.state = "running";
  attempt.started_ms = WallTimeMs();
  const Status begun = log_.InTransaction([&]() -> Status {
    REPRO_ASSIGN_OR_RETURN(attempt.id, log_.BeginAttempt(attempt));
    return log_.SetTaskState(task.key, "running");
  });
  REPRO_RETURN_IF_ERROR(begun);
  return attempt;
}

Result<std::vector<Json>> AttemptBook::Ingest(const AttemptRow& attempt) {
  const fs::path events = Folder(attempt) / "events.jsonl";
  std::error_code error;
  if (!fs::exists(events, error)) return std::vector<Json>{};  // it has not come so far
  return log_.IngestEvents(attempt.id, events);
}

Status AttemptBook::RecordDone(const Task& task, const CompletionRecord& record) {
  TaskRow row = MakeTaskRow(task);
  row.state = "done";
  row.seconds = record.wall_seconds;
  row.peak_rss = record.peak_rss_bytes;
  row.artifact_bytes = record.TotalBytes();
  row.build = record.build;
  row.finished_ms = record.finished_ms;
  REPRO_RETURN_IF_ERROR(log_.FinishTask(row));
  return log_.AddArtifact(task.key, record.ToJson());
}

Result<Judgement> AttemptBook::End(const AttemptRow& attempt, const Task& task,
                                   const AttemptEnd& end, CancelReason cancelled) {
  const fs::path folder = Folder(attempt);
  const auto artifact = store_.Find(task.kind, task.key);
  const bool complete = artifact && artifact->has_value();
  AttemptTrace trace;
  if (!complete) {
    trace = ReadTrace(folder / "events.jsonl");
    if (trace.last_error.empty()) trace.last_error = LastStderrLine(folder);
  }
  const Judgement judgement = Judge(end, complete, trace, cancelled);
  const Status written = log_.InTransaction([&]() -> Status {
    REPRO_RETURN_IF_ERROR(Ingest(attempt));
    AttemptRow row = attempt;
    row.state = judgement.state;
    row.reason = judgement.reason;
    row.exit_code = judgement.exit_code;
    row.ended_ms = WallTimeMs();
    REPRO_RETURN_IF_ERROR(log_.EndAttempt(row));
    if (complete) return RecordDone(task, **artifact);
    return log_.SetTaskState(task.key, judgement.next == Next::kDiverged ? "diverged"
                                       : judgement.next == Next::kAgain  ? "interrupted"
                                                                         : "failed");
  });
  REPRO_RETURN_IF_ERROR(written);
  // The process is gone: what it had not published is of no use to anybody. Checkpoints stay for
  // the next attempt.
  std::error_code ignored;
  fs::remove_all(store_.StagingFolder(task.key, attempt.number), ignored);
  if (complete) fs::remove_all(store_.ScratchFolder(task.key), ignored);
  return judgement;
}

Status AttemptBook::RecordFound(const Task& task) {
  REPRO_ASSIGN_OR_RETURN(auto record, store_.Find(task.kind, task.key));
  if (!record) {
    REPRO_ASSIGN_OR_RETURN(record, store_.FindResults(task.kind, task.key));
  }
  if (!record) return {};
  const bool imported = !record->imported.is_null();
  REPRO_ASSIGN_OR_RETURN(const auto known, log_.Attempts(task.key));
  std::set<int> numbers;
  for (const AttemptRow& row : known) numbers.insert(row.number);
  return log_.InTransaction([&]() -> Status {
    std::error_code error;
    // Folders of attempts that the log knows may be gone.
    const int highest = numbers.empty() ? 0 : *numbers.rbegin();
    for (int number = 1;; ++number) {
      const bool there = fs::exists(store_.AttemptFolder(task.key, number), error);
      if (!there && number > highest) break;
      if (!there || numbers.contains(number)) continue;
      AttemptRow attempt;
      attempt.task_key = task.key;
      attempt.number = number;
      attempt.folder =
          store_.AttemptFolder(task.key, number).lexically_relative(store_.workspace()).string();
      if (imported) attempt.started_ms = StartedMs(*record);
      REPRO_ASSIGN_OR_RETURN(attempt.id, log_.BeginAttempt(attempt));
      REPRO_RETURN_IF_ERROR(Ingest(attempt));
      attempt.state =
          ReadTrace(Folder(attempt) / "events.jsonl").last_state == "finished" ? "done" : "lost";
      attempt.reason = "found in the workspace, unknown to the log";
      if (imported) {
        attempt.reason = fmt::format("imported: made by build {} on {}", record->build,
                                     TextField(record->imported, "machine"));
        attempt.ended_ms = record->finished_ms;
      }
      REPRO_RETURN_IF_ERROR(log_.EndAttempt(attempt));
    }
    return RecordDone(task, *record);
  });
}

Result<std::vector<Survivor>> RecoverAttempts(
    RunLog& log, const ArtifactStore& store, Executor& executor,
    const std::function<void(const std::string&)>& report) {
  AttemptBook book(log, store);
  std::vector<Survivor> survivors;
  REPRO_ASSIGN_OR_RETURN(const auto running, log.RunningAttempts());
  for (const AttemptRow& attempt : running) {
    Task task;
    const fs::path file = book.Folder(attempt) / "task.json";
    const auto json = LoadJson(file);
    const auto description =
        json ? ParseAttemptDescription(*json, file.string()) : tl::unexpected<Error>(json.error());
    if (description) {
      task = description->task;
      REPRO_ASSIGN_OR_RETURN(const bool alive, executor.Adopt(book.Folder(attempt), *description));
      if (alive) {
        survivors.push_back({attempt, std::move(task)});
        continue;
      }
    } else if (IsLocked(book.Folder(attempt) / "lock")) {
      return Fail(
          ErrorCode::kBusy,
          "attempt {} of task {} is still alive, but its description cannot be read: {}; end "
          "it with `repro stop`, then run again",
          attempt.number, attempt.task_key.substr(0, 12), description.error().message);
    } else {
      // Killed before it was described: it never started.
      REPRO_ASSIGN_OR_RETURN(const auto row, log.FindTask(attempt.task_key));
      if (!row)
        return Fail(ErrorCode::kCorrupt, "run log: attempt {} belongs to no task", attempt.id);
      task.key = row->key;
      task.kind = row->kind;
      task.label = row->label;
    }
    REPRO_ASSIGN_OR_RETURN(const Judgement judgement,
                           book.End(attempt, task, {task.key, Vanished{}}, CancelReason::kNone));
    report(fmt::format("{}: attempt {} of an earlier `repro run`: {}", task.label, attempt.number,
                       judgement.next == Next::kDone ? "had finished" : judgement.reason));
  }
  return survivors;
}

}  // namespace repro
