// The vocabulary loss of fused_layer.h. Work is divided by columns of the vocabulary, so that the
// output matrix, by far the largest thing here, is read once forward and once backward, and its
// gradient written once. Shape letters: M predicted positions, V vocabulary, C model width, n
// columns of a block.
#include <cfloat>
#include <cmath>
#include <vector>

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/functions/utils.h>

#include "experiments/model/fused_layer.h"
#include "experiments/model/fused_parts.h"

namespace repro {
namespace {

using torch::autograd::Node;
using torch::autograd::variable_list;

/// Logits up to this size are kept for the backward pass; larger ones are computed again there.
constexpr std::int64_t kKeptLogitBytes = 160 << 20;
/// Logits of a block: they are written, read and written again, and should stay in a core's cache.
constexpr std::int64_t kBlockLogits = 1 << 18;

struct VocabularyLoss {
  at::Tensor hidden_MC;
  at::Tensor weight_VC;  // the leaf, as is bias_V
  at::Tensor bias_V;
  at::Tensor targets_M;
  bool bfloat16 = false;
  at::Tensor logits{};  // with bias, block after block of [M, n]; undefined where not kept
  std::vector<float> largest_M{};
  std::vector<float> sum_M{};  // of e^(logit - largest)

  std::int64_t rows() const { return hidden_MC.size(0); }
  std::int64_t vocab() const { return weight_VC.size(0); }
};

// `work(part, first, block_Mn)`: blocks of columns from `first`, several parts at once. block_Mn is
// the block's place among the kept logits, or scratch of the part.
template <class Work>
void ForBlocks(const VocabularyLoss& loss, std::int64_t parts, const Work& work) {
  const std::int64_t rows = loss.rows();
  const std::int64_t columns = std::clamp<std::int64_t>(kBlockLogits / rows / 64 * 64, 256, 4096);
  ForParts(loss.vocab(), parts, [&](std::int64_t part, std::int64_t begin, std::int64_t end) {
    const at::NoGradGuard no_grad;  // of this thread
    at::Tensor scratch;
    if (!loss.logits.defined()) {
      scratch = at::empty({rows * std::min(columns, end - begin)}, loss.hidden_MC.options());
    }
    for (std::int64_t first = begin; first < end; first += columns) {
      const std::int64_t count = std::min(columns, end - first);
      const at::Tensor place = loss.logits.defined()
                                   ? loss.logits.narrow(0, first * rows, rows * count)
                                   : scratch.narrow(0, 0, rows * count);
      work(part, first, place.view({rows, count}));
    }
  });
}

void Product(const VocabularyLoss& loss, const at::Tensor& weight_VC, std::int64_t first,
             const at::Tensor& block_Mn) {
  MultiplyHere(block_Mn, loss.hidden_MC, weight_VC.narrow(0, first, block_Mn.size(1)).t(),
               /*accumulate=*/false, loss.bfloat16);
}

// -log p(target) of each row; fills the softmax's largest and sum, and the logits where they are
// kept.
at::Tensor Forward(VocabularyLoss& loss) {
  const std::int64_t rows = loss.rows();
  const auto count = static_cast<std::size_t>(rows);
  const std::int64_t parts = PartsOf(loss.vocab());
  const CpuKernels& kernels = BestCpuKernels();
  const at::Tensor weight_VC = loss.weight_VC.detach();
  const float* bias = Data(loss.bias_V);
  const std::int64_t* targets = loss.targets_M.const_data_ptr<std::int64_t>();
  std::vector<float> largest(static_cast<std::size_t>(parts) * count, -FLT_MAX);
  std::vector<float> sum(static_cast<std::size_t>(parts) * count, 0.0F);
  std::vector<float> at_target(count);
  ForBlocks(loss, parts, [&](std::int64_t part, std::int64_t first, const at::Tensor& block_Mn) {
    Product(loss, weight_VC, first, block_Mn);
    const std::int64_t columns = block_Mn.size(1);
    const float* logits = Data(block_Mn);
    kernels.softmax_sums(rows, columns, Data(block_Mn), bias + first, largest.data() + part * rows,
                         sum.data() + part * rows);
    for (std::int64_t row = 0; row < rows; ++row) {
      const std::int64_t column = targets[row] - first;
      if (column >= 0 && column < columns) {
        at_target[static_cast<std::size_t>(row)] = logits[row * columns + column];
      }
    }
  });
  loss.largest_M.assign(largest.begin(), largest.begin() + rows);
  loss.sum_M.resize(count);
  at::Tensor losses_M = at::empty({rows}, at::TensorOptions(at::kDouble));
  double* losses = losses_M.data_ptr<double>();
  for (std::size_t row = 0; row < count; ++row) {
    float& high = loss.largest_M[row];
    for (std::size_t at = row; at < largest.size(); at += count) high = std::max(high, largest[at]);
    double all = 0;
    for (std::size_t at = row; at < largest.size(); at += count) {
      all += static_cast<double>(sum[at]) * std::exp(static_cast<double>(largest[at]) - high);
    }
    loss.sum_M[row] = static_cast<float>(all);
    losses[row] = std::log(all) + (static_cast<double>(high) - at_target[row]);
  }
  return losses_M;
}

/// Gradients of hidden_MC, weight_VC and bias_V, times `scale`.
variable_list Backward(const VocabularyLoss& loss, float scale) {
  const std::int64_t rows = loss.rows();
  const std::int64_t parts = PartsOf(loss.vocab());
  const CpuKernels& kernels = BestCpuKernels();
  const at::Tensor weight_VC = loss.weight_VC.detach();
  const float* bias = Data(loss.bias_V);
  const GradientSink weight_sink = OpenGradientSink(loss.weight_VC);
  const at::Tensor d_bias_V = at::zeros_like(loss.bias_V.detach());
  if (rows == 0) {
    if (weight_sink.fresh) weight_sink.table.zero_();
    return {at::zeros_like(loss.hidden_MC), weight_sink.ForAutograd(), d_bias_V};
  }
  const at::Tensor d_hidden =
      at::zeros({parts, rows, loss.hidden_MC.size(1)}, loss.hidden_MC.options());
  ForBlocks(loss, parts, [&](std::int64_t part, std::int64_t first, const at::Tensor& block_Mn) {
    const std::int64_t columns = block_Mn.size(1);
    if (!loss.logits.defined()) {
      Product(loss, weight_VC, first, block_Mn);
      float* logits = Data(block_Mn);
      for (std::int64_t row = 0; row < rows; ++row) {
        for (std::int64_t i = 0; i < columns; ++i) logits[row * columns + i] += bias[first + i];
      }
    }
    kernels.softmax_grad(rows, columns, Data(block_Mn), loss.largest_M.data(), loss.sum_M.data(),
                         loss.targets_M.const_data_ptr<std::int64_t>(), first, scale,
                         Data(d_bias_V) + first);
    MultiplyHere(d_hidden[part], block_Mn, weight_VC.narrow(0, first, columns),
                 /*accumulate=*/true, loss.bfloat16);
    if (weight_sink.table.defined()) {
      MultiplyHere(weight_sink.table.narrow(0, first, columns), block_Mn.t(), loss.hidden_MC,
                   /*accumulate=*/!weight_sink.fresh, loss.bfloat16);
    }
  });
  return {parts == 1 ? d_hidden[0] : d_hidden.sum(0), weight_sink.ForAutograd(), d_bias_V};
}

struct VocabularyLossBackward : public Node {
  VocabularyLoss loss;
  bool released = false;

  variable_list apply(variable_list&& gradients) override {
    TORCH_CHECK(!released, "the loss's backward pass can run once");
    const at::NoGradGuard no_grad;
    variable_list result = Backward(loss, gradients[0].item<float>());
    release_variables();  // the logits became their gradient
    return result;
  }
  void release_variables() override {
    released = true;
    loss = {};
  }
  std::string name() const override { return "FusedVocabularyLossBackward"; }
};

}  // namespace

at::Tensor FusedVocabularyLoss(const at::Tensor& hidden_MC, const at::Tensor& weight_VC,
                               const at::Tensor& bias_V, const at::Tensor& targets_M, bool bfloat16,
                               at::Tensor* losses_M) {
  const std::int64_t rows = hidden_MC.size(0);
  const std::int64_t vocab = weight_VC.size(0);
  TORCH_CHECK(targets_M.size(0) == rows && bias_V.size(0) == vocab && weight_VC.is_contiguous(),
              "loss: ", rows, " rows, ", targets_M.size(0), " targets");
  TORCH_CHECK(rows == 0 || (targets_M.min().item<std::int64_t>() >= 0 &&
                            targets_M.max().item<std::int64_t>() < vocab),
              "loss: a target lies outside the vocabulary of ", vocab);
  const bool needs_gradient = torch::autograd::compute_requires_grad(hidden_MC, weight_VC, bias_V);
  VocabularyLoss loss{.hidden_MC = hidden_MC.detach().contiguous(),
                      .weight_VC = weight_VC,
                      .bias_V = bias_V,
                      .targets_M = targets_M.contiguous(),
                      .bfloat16 = bfloat16};
  at::Tensor sum;
  {
    const at::NoGradGuard no_grad;
    if (needs_gradient &&
        rows * vocab * static_cast<std::int64_t>(sizeof(float)) <= kKeptLogitBytes) {
      loss.logits = EmptyTensor({rows * vocab}, loss.hidden_MC.options());
    }
    const at::Tensor losses =
        rows > 0 ? Forward(loss) : at::empty({0}, at::TensorOptions(at::kDouble));
    sum = losses.sum().to(at::kFloat);
    if (losses_M != nullptr) *losses_M = losses;
  }
  if (!needs_gradient) return sum;
  auto node = MakeNode<VocabularyLossBackward>();
  node->set_next_edges(torch::autograd::collect_next_edges(hidden_MC, weight_VC, bias_V));
  node->loss = std::move(loss);
  torch::autograd::set_history(sum, node);
  return sum;
}

}  // namespace repro
