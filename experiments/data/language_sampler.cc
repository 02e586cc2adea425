#include "experiments/data/language_sampler.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "core/base/check.h"
#include "core/base/rng.h"
#include "experiments/data/permutation.h"
#include "experiments/text/smoothing.h"

namespace repro {

LanguageSampler::LanguageSampler(const std::vector<double>& units, std::vector<std::int64_t> blocks,
                                 double alpha, std::uint64_t seed)
    : blocks_(std::move(blocks)), probabilities_(SmoothedShares(units, alpha)), seed_(seed) {
  REPRO_CHECK(!blocks_.empty() && units.size() == blocks_.size());
  const auto all = std::accumulate(blocks_.begin(), blocks_.end(), std::int64_t{0});
  std::int64_t end = 0;
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const double share = probabilities_[i] * static_cast<double>(all);
    end += std::max<std::int64_t>(1, std::llround(std::ceil(share)));
    ends_.push_back(end);
    replaces_.push_back(share >= static_cast<double>(blocks_[i]));
  }
}

std::int64_t LanguageSampler::Draws(std::size_t language) const {
  return ends_[language] - (language == 0 ? 0 : ends_[language - 1]);
}

double LanguageSampler::Repeats(std::size_t language, std::int64_t samples) const {
  return static_cast<double>(samples) / static_cast<double>(blocks_per_epoch()) *
         static_cast<double>(Draws(language)) / static_cast<double>(blocks_[language]);
}

LanguageSampler::Sample LanguageSampler::Get(std::int64_t epoch, std::int64_t index) const {
  REPRO_CHECK(epoch >= 0 && index >= 0 && index < blocks_per_epoch());
  const auto epoch_index = static_cast<std::uint64_t>(epoch);
  const Permutation shuffle(static_cast<std::uint64_t>(blocks_per_epoch()), seed_, "epoch",
                            epoch_index);
  const auto at = static_cast<std::int64_t>(shuffle(static_cast<std::uint64_t>(index)));
  const auto language =
      static_cast<std::size_t>(std::upper_bound(ends_.begin(), ends_.end(), at) - ends_.begin());
  const auto draw = static_cast<std::uint64_t>(at - (ends_[language] - Draws(language)));
  const auto blocks = static_cast<std::uint64_t>(blocks_[language]);
  const std::uint64_t seed = MixSeed(seed_, "resample", language);
  if (replaces_[language]) {
    Rng rng(MixSeed(seed, "with replacement", epoch_index), "draw", draw);
    return {language, static_cast<std::int64_t>(rng.Below(blocks))};
  }
  const Permutation choose(blocks, seed, "without replacement", epoch_index);
  return {language, static_cast<std::int64_t>(choose(draw))};
}

}  // namespace repro
