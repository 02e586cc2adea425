#pragma once
/// Adam with decoupled weight decay (AdamW: Loshchilov & Hutter 2019, arXiv 1711.05101), as torch
/// or as fairseq computes it, and the gradient's norm and clipping. No LibTorch optimizer classes.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "experiments/model/encoder.h"

namespace repro {

/// Where eps stands. Both decay the weights first: p -= lr wd p.
enum class AdamForm {
  /// p -= lr m^ / (sqrt(v^) + eps), m^ and v^ without their bias: torch's AdamW, and fairseq's with
  /// apex's FusedAdamV2.
  kTorch,
  /// p -= lr sqrt(1 - beta2^t) / (1 - beta1^t) m / (sqrt(v) + eps): fairseq/optim/adam.py, used
  /// without apex. In effect eps / sqrt(1 - beta2^t), 7 times as much in the first step.
  kFairseq,
};
/// Which weights decay.
enum class WeightDecay {
  kAll,       ///< every tensor, as in fairseq
  kMatrices,  ///< not biases and LayerNorm weights (tensors of one dimension), as in BERT
};

/// "adamw" or "fairseq-adam"; "all" or "matrices". Errors: kInvalidArgument.
Result<AdamForm> ParseAdamForm(std::string_view name);
Result<WeightDecay> ParseWeightDecay(std::string_view name);

struct AdamWOptions {
  double beta1 = 0.9;
  double beta2 = 0.98;
  double eps = 1e-6;
  double weight_decay = 0.01;
  AdamForm form = AdamForm::kTorch;
  WeightDecay decayed = WeightDecay::kAll;
};

/// Holds handles of the weights and owns the two moments. A tensor that got no gradient keeps its
/// weights and moments; a step counts for all alike.
class AdamW {
 public:
  AdamW(std::vector<NamedTensor> parameters, const AdamWOptions& options);

  /// One update with the gradients that `backward` left, by the formula of `form`.
  void Step(double learning_rate);
  /// Drops the gradients. Call before the first micro-batch of an update.
  void ZeroGrad();

  const std::vector<NamedTensor>& parameters() const { return parameters_; }
  std::int64_t steps() const { return steps_; }

  /// Both moments, named "exp_avg.<name>" and "exp_avg_sq.<name>"; handles, so that copying into
  /// them restores them.
  std::vector<NamedTensor> State() const;
  void SetSteps(std::int64_t steps);

 private:
  std::vector<NamedTensor> parameters_;
  AdamWOptions options_;
  std::vector<at::Tensor> first_moments_;
  std::vector<at::Tensor> second_moments_;
  std::vector<at::Tensor> step_counts_;
  std::int64_t steps_ = 0;
};

/// Euclidean norm over all gradients; not finite when any entry is not.
double GradientNorm(const std::vector<NamedTensor>& parameters);
/// "a, b, c and 2 more": the parameters whose gradient has an entry that is not finite.
std::string NonFiniteGradients(const std::vector<NamedTensor>& parameters);
/// Multiplies every gradient by min(1, max_norm / (norm + 1e-6)), as torch and fairseq do.
void ClipGradients(const std::vector<NamedTensor>& parameters, double norm, double max_norm);

}  // namespace repro
