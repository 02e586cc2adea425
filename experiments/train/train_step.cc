#include "experiments/train/train_step.h"

#include <algorithm>
#include <cmath>

#include <ATen/core/grad_mode.h>

#include "core/base/rng.h"

namespace repro {
namespace {

at::Tensor ToDevice(const std::vector<std::int64_t>& ids, const MaskedBatch& batch,
                    at::Device device) {
  // from_blob borrows `ids`; the copy on the device (or the clone here) does not.
  const at::Tensor view_BT =
      at::from_blob(const_cast<std::int64_t*>(ids.data()), {batch.rows, batch.columns}, at::kLong);
  return device.is_cpu() ? view_BT : view_BT.to(device);
}

std::string NonFiniteTensors(const std::vector<NamedTensor>& parameters) {
  std::string names;
  for (const NamedTensor& parameter : parameters) {
    const at::Tensor& gradient = parameter.tensor.grad();
    if (gradient.defined() && !gradient.isfinite().all().item<bool>()) {
      names += (names.empty() ? "" : ", ") + parameter.name;
    }
  }
  return names;
}

}  // namespace

Result<StepReport> TrainStep(const MlmModel& model, AdamW& optimizer, const MaskedBatch& batch,
                             double learning_rate, const TrainStepOptions& options) {
  const at::Device device = model.encoder.word_embeddings_VC.device();
  const std::int64_t rows_at_once =
      options.sequences_per_micro_batch > 0 ? options.sequences_per_micro_batch : batch.rows;
  const double denominator = static_cast<double>(std::max<std::int64_t>(1, batch.predicted));

  optimizer.ZeroGrad();
  std::vector<at::Tensor> sums;  // read only at the end: on a GPU each read waits for the device
  for (std::int64_t begin = 0; begin < batch.rows; begin += rows_at_once) {
    const std::int64_t end = std::min(begin + rows_at_once, batch.rows);
    const bool whole = begin == 0 && end == batch.rows;
    const MaskedBatch slice = whole ? MaskedBatch{} : Slice(batch, begin, end);
    const MaskedBatch& part = whole ? batch : slice;
    DropoutRng dropout(options.dropout_seed, part.samples);
    const LossSum loss = MlmLoss(model, ToDevice(part.inputs, part, device),
                                 ToDevice(part.targets, part, device), &dropout);
    (loss.sum / denominator).backward();
    sums.push_back(loss.sum.detach());
  }

  StepReport report{.tokens = batch.tokens, .predicted = batch.predicted};
  const double norm = GradientNorm(optimizer.parameters());
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const double sum = sums[i].item<double>();
    if (!std::isfinite(sum)) {
      return Fail(ErrorCode::kDiverged, "the loss of micro-batch {} is {}", i, sum);
    }
    report.loss += sum;
  }
  report.loss /= denominator;
  report.gradient_norm = norm;
  if (!std::isfinite(norm)) {
    return Fail(ErrorCode::kDiverged, "the gradient norm is {} (loss {}; not finite in: {})", norm,
                report.loss, NonFiniteTensors(optimizer.parameters()));
  }
  if (options.clip_norm > 0) ClipGradients(optimizer.parameters(), norm, options.clip_norm);
  optimizer.Step(learning_rate);
  return report;
}

double EvaluateLoss(const MlmModel& model, const MaskedBatch& batch, std::int64_t rows_at_once) {
  const at::NoGradGuard no_grad;
  const at::Device device = model.encoder.word_embeddings_VC.device();
  double sum = 0;
  std::int64_t count = 0;
  for (std::int64_t begin = 0; begin < batch.rows; begin += rows_at_once) {
    const MaskedBatch part = Slice(batch, begin, std::min(begin + rows_at_once, batch.rows));
    const LossSum loss =
        MlmLoss(model, ToDevice(part.inputs, part, device), ToDevice(part.targets, part, device));
    sum += loss.sum.item<double>();
    count += loss.count;
  }
  return sum / static_cast<double>(std::max<std::int64_t>(1, count));
}

}  // namespace repro
