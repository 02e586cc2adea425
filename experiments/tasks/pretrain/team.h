#pragma once
/// The processes of one pretraining task: this one and, where it leads, those that it started.

#include <cstdint>
#include <optional>
#include <string>

#include "core/graph/task_context.h"
#include "experiments/train/training_group.h"
#include "experiments/train/worker_team.h"

namespace repro {

class Team {
 public:
  /// With one process: nothing to do. As leader: opens the meeting point, starts the other
  /// `processes - 1` of this program with `threads` cores each, and waits until they are there. As
  /// worker: joins. Errors: kIo, kFailed naming the rank.
  static Result<Team> Assemble(std::int64_t processes, std::int64_t threads,
                               const TaskContext& context);

  const TrainingGroup& group() const { return group_; }
  TrainingGroup& group() { return group_; }

  /// How the work ended, seen from the leader: waits for the workers after success; after a failure
  /// names the process that ended too early; kInterrupted when one found that memory takes fewer
  /// sequences at a time (the next attempt takes them).
  Status Conclude(Status work);

 private:
  TrainingGroup group_;
  std::optional<WorkerTeam> workers_;
  std::filesystem::path micro_batch_file_;
  std::string micro_batch_before_;
};

}  // namespace repro
