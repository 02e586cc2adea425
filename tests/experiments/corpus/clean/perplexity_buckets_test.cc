#include "experiments/corpus/clean/perplexity_buckets.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/rng.h"
#include "tests/core/temp_folder.h"

namespace repro {
namespace {

using ::testing::HasSubstr;

PerplexityDistribution Of(const std::vector<double>& values) {
  PerplexityDistribution distribution;
  for (const double value : values) distribution.Add(value);
  return distribution;
}

// Of numpy 2.4.6, numpy.percentile.
TEST(PerplexityDistributionTest, PercentilesAreNumpysToTheLastBit) {
  const PerplexityDistribution few = Of({12.3, 45.6, 7.8, 101.5, 33.3, 33.3, 250.0});
  EXPECT_EQ(few.Percentile(30), 29.099999999999994);
  EXPECT_EQ(few.Percentile(60), 40.67999999999999);

  std::vector<double> many;
  std::uint64_t x = 1;
  for (int i = 0; i < 1000; ++i) {
    x = (x * 1103515245 + 12345) % (std::uint64_t{1} << 31);
    many.push_back(static_cast<double>(x / 65536 % 50000 + 100) / 10);
  }
  const PerplexityDistribution distribution = Of(many);
  EXPECT_EQ(distribution.Percentile(0), 14.1);
  EXPECT_EQ(distribution.Percentile(1), 60.938);
  EXPECT_EQ(distribution.Percentile(30), 1071.1799999999998);
  EXPECT_EQ(distribution.Percentile(50), 1710.4);
  EXPECT_EQ(distribution.Percentile(60), 2018.8799999999999);
  EXPECT_EQ(distribution.Percentile(99.9), 3282.4007);
  EXPECT_EQ(distribution.Percentile(100), 3283.1);
}

// The definition: the piecewise linear function through (100 i / (n - 1), i-th smallest).
TEST(PerplexityDistributionTest, PercentilesAreThoseOfTheSortedList) {
  for (std::uint64_t n = 1; n < 60; ++n) {
    Rng rng(3, "percentiles", n);
    std::vector<double> values(n);
    for (double& value : values) value = static_cast<double>(rng.Below(n)) / 2;  // with doubles
    const PerplexityDistribution distribution = Of(values);
    std::sort(values.begin(), values.end());
    for (double percent = 0; percent <= 100; percent += 2.5) {
      double expected = values.back();
      for (std::size_t i = 0; i + 1 < n; ++i) {
        const double left = 100.0 * static_cast<double>(i) / static_cast<double>(n - 1);
        const double right = 100.0 * static_cast<double>(i + 1) / static_cast<double>(n - 1);
        if (percent < left || percent > right) continue;
        expected = values[i] + (values[i + 1] - values[i]) * (percent - left) / (right - left);
        break;
      }
      EXPECT_NEAR(*distribution.Percentile(percent), expected, 1e-9) << n << " " << percent;
    }
  }
}

TEST(PerplexityDistributionTest, TheOrderOfPartsDoesNotMatter) {
  const std::vector<double> values = {5.5, 1.1, 5.5, 9.9, 2.2, 1.1, 7.0};
  PerplexityDistribution one = Of({5.5, 1.1, 5.5});
  one.Merge(Of({9.9, 2.2, 1.1, 7.0}));
  PerplexityDistribution other = Of({7.0, 9.9});
  other.Merge(Of({2.2, 5.5, 1.1}));
  other.Merge(Of({1.1, 5.5}));
  EXPECT_EQ(one.values(), Of(values).values());
  EXPECT_EQ(other.values(), Of(values).values());
  EXPECT_EQ(other.count(), 7);
  EXPECT_EQ(other.Percentile(30), Of(values).Percentile(30));
}

TEST(PerplexityDistributionTest, WithoutDocumentsThereIsNoCutoff) {
  EXPECT_FALSE(PerplexityDistribution().Percentile(30));
  EXPECT_FALSE(PerplexityDistribution().Cutoffs());
  EXPECT_EQ(Of({3.0}).Cutoffs()->middle, 3.0);
  const double infinite = std::numeric_limits<double>::infinity();
  EXPECT_EQ(Of({infinite, infinite, infinite}).Cutoffs()->head, infinite);
}

TEST(PerplexityCutoffsTest, ACutoffItselfBelongsToTheWorseClass) {
  const PerplexityCutoffs cutoffs{10, 20};
  EXPECT_EQ(cutoffs.Bucket(9.9), QualityBucket::kHead);
  EXPECT_EQ(cutoffs.Bucket(10), QualityBucket::kMiddle);
  EXPECT_EQ(cutoffs.Bucket(19.9), QualityBucket::kMiddle);
  EXPECT_EQ(cutoffs.Bucket(20), QualityBucket::kTail);
  EXPECT_STREQ(QualityBucketName(QualityBucket::kAll), "all");
}

TEST(PerplexityCutoffsTest, AboutThirtyPercentAreHeadAndAsManyMiddle) {
  PerplexityDistribution distribution;
  for (int i = 0; i < 1000; ++i) distribution.Add(i * 0.1);
  std::map<QualityBucket, int> counts;
  for (int i = 0; i < 1000; ++i) ++counts[distribution.Cutoffs()->Bucket(i * 0.1)];
  EXPECT_EQ(counts[QualityBucket::kHead], 300);
  EXPECT_EQ(counts[QualityBucket::kMiddle], 300);
  EXPECT_EQ(counts[QualityBucket::kTail], 400);
}

TEST(CutoffTableTest, CcNetsTableIsRead) {
  const TempFolder folder;
  ASSERT_TRUE(PutFile(folder / "cutoff.csv",
                      ",en,sw\n29,1,1\n30,340.9,511.05\n31,2,2\n60,679.7,1020\n61,3,3\n"));
  const auto cutoffs = LoadCutoffs(folder / "cutoff.csv");
  ASSERT_TRUE(cutoffs) << cutoffs.error().message;
  ASSERT_EQ(cutoffs->size(), 2U);
  EXPECT_EQ(cutoffs->at("en").head, 340.9);
  EXPECT_EQ(cutoffs->at("en").middle, 679.7);
  EXPECT_EQ(cutoffs->at("sw").head, 511.05);
  EXPECT_EQ(cutoffs->at("sw").middle, 1020);
}

TEST(CutoffTableTest, WhatIsWrittenIsReadBack) {
  const std::map<std::string, PerplexityCutoffs> cutoffs = {
      {"en", {29.099999999999994, 40.67999999999999}}, {"sw", {0.1, 1e300}}};
  const TempFolder folder;
  ASSERT_TRUE(PutFile(folder / "cutoff.csv", CutoffTable(cutoffs)));
  const auto again = LoadCutoffs(folder / "cutoff.csv");
  ASSERT_TRUE(again) << again.error().message;
  ASSERT_EQ(again->size(), 2U);
  EXPECT_EQ(again->at("en").head, 29.099999999999994);
  EXPECT_EQ(again->at("sw").middle, 1e300);
}

TEST(CutoffTableTest, ADamagedTableNamesItsLine) {
  const TempFolder folder;
  const auto refusal = [&](std::string_view table) {
    EXPECT_TRUE(PutFile(folder / "cutoff.csv", table));
    const auto cutoffs = LoadCutoffs(folder / "cutoff.csv");
    EXPECT_FALSE(cutoffs) << table;
    return cutoffs ? std::string() : cutoffs.error().message;
  };
  EXPECT_THAT(refusal(",en\n30,x\n60,2\n"), HasSubstr("cutoff.csv:2: column 2 is no number: 30,x"));
  EXPECT_THAT(refusal(",en\r\n30,1\r\n60\r\n"),
              HasSubstr("cutoff.csv:3: expected 2 columns, found 1: 60"));
  EXPECT_THAT(refusal(",en\nhead,1\n"), HasSubstr("cutoff.csv:2: expected a percentile"));
  EXPECT_THAT(refusal(",en\n30,1\n"), HasSubstr("each of the percentiles 30 and 60"));
  EXPECT_THAT(refusal(""), HasSubstr("each of the percentiles 30 and 60"));
  EXPECT_THAT(refusal(",en\n30,2\n60,1\n"), HasSubstr("'en': percentile 30 is 2, more than 1"));
}

}  // namespace
}  // namespace repro
