#pragma once
/// Activation checkpointing (Chen et al. 2016, arXiv 1604.06174): a part of the network keeps only
/// its inputs, and is computed again in the backward pass. Memory for a third more work.

#include <functional>
#include <vector>

#include <ATen/ATen.h>

namespace repro {

using TensorFunction = std::function<std::vector<at::Tensor>(const std::vector<at::Tensor>&)>;

/// function(inputs), differentiable in `inputs` and in `weights`, the leaves that the function
/// uses. It is called again in the backward pass, and has to do the same then: the same dropout
/// keys (hold a copy of the DropoutRng), unchanged weights. Gradients are those of the plain call,
/// bit for bit, and arrive at the leaves as any others do (hooks of c10d's Reducer see them). The
/// backward pass can run once.
std::vector<at::Tensor> Checkpointed(TensorFunction function, const std::vector<at::Tensor>& inputs,
                                     const std::vector<at::Tensor>& weights);

}  // namespace repro
