#pragma once
/// One attempt at one task, in its own process: what `repro-task run FOLDER` does. No LibTorch.

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "core/graph/task_context.h"

namespace repro {

/// A line of the registry of task kinds.
struct TaskKind {
  std::string_view name;
  TaskFunction run;
};

/// The content of task.json, as the executor writes it and the task process reads it.
struct AttemptDescription {
  Task task;
  std::map<std::string, std::filesystem::path> inputs;  ///< role -> artifact folder
  std::filesystem::path staging;                        ///< becomes the artifact
  std::filesystem::path scratch;                        ///< kept between attempts
  std::filesystem::path workspace;
};

Json ToJson(const AttemptDescription& description);
/// Errors: kCorrupt naming what is missing.
Result<AttemptDescription> ParseAttemptDescription(const Json& json, std::string_view where);

/// Holds the lock on `attempt_folder`/lock for its whole life (the proof that the task lives), runs
/// the task, publishes its artifact with a completion record, and returns the exit code. Every
/// failure is also an event and a line on stderr. A task whose artifact is complete already is done
/// at once.
TaskExit RunAttempt(const std::filesystem::path& attempt_folder, std::span<const TaskKind> kinds,
                    const std::string& build_id, const StopFlag& stop);

/// Another process of an attempt that RunAttempt runs: the same task with the same inputs and
/// scratch folder, but nothing to publish and no lock. What it says goes to
/// `attempt_folder`/worker-<rank>.jsonl, which nobody ingests, and on failure to stderr. What it
/// does besides is the task kind's business (data-parallel training).
TaskExit RunWorker(const std::filesystem::path& attempt_folder, std::int64_t rank,
                   std::span<const TaskKind> kinds, const StopFlag& stop);

}  // namespace repro
