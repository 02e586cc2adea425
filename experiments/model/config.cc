#include "experiments/model/config.h"

namespace repro {
namespace {

std::int64_t Linear(std::int64_t inputs, std::int64_t outputs) {
  return inputs * outputs + outputs;
}
std::int64_t LayerNorm(std::int64_t width) {
  return 2 * width;
}

}  // namespace

std::int64_t EncoderParameters(const ModelShape& shape) {
  const std::int64_t hidden = shape.settings.hidden;
  const std::int64_t feed_forward = shape.FeedForward();
  const std::int64_t embeddings =
      (shape.vocab_size + shape.max_positions) * hidden + LayerNorm(hidden);
  const std::int64_t attention =
      Linear(hidden, 3 * hidden) + Linear(hidden, hidden) + LayerNorm(hidden);
  const std::int64_t mlp =
      Linear(hidden, feed_forward) + Linear(feed_forward, hidden) + LayerNorm(hidden);
  return embeddings + shape.settings.layers * (attention + mlp);
}

std::int64_t MlmParameters(const ModelShape& shape) {
  const std::int64_t hidden = shape.settings.hidden;
  return EncoderParameters(shape) + Linear(hidden, hidden) + LayerNorm(hidden) + shape.vocab_size;
}

std::int64_t WeightBytes(const ModelShape& shape) {
  return 4 * MlmParameters(shape);
}

std::int64_t CheckpointBytes(const ModelShape& shape) {
  return 3 * WeightBytes(shape);
}

}  // namespace repro
