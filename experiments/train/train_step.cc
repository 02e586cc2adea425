#include "experiments/train/train_step.h"

#include <algorithm>
#include <cmath>
#include <exception>

#include <ATen/core/grad_mode.h>

#include "core/base/rng.h"
#include "experiments/model/out_of_memory.h"

namespace repro {
namespace {

// Borrows `ids`. On the CPU whatever the model's device: a GPU's batch is packed there.
at::Tensor View(const std::vector<std::int64_t>& ids, const MaskedBatch& batch) {
  return at::from_blob(const_cast<std::int64_t*>(ids.data()), {batch.rows, batch.columns},
                       at::kLong);
}

// The language of each predicted token, in the order of MlmLoss's losses_M.
at::Tensor LanguagesOfTargets(const MaskedBatch& batch) {
  std::vector<std::int64_t> languages;
  for (std::int64_t row = 0; row < batch.rows; ++row) {
    const auto begin = batch.targets.begin() + row * batch.columns;
    const auto count = std::count_if(begin, begin + batch.columns,
                                     [](std::int64_t target) { return target >= 0; });
    languages.insert(languages.end(), static_cast<std::size_t>(count),
                     batch.languages[static_cast<std::size_t>(row)]);
  }
  return at::tensor(languages, at::kLong);
}

// Forward and backward of all micro-batches: gradients are left in the parameters. What is kept of
// the losses stays on the device: on a GPU each read waits for it.
struct Accumulated {
  std::vector<at::Tensor> sums;  // a micro-batch
  at::Tensor language_loss;      // [languages]
  at::Tensor language_count;
};

Accumulated AccumulateGradients(const MlmModel& model, const MaskedBatch& batch,
                                const TrainStepOptions& options) {
  const at::Device device = model.encoder.word_embeddings_VC.device();
  const std::int64_t rows_at_once =
      options.sequences_per_micro_batch > 0 ? options.sequences_per_micro_batch : batch.rows;
  // Gradients are averaged over the processes, so each one's share counts `size` times.
  const double scale = static_cast<double>(options.group == nullptr ? 1 : options.group->size()) /
                       static_cast<double>(std::max<std::int64_t>(1, options.totals.predicted));
  Accumulated result;
  result.language_loss = at::zeros({options.languages}, at::kDouble).to(device);
  result.language_count = at::zeros_like(result.language_loss);
  for (std::int64_t begin = 0; begin < batch.rows; begin += rows_at_once) {
    const std::int64_t end = std::min(begin + rows_at_once, batch.rows);
    const bool whole = begin == 0 && end == batch.rows;
    const MaskedBatch slice = whole ? MaskedBatch{} : Slice(batch, begin, end);
    const MaskedBatch& part = whole ? batch : slice;
    DropoutRng dropout(options.dropout_seed, part.samples);
    const LossSum loss =
        MlmLoss(model, View(part.inputs, part), View(part.targets, part), &dropout);
    if (options.exchange != nullptr && end == batch.rows) options.exchange->ExpectLastBackward();
    (loss.sum * scale).backward();
    result.sums.push_back(loss.sum.detach());
    if (options.languages > 0) {
      const at::Tensor languages_M = LanguagesOfTargets(part).to(device);
      const at::Tensor losses_M = loss.losses_M.to(at::kDouble);
      result.language_loss.index_add_(0, languages_M, losses_M);
      result.language_count.index_add_(0, languages_M, at::ones_like(losses_M));
    }
  }
  return result;
}

}  // namespace

Result<StepReport> TrainStep(const MlmModel& model, AdamW& optimizer, const MaskedBatch& batch,
                             double learning_rate, const TrainStepOptions& given) {
  TrainStepOptions options = given;
  const bool alone = options.group == nullptr || options.group->size() == 1;
  if (alone) options.totals = {.tokens = batch.tokens, .predicted = batch.predicted};

  optimizer.ZeroGrad();
  Accumulated accumulated;
  try {
    accumulated = AccumulateGradients(model, batch, options);
  } catch (const std::exception& error) {
    if (!IsOutOfMemory(error)) {
      if (alone) throw;
      return Fail(ErrorCode::kFailed, "rank {} of {}: {}", options.group->rank(),
                  options.group->size(), WordsOf(error));
    }
    optimizer.ZeroGrad();
    StepReport report;
    report.out_of_memory = WordsOf(error);
    return report;
  }

  // One message: the loss, the first micro-batch of each process that is not finite (from 1 on),
  // and losses and counts by language.
  const std::int64_t size = alone ? 1 : options.group->size();
  const std::int64_t rank = alone ? 0 : options.group->rank();
  std::vector<double> values(static_cast<std::size_t>(1 + size), 0.0);
  double& first_bad = values[static_cast<std::size_t>(1 + rank)];
  for (std::size_t i = 0; i < accumulated.sums.size(); ++i) {
    const double sum = accumulated.sums[i].item<double>();
    values.front() += sum;
    if (!std::isfinite(sum) && first_bad == 0) first_bad = static_cast<double>(i + 1);
  }
  for (const at::Tensor& by_language : {accumulated.language_loss, accumulated.language_count}) {
    const at::Tensor on_cpu = by_language.cpu();
    const double* begin = on_cpu.const_data_ptr<double>();
    values.insert(values.end(), begin, begin + options.languages);
  }
  if (!alone) REPRO_RETURN_IF_ERROR(options.group->Sum(values));
  for (std::int64_t other = 0; other < size; ++other) {
    const double bad = values[static_cast<std::size_t>(1 + other)];
    if (bad == 0) continue;
    return Fail(ErrorCode::kDiverged, "the loss of micro-batch {:.0f}{} is not finite ({})",
                bad - 1, alone ? "" : fmt::format(" of rank {}", other), values.front());
  }

  StepReport report;
  report.tokens = options.totals.tokens;
  report.predicted = options.totals.predicted;
  report.loss =
      values.front() / static_cast<double>(std::max<std::int64_t>(1, options.totals.predicted));
  const auto languages = values.begin() + 1 + size;
  report.language_loss.assign(languages, languages + options.languages);
  report.language_predicted.assign(languages + options.languages, values.end());
  const double norm = GradientNorm(optimizer.parameters());
  report.gradient_norm = norm;
  if (!std::isfinite(norm)) {
    return Fail(ErrorCode::kDiverged, "the gradient norm is {} (loss {}; not finite in: {})", norm,
                report.loss, NonFiniteGradients(optimizer.parameters()));
  }
  if (options.clip_norm > 0) ClipGradients(optimizer.parameters(), norm, options.clip_norm);
  optimizer.Step(learning_rate);
  return report;
}

double EvaluateLoss(const MlmModel& model, const MaskedBatch& batch, std::int64_t rows_at_once) {
  const at::NoGradGuard no_grad;
  double sum = 0;
  std::int64_t count = 0;
  for (std::int64_t begin = 0; begin < batch.rows; begin += rows_at_once) {
    const MaskedBatch part = Slice(batch, begin, std::min(begin + rows_at_once, batch.rows));
    const LossSum loss = MlmLoss(model, View(part.inputs, part), View(part.targets, part));
    sum += loss.sum.item<double>();
    count += loss.count;
  }
  return sum / static_cast<double>(std::max<std::int64_t>(1, count));
}

}  // namespace repro
