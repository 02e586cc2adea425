#pragma once
/// Fine-tuning: shuffled batches of labelled examples, AdamW with warmup and linear decay, dev
/// scores of every language at each validation, the best checkpoint by the selection rule, early
/// stop, resume. Paper: section 4 (fine-tuning and cross-lingual transfer; model selection on the
/// dev sets).
///
/// It knows neither heads nor files of examples: the problem brings its loss and its dev scores. As
/// in pretraining, an update depends on its number, the weights and the moments alone, so an
/// interrupted and resumed run ends with the same bits (same build, same CPU).

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <ATen/ATen.h>

#include "core/base/result.h"
#include "core/graph/task_context.h"
#include "core/io/json_io.h"
#include "core/store/event_writer.h"
#include "experiments/model/dropout.h"
#include "experiments/train/lr_schedule.h"
#include "experiments/train/optimizer.h"

namespace repro {

struct DevScore {
  double score = 0;  ///< the task's measure, higher is better
  double loss = 0;   ///< mean cross-entropy, nats
};

/// What is trained and judged. The functions are called from one thread and must outlive the run.
struct FinetuneProblem {
  std::vector<NamedTensor> parameters;
  std::vector<std::int64_t> lengths;  ///< tokens of each training example
  /// Labelled positions of each training example: where memory takes only a part of a batch at a
  /// time, the parts' mean losses count by them. Empty: one each.
  std::vector<std::int64_t> labels{};
  /// Mean loss over the labels of these training examples, differentiable. Pure but for `dropout`.
  std::function<at::Tensor(const std::vector<std::size_t>& examples, DropoutRng& dropout)> loss;
  /// Dev scores by language with the present weights. An error ends the run.
  std::function<Result<std::map<std::string, DevScore>>()> validate;
};

/// Which dev score picks the checkpoint.
enum class Selection {
  kJointDev,        ///< mean over all languages: one checkpoint
  kPerLanguageDev,  ///< each language its own: a checkpoint a language, beside the joint one
  kSourceDev,       ///< the source language alone ("english-dev"): zero-shot in the strict sense
};
/// "joint-dev", "per-language-dev" or "english-dev". Errors: kInvalidArgument.
Result<Selection> ParseSelection(const std::string& name);

struct FinetunerOptions {
  LrSchedule schedule;  ///< total_updates: at most so many
  AdamWOptions adam;
  std::int64_t batch_size = 128;
  std::int64_t validate_every = 5'000;
  std::int64_t patience =
      5;  ///< validations in a row without a better selection score; 0: never stop
  double checkpoint_seconds =
      120;  ///< a checkpoint at least that often, besides at each validation
  Selection selection = Selection::kJointDev;
  std::string source_language = "en";
  std::uint64_t seed = 1;
  std::int64_t metric_seed = -1;  ///< for the metric rows
  std::string loss_metric;        ///< "xnli.loss"
  std::string score_metric;       ///< "xnli.accuracy"
  std::filesystem::path folder;   ///< checkpoints and best weights; kept between attempts
};

/// Key of the joint selection in `FinetuneOutcome::best` (under kSourceDev: of the source's).
inline constexpr const char* kBestOverall = "";

/// The highest score; among equal scores the lowest dev loss, and then the earliest.
struct BestCheckpoint {
  std::int64_t update = -1;
  double score = 0;
  double loss = 0;  ///< of the same dev sets, mean over them
};

struct FinetuneOutcome {
  std::int64_t updates = 0;    ///< done
  bool stopped_early = false;  ///< by patience
  /// kBestOverall, and with kPerLanguageDev each language.
  std::map<std::string, BestCheckpoint> best;
  Json history = Json::array();  ///< {"update", "train_loss", "dev": {language: {"score", "loss"}}}
};

/// Trains in place, from the newest whole checkpoint whose best weights are whole, too, where one
/// is. When memory runs out, half as
/// many examples are computed at a time; the batch of an update stays whole. Errors: kInterrupted
/// after `stop` was set (a checkpoint was written); kDiverged, before the optimizer's step, when
/// loss or gradient is not finite (the event names the batch's examples by their places in
/// `lengths`); kInvalidArgument without examples; kIo.
Result<FinetuneOutcome> Finetune(const FinetuneProblem& problem, const FinetunerOptions& options,
                                 EventWriter& events, const StopFlag& stop);

/// Copies the best weights of an update that the outcome names into the problem's parameters.
/// Errors: kCorrupt, kNotFound.
Status LoadBestWeights(const FinetuneProblem& problem, const FinetunerOptions& options,
                       std::int64_t update);

}  // namespace repro
