#pragma once
/// What the tests of the CPU's and of the GPU's path through the model share.

#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>

#include <ATen/ATen.h>

#include "experiments/model/heads.h"

namespace repro {

inline ModelShape TinyShape(std::int64_t hidden = 24, std::int64_t heads = 3) {
  ModelShape shape;
  shape.vocab_size = 40;
  shape.max_positions = 24;
  shape.settings = {
      .layers = 2, .hidden = hidden, .heads = heads, .feed_forward = 40, .init_std = 0.2};
  return shape;
}

/// A deep copy of an Encoder or a model.
template <class Model>
Model WithOwnGradients(Model model) {
  if constexpr (std::is_same_v<Model, Encoder>) {
    model.copies = std::make_shared<WeightCopies>();
  } else {
    model.encoder.copies = std::make_shared<WeightCopies>();
  }
  VisitTensors(model, [](const std::string&, at::Tensor& tensor) {
    tensor = tensor.detach().clone().requires_grad_(true);
  });
  return model;
}

/// Of a vocabulary loss.
struct LossInputs {
  at::Tensor hidden_MC;
  at::Tensor weight_VC;
  at::Tensor bias_V;
  at::Tensor targets_M;
};

}  // namespace repro
