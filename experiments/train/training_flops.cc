#include "experiments/train/training_flops.h"

namespace repro {

double TrainingFlops(const ModelShape& shape, const std::vector<std::int64_t>& lengths,
                     std::int64_t predicted) {
  const auto width = static_cast<double>(shape.settings.hidden);
  const auto wide = static_cast<double>(shape.FeedForward());
  const auto layers = static_cast<double>(shape.settings.layers);
  double tokens = 0;
  double pairs = 0;
  for (const std::int64_t length : lengths) {
    const auto n = static_cast<double>(length);
    tokens += n;
    pairs += n * n;
  }
  const double layer = 4 * width * width + 2 * width * wide;
  const double head = width * width + width * static_cast<double>(shape.vocab_size);
  return 6 * (layers * layer * tokens + head * static_cast<double>(predicted)) +
         12 * layers * width * pairs;
}

}  // namespace repro
