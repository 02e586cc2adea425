#include "experiments/eval/retrieval.h"

#include <algorithm>

#include <ATen/core/grad_mode.h>

#include "experiments/data/batcher.h"
#include "experiments/text/vocabulary.h"

namespace repro {

std::int64_t RetrievalLayer(const Encoder& encoder, std::int64_t layer) {
  return layer >= 0 ? layer : (static_cast<std::int64_t>(encoder.layers.size()) + 1) / 2;
}

Result<at::Tensor> SentenceVectors(const Encoder& encoder,
                                   const std::vector<std::vector<std::int64_t>>& sentences,
                                   std::int64_t layer, const WarningSink& warn) {
  TORCH_CHECK(layer >= 0 && layer <= static_cast<std::int64_t>(encoder.layers.size()), "layer ",
              layer, " of an encoder with ", encoder.layers.size());
  const at::NoGradGuard no_grad;
  const at::Device device = encoder.word_embeddings_VC.device();
  std::vector<std::int64_t> lengths;
  for (const auto& sentence : sentences) {
    lengths.push_back(static_cast<std::int64_t>(sentence.size()));
  }
  at::Tensor vectors_NC = at::empty(
      {static_cast<std::int64_t>(sentences.size()), encoder.shape.settings.hidden}, at::kFloat);
  const auto compute = [&](const std::vector<std::size_t>& batch) {
    std::vector<std::vector<std::int64_t>> rows;
    for (const std::size_t i : batch) rows.push_back(sentences[i]);
    const PaddedRows padded = PadRows(rows, kPadId);
    // 1 at the pieces, 0 at <s>, </s> and padding.
    at::Tensor weight_BT = at::zeros({padded.rows, padded.columns}, at::kFloat);
    for (std::int64_t row = 0; row < padded.rows; ++row) {
      const std::int64_t pieces = padded.lengths[static_cast<std::size_t>(row)] - 2;
      weight_BT.select(0, row)
          .narrow(0, pieces > 0 ? 1 : 0, std::max<std::int64_t>(pieces, 1))
          .fill_(1);
    }
    const at::Tensor tokens_BT = at::tensor(padded.values, at::TensorOptions(at::kLong))
                                     .view({padded.rows, padded.columns})
                                     .to(device);
    const at::Tensor states_BTC = Encode(encoder, tokens_BT, {.all_layers = true})
                                      .layers_BTC[static_cast<std::size_t>(layer)];
    const at::Tensor weights_BT1 = weight_BT.to(device).unsqueeze(-1);
    const at::Tensor mean_BC = (states_BTC * weights_BT1).sum(1) / weights_BT1.sum(1);
    const at::Tensor unit_BC = (mean_BC / mean_BC.norm(2, {1}, true).clamp_min(1e-12)).cpu();
    for (std::size_t row = 0; row < batch.size(); ++row) {
      vectors_NC[static_cast<std::int64_t>(batch[row])].copy_(
          unit_BC[static_cast<std::int64_t>(row)]);
    }
  };
  REPRO_RETURN_IF_ERROR(ForLengthBatches(lengths, "sentence", warn, compute));
  return vectors_NC;
}

double RetrievalAccuracy(const at::Tensor& a_NC, const at::Tensor& b_NC) {
  TORCH_CHECK(a_NC.sizes() == b_NC.sizes() && a_NC.size(0) > 0,
              "expected vectors of as many "
              "sentences on both sides, got ",
              a_NC.sizes(), " and ", b_NC.sizes());
  const at::Tensor similarity_NN = at::matmul(a_NC, b_NC.t());
  const at::Tensor own_N = at::arange(a_NC.size(0), at::kLong);
  const auto share = [&](std::int64_t dim) {
    return similarity_NN.argmax(dim).eq(own_N).to(at::kDouble).mean().item<double>();
  };
  return (share(0) + share(1)) / 2;
}

}  // namespace repro
