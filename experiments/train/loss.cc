#include "experiments/train/loss.h"

#include "experiments/model/fused_layer.h"

namespace repro {

LossSum MlmLoss(const MlmModel& model, const at::Tensor& tokens_BT, const at::Tensor& targets_BT,
                DropoutRng* dropout) {
  const at::Tensor hidden_BTC = Encode(model.encoder, tokens_BT, {.dropout = dropout}).hidden_BTC;
  const at::Tensor flat_targets_N = targets_BT.reshape({-1});
  const at::Tensor rows_M = flat_targets_N.ge(0).nonzero().squeeze(1);
  const at::Tensor hidden_MC = hidden_BTC.reshape({-1, hidden_BTC.size(2)}).index_select(0, rows_M);
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
  const at::Tensor logits_MV = at::linear(features_MC, matrix_VC, model.head.bias_V);
  const at::Tensor losses_M = at::cross_entropy_loss(logits_MV, targets_M, {}, at::Reduction::None);
  return {losses_M.sum(), rows_M.size(0), losses_M.detach()};
}

at::Tensor ClassificationLoss(const at::Tensor& logits_NK, const at::Tensor& labels_N) {
  constexpr std::int64_t kIgnored = -100;
  const at::Tensor labels = labels_N.masked_fill(labels_N.lt(0), kIgnored);
  const at::Tensor sum =
      at::cross_entropy_loss(logits_NK, labels, {}, at::Reduction::Sum, kIgnored);
  return sum / labels_N.ge(0).sum().clamp_min(1);
}

}  // namespace repro
