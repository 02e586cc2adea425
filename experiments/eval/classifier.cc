#include "experiments/eval/classifier.h"

#include <type_traits>
#include <utility>

#include <ATen/core/grad_mode.h>

#include "core/base/check.h"
#include "experiments/data/batcher.h"
#include "experiments/model/state_dict_adapter.h"
#include "experiments/scores/accuracy.h"
#include "experiments/scores/span_f1.h"

namespace repro {
namespace {

at::Tensor OnDevice(const std::vector<std::int64_t>& values, at::Device device) {
  return at::tensor(values, at::TensorOptions(at::kLong)).to(device);
}

}  // namespace

const Encoder& Classifier::encoder() const {
  return std::visit([](const auto& head) -> const Encoder& { return head.encoder; }, model);
}

std::vector<NamedTensor> Classifier::Parameters() const {
  return std::visit([](const auto& head) { return repro::Parameters(head); }, model);
}

Classifier MakeClassifier(const Encoder& encoder, LabelledTask task,
                          std::vector<std::string> labels, std::uint64_t seed) {
  const auto count = static_cast<std::int64_t>(labels.size());
  Classifier classifier{task, std::move(labels), SequenceClassifier{}};
  if (task == LabelledTask::kTags) {
    classifier.model = AddTokenHead(encoder, count, seed);
  } else {
    classifier.model = AddSequenceHead(encoder, count, seed);
  }
  return classifier;
}

Result<Classifier> LoadClassifier(const std::filesystem::path& folder, LabelledTask task) {
  Classifier classifier{task, {}, SequenceClassifier{}};
  REPRO_ASSIGN_OR_RETURN(classifier.labels, LoadLabels(folder));
  if (task == LabelledTask::kTags) {
    REPRO_ASSIGN_OR_RETURN(classifier.model, LoadTokenClassifier(folder));
  } else {
    REPRO_ASSIGN_OR_RETURN(classifier.model, LoadSequenceClassifier(folder));
  }
  const std::int64_t outputs =
      std::visit([](const auto& head) { return head.out.weight_OI.size(0); }, classifier.model);
  if (outputs != static_cast<std::int64_t>(classifier.labels.size())) {
    return Fail(ErrorCode::kCorrupt, "{}: config.json names {} labels, the head has {} outputs",
                folder.string(), classifier.labels.size(), outputs);
  }
  return classifier;
}

Status SaveClassifier(const std::filesystem::path& folder, const Classifier& classifier) {
  return std::visit([&](const auto& head) { return SaveModel(folder, head, classifier.labels); },
                    classifier.model);
}

void MoveTo(Classifier& classifier, at::Device device) {
  std::visit([&](auto& head) { repro::MoveTo(head, device); }, classifier.model);
}

LabelledLogits ComputeLogits(const Classifier& classifier,
                             const std::vector<EncodedExample>& examples,
                             const std::vector<std::size_t>& indices, DropoutRng* dropout) {
  std::vector<std::vector<std::int64_t>> rows;
  for (const std::size_t i : indices) rows.push_back(examples[i].tokens);
  const PaddedRows padded = PadRows(rows, kPadId);
  std::vector<std::int64_t> places, labels;  // places: row * columns + position
  for (std::size_t row = 0; row < indices.size(); ++row) {
    const EncodedExample& example = examples[indices[row]];
    for (std::size_t i = 0; i < example.positions.size(); ++i) {
      if (example.positions[i] < 0) continue;
      places.push_back(static_cast<std::int64_t>(row) * padded.columns + example.positions[i]);
      labels.push_back(example.labels[i]);
    }
  }
  const at::Device device = classifier.encoder().word_embeddings_VC.device();
  const at::Tensor tokens_BT = OnDevice(padded.values, device).view({padded.rows, padded.columns});
  LabelledLogits result;
  result.labels_M = OnDevice(labels, device);
  if (const auto* tagger = std::get_if<TokenClassifier>(&classifier.model)) {
    const at::Tensor logits_BTK = TokenLogits(*tagger, tokens_BT, dropout);
    result.logits_MK =
        logits_BTK.reshape({-1, logits_BTK.size(2)}).index_select(0, OnDevice(places, device));
  } else {
    result.logits_MK =
        SequenceLogits(std::get<SequenceClassifier>(classifier.model), tokens_BT, dropout);
  }
  return result;
}

Result<Predictions> Predict(const Classifier& classifier,
                            const std::vector<EncodedExample>& examples, const WarningSink& warn) {
  const at::NoGradGuard no_grad;
  std::vector<std::int64_t> lengths;
  Predictions predictions;
  for (const EncodedExample& example : examples) {
    lengths.push_back(static_cast<std::int64_t>(example.tokens.size()));
    predictions.labels.emplace_back(example.positions.size(), 0);
  }
  std::int64_t count = 0;
  const auto predict = [&](const std::vector<std::size_t>& batch) {
    const LabelledLogits output = ComputeLogits(classifier, examples, batch);
    const double loss =
        at::cross_entropy_loss(output.logits_MK, output.labels_M, {}, at::Reduction::Sum)
            .item<double>();
    const at::Tensor best_M = output.logits_MK.argmax(1).cpu();
    predictions.loss += loss;
    count += output.labels_M.size(0);
    const auto best = best_M.accessor<std::int64_t, 1>();
    std::int64_t at = 0;
    for (const std::size_t i : batch) {
      for (std::size_t p = 0; p < examples[i].positions.size(); ++p) {
        if (examples[i].positions[p] >= 0) predictions.labels[i][p] = best[at++];
      }
    }
  };
  REPRO_RETURN_IF_ERROR(ForLengthBatches(lengths, "example", warn, predict));
  if (count > 0) predictions.loss /= static_cast<double>(count);
  return predictions;
}

std::string ScoreName(LabelledTask task) {
  return task == LabelledTask::kTags ? "f1" : "accuracy";
}

double ScorePredictions(const Classifier& classifier, const std::vector<EncodedExample>& examples,
                        const Predictions& predictions) {
  REPRO_CHECK(predictions.labels.size() == examples.size());
  if (classifier.task == LabelledTask::kTags) {
    const auto names = [&](const std::vector<std::int64_t>& labels) {
      Tags tags;
      for (const std::int64_t label : labels) {
        tags.push_back(classifier.labels[static_cast<std::size_t>(label)]);
      }
      return tags;
    };
    std::vector<Tags> gold, predicted;
    for (std::size_t i = 0; i < examples.size(); ++i) {
      gold.push_back(names(examples[i].labels));
      predicted.push_back(names(predictions.labels[i]));
    }
    return ScoreSpans(gold, predicted).overall.F1();
  }
  std::vector<std::int64_t> gold, predicted;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    gold.push_back(examples[i].labels.front());
    predicted.push_back(predictions.labels[i].front());
  }
  return Accuracy(gold, predicted);
}

}  // namespace repro
