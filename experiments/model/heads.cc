#include "experiments/model/heads.h"

#include "experiments/text/vocabulary.h"

namespace repro {
namespace {

// Fills what the new head needs; the encoder beside it keeps its weights.
void InitHeadLinear(const std::string& name, LinearWeights& linear, const Encoder& encoder,
                    std::uint64_t seed) {
  VisitLinear(name, linear, [&](const std::string& tensor_name, at::Tensor& tensor) {
    InitTensor(tensor_name, tensor, encoder.shape.settings.init_std, seed);
  });
}

}  // namespace

MlmModel MlmModelOfShape(const ModelShape& shape) {
  const std::int64_t width = shape.settings.hidden;
  MlmModel model;
  model.encoder = EncoderOfShape(shape);
  model.head.dense = LinearOfShape(width, width);
  model.head.norm = LayerNormOfShape(width);
  model.head.bias_V = at::empty({shape.vocab_size}, at::kFloat);
  return model;
}

MlmModel InitMlmModel(const ModelShape& shape, std::uint64_t seed) {
  MlmModel model = MlmModelOfShape(shape);
  VisitTensors(model, [&](const std::string& name, at::Tensor& tensor) {
    InitTensor(name, tensor, shape.settings.init_std, seed);
  });
  return model;
}

SequenceClassifier AddSequenceHead(const Encoder& encoder, std::int64_t labels,
                                   std::uint64_t seed) {
  const std::int64_t width = encoder.shape.settings.hidden;
  SequenceClassifier model{encoder, LinearOfShape(width, width), LinearOfShape(labels, width)};
  InitHeadLinear("classifier.dense", model.dense, encoder, seed);
  InitHeadLinear("classifier.out_proj", model.out, encoder, seed);
  MoveTo(model, encoder.word_embeddings_VC.device());
  return model;
}

TokenClassifier AddTokenHead(const Encoder& encoder, std::int64_t labels, std::uint64_t seed) {
  TokenClassifier model{encoder, LinearOfShape(labels, encoder.shape.settings.hidden)};
  InitHeadLinear("classifier", model.out, encoder, seed);
  MoveTo(model, encoder.word_embeddings_VC.device());
  return model;
}

QuestionAnswerer AddAnswerHead(const Encoder& encoder, std::uint64_t seed) {
  QuestionAnswerer model{encoder, LinearOfShape(2, encoder.shape.settings.hidden)};
  InitHeadLinear("qa_outputs", model.out, encoder, seed);
  MoveTo(model, encoder.word_embeddings_VC.device());
  return model;
}

at::Tensor MlmFeatures(const MlmModel& model, const at::Tensor& hidden_MC) {
  const ModelSettings& settings = model.encoder.shape.settings;
  return at::layer_norm(at::gelu(ApplyLinear(hidden_MC, model.head.dense)), {settings.hidden},
                        model.head.norm.weight_C, model.head.norm.bias_C, settings.layer_norm_eps);
}

at::Tensor MlmLogits(const MlmModel& model, const at::Tensor& hidden_MC) {
  return at::linear(MlmFeatures(model, hidden_MC), model.encoder.word_embeddings_VC,
                    model.head.bias_V);
}

at::Tensor SequenceLogits(const SequenceClassifier& model, const at::Tensor& tokens_BT,
                          DropoutRng* dropout) {
  const at::Tensor firsts_B =
      at::arange(tokens_BT.size(0), tokens_BT.options()) * tokens_BT.size(1);
  const at::Tensor first_BC = EncodeAt(model.encoder, tokens_BT, firsts_B, dropout);
  return ApplyLinear(at::tanh(ApplyLinear(first_BC, model.dense)), model.out);
}

at::Tensor TokenLogits(const TokenClassifier& model, const at::Tensor& tokens_BT,
                       DropoutRng* dropout) {
  const double p = model.encoder.shape.settings.dropout;
  const at::Tensor hidden_BTC = Encode(model.encoder, tokens_BT, {.dropout = dropout}).hidden_BTC;
  return ApplyLinear(Dropout(hidden_BTC, p, dropout), model.out);
}

SpanLogits AnswerLogits(const QuestionAnswerer& model, const at::Tensor& tokens_BT,
                        DropoutRng* dropout, bool padding_states) {
  const EncodeOptions options{.dropout = dropout, .padding_states = padding_states};
  at::Tensor logits_BT2 =
      ApplyLinear(Encode(model.encoder, tokens_BT, options).hidden_BTC, model.out);
  if (!padding_states) {
    logits_BT2 = logits_BT2.masked_fill(tokens_BT.eq(kPadId).unsqueeze(-1), kNever);
  }
  return {logits_BT2.select(2, 0), logits_BT2.select(2, 1)};
}

}  // namespace repro
