#include "experiments/model/config.h"

#include "core/base/units.h"

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

Result<std::int64_t> SolveHidden(ModelShape shape, std::int64_t parameters) {
  const std::int64_t step = shape.settings.heads > 0 ? shape.settings.heads : kHeadWidth;
  const auto count = [&](std::int64_t steps) {
    shape.settings.hidden = steps * step;
    return MlmParameters(shape);
  };
  std::int64_t low = (kMinHidden + step - 1) / step;
  std::int64_t high = kMaxHidden / step;
  const std::int64_t fewest = count(low);
  const std::int64_t most = count(high);
  if (parameters < fewest || parameters > most) {
    return Fail(ErrorCode::kInvalidArgument, "expected from {} (hidden {}) to {} (hidden {})",
                FormatCount(fewest), low * step, FormatCount(most), high * step);
  }
  // The count grows with the width: the last one that is not above, and the one after it.
  while (low < high) {
    const std::int64_t middle = low + (high - low + 1) / 2;
    if (count(middle) <= parameters) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  const bool next_is_nearer =
      (low + 1) * step <= kMaxHidden && count(low + 1) - parameters < parameters - count(low);
  return (low + (next_is_nearer ? 1 : 0)) * step;
}

std::int64_t WeightBytes(const ModelShape& shape) {
  return 4 * MlmParameters(shape);
}

std::int64_t CheckpointBytes(const ModelShape& shape) {
  return 3 * WeightBytes(shape);
}

}  // namespace repro
