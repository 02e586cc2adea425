#include "experiments/data/language_sampler.h"

#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include <boost/math/distributions/chi_squared.hpp>
#include <gtest/gtest.h>

#include "experiments/data/permutation.h"

namespace repro {
namespace {

// P(chi-square with `df` degrees of freedom > statistic).
double ChiSquareTail(double statistic, double df) {
  return boost::math::cdf(
      boost::math::complement(boost::math::chi_squared_distribution<double>(df), statistic));
}

TEST(PermutationTest, IsAPermutation) {
  for (const std::uint64_t size : {1U, 2U, 3U, 5U, 16U, 17U, 1000U, 4097U}) {
    const Permutation permutation(size, 1, "test");
    std::set<std::uint64_t> seen;
    for (std::uint64_t i = 0; i < size; ++i) {
      EXPECT_LT(permutation(i), size);
      seen.insert(permutation(i));
    }
    EXPECT_EQ(seen.size(), size);
  }
}

// Over many keys, where an element goes is uniform, and so is where a pair goes.
TEST(PermutationTest, PositionsAndPairsAreUniformOverKeys) {
  constexpr std::uint64_t kSize = 7;
  constexpr int kKeys = 42'000;
  std::map<std::uint64_t, int> single;
  std::map<std::pair<std::uint64_t, std::uint64_t>, int> pairs;
  for (int key = 0; key < kKeys; ++key) {
    const Permutation permutation(kSize, 5, "test", static_cast<std::uint64_t>(key));
    ++single[permutation(3)];
    ++pairs[{permutation(0), permutation(6)}];
  }
  double statistic = 0;
  for (std::uint64_t i = 0; i < kSize; ++i) {
    statistic += std::pow(single[i] - kKeys / 7.0, 2) / (kKeys / 7.0);
  }
  EXPECT_GT(ChiSquareTail(statistic, kSize - 1), 1e-4);
  ASSERT_EQ(pairs.size(), 42U);
  statistic = 0;
  for (const auto& [pair, count] : pairs) {
    statistic += std::pow(count - kKeys / 42.0, 2) / (kKeys / 42.0);
  }
  EXPECT_GT(ChiSquareTail(statistic, 41), 1e-4);
}

// Neighbours in one large permutation: sixteenths that i and i + 1 fall into are independent.
TEST(PermutationTest, NeighboursAreIndependent) {
  constexpr std::uint64_t kSize = 100'000;
  const Permutation permutation(kSize, 9, "test");
  std::map<std::pair<std::uint64_t, std::uint64_t>, int> cells;
  for (std::uint64_t i = 0; i + 1 < kSize; i += 2) {
    ++cells[{permutation(i) * 16 / kSize, permutation(i + 1) * 16 / kSize}];
  }
  double statistic = 0;
  const double expected = static_cast<double>(kSize) / 2 / 256;
  for (std::uint64_t a = 0; a < 16; ++a) {
    for (std::uint64_t b = 0; b < 16; ++b) {
      statistic += std::pow(cells[{a, b}] - expected, 2) / expected;
    }
  }
  EXPECT_GT(ChiSquareTail(statistic, 255), 1e-4);
}

// Sizes by hand from fairseq's rule: q = (4, 1) / 5 for alpha 0.5 and units 16 : 1; all blocks 100
// + 20 = 120; draws ceil(96) and ceil(24).
TEST(LanguageSamplerTest, EpochHasTheSharesOfTheRule) {
  const LanguageSampler sampler({16, 1}, {100, 20}, 0.5, 1);
  EXPECT_EQ(sampler.Draws(0), 96);
  EXPECT_EQ(sampler.Draws(1), 24);
  EXPECT_EQ(sampler.blocks_per_epoch(), 120);
  std::map<std::size_t, int> drawn;
  for (std::int64_t i = 0; i < 120; ++i) ++drawn[sampler.Get(0, i).language];
  EXPECT_EQ(drawn[0], 96);
  EXPECT_EQ(drawn[1], 24);
  EXPECT_NEAR(sampler.Repeats(1, 240), 2 * 24 / 20.0, 1e-12);
}

TEST(LanguageSamplerTest, ReplacesOnlyWhereDrawsReachTheBlocks) {
  const LanguageSampler sampler({16, 1}, {100, 20}, 0.5, 1);
  std::map<std::int64_t, int> large, small;
  for (std::int64_t i = 0; i < sampler.blocks_per_epoch(); ++i) {
    const auto sample = sampler.Get(3, i);
    ASSERT_GE(sample.block, 0);
    ASSERT_LT(sample.block, sample.language == 0 ? 100 : 20);
    ++(sample.language == 0 ? large : small)[sample.block];
  }
  EXPECT_EQ(large.size(), 96U);  // 96 of 100: every one once
  EXPECT_LT(small.size(), 20U);  // 24 draws with replacement from 20: 1.2e-6 that all are seen
}

// fairseq compares the share itself, not the draws: 39 blocks, two languages of equal weight, 19.5
// each. That is more than the 19 of the first (drawn with replacement) and less than the 20 of the
// second, whose ceil(19.5) = 20 draws are every block once.
TEST(LanguageSamplerTest, AShareThatRoundsUpToTheBlocksIsDrawnWithoutReplacement) {
  const LanguageSampler sampler({1, 1}, {19, 20}, 1, 1);
  ASSERT_EQ(sampler.Draws(0), 20);
  ASSERT_EQ(sampler.Draws(1), 20);
  int epochs_with_repeats = 0;
  for (std::int64_t epoch = 0; epoch < 5; ++epoch) {
    std::set<std::int64_t> first, second;
    for (std::int64_t i = 0; i < sampler.blocks_per_epoch(); ++i) {
      const auto sample = sampler.Get(epoch, i);
      (sample.language == 0 ? first : second).insert(sample.block);
    }
    EXPECT_EQ(second.size(), 20U) << epoch;
    epochs_with_repeats += first.size() < 19 ? 1 : 0;
  }
  EXPECT_EQ(epochs_with_repeats, 5);  // 6e-7 that 20 draws see all 19 in an epoch
}

TEST(LanguageSamplerTest, EpochsAndSeedsDifferAndRepeatThemselves) {
  const auto order = [](std::uint64_t seed, std::int64_t epoch) {
    const LanguageSampler sampler({16, 1}, {100, 20}, 0.5, seed);
    std::vector<std::tuple<std::size_t, std::int64_t>> samples;
    for (std::int64_t i = 0; i < sampler.blocks_per_epoch(); ++i) {
      const auto sample = sampler.Get(epoch, i);
      samples.emplace_back(sample.language, sample.block);
    }
    return samples;
  };
  EXPECT_EQ(order(1, 0), order(1, 0));
  EXPECT_NE(order(1, 0), order(1, 1));
  EXPECT_NE(order(1, 0), order(2, 0));
}

TEST(LanguageSamplerTest, DrawsWithReplacementAreUniform) {
  const LanguageSampler sampler({1, 1}, {1000, 10}, 1, 4);  // 505 draws from each
  std::vector<double> counts(10, 0);
  constexpr int kEpochs = 40;
  for (int epoch = 0; epoch < kEpochs; ++epoch) {
    for (std::int64_t i = 0; i < sampler.blocks_per_epoch(); ++i) {
      const auto sample = sampler.Get(epoch, i);
      if (sample.language == 1) counts[static_cast<std::size_t>(sample.block)] += 1;
    }
  }
  const double expected = kEpochs * 505 / 10.0;
  double statistic = 0;
  for (const double count : counts) statistic += std::pow(count - expected, 2) / expected;
  EXPECT_GT(ChiSquareTail(statistic, 9), 1e-4);
}

}  // namespace
}  // namespace repro
