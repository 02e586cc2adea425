#include "experiments/gpu_check/bench_model.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <ATen/core/grad_mode.h>

#include "core/base/rng.h"
#include "experiments/data/mask_tokens.h"
#include "experiments/text/vocabulary.h"

namespace repro {

BenchShape TinyBenchShape() {
  return {.name = "tiny",
          .settings = {.layers = 2, .hidden = 32, .heads = 2, .feed_forward = 64, .init_std = 0.1},
          .vocab = 211,
          .tokens = 24,
          .rows = 6,
          .padded = true};
}

BenchShape SmallBenchShape() {
  return {.name = "small",
          .settings = {.layers = 3, .hidden = 256, .heads = 4, .init_std = 0.05},
          .vocab = 8009,
          .tokens = 128,
          .rows = 16,
          .padded = true};
}

BenchShape BaseBenchShape() {
  return {.name = "base",
          .settings = {.layers = 12, .hidden = 768, .heads = 12},
          .vocab = 250'002,
          .tokens = 512,
          .rows = 256,
          .bfloat16 = true};
}

BenchShape LargeBenchShape() {
  BenchShape shape = BaseBenchShape();
  shape.name = "large";
  shape.settings.layers = 24;
  shape.settings.hidden = 1024;
  shape.settings.heads = 16;
  shape.rows = 128;
  return shape;
}

MlmModel BenchModel(const BenchShape& shape, at::Device device) {
  MlmModel model = MlmModelOfShape(shape.Model());
  model.encoder.bfloat16_products = shape.bfloat16;
  at::Generator generator = at::globalContext().defaultGenerator(device);
  generator.set_current_seed(20);
  const at::NoGradGuard no_grad;
  VisitTensors(model, [&](const std::string& name, at::Tensor& tensor) {
    // Half a billion weights: drawn where they are used.
    tensor = at::empty(tensor.sizes(), tensor.options().device(device));
    const bool norm =
        name.find("LayerNorm") != std::string::npos || name.find("layer_norm") != std::string::npos;
    tensor.normal_(norm && name.ends_with("weight") ? 1 : 0, shape.settings.init_std);
    tensor.requires_grad_(true);
  });
  return model;
}

MaskedBatch BenchBatch(const BenchShape& shape, std::uint64_t index) {
  MaskedBatch batch;
  batch.rows = shape.rows;
  batch.columns = shape.tokens;
  const auto size = static_cast<std::size_t>(shape.rows * shape.tokens);
  batch.inputs.assign(size, kPadId);
  batch.targets.assign(size, kIgnoreTarget);
  Rng rng(7, "bench batch", index);
  // Between the specials at either end of the ids; P(rank) about 1 / rank.
  const double ids = static_cast<double>(shape.vocab - 5);
  for (std::int64_t row = 0; row < shape.rows; ++row) {
    const std::int64_t length =
        shape.padded
            ? shape.tokens -
                  static_cast<std::int64_t>(rng.Below(static_cast<std::uint64_t>(shape.tokens / 2)))
            : shape.tokens;
    const std::span<std::int64_t> inputs(batch.inputs.data() + row * shape.tokens,
                                         static_cast<std::size_t>(length));
    for (std::int64_t& id : inputs) {
      id = 4 + std::min(static_cast<std::int64_t>(std::exp(rng.Uniform() * std::log(ids))) - 1,
                        static_cast<std::int64_t>(ids) - 1);
    }
    const std::span<std::int64_t> targets(batch.targets.data() + row * shape.tokens,
                                          static_cast<std::size_t>(length));
    batch.predicted += MaskTokens(inputs, targets, shape.vocab, {}, rng);
    batch.tokens += length;
    batch.lengths.push_back(length);
    batch.languages.push_back(0);
    batch.samples.push_back(row);
  }
  return batch;
}

at::Tensor IdsOf(const MaskedBatch& batch, const std::vector<std::int64_t>& ids) {
  return at::from_blob(const_cast<std::int64_t*>(ids.data()), {batch.rows, batch.columns},
                       at::kLong)
      .clone();
}

double RelativeError(const std::vector<at::Tensor>& found,
                     const std::vector<at::Tensor>& expected) {
  double worst = found.size() == expected.size() ? 0 : std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < std::min(found.size(), expected.size()); ++i) {
    const at::Tensor exact = expected[i].to(at::kCPU, at::kDouble);
    const at::Tensor difference = found[i].to(at::kCPU, at::kDouble) - exact;
    const double error = (difference.norm() / exact.norm().clamp_min(1e-30)).item<double>();
    worst = std::isfinite(error) ? std::max(worst, error) : std::numeric_limits<double>::infinity();
  }
  return worst;
}

}  // namespace repro
