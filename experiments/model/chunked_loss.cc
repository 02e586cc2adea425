#include "experiments/model/chunked_loss.h"

#include <algorithm>
#include <memory>

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>

#include "experiments/model/autograd_node.h"

namespace repro {
namespace {

using torch::autograd::Node;
using torch::autograd::variable_list;

constexpr std::int64_t kGpuLogitBytes = 1 << 30;
constexpr std::int64_t kCpuLogitBytes = 32 << 20;
constexpr std::int64_t kLeastRows = 16;

struct ChunkedLossBackward : public Node {
  at::Tensor d_hidden_MC;
  at::Tensor d_weight_VC;
  at::Tensor d_bias_V;

  variable_list apply(variable_list&& gradients) override {
    TORCH_CHECK(d_hidden_MC.defined(), "the loss's backward pass can run once");
    const at::NoGradGuard no_grad;
    variable_list result = {d_hidden_MC.mul_(gradients[0]), d_weight_VC.mul_(gradients[0]),
                            d_bias_V.mul_(gradients[0])};
    release_variables();  // they are scaled now, and the receiver's own
    return result;
  }
  void release_variables() override {
    d_hidden_MC.reset();
    d_weight_VC.reset();
    d_bias_V.reset();
  }
  std::string name() const override { return "ChunkedVocabularyLossBackward"; }
};

// sum += a b, in the type of `sum`.
void AddProduct(at::Tensor& sum, const at::Tensor& a, const at::Tensor& b) {
  if (a.scalar_type() != sum.scalar_type() && a.is_cuda()) {
    at::addmm_out(sum, sum, a, b, sum.scalar_type(), /*beta=*/1, /*alpha=*/1);
  } else {
    sum.addmm_(a.to(sum.scalar_type()), b.to(sum.scalar_type()));
  }
}

std::int64_t RowsAtOnce(const at::Tensor& hidden_MC, std::int64_t vocab, std::int64_t bytes) {
  if (bytes <= 0) bytes = hidden_MC.is_cuda() ? kGpuLogitBytes : kCpuLogitBytes;
  const auto element =
      static_cast<std::int64_t>(c10::elementSize(AccumulationType(hidden_MC.scalar_type())));
  return std::max(kLeastRows, bytes / std::max<std::int64_t>(1, vocab * element));
}

/// Of one chunk: the losses, and softmax - one_hot in the type of the products.
struct ChunkGradient {
  at::Tensor losses_R;
  at::Tensor d_logits_RV;
  at::Tensor d_bias_V;
};

// logits_RV without bias; is overwritten.
ChunkGradient SoftmaxGradient(at::Tensor logits_RV, const at::Tensor& bias_V,
                              const at::Tensor& targets_R, at::ScalarType type,
                              bool needs_gradient) {
  logits_RV.add_(bias_V);
  at::Tensor log_p_RV = at::log_softmax(logits_RV, 1);
  logits_RV.reset();
  const at::Tensor rows_R1 = targets_R.clamp_min(0).unsqueeze(1);
  const at::Tensor counts_R = targets_R.ge(0).to(log_p_RV.scalar_type());
  ChunkGradient chunk{
      at::where(targets_R.ge(0), log_p_RV.gather(1, rows_R1).squeeze(1).neg(), 0.0), {}, {}};
  if (!needs_gradient) return chunk;
  log_p_RV.exp_();
  log_p_RV.scatter_add_(1, rows_R1, at::full_like(counts_R, -1).unsqueeze(1));
  chunk.d_bias_V = at::mv(log_p_RV.t(), counts_R);
  chunk.d_logits_RV = log_p_RV.to(type);
  return chunk;
}

ChunkGradient KernelGradient(const GpuKernels& kernels, const at::Tensor& logits_RV,
                             const at::Tensor& bias_V, const at::Tensor& targets_R,
                             at::ScalarType type, bool needs_gradient) {
  ChunkGradient chunk{at::empty({logits_RV.size(0)}, logits_RV.options()), {}, {}};
  // Also without need of a gradient: the kernel writes where it reads.
  chunk.d_logits_RV = needs_gradient && type == at::kBFloat16
                          ? at::empty(logits_RV.sizes(), logits_RV.options().dtype(type))
                          : logits_RV;
  const bool bfloat16 = chunk.d_logits_RV.scalar_type() == at::kBFloat16;
  const auto status = kernels.CrossEntropy(
      logits_RV.get_device(), logits_RV.size(0), logits_RV.size(1),
      logits_RV.const_data_ptr<float>(), bias_V.const_data_ptr<float>(),
      targets_R.const_data_ptr<std::int64_t>(), bfloat16, chunk.d_logits_RV.mutable_data_ptr(),
      chunk.losses_R.mutable_data_ptr<float>());
  TORCH_CHECK(status, status.error().message);
  if (needs_gradient) chunk.d_bias_V = chunk.d_logits_RV.sum(0, false, at::kFloat);
  return chunk;
}

}  // namespace

at::ScalarType AccumulationType(at::ScalarType type) {
  return type == at::kDouble ? at::kDouble : at::kFloat;
}

at::Tensor AccumulatedProduct(const at::Tensor& a, const at::Tensor& b) {
  const at::ScalarType type = AccumulationType(a.scalar_type());
  if (a.scalar_type() == type) return at::mm(a, b);
  if (a.is_cuda()) return at::mm(a, b, type);
  return at::mm(a.to(type), b.to(type));
}

at::Tensor ChunkedVocabularyLoss(const at::Tensor& hidden_MC, const at::Tensor& weight_VC,
                                 const at::Tensor& bias_V, const at::Tensor& targets_M,
                                 const ChunkedLossOptions& options, at::Tensor* losses_M) {
  const std::int64_t rows = hidden_MC.size(0);
  const std::int64_t vocab = weight_VC.size(0);
  TORCH_CHECK(targets_M.size(0) == rows && bias_V.size(0) == vocab &&
                  weight_VC.size(1) == hidden_MC.size(1),
              "loss: hidden states ", hidden_MC.sizes(), ", weight ", weight_VC.sizes(), ", bias ",
              bias_V.sizes(), ", targets ", targets_M.sizes());
  const bool needs_gradient = torch::autograd::compute_requires_grad(hidden_MC, weight_VC, bias_V);
  const at::ScalarType type = hidden_MC.scalar_type();
  const at::ScalarType sum_type = AccumulationType(type);
  auto node = MakeNode<ChunkedLossBackward>();
  at::Tensor loss;
  {
    const at::NoGradGuard no_grad;
    const at::Tensor hidden = hidden_MC.detach();
    const at::Tensor targets = targets_M.contiguous();
    const at::Tensor bias = bias_V.detach().to(sum_type);
    at::Tensor weight = options.product_weight_VC.defined() ? options.product_weight_VC
                                                            : weight_VC.detach().to(type);
    // The CPU has no product of 16-bit factors with float32 sums: it gets the rounded factors in
    // float32, once for all chunks.
    if (!hidden.is_cuda()) weight = weight.to(sum_type);
    const at::Tensor counts_M1 = targets.ge(0).unsqueeze(1);
    at::Tensor losses = at::empty({rows}, hidden.options().dtype(sum_type));
    if (needs_gradient) {
      node->d_hidden_MC = at::empty_like(hidden, at::MemoryFormat::Contiguous);
      node->d_weight_VC = at::zeros_like(weight_VC, weight_VC.options().dtype(sum_type));
      node->d_bias_V = at::zeros_like(bias);
    }
    const std::int64_t chunk_rows = RowsAtOnce(hidden, vocab, options.logit_bytes);
    for (std::int64_t first = 0; first < rows; first += chunk_rows) {
      const std::int64_t count = std::min(chunk_rows, rows - first);
      const at::Tensor part = hidden.narrow(0, first, count);
      const at::Tensor part_targets = targets.narrow(0, first, count);
      at::Tensor logits = AccumulatedProduct(part.to(weight.scalar_type()), weight.t());
      const bool kernel = options.kernels != nullptr &&
                          options.kernels->Has(GpuKernel::kCrossEntropy) && hidden.is_cuda() &&
                          sum_type == at::kFloat;
      ChunkGradient chunk =
          kernel
              ? KernelGradient(*options.kernels, logits, bias, part_targets, type, needs_gradient)
              : SoftmaxGradient(std::move(logits), bias, part_targets, type, needs_gradient);
      losses.narrow(0, first, count).copy_(chunk.losses_R);
      if (!needs_gradient) continue;
      const at::Tensor counts_R1 = counts_M1.narrow(0, first, count);
      at::Tensor d_part = node->d_hidden_MC.narrow(0, first, count);
      d_part.copy_(at::mm(chunk.d_logits_RV.to(weight.scalar_type()), weight));
      d_part.mul_(counts_R1);
      AddProduct(node->d_weight_VC, chunk.d_logits_RV.t(), part * counts_R1);
      node->d_bias_V.add_(chunk.d_bias_V);
    }
    loss = losses.sum();
    if (losses_M != nullptr) *losses_M = losses;
    if (needs_gradient) {
      node->d_weight_VC = node->d_weight_VC.to(weight_VC.scalar_type());
      node->d_bias_V = node->d_bias_V.to(bias_V.scalar_type());
    }
  }
  if (!needs_gradient) return loss;
  node->set_next_edges(torch::autograd::collect_next_edges(hidden_MC, weight_VC, bias_V));
  torch::autograd::set_history(loss, node);
  return loss;
}

}  // namespace repro
