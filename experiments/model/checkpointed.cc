#include "experiments/model/checkpointed.h"

#include <memory>

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/engine.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/variable.h>

#include "experiments/model/autograd_node.h"

namespace repro {
namespace {

using torch::autograd::edge_list;
using torch::autograd::Node;
using torch::autograd::variable_list;

struct CheckpointedBackward : public Node {
  TensorFunction function;
  variable_list inputs;  // detached
  variable_list weights;

  variable_list apply(variable_list&& gradients) override {
    TORCH_CHECK(function, "the backward pass of a checkpointed part can run once");
    const at::AutoGradMode with_gradients(true);
    variable_list leaves;
    for (const at::Tensor& input : inputs) {
      leaves.push_back(input.detach().requires_grad_(input.is_floating_point()));
    }
    const variable_list outputs = function(leaves);
    TORCH_CHECK(outputs.size() == gradients.size(), "a checkpointed part gave ", outputs.size(),
                " tensors, and ", gradients.size(), " before");
    edge_list roots;
    variable_list root_gradients;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (!gradients[i].defined() || !outputs[i].requires_grad()) continue;
      roots.push_back(torch::autograd::impl::gradient_edge(outputs[i]));
      root_gradients.push_back(gradients[i]);
    }
    // What takes no gradient keeps its place in the result, undefined.
    edge_list wanted;
    std::vector<std::size_t> places;
    const auto want = [&](const at::Tensor& leaf, std::size_t place) {
      if (!leaf.requires_grad()) return;
      wanted.push_back(torch::autograd::impl::gradient_edge(leaf));
      places.push_back(place);
    };
    for (std::size_t i = 0; i < leaves.size(); ++i) want(leaves[i], i);
    for (std::size_t i = 0; i < weights.size(); ++i) want(weights[i], leaves.size() + i);
    const variable_list found = torch::autograd::Engine::get_default_engine().execute(
        roots, root_gradients, /*keep_graph=*/false, /*create_graph=*/false,
        /*accumulate_grad=*/false, wanted);
    variable_list result(leaves.size() + weights.size());
    for (std::size_t i = 0; i < found.size(); ++i) result[places[i]] = found[i];
    return result;
  }
  void release_variables() override {
    function = nullptr;
    inputs.clear();
  }
  std::string name() const override { return "CheckpointedBackward"; }
};

}  // namespace

std::vector<at::Tensor> Checkpointed(TensorFunction function, const std::vector<at::Tensor>& inputs,
                                     const std::vector<at::Tensor>& weights) {
  if (!torch::autograd::compute_requires_grad(inputs, weights)) return function(inputs);
  auto node = MakeNode<CheckpointedBackward>();
  for (const at::Tensor& input : inputs) node->inputs.push_back(input.detach());
  node->weights = weights;
  variable_list outputs;
  {
    const at::NoGradGuard no_grad;
    outputs = function(node->inputs);
    // An output that is an input would take its history.
    for (at::Tensor& output : outputs) output = output.detach();
  }
  node->function = std::move(function);
  edge_list edges = torch::autograd::collect_next_edges(inputs);
  for (torch::autograd::Edge& edge : torch::autograd::collect_next_edges(weights)) {
    edges.push_back(std::move(edge));
  }
  node->set_next_edges(std::move(edges));
  torch::autograd::set_history(outputs, node);
  return outputs;
}

}  // namespace repro
