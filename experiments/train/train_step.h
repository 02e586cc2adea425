#pragma once
/// One update of masked language modelling: forward and backward over micro-batches, norm,
/// clipping, AdamW.

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "experiments/data/batch_source.h"
#include "experiments/train/loss.h"
#include "experiments/train/optimizer.h"
#include "experiments/train/training_group.h"

namespace repro {

/// What the processes of a group say before an update, summed.
struct UpdateTotals {
  std::int64_t tokens = 0;
  std::int64_t predicted = 0;
};

struct TrainStepOptions {
  std::int64_t sequences_per_micro_batch = 0;  ///< 0: the whole batch at once
  double clip_norm = 0;                        ///< 0: no clipping
  std::uint64_t dropout_seed = 0;              ///< of this update; MixSeed(seed, "dropout", update)
  std::int64_t languages = 0;                  ///< how many MaskedBatch::languages counts
  /// With several processes: `batch` is this one's part, and these are of the whole update.
  const TrainingGroup* group = nullptr;
  GradientExchange* exchange = nullptr;
  UpdateTotals totals{};
};

struct StepReport {
  /// Not empty: a micro-batch did not fit, in the allocator's words. Nothing was changed, and with
  /// one process the same update may be tried again with fewer sequences at a time (with several,
  /// the others are in the middle of an exchange: the process must end).
  std::string out_of_memory;
  double loss = 0;  ///< summed cross-entropy / predicted tokens, over all micro-batches and
                    ///< processes; nats
  double gradient_norm = 0;  ///< before clipping
  std::int64_t tokens = 0;
  std::int64_t predicted = 0;
  std::vector<double> language_loss;       ///< summed cross-entropy by language
  std::vector<double> language_predicted;  ///< predicted tokens by language
};

/// Changes the model and the optimizer's state, unless it fails. Errors: kDiverged when the loss or
/// a gradient is not finite; then no weight was touched, and the message names the micro-batch or
/// the tensor. kFailed when another process is gone. A batch without predicted tokens takes part
/// with loss 0.
Result<StepReport> TrainStep(const MlmModel& model, AdamW& optimizer, const MaskedBatch& batch,
                             double learning_rate, const TrainStepOptions& options);

/// Mean loss in evaluation mode, nats a predicted token, in slices of at most `rows_at_once`
/// sequences.
double EvaluateLoss(const MlmModel& model, const MaskedBatch& batch, std::int64_t rows_at_once);

}  // namespace repro
