#pragma once
/// Losses. Sums and counts are kept apart so that micro-batches and processes add up before
/// anything is divided.

#include <cstdint>

#include "experiments/model/heads.h"

namespace repro {

struct LossSum {
  at::Tensor sum;          ///< scalar, nats, differentiable
  std::int64_t count = 0;  ///< predicted tokens
  at::Tensor
      losses_M;  ///< of each predicted token, in the order of the targets; not differentiable
};

/// Masked language modelling: full softmax cross-entropy at the positions whose target is not
/// negative, and only there. tokens_BT: the corrupted input; targets_BT: the original ids. Paper:
/// section 3 (the MLM objective).
LossSum MlmLoss(const MlmModel& model, const at::Tensor& tokens_BT, const at::Tensor& targets_BT,
                DropoutRng* dropout = nullptr);

/// Mean cross-entropy of logits_NK against labels_N, leaving out negative labels (0 when all are).
at::Tensor ClassificationLoss(const at::Tensor& logits_NK, const at::Tensor& labels_N);

}  // namespace repro
