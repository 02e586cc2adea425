#include "core/base/rng.h"

#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace repro {
namespace {

using Block = std::array<std::uint32_t, 4>;

// The three philox4x32 10-round lines of Random123's own tests/kat_vectors.
TEST(PhiloxTest, MatchesRandom123KnownAnswers) {
  EXPECT_EQ(Philox4x32({0, 0, 0, 0}, {0, 0}),
            (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr std::uint32_t kOnes = 0xffffffff;
  EXPECT_EQ(Philox4x32({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}),
            (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(Philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

std::vector<std::uint64_t> Draw(Rng rng, int count) {
  std::vector<std::uint64_t> values;
  values.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) values.push_back(rng.Next());
  return values;
}

// Computed apart, with Python's integers. Artifacts hold what these streams gave: a change here
// must raise the version of every task kind that draws.
TEST(RngTest, StreamsNeverChange) {
  EXPECT_EQ(
      Draw(Rng(1, "mask", 0), 3),
      (std::vector<std::uint64_t>{0x46dbbef8496e0783U, 0x701bda259336f763U, 0x10f881f36e97be3dU}));
  EXPECT_EQ(MixSeed(1, "mask", 0), 0x05d7921113608dfaU);
}

TEST(RngTest, StreamDependsOnSeedPurposeAndIndex) {
  const std::vector<std::vector<std::uint64_t>> streams = {
      Draw(Rng(1, "mask", 0), 4), Draw(Rng(2, "mask", 0), 4), Draw(Rng(1, "mask", 1), 4),
      Draw(Rng(1, "mas", 0), 4),  Draw(Rng(1, "", 0), 4),     Draw(Rng(1, "mask", 1ULL << 32U), 4)};
  EXPECT_EQ(std::set(streams.begin(), streams.end()).size(), streams.size());
  EXPECT_EQ(streams[0], Draw(Rng(1, "mask", 0), 4));
}

TEST(RngTest, BelowStaysBelowAndIsUniform) {
  Rng rng(3, "below");
  constexpr std::size_t kBound = 7;
  constexpr int kDraws = 70'000;
  std::array<int, kBound> counts{};
  for (int i = 0; i < kDraws; ++i) {
    const std::uint64_t draw = rng.Below(kBound);
    ASSERT_LT(draw, kBound);
    ++counts[draw];
  }
  double chi_square = 0;
  for (const int count : counts) chi_square += std::pow(count - kDraws / 7.0, 2) / (kDraws / 7.0);
  EXPECT_LT(chi_square, 22.46);  // the 0.999 quantile with 6 degrees of freedom
  EXPECT_EQ(rng.Below(1), 0U);
}

// With a bound just above half of the range a plain modulo would give the low values twice as
// often.
TEST(RngTest, BelowRejectsWhatWouldBiasALargeBound) {
  Rng rng(3, "below");
  constexpr std::uint64_t kBound = (1ULL << 63U) + (1ULL << 62U);
  int low = 0;
  constexpr int kDraws = 30'000;
  for (int i = 0; i < kDraws; ++i) low += rng.Below(kBound) < kBound / 3 ? 1 : 0;
  EXPECT_NEAR(low, kDraws / 3.0, 4 * std::sqrt(kDraws * 2.0 / 9));  // modulo would give kDraws / 2
}

TEST(RngDeathTest, BelowZeroIsABug) {
  EXPECT_DEATH(Rng(1, "x").Below(0), "broken invariant: bound > 0");
}

TEST(RngTest, UniformIsAMultipleOfTwoToTheMinus53Below1) {
  Rng rng(9, "uniform");
  double sum = 0;
  constexpr int kDraws = 20'000;
  for (int i = 0; i < kDraws; ++i) {
    const double draw = rng.Uniform();
    ASSERT_GE(draw, 0.0);
    ASSERT_LT(draw, 1.0);
    ASSERT_EQ(std::ldexp(draw, 53), std::floor(std::ldexp(draw, 53)));
    sum += draw;
  }
  EXPECT_NEAR(sum / kDraws, 0.5, 4 * std::sqrt(1.0 / 12 / kDraws));
}

TEST(RngTest, ShuffleIsAPermutationWithEveryOrderEquallyOften) {
  std::map<std::string, int> counts;
  constexpr int kDraws = 12'000;
  Rng rng(4, "shuffle");
  for (int i = 0; i < kDraws; ++i) {
    std::string items = "abcd";
    rng.Shuffle(items);
    ++counts[items];
  }
  ASSERT_EQ(counts.size(), 24U);  // 4! orders, and nothing but permutations
  double chi_square = 0;
  for (const auto& [order, count] : counts)
    chi_square += std::pow(count - kDraws / 24.0, 2) / (kDraws / 24.0);
  EXPECT_LT(chi_square, 49.73);  // the 0.999 quantile with 23 degrees of freedom
}

}  // namespace
}  // namespace repro
