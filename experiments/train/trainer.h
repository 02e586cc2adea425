#pragma once
/// The pretraining loop: batches by update number, one TrainStep each, metrics, validation,
/// checkpoints, stop and resume.
///
/// Bit-equal: what an update does depends on its number, the weights and the moments alone, so a
/// run that was interrupted and resumed any number of times ends with the weights of an undisturbed
/// one (same build, same CPU, same number of processes). With another number of processes the
/// sequences, their masking and dropout stay the same, and sums round differently.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/graph/task_context.h"
#include "core/io/json_io.h"
#include "core/store/event_writer.h"
#include "experiments/train/lr_schedule.h"
#include "experiments/train/train_step.h"

namespace repro {

/// Held-out text of one language and what context-free predictors reach on it.
struct ValidationSet {
  std::string language;
  MaskedBatch batch;
  PlateauLoss plateau;  ///< used by the leader alone
};

struct TrainingData {
  /// This process's part of an update. Pure in the update number; called from loader threads.
  std::function<MaskedBatch(std::int64_t update)> batch;
  std::vector<std::string> languages;  ///< what MaskedBatch::languages counts
  std::vector<ValidationSet> validation;
};

struct TrainerOptions {
  LrSchedule schedule;  ///< total_updates is the length of the run; 0 updates: only validation
  AdamWOptions adam;
  std::int64_t sequences_per_micro_batch = 0;
  double clip_norm = 0;
  std::uint64_t seed = 1;
  std::int64_t log_every = 50;
  std::int64_t validate_every = 0;  ///< 0: only at the end
  std::int64_t checkpoint_every = 500;
  std::int64_t checkpoints_kept = 2;
  std::filesystem::path checkpoint_folder;

  const TrainingGroup* group = nullptr;  ///< of several processes; null: this one is alone
  bool bfloat16_gradients = false;       ///< on the way between processes

  /// Most floating-point operations a second of one process's device; 0: unknown, no MFU is said.
  double peak_flops = 0;
  /// Peak memory so far, bytes; empty: this process's resident set.
  std::function<std::int64_t()> peak_memory{};
};

/// What a finished run leaves beside its weights. Without times: the same run gives the same bytes.
struct TrainingHistory {
  /// {"update", "loss", "learning_rate", "gradient_norm", "tokens"}: the first update, every
  /// `log_every`-th and the last. "update" is how many are done, with this one; so it is in
  /// metrics.
  Json updates = Json::array();
  /// {"from", "processes"}: how many computed the updates after update `from`; an entry for every
  /// change.
  Json processes = Json::array();
  Json validation = Json::array();  ///< {"update", "loss": {language: nats}}
  std::int64_t tokens = 0;          ///< seen in all updates
  /// Sequences at a time when the run ended: fewer than asked for when memory ran out on the way. A
  /// resume goes on with them.
  std::int64_t sequences_per_micro_batch = 0;
};

/// Beside the checkpoints: what the "out_of_memory" event says (`micro_batch_to`: sequences at a
/// time), when one of several processes found that fewer fit into memory. They cannot agree on it
/// in the middle of an exchange, so it ends, and the next start reads this: with any number of
/// processes, one too, it begins with the least of what was asked for, what the checkpoint says and
/// what this says. Stays until the task is done.
std::filesystem::path MicroBatchFile(const std::filesystem::path& checkpoint_folder);

/// Trains `model` in place from its present weights, or from the newest whole checkpoint. Errors:
/// kInterrupted after `stop` was set in any process (a checkpoint was written); kDiverged (see
/// TrainStep), after which neither weights nor checkpoints have changed; kFailed when another
/// process is gone, when memory ran out in one of several (the next start computes fewer sequences
/// at a time), or when one sequence does not fit into it; kIo. All processes of a group call it
/// alike; the leader alone writes events and checkpoints.
Result<TrainingHistory> Train(MlmModel& model, const TrainingData& data,
                              const TrainerOptions& options, EventWriter& events,
                              const StopFlag& stop);

}  // namespace repro
