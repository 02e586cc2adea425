#include "experiments/train/optimizer.h"

#include <algorithm>

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

}  // namespace

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
  std::vector<at::Tensor> weights;
  std::vector<at::Tensor> gradients;
  std::vector<at::Tensor> first;
  std::vector<at::Tensor> second;
  std::vector<at::Tensor> steps;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const at::Tensor& gradient = parameters_[i].tensor.grad();
    // ATen's kernel wants the number of this step, counted from 1, in the tensor: it does not count
    // itself.
    step_counts_[i].add_(1);
    if (!gradient.defined()) continue;
    weights.push_back(parameters_[i].tensor.detach());
    gradients.push_back(gradient);
    first.push_back(first_moments_[i]);
    second.push_back(second_moments_[i]);
    steps.push_back(step_counts_[i]);
  }
  if (weights.empty()) return;
  at::_fused_adamw_(weights, gradients, first, second, /*max_exp_avg_sqs=*/{}, steps, learning_rate,
                    options_.beta1, options_.beta2, options_.weight_decay, options_.eps,
                    /*amsgrad=*/false, /*maximize=*/false);
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

void ClipGradients(const std::vector<NamedTensor>& parameters, double norm, double max_norm) {
  ScaleGradients(parameters, std::min(1.0, max_norm / (norm + 1e-6)));
}

void ScaleGradients(const std::vector<NamedTensor>& parameters, double factor) {
  if (factor == 1) return;
  const at::NoGradGuard no_grad;
  at::_foreach_mul_(Gradients(parameters), factor);
}

}  // namespace repro
