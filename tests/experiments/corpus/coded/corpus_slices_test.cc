#include "experiments/corpus/coded/corpus_slices.h"

#include <cmath>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace repro {
namespace {

TEST(CorpusSlicesTest, HaveTheStatedShares) {
  const std::vector<double> shares = {0.5, 0.2, 0.05};
  const auto slices = CorpusSlices::Make(1, shares);
  ASSERT_TRUE(slices) << slices.error().message;
  constexpr int kDocuments = 100'000;
  std::vector<double> counts(4);
  for (int i = 0; i < kDocuments; ++i) {
    ++counts[slices->SliceOf(fmt::format("document {}", i)).value_or(3)];
  }
  for (std::size_t i = 0; i < 4; ++i) {
    const double share = i < 3 ? shares[i] : 0.25;
    const double deviation = std::sqrt(share * (1 - share) * kDocuments);
    EXPECT_NEAR(counts[i], share * kDocuments, 4 * deviation) << i;
  }
}

TEST(CorpusSlicesTest, MoreLanguagesTakeNothingFromThoseThatAreThere) {
  const auto few = CorpusSlices::Make(3, {0.3, 0.3}), more = CorpusSlices::Make(3, {0.3, 0.3, 0.4});
  const auto other_seed = CorpusSlices::Make(4, {0.3, 0.3});
  int moved = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = fmt::format("{}", i);
    const auto slice = few->SliceOf(id);
    EXPECT_EQ(more->SliceOf(id).value(), slice.value_or(2));
    if (other_seed->SliceOf(id) != slice) ++moved;
  }
  EXPECT_GT(moved, 500);
}

TEST(CorpusSlicesTest, EqualSharesMaySumToOneButForRounding) {
  for (const std::size_t count : {1U, 3U, 7U, 49U, 200U}) {
    const std::vector<double> shares(count, 1.0 / static_cast<double>(count));
    EXPECT_TRUE(CorpusSlices::Make(1, shares)) << count;
  }
}

TEST(CorpusSlicesTest, RefusesSharesThatAreNone) {
  EXPECT_EQ(CorpusSlices::Make(1, {0.5, 0}).error().message,
            "slice 1: share 0: expected more than 0");
  EXPECT_FALSE(CorpusSlices::Make(1, {std::nan("")}));
  EXPECT_EQ(CorpusSlices::Make(1, {0.5, 0.75}).error().message,
            "slices: the shares sum to 1.25: expected 1 or less, for no document is read twice");
}

}  // namespace
}  // namespace repro
