#include "experiments/data/mask_tokens.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "core/base/check.h"
#include "experiments/text/vocabulary.h"

namespace repro {

std::int64_t MaskTokens(std::span<std::int64_t> tokens, std::span<std::int64_t> targets,
                        std::int64_t vocab_size, const MaskOptions& options, Rng& rng) {
  REPRO_CHECK(targets.size() == tokens.size() && vocab_size > kSpecialCount);
  std::fill(targets.begin(), targets.end(), kIgnoreTarget);
  const std::size_t length = tokens.size();
  const auto count = std::min(
      length, static_cast<std::size_t>(
                  std::floor(options.mask_prob * static_cast<double>(length) + rng.Uniform())));
  // The first `count` steps of a Fisher-Yates shuffle: a draw without replacement.
  std::vector<std::uint32_t> positions(length);
  std::iota(positions.begin(), positions.end(), 0U);
  for (std::size_t i = 0; i < count; ++i) {
    std::swap(positions[i], positions[i + rng.Below(length - i)]);
    const std::size_t at = positions[i];
    targets[at] = tokens[at];
    const double choice = rng.Uniform();
    if (choice < options.mask_token_prob) {
      tokens[at] = MaskId(vocab_size);
    } else if (choice < options.mask_token_prob + options.random_token_prob) {
      tokens[at] = kSpecialCount + static_cast<std::int64_t>(rng.Below(
                                       static_cast<std::uint64_t>(vocab_size - kSpecialCount)));
    }
  }
  return static_cast<std::int64_t>(count);
}

}  // namespace repro
