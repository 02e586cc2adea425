#include "experiments/data/batcher.h"

#include <algorithm>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/rng.h"

namespace repro {
namespace {

using ::testing::ElementsAre;

std::vector<std::int64_t> Lengths(std::size_t count) {
  std::vector<std::int64_t> lengths(count);
  Rng rng(1, "lengths");
  for (auto& length : lengths) length = 3 + static_cast<std::int64_t>(rng.Below(40));
  return lengths;
}

TEST(BatcherTest, PadsBehindTheRows) {
  const PaddedRows padded = PadRows({{5, 6}, {7, 8, 9}, {4}}, 1);
  EXPECT_EQ(padded.rows, 3);
  EXPECT_EQ(padded.columns, 3);
  EXPECT_THAT(padded.values, ElementsAre(5, 6, 1, 7, 8, 9, 4, 1, 1));
  EXPECT_THAT(padded.lengths, ElementsAre(2, 3, 1));
}

TEST(BatcherTest, OrderIsLongestFirstAndStable) {
  EXPECT_THAT(OrderByLength({2, 5, 2, 7}), ElementsAre(3, 1, 0, 2));
}

TEST(BatcherTest, LengthBatchesKeepTheirBoundsAndEveryIndexOnce) {
  const auto lengths = Lengths(500);
  std::multiset<std::size_t> seen;
  std::int64_t padded = 0, tokens = 0;
  for (const auto& batch : LengthBatches(lengths, 32, 400)) {
    std::int64_t longest = 0;
    for (const std::size_t i : batch) {
      seen.insert(i);
      longest = std::max(longest, lengths[i]);
      tokens += lengths[i];
    }
    EXPECT_LE(batch.size(), 32U);
    EXPECT_LE(longest * static_cast<std::int64_t>(batch.size()), 400);
    padded += longest * static_cast<std::int64_t>(batch.size());
  }
  EXPECT_EQ(seen.size(), 500U);
  EXPECT_EQ(std::set<std::size_t>(seen.begin(), seen.end()).size(), 500U);
  EXPECT_LT(padded - tokens, tokens / 20);
}

TEST(BatcherTest, ARowLongerThanTheBoundIsABatchOfItsOwn) {
  const auto batches = LengthBatches({50, 3, 3}, 8, 20);
  EXPECT_THAT(batches, ElementsAre(ElementsAre(0), ElementsAre(1, 2)));
}

TEST(BatcherTest, BucketedEpochHasEveryExampleOnceAndOneShortBatch) {
  const auto lengths = Lengths(205);
  const auto batches = BucketedBatches(lengths, 16, 3, 0);
  std::set<std::size_t> seen;
  int short_batches = 0;
  for (const auto& batch : batches) {
    seen.insert(batch.begin(), batch.end());
    short_batches += batch.size() == 16 ? 0 : 1;
  }
  EXPECT_EQ(batches.size(), 13U);
  EXPECT_EQ(seen.size(), 205U);
  EXPECT_EQ(short_batches, 1);
}

TEST(BatcherTest, BucketedBatchesHoldNeighboursInLength) {
  const auto lengths = Lengths(2'048);
  std::int64_t padded = 0, tokens = 0;
  for (const auto& batch : BucketedBatches(lengths, 16, 3, 0)) {
    std::int64_t longest = 0;
    for (const std::size_t i : batch) {
      longest = std::max(longest, lengths[i]);
      tokens += lengths[i];
    }
    padded += longest * static_cast<std::int64_t>(batch.size());
  }
  EXPECT_LT(padded - tokens,
            tokens / 10);  // shuffled without sorting it is more than half of the tokens
}

TEST(BatcherTest, BucketedBatchesFollowSeedAndEpoch) {
  const auto lengths = Lengths(205);
  EXPECT_EQ(BucketedBatches(lengths, 16, 3, 1), BucketedBatches(lengths, 16, 3, 1));
  EXPECT_NE(BucketedBatches(lengths, 16, 3, 1), BucketedBatches(lengths, 16, 3, 2));
  EXPECT_NE(BucketedBatches(lengths, 16, 3, 1), BucketedBatches(lengths, 16, 4, 1));
}

}  // namespace
}  // namespace repro
