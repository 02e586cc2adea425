#pragma once
/// Which block comes at which position of the training stream. XLM-R section 3.1: q_i ~ p_i^alpha.
/// As fairseq's multilingual masked LM does it: per epoch every language is resampled to its share
/// of all blocks, rounded up, with replacement if and only if the share itself is at least as many
/// blocks as it has; then the epoch is shuffled.
///
/// A position is (epoch, index); the answer depends on nothing else, so workers and resumes cannot
/// change it.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace repro {

class LanguageSampler {
 public:
  struct Sample {
    std::size_t language = 0;
    std::int64_t block = 0;
  };

  /// `units`: n_i behind p_i, all positive. `blocks`: unique blocks a language, all positive.
  LanguageSampler(const std::vector<double>& units, std::vector<std::int64_t> blocks, double alpha,
                  std::uint64_t seed);

  Sample Get(std::int64_t epoch, std::int64_t index) const;

  std::int64_t blocks_per_epoch() const { return ends_.back(); }
  const std::vector<double>& probabilities() const { return probabilities_; }
  /// Draws of language i in each epoch: ceil(q_i * all blocks).
  std::int64_t Draws(std::size_t language) const;
  /// How often a block of language i is seen on average in `samples` samples of the stream.
  double Repeats(std::size_t language, std::int64_t samples) const;

 private:
  std::vector<std::int64_t> blocks_;
  std::vector<double> probabilities_;
  std::vector<std::int64_t> ends_;  ///< cumulated draws
  std::vector<bool> replaces_;      ///< by language: drawn with replacement
  std::uint64_t seed_;
};

}  // namespace repro
