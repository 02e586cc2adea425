#pragma once
/// What sits on the encoder: masked language modelling (RoBERTa's LM head, output matrix tied to
/// the word embeddings), one label or one number a sequence (RoBERTa's classification head on <s>;
/// regression is K = 1), one label a token, the start and end of an answer. Shape letters as in
/// encoder.h; M predicted positions, K labels.

#include "experiments/model/encoder.h"

namespace repro {

struct MlmHead {
  LinearWeights dense;
  LayerNormWeights norm;
  at::Tensor bias_V;
};

struct MlmModel {
  Encoder encoder;
  MlmHead head;
};

struct SequenceClassifier {
  Encoder encoder;
  LinearWeights dense;  ///< [C, C]
  LinearWeights out;    ///< [K, C]
};

struct TokenClassifier {
  Encoder encoder;
  LinearWeights out;  ///< [K, C]
};

/// Extractive question answering (paper section 4, MLQA; BERT's SQuAD head).
struct QuestionAnswerer {
  Encoder encoder;
  LinearWeights out;  ///< [2, C]: rows of start and end
};

template <class Visit>
void VisitTensors(MlmModel& model, Visit&& visit) {
  VisitTensors(model.encoder, visit);
  VisitLinear("lm_head.dense", model.head.dense, visit);
  VisitLayerNorm("lm_head.layer_norm", model.head.norm, visit);
  visit("lm_head.bias", model.head.bias_V);
}
template <class Visit>
void VisitTensors(SequenceClassifier& model, Visit&& visit) {
  VisitTensors(model.encoder, visit);
  VisitLinear("classifier.dense", model.dense, visit);
  VisitLinear("classifier.out_proj", model.out, visit);
}
template <class Visit>
void VisitTensors(TokenClassifier& model, Visit&& visit) {
  VisitTensors(model.encoder, visit);
  VisitLinear("classifier", model.out, visit);
}
template <class Visit>
void VisitTensors(QuestionAnswerer& model, Visit&& visit) {
  VisitTensors(model.encoder, visit);
  VisitLinear("qa_outputs", model.out, visit);
}

/// The structure with undefined values, as EncoderOfShape.
MlmModel MlmModelOfShape(const ModelShape& shape);
MlmModel InitMlmModel(const ModelShape& shape, std::uint64_t seed);
/// A new head on a (pretrained) encoder. The head is drawn from `seed`; the encoder's weights are
/// shared, not copied.
SequenceClassifier AddSequenceHead(const Encoder& encoder, std::int64_t labels, std::uint64_t seed);
TokenClassifier AddTokenHead(const Encoder& encoder, std::int64_t labels, std::uint64_t seed);
QuestionAnswerer AddAnswerHead(const Encoder& encoder, std::uint64_t seed);

/// What the tied output matrix is applied to: dense -> GELU -> LayerNorm. hidden_MC -> features_MC.
at::Tensor MlmFeatures(const MlmModel& model, const at::Tensor& hidden_MC);

/// Logits over the vocabulary for chosen rows of hidden states: MlmFeatures -> tied matrix + bias.
/// hidden_MC -> logits_MV. Give it only the predicted positions.
at::Tensor MlmLogits(const MlmModel& model, const at::Tensor& hidden_MC);

/// <s> -> dense -> tanh -> out, no dropout of its own (RoBERTa's MNLI recipe). tokens_BT ->
/// logits_BK.
at::Tensor SequenceLogits(const SequenceClassifier& model, const at::Tensor& tokens_BT,
                          DropoutRng* dropout = nullptr);

/// dropout -> out at every position. tokens_BT -> logits_BTK (at padding: the bias; leave those out
/// by the labels).
at::Tensor TokenLogits(const TokenClassifier& model, const at::Tensor& tokens_BT,
                       DropoutRng* dropout = nullptr);

/// How well an answer starts, and ends, at each token.
struct SpanLogits {
  at::Tensor start_BT;
  at::Tensor end_BT;
};
/// Encoder -> out at every position, no dropout of its own. At padding -1e30, so that a softmax
/// over a row is one over its tokens; with `padding_states` what transformers has there
/// (encoder.h).
SpanLogits AnswerLogits(const QuestionAnswerer& model, const at::Tensor& tokens_BT,
                        DropoutRng* dropout = nullptr, bool padding_states = false);

}  // namespace repro
