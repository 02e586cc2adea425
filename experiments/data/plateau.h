#pragma once
/// Losses of predictors that see no context. Early in training a masked language model sits on such
/// a plateau; a run that ends there says nothing about what pretraining can do, so every run is
/// shown against it.

#include <cstdint>
#include <vector>

#include "experiments/data/mask_tokens.h"

namespace repro {

/// A unigram distribution over the vocabulary.
class UnigramDistribution {
 public:
  /// `counts` by id, not all zero; may be fractional (a mixture of languages). Smoothed as Witten &
  /// Bell (1991): unseen ids share a mass of distinct / (total + distinct), evenly.
  explicit UnigramDistribution(const std::vector<double>& counts);

  double Probability(std::int64_t id) const;

  /// Mean -log p(target) over the positions with a target, nats.
  double Loss(const std::vector<std::int64_t>& targets) const;
  /// The same for the best predictor that sees only the input at the position itself: p(target)
  /// under <mask>, else the posterior given how masking keeps and replaces tokens.
  double ContextFreeLoss(const std::vector<std::int64_t>& inputs,
                         const std::vector<std::int64_t>& targets,
                         const MaskOptions& options) const;

 private:
  std::vector<double> probabilities_;
};

}  // namespace repro
