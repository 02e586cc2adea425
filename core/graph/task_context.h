#pragma once
/// What a running task is given, in its own process, and how it ends. Shared by every task kind; no
/// LibTorch.
///
/// Attempt folder (made by the executor):  task.json  stdout  stderr  events.jsonl  lock
/// task.json: {"task": {...}, "inputs": {role: folder}, "staging": folder, "scratch": folder,
/// "workspace": folder}. The task writes its files below `out`, the staging folder; the runner
/// (repro-task) publishes them: completion record, fsync, rename.

#include <atomic>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/graph/task.h"
#include "core/store/event_writer.h"

namespace repro {

/// Exit codes of `repro-task`; the scheduler reads them, so the values must not change.
enum class TaskExit : int {
  kDone = 0,
  kFailed = 1,
  kBadSpec = 2,
  kContinue = 75,  ///< asked to stop, checkpointed: start me again, this was no failure
  kDiverged = 76,  ///< non-finite loss or gradient: do not retry
  kDamaged = 77,   ///< an input, or what it reads, is not what was written: do not retry
};

/// Set by SIGTERM, SIGINT and SIGUSR1; a long task looks at it at every update boundary, saves, and
/// returns ErrorCode::kInterrupted.
using StopFlag = std::atomic<bool>;

struct TaskContext {
  const Task& task;
  std::filesystem::path attempt;  ///< folder of this attempt, with task.json
  std::map<std::string, std::filesystem::path>
      inputs;  ///< role -> folder of a complete artifact, read-only, its SHA-256s checked
  std::filesystem::path out;  ///< empty folder; what lies here at success becomes the artifact
  std::filesystem::path
      scratch;  ///< kept between attempts of the same task: checkpoints; removed at success
  EventWriter& events;
  const StopFlag& stop;

  /// Folder of an input. Errors: kInvalidArgument when the task has no such input.
  Result<std::filesystem::path> Input(std::string_view role) const {
    const auto found = inputs.find(std::string(role));
    if (found == inputs.end()) {
      return Fail(ErrorCode::kInvalidArgument, "task '{}' has no input '{}'", task.label, role);
    }
    return found->second;
  }
};

/// The work of one task kind. Errors decide the exit: kInterrupted -> kContinue, kDiverged ->
/// kDiverged, kInvalidArgument -> kBadSpec, kCorrupt -> kDamaged, else kFailed.
using TaskFunction = Status (*)(TaskContext& context);

}  // namespace repro
