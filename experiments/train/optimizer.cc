#include "experiments/train/optimizer.h"

#include <algorithm>
#include <cmath>

#include <ATen/core/grad_mode.h>

namespace repro {
namespace {

std::vector<at::Tensor> Gradients(const std::vector<NamedTensor>& parameters) {
  std::vector<at::Tensor> gradients;
  for (const NamedTensor& parameter : parameters) {
    if (parameter.tensor.grad().defined()) gradients.push_back(parameter.tensor.grad());
  }
  return gradients;
}

/// Tensors of one update that share a decay, each list in the same order.
struct UpdateGroup {
  std::vector<at::Tensor> weights, gradients, first, second, steps;

  void Add(const at::Tensor& weight, const at::Tensor& gradient, const at::Tensor& first_moment,
           const at::Tensor& second_moment) {
    weights.push_back(weight);
    gradients.push_back(gradient);
    first.push_back(first_moment);
    second.push_back(second_moment);
  }
};

void TorchUpdate(UpdateGroup& group, const AdamWOptions& options, double decay,
                 double learning_rate) {
  at::_fused_adamw_(group.weights, group.gradients, group.first, group.second,
                    /*max_exp_avg_sqs=*/{}, group.steps, learning_rate, options.beta1,
                    options.beta2, decay, options.eps, /*amsgrad=*/false, /*maximize=*/false);
}

void FairseqUpdate(const UpdateGroup& group, const AdamWOptions& options, double decay,
                   double learning_rate, double step_size) {
  at::_foreach_mul_(group.first, options.beta1);
  at::_foreach_add_(group.first, group.gradients, 1 - options.beta1);
  at::_foreach_mul_(group.second, options.beta2);
  at::_foreach_addcmul_(group.second, group.gradients, group.gradients, 1 - options.beta2);
  const std::vector<at::Tensor> denominators = at::_foreach_sqrt(group.second);
  at::_foreach_add_(denominators, options.eps);
  if (decay != 0) at::_foreach_mul_(group.weights, 1 - learning_rate * decay);
  at::_foreach_addcdiv_(group.weights, group.first, denominators, -step_size);
}

/// `FairseqUpdate` in parts of at most so many weights: the denominators are a copy.
void FairseqUpdateInParts(const UpdateGroup& group, const AdamWOptions& options, double decay,
                          double learning_rate, double step_size) {
  constexpr std::int64_t kPart = 1 << 24;
  UpdateGroup part;
  std::int64_t size = 0;
  const auto update = [&] {
    if (size > 0) FairseqUpdate(part, options, decay, learning_rate, step_size);
    part = {};
    size = 0;
  };
  for (std::size_t i = 0; i < group.weights.size(); ++i) {
    const std::vector<at::Tensor> weights = group.weights[i].view({-1}).split(kPart);
    const std::vector<at::Tensor> gradients = group.gradients[i].reshape({-1}).split(kPart);
    const std::vector<at::Tensor> first = group.first[i].view({-1}).split(kPart);
    const std::vector<at::Tensor> second = group.second[i].view({-1}).split(kPart);
    for (std::size_t k = 0; k < weights.size(); ++k) {
      if (size + weights[k].numel() > kPart) update();
      part.Add(weights[k], gradients[k], first[k], second[k]);
      size += weights[k].numel();
    }
  }
  update();
}

}  // namespace

Result<AdamForm> ParseAdamForm(std::string_view name) {
  if (name == "adamw") return AdamForm::kTorch;
  if (name == "fairseq-adam") return AdamForm::kFairseq;
  return Fail(ErrorCode::kInvalidArgument, "optimizer '{}', expected \"adamw\" or \"fairseq-adam\"",
              name);
}

Result<WeightDecay> ParseWeightDecay(std::string_view name) {
  if (name == "all") return WeightDecay::kAll;
  if (name == "matrices") return WeightDecay::kMatrices;
  return Fail(ErrorCode::kInvalidArgument, "weight decay on '{}', expected \"all\" or \"matrices\"",
              name);
}

AdamW::AdamW(std::vector<NamedTensor> parameters, const AdamWOptions& options)
    : parameters_(std::move(parameters)), options_(options) {
  for (const NamedTensor& parameter : parameters_) {
    const at::Tensor zeros = at::zeros_like(parameter.tensor.detach());
    first_moments_.push_back(zeros);
    second_moments_.push_back(zeros.clone());
    step_counts_.push_back(
        at::zeros({}, parameter.tensor.options().dtype(at::kFloat).requires_grad(false)));
  }
}

void AdamW::Step(double learning_rate) {
  const at::NoGradGuard no_grad;
  ++steps_;
  UpdateGroup decayed, others;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const at::Tensor& gradient = parameters_[i].tensor.grad();
    // ATen's kernel wants the number of this step, counted from 1, in the tensor: it does not count
    // itself.
    step_counts_[i].add_(1);
    if (!gradient.defined()) continue;
    const at::Tensor weight = parameters_[i].tensor.detach();
    const bool decays = options_.decayed == WeightDecay::kAll || weight.dim() > 1;
    UpdateGroup& group = decays ? decayed : others;
    group.Add(weight, gradient, first_moments_[i], second_moments_[i]);
    group.steps.push_back(step_counts_[i]);
  }
  const auto t = static_cast<double>(steps_);
  const double step_size = learning_rate * std::sqrt(1 - std::pow(options_.beta2, t)) /
                           (1 - std::pow(options_.beta1, t));
  for (UpdateGroup* group : {&decayed, &others}) {
    if (group->weights.empty()) continue;
    const double decay = group == &decayed ? options_.weight_decay : 0;
    if (options_.form == AdamForm::kTorch) {
      TorchUpdate(*group, options_, decay, learning_rate);
    } else {
      FairseqUpdateInParts(*group, options_, decay, learning_rate, step_size);
    }
    // ATen's operations on lists do not count as writes, and WeightCopies goes by the count.
    for (const at::Tensor& weight : group->weights) weight.unsafeGetTensorImpl()->bump_version();
  }
}

void AdamW::ZeroGrad() {
  for (NamedTensor& parameter : parameters_) parameter.tensor.mutable_grad().reset();
}

std::vector<NamedTensor> AdamW::State() const {
  std::vector<NamedTensor> state;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    state.push_back({"exp_avg." + parameters_[i].name, first_moments_[i]});
    state.push_back({"exp_avg_sq." + parameters_[i].name, second_moments_[i]});
  }
  return state;
}

void AdamW::SetSteps(std::int64_t steps) {
  steps_ = steps;
  for (at::Tensor& count : step_counts_) count.fill_(steps);
}

double GradientNorm(const std::vector<NamedTensor>& parameters) {
  const std::vector<at::Tensor> gradients = Gradients(parameters);
  if (gradients.empty()) return 0;
  const at::NoGradGuard no_grad;
  return at::stack(at::_foreach_norm(gradients, 2)).norm().item<double>();
}

std::string NonFiniteGradients(const std::vector<NamedTensor>& parameters) {
  constexpr int kNamed = 3;
  std::string names;
  int count = 0;
  for (const NamedTensor& parameter : parameters) {
    const at::Tensor& gradient = parameter.tensor.grad();
    if (!gradient.defined() || gradient.isfinite().all().item<bool>()) continue;
    if (count++ < kNamed) names += (names.empty() ? "" : ", ") + parameter.name;
  }
  return count > kNamed ? fmt::format("{} and {} more", names, count - kNamed) : names;
}

void ClipGradients(const std::vector<NamedTensor>& parameters, double norm, double max_norm) {
  const double factor = max_norm / (norm + 1e-6);
  if (!(factor < 1)) return;  // nor by NaN
  const at::NoGradGuard no_grad;
  at::_foreach_mul_(Gradients(parameters), factor);
}

}  // namespace repro
