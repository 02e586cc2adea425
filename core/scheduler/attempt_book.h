#pragma once
/// Attempts in the run log: how one begins, what its end means, and what becomes of those that an
/// earlier `repro` left.

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/graph/task.h"
#include "core/scheduler/executor.h"
#include "core/store/artifact_store.h"
#include "core/store/run_log.h"

namespace repro {

/// What an attempt's events.jsonl says, read back when it ended without success.
struct AttemptTrace {
  std::string last_state{};  ///< newest state event: "interrupted", "diverged", ...
  std::string last_error{};  ///< newest message of level error
  bool saved = false;        ///< it wrote a checkpoint
};

AttemptTrace ReadTrace(const std::filesystem::path& events_file);

/// What is to happen after an attempt.
enum class Next {
  kDone,      ///< the artifact is there
  kAgain,     ///< start again, the task is not to blame
  kRetry,     ///< start again if the retry budget allows
  kGiveUp,    ///< the same again would fail the same way
  kDiverged,  ///< non-finite numbers: a result of its own kind, never retried
};

struct Judgement {
  Next next = Next::kRetry;
  std::string state;   ///< of the attempt: AttemptRow::state
  std::string reason;  ///< for people
  int exit_code = -1;
};

/// Why the scheduler itself asked an attempt to end.
enum class CancelReason { kNone, kStop, kRequest, kStalled };

/// What an end means. Pure. `complete`: a whole artifact is there, which counts more than any exit
/// code: a task may be killed after it published.
Judgement Judge(const AttemptEnd& end, bool complete, const AttemptTrace& trace,
                CancelReason cancelled);

class AttemptBook {
 public:
  /// Both must outlive this. The log must be open for writing.
  AttemptBook(RunLog& log, const ArtifactStore& store) : log_(log), store_(store) {}

  /// Makes the attempt's folder and its row; the task is then running.
  Result<AttemptRow> Begin(const Task& task);
  /// Folder of an attempt.
  std::filesystem::path Folder(const AttemptRow& attempt) const;
  /// New events of a running attempt.
  Result<std::vector<Json>> Ingest(const AttemptRow& attempt);
  /// Takes in what is left of the events, decides what the end means, and writes that down; the
  /// task's state follows.
  Result<Judgement> End(const AttemptRow& attempt, const Task& task, const AttemptEnd& end,
                        CancelReason cancelled);
  /// Records an artifact that is whole in the store, or results without one, though the log does
  /// not have the task as done: a log that was lost, a workspace that was copied, an import. Events
  /// of attempts that the log does not know are taken in.
  Status RecordFound(const Task& task);

 private:
  Status RecordDone(const Task& task, const CompletionRecord& record);

  RunLog& log_;
  const ArtifactStore& store_;
};

/// An attempt that goes on although the `repro` that started it is gone.
struct Survivor {
  AttemptRow attempt;
  Task task;  ///< from its task.json
};

/// Goes through the attempts that the log has as running: living ones are taken over by `executor`
/// and returned; of the others, those with a whole artifact are done, the rest is lost and will be
/// started again without charge. `report` gets one line for each. Errors: kBusy when one lives of
/// which nothing can be read any more: it must not be started beside itself.
Result<std::vector<Survivor>> RecoverAttempts(
    RunLog& log, const ArtifactStore& store, Executor& executor,
    const std::function<void(const std::string&)>& report);

}  // namespace repro
