#include "experiments/data/mask_tokens.h"

#include <cmath>
#include <numeric>
#include <utility>

#include <boost/math/distributions/chi_squared.hpp>
#include <gtest/gtest.h>

#include "core/io/json_io.h"
#include "experiments/text/vocabulary.h"

namespace repro {
namespace {

constexpr std::int64_t kVocabSize = 50;

double ChiSquareTail(double statistic, double df) {
  return boost::math::cdf(
      boost::math::complement(boost::math::chi_squared_distribution<double>(df), statistic));
}

std::vector<std::int64_t> Sentence(std::int64_t length) {
  std::vector<std::int64_t> tokens(static_cast<std::size_t>(length));
  tokens.front() = kBosId;
  for (std::size_t i = 1; i < tokens.size(); ++i) {
    tokens[i] = kSpecialCount + static_cast<std::int64_t>(i % 40);
  }
  if (length > 1) tokens.back() = kEosId;
  return tokens;
}

struct Draw {
  std::vector<std::int64_t> before, tokens, targets;
  std::int64_t count = 0;
};

Draw MaskOnce(std::int64_t length, std::uint64_t index, const MaskOptions& options = {}) {
  Draw draw;
  draw.before = Sentence(length);
  draw.tokens = draw.before;
  draw.targets.resize(draw.tokens.size());
  Rng rng(3, "test", index);
  draw.count = MaskTokens(draw.tokens, draw.targets, kVocabSize, options, rng);
  return draw;
}

TEST(MaskTokensTest, TargetsAreTheOriginalsAndAllElseStays) {
  for (std::uint64_t index = 0; index < 200; ++index) {
    const Draw draw = MaskOnce(30, index);
    std::int64_t predicted = 0;
    for (std::size_t i = 0; i < draw.tokens.size(); ++i) {
      if (draw.targets[i] == kIgnoreTarget) {
        EXPECT_EQ(draw.tokens[i], draw.before[i]);
      } else {
        EXPECT_EQ(draw.targets[i], draw.before[i]);
        ++predicted;
      }
    }
    EXPECT_EQ(predicted, draw.count);
  }
}

TEST(MaskTokensTest, SameStreamGivesTheSameMasking) {
  const Draw first = MaskOnce(64, 5), second = MaskOnce(64, 5), other = MaskOnce(64, 6);
  EXPECT_EQ(first.tokens, second.tokens);
  EXPECT_EQ(first.targets, second.targets);
  EXPECT_NE(first.targets, other.targets);
}

TEST(MaskTokensTest, BosAndEosCanBeChosen) {
  bool bos = false, eos = false;
  for (std::uint64_t index = 0; index < 200; ++index) {
    const Draw draw = MaskOnce(20, index);
    bos |= draw.targets.front() == kBosId;
    eos |= draw.targets.back() == kEosId;
  }
  EXPECT_TRUE(bos);
  EXPECT_TRUE(eos);
}

// Against tests/testdata/masking/facts.json: number of masked positions and of <mask>, random and
// kept ones; 5 standard errors, so a right program fails once in a million checks.
TEST(MaskTokensTest, StatisticsAreFairseqs) {
  const auto facts = LoadJson(REPRO_TESTDATA "/masking/facts.json");
  ASSERT_TRUE(facts) << facts.error().message;
  ASSERT_GE(facts->size(), 10U);
  constexpr int kDraws = 4'000;
  for (const Json& fact : *facts) {
    const auto length = fact.at("length").get<std::int64_t>();
    const auto low = fact.at("count_low").get<std::int64_t>();
    double sum = 0, sum_low = 0, masks = 0, changed = 0;
    for (std::uint64_t index = 0; index < kDraws; ++index) {
      const Draw draw = MaskOnce(length, index);
      ASSERT_TRUE(draw.count == low || draw.count == low + 1) << "length " << length;
      sum += static_cast<double>(draw.count);
      sum_low += draw.count == low ? 1 : 0;
      for (std::size_t i = 0; i < draw.tokens.size(); ++i) {
        if (draw.targets[i] == kIgnoreTarget) continue;
        if (draw.tokens[i] == MaskId(kVocabSize)) {
          masks += 1;
        } else if (draw.tokens[i] != draw.before[i]) {
          changed += 1;
        }
      }
    }
    const auto near = [&](double total, double mean, double variance, const char* what) {
      EXPECT_NEAR(total / kDraws, mean, 5 * std::sqrt(variance / kDraws) + 1e-12)
          << what << " at length " << length;
    };
    const double p_low = fact.at("p_low");
    near(sum, fact.at("mean"), fact.at("variance"), "count");
    near(sum_low, p_low, p_low * (1 - p_low), "share of the lower count");
    // A random symbol is <mask> or the original itself with probability 1 / (V - 4) each; so <mask>
    // is seen a little more often than drawn, and a change a little less often (words of the
    // sentence are ordinary ids).
    const double random_mean = fact.at("random_mean_variance")[0];
    const double one = 1.0 / static_cast<double>(kVocabSize - kSpecialCount);
    const double mask_mean = fact.at("mask_symbol_mean_variance")[0].get<double>();
    const double mask_variance = fact.at("mask_symbol_mean_variance")[1].get<double>();
    near(masks, mask_mean + random_mean * one, mask_variance + random_mean * one, "<mask>");
    if (length >= 50) {  // <s> and </s> cannot be drawn, which matters at shorter lengths
      const double random_variance = fact.at("random_mean_variance")[1];
      const double specials = 2.0 / static_cast<double>(length);
      near(changed, random_mean * (1 - one * (2 - specials)), random_variance, "random");
    }
  }
}

// What a million masked positions say: sequences of 512 with <s> and </s>, as pretraining has them.
class MaskStatisticsTest : public ::testing::Test {
 protected:
  static constexpr std::int64_t kLength = 512;
  static constexpr int kSequences = 14'000;
  static constexpr double kShare = 0.15;

  struct Counts {
    std::vector<double> by_position = std::vector<double>(kLength, 0);
    double sequences_of_76 = 0, sequences_of_77 = 0;
    double neighbours = 0;  // both positions 2k and 2k + 1 masked
    double words = 0, mask_symbols = 0, changed = 0;
    double total = 0;
  };
  static void SetUpTestSuite() {
    counts_ = new Counts;
    for (std::uint64_t index = 0; index < kSequences; ++index) {
      const Draw draw = MaskOnce(kLength, index);
      counts_->total += static_cast<double>(draw.count);
      counts_->sequences_of_76 += draw.count == 76;
      counts_->sequences_of_77 += draw.count == 77;
      for (std::size_t i = 0; i < kLength; ++i) {
        if (draw.targets[i] == kIgnoreTarget) continue;
        counts_->by_position[i] += 1;
        if (i % 2 == 0) counts_->neighbours += draw.targets[i + 1] != kIgnoreTarget;
        if (i == 0 || i + 1 == kLength) continue;  // <s> and </s> are never drawn
        counts_->words += 1;
        if (draw.tokens[i] == MaskId(kVocabSize)) {
          counts_->mask_symbols += 1;
        } else if (draw.tokens[i] != draw.before[i]) {
          counts_->changed += 1;
        }
      }
    }
    ASSERT_GT(counts_->total, 1e6);
  }
  static void TearDownTestSuite() { delete counts_; }
  static const Json& Facts() {
    static const Json* const kFacts = [] {
      const auto facts = LoadJson(REPRO_TESTDATA "/masking/facts.json");
      for (const Json& fact : facts.value()) {
        if (fact.at("length") == kLength) return new Json(fact);
      }
      return new Json();
    }();
    return *kFacts;
  }
  static double ChiSquare(const std::vector<std::pair<double, double>>& observed_and_expected) {
    double statistic = 0;
    for (const auto& [observed, expected] : observed_and_expected) {
      statistic += std::pow(observed - expected, 2) / expected;
    }
    return statistic;
  }
  static inline Counts* counts_ = nullptr;
};

TEST_F(MaskStatisticsTest, NumberIsTheFloorWithAUniformOffset) {
  const double low = kSequences * Facts().at("p_low").get<double>();
  const double statistic =
      ChiSquare({{counts_->sequences_of_76, low}, {counts_->sequences_of_77, kSequences - low}});
  EXPECT_EQ(counts_->sequences_of_76 + counts_->sequences_of_77, kSequences);
  EXPECT_GT(ChiSquareTail(statistic, 1), 1e-4);
}

// Positions of one sequence are drawn without replacement, so two of them go together with
// probability p2 < p^2: about their mean the counts have variance n (p - p2), not n p.
TEST_F(MaskStatisticsTest, PositionsAreUniformAndThoseOfBosAndEosAmongThem) {
  const double both = Facts().at("p_two_given_positions");
  const double mean = counts_->total / kLength;
  double statistic = 0;
  for (const double count : counts_->by_position) statistic += std::pow(count - mean, 2);
  statistic /= kSequences * (kShare - both);
  EXPECT_GT(ChiSquareTail(statistic, kLength - 1), 1e-4);
  EXPECT_LT(ChiSquareTail(statistic, kLength - 1), 1 - 1e-4);  // nor are they dealt out in turn
  const double error = 5 * std::sqrt(kSequences * kShare * (1 - kShare));
  EXPECT_NEAR(counts_->by_position.front(), kSequences * kShare, error);
  EXPECT_NEAR(counts_->by_position.back(), kSequences * kShare, error);
}

TEST_F(MaskStatisticsTest, NeighboursAreMaskedTogetherAsOftenAsAnyTwo) {
  const double both = Facts().at("p_two_given_positions");
  constexpr std::int64_t kPairsEach = kLength / 2;
  const double pairs = kSequences * static_cast<double>(kPairsEach);
  EXPECT_NEAR(counts_->neighbours / pairs, both, 5 * std::sqrt(both * (1 - both) / pairs));
}

// A random symbol is <mask>, or the original, once in V - 4.
TEST_F(MaskStatisticsTest, EightyTenTen) {
  const double n = counts_->words;
  const double one = 1.0 / static_cast<double>(kVocabSize - kSpecialCount);
  const double statistic =
      ChiSquare({{counts_->mask_symbols, n * (0.8 + 0.1 * one)},
                 {counts_->changed, n * 0.1 * (1 - 2 * one)},
                 {n - counts_->mask_symbols - counts_->changed, n * (0.1 + 0.1 * one)}});
  EXPECT_GT(ChiSquareTail(statistic, 2), 1e-4);
}

TEST(MaskTokensTest, RandomSymbolsAreUniformOverAllButTheFirstFour) {
  const MaskOptions always_random{.mask_prob = 0.5, .mask_token_prob = 0, .random_token_prob = 1};
  std::vector<double> counts(kVocabSize, 0);
  double total = 0;
  for (std::uint64_t index = 0; index < 50'000; ++index) {  // a million symbols
    const Draw draw = MaskOnce(40, index, always_random);
    for (std::size_t i = 0; i < draw.tokens.size(); ++i) {
      if (draw.targets[i] == kIgnoreTarget) continue;
      counts[static_cast<std::size_t>(draw.tokens[i])] += 1;
      total += 1;
    }
  }
  const double expected = total / (kVocabSize - kSpecialCount);
  double statistic = 0;
  for (std::int64_t id = 0; id < kVocabSize; ++id) {
    const double count = counts[static_cast<std::size_t>(id)];
    if (id < kSpecialCount) {
      EXPECT_EQ(count, 0) << id;
    } else {
      statistic += std::pow(count - expected, 2) / expected;
    }
  }
  EXPECT_GT(counts[static_cast<std::size_t>(MaskId(kVocabSize))], 0);
  EXPECT_GT(ChiSquareTail(statistic, kVocabSize - kSpecialCount - 1), 1e-4);
}

}  // namespace
}  // namespace repro
