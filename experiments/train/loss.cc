#include "experiments/train/loss.h"

#include "experiments/model/chunked_loss.h"
#include "experiments/model/fused_layer.h"
#include "experiments/model/gpu_encoder.h"
#include "experiments/text/vocabulary.h"

namespace repro {
namespace {

constexpr std::int64_t kOutside = -100;  // a label that is left out

}  // namespace

LossSum MlmLoss(const MlmModel& model, const at::Tensor& tokens_BT, const at::Tensor& targets_BT,
                DropoutRng* dropout) {
  if (model.encoder.word_embeddings_VC.is_cuda()) {
    const PackedTokens tokens = PackTokens(model.encoder, tokens_BT, targets_BT);
    LossSum loss;
    loss.count = tokens.predicted;
    loss.sum = UnpaddedMlmLoss(model, tokens, DefaultGpuOptions(model.encoder, dropout),
                               /*logit_bytes=*/0, &loss.losses_M);
    return loss;
  }
  const at::Tensor flat_targets_N = targets_BT.reshape({-1});
  const at::Tensor rows_M = flat_targets_N.ge(0).nonzero().squeeze(1);
  const at::Tensor hidden_MC = EncodeAt(model.encoder, tokens_BT, rows_M, dropout);
  const at::Tensor targets_M = flat_targets_N.index_select(0, rows_M);
  const at::Tensor features_MC = MlmFeatures(model, hidden_MC);
  const at::Tensor& matrix_VC = model.encoder.word_embeddings_VC;
  if (features_MC.device().is_cpu() && features_MC.scalar_type() == at::kFloat) {
    LossSum loss;
    loss.count = rows_M.size(0);
    loss.sum = FusedVocabularyLoss(features_MC, matrix_VC, model.head.bias_V, targets_M,
                                   model.encoder.bfloat16_products, &loss.losses_M);
    return loss;
  }
  LossSum loss;
  loss.count = rows_M.size(0);
  loss.sum = ChunkedVocabularyLoss(features_MC, matrix_VC, model.head.bias_V, targets_M, {},
                                   &loss.losses_M);
  return loss;
}

at::Tensor ClassificationLoss(const at::Tensor& logits_NK, const at::Tensor& labels_N) {
  const at::Tensor labels = labels_N.masked_fill(labels_N.lt(0), kOutside);
  const at::Tensor sum =
      at::cross_entropy_loss(logits_NK, labels, {}, at::Reduction::Sum, kOutside);
  return sum / labels_N.ge(0).sum().clamp_min(1);
}

at::Tensor RegressionLoss(const at::Tensor& logits_B1, const at::Tensor& targets_B) {
  return at::mse_loss(logits_B1.squeeze(1), targets_B.to(logits_B1.scalar_type()));
}

at::Tensor PaddedAnswerLoss(const SpanLogits& logits, const at::Tensor& starts_B,
                            const at::Tensor& ends_B) {
  const auto loss = [](const at::Tensor& logits_BT, const at::Tensor& positions_B) {
    return ClassificationLoss(logits_BT,
                              positions_B.masked_fill(positions_B.ge(logits_BT.size(1)), kOutside));
  };
  return (loss(logits.start_BT, starts_B) + loss(logits.end_BT, ends_B)) / 2;
}

AnswerLosses AnswerLoss(const SpanLogits& logits, const at::Tensor& tokens_BT,
                        const at::Tensor& starts_B, const at::Tensor& ends_B) {
  const at::Tensor real_BT = tokens_BT.ne(kPadId);
  const std::int64_t columns = tokens_BT.size(1);
  const auto is_token = [&](const at::Tensor& positions_B) {
    const at::Tensor column_B1 = positions_B.clamp(0, columns - 1).unsqueeze(1);
    return positions_B.ge(0) & positions_B.lt(columns) & real_BT.gather(1, column_B1).squeeze(1);
  };
  const at::Tensor counted_B = is_token(starts_B) & is_token(ends_B);
  const auto loss = [&](const at::Tensor& logits_BT, const at::Tensor& positions_B) {
    return at::cross_entropy_loss(logits_BT, positions_B.masked_fill(~counted_B, kOutside), {},
                                  at::Reduction::None, kOutside);
  };
  return {(loss(logits.start_BT, starts_B) + loss(logits.end_BT, ends_B)) / 2, counted_B};
}

}  // namespace repro
