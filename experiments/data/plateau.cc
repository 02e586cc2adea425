#include "experiments/data/plateau.h"

#include <cmath>
#include <cstddef>
#include <numeric>

#include "core/base/check.h"
#include "experiments/text/vocabulary.h"

namespace repro {

UnigramDistribution::UnigramDistribution(const std::vector<double>& counts)
    : probabilities_(counts.size()) {
  const double total = std::accumulate(counts.begin(), counts.end(), 0.0);
  REPRO_CHECK(total > 0);
  double distinct = 0;
  for (const double count : counts) distinct += count > 0 ? 1 : 0;
  const double floor = distinct / (total + distinct) / static_cast<double>(counts.size());
  for (std::size_t i = 0; i < counts.size(); ++i) {
    probabilities_[i] = counts[i] / (total + distinct) + floor;
  }
}

double UnigramDistribution::Probability(std::int64_t id) const {
  return probabilities_[static_cast<std::size_t>(id)];
}

double UnigramDistribution::Loss(const std::vector<std::int64_t>& targets) const {
  double sum = 0;
  std::int64_t predicted = 0;
  for (const std::int64_t target : targets) {
    if (target == kIgnoreTarget) continue;
    sum -= std::log(Probability(target));
    ++predicted;
  }
  return predicted == 0 ? 0 : sum / static_cast<double>(predicted);
}

double UnigramDistribution::ContextFreeLoss(const std::vector<std::int64_t>& inputs,
                                            const std::vector<std::int64_t>& targets,
                                            const MaskOptions& options) const {
  REPRO_CHECK(inputs.size() == targets.size());
  const auto vocab_size = static_cast<std::int64_t>(probabilities_.size());
  const double keep = 1 - options.mask_token_prob - options.random_token_prob;
  const double replace =
      options.random_token_prob / static_cast<double>(vocab_size - kSpecialCount);
  double sum = 0;
  std::int64_t predicted = 0;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const std::int64_t target = targets[i];
    if (target == kIgnoreTarget) continue;
    ++predicted;
    const std::int64_t input = inputs[i];
    double probability = Probability(target);
    if (input != MaskId(vocab_size)) {
      const double random = input < kSpecialCount ? 0 : replace;
      probability *= ((input == target ? keep : 0) + random) / (keep * Probability(input) + random);
    }
    sum -= std::log(probability);
  }
  return predicted == 0 ? 0 : sum / static_cast<double>(predicted);
}

}  // namespace repro
