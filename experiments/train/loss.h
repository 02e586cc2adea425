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
/// negative, and only there. tokens_BT: the corrupted input; targets_BT: the original ids; both
/// best on the CPU, whatever the model's device (from a GPU they are copied back, which waits for
/// it). Paper: section 3 (the MLM objective).
LossSum MlmLoss(const MlmModel& model, const at::Tensor& tokens_BT, const at::Tensor& targets_BT,
                DropoutRng* dropout = nullptr);

/// Mean cross-entropy of logits_NK against labels_N, leaving out negative labels (0 when all are).
at::Tensor ClassificationLoss(const at::Tensor& logits_NK, const at::Tensor& labels_N);

/// Mean squared error of a sequence classifier with one output. logits_B1, targets_B.
at::Tensor RegressionLoss(const at::Tensor& logits_B1, const at::Tensor& targets_B);

/// transformers' question answering loss: cross-entropy of the start and of the end over all T
/// columns, each a mean over the sequences whose position lies in [0, T) (0 when none does), and
/// the mean of the two. To be what transformers gives, the logits must have been computed with
/// `padding_states`; it depends on how far the batch is padded. starts_B, ends_B: columns.
at::Tensor PaddedAnswerLoss(const SpanLogits& logits, const at::Tensor& starts_B,
                            const at::Tensor& ends_B);

/// The same for each sequence alone, over its own tokens: independent of the batch. Logits without
/// `padding_states`.
struct AnswerLosses {
  at::Tensor loss_B;     ///< mean of start and end, nats; 0 where `counted_B` is false
  at::Tensor counted_B;  ///< bool: both positions are tokens of the sequence
};
AnswerLosses AnswerLoss(const SpanLogits& logits, const at::Tensor& tokens_BT,
                        const at::Tensor& starts_B, const at::Tensor& ends_B);

}  // namespace repro
