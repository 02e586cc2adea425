#pragma once
/// A fine-tuned encoder with either head, and what it says about labelled examples.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <variant>
#include <vector>

#include <ATen/ATen.h>

#include "core/base/result.h"
#include "experiments/data/labelled_encoder.h"
#include "experiments/eval/length_batches.h"
#include "experiments/model/heads.h"

namespace repro {

struct Classifier {
  LabelledTask task = LabelledTask::kPair;
  std::vector<std::string> labels;  ///< names by id
  std::variant<SequenceClassifier, TokenClassifier> model;

  const Encoder& encoder() const;
  std::vector<NamedTensor> Parameters() const;
};

/// A new head, drawn from `seed`, on an encoder whose weights it shares.
Classifier MakeClassifier(const Encoder& encoder, LabelledTask task,
                          std::vector<std::string> labels, std::uint64_t seed);
/// A folder as SaveModel leaves it. Errors: those of state_dict_adapter.h; kCorrupt unless the head
/// has an output for each label.
Result<Classifier> LoadClassifier(const std::filesystem::path& folder, LabelledTask task);
Status SaveClassifier(const std::filesystem::path& folder, const Classifier& classifier);
void MoveTo(Classifier& classifier, at::Device device);

/// Logits at the labelled positions of a batch, example by example, without positions of -1; and
/// the labels there.
struct LabelledLogits {
  at::Tensor logits_MK;
  at::Tensor labels_M;
};
/// `indices` into `examples`. `dropout` null: evaluation.
LabelledLogits ComputeLogits(const Classifier& classifier,
                             const std::vector<EncodedExample>& examples,
                             const std::vector<std::size_t>& indices,
                             DropoutRng* dropout = nullptr);

struct Predictions {
  /// One a position of each example, in order; a position of -1 (a word cut off) gets label 0,
  /// which is O among tags.
  std::vector<std::vector<std::int64_t>> labels;
  double loss = 0;  ///< mean cross-entropy over the labelled positions, nats
};

/// In batches of like lengths, without gradients; smaller ones where memory runs out, which `warn`
/// is told (length_batches.h). Errors: kFailed when not even one example fits.
Result<Predictions> Predict(const Classifier& classifier,
                            const std::vector<EncodedExample>& examples, const WarningSink& warn);

/// "accuracy", or "f1" of tags.
std::string ScoreName(LabelledTask task);
/// The measure of the task: share of right labels, or F1 over all spans. 0..1.
double ScorePredictions(const Classifier& classifier, const std::vector<EncodedExample>& examples,
                        const Predictions& predictions);

}  // namespace repro
