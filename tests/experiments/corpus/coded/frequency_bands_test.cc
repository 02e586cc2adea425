#include "experiments/corpus/coded/frequency_bands.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/experiments/corpus/coded/sample_text.h"

namespace repro {
namespace {

using ::testing::ElementsAre;

std::vector<std::size_t> Ends(std::size_t types, double ratio) {
  std::vector<std::size_t> ends;
  std::size_t begin = 0;
  for (const FrequencyBand& band : FrequencyBands(types, ratio)) {
    EXPECT_EQ(band.begin, begin);
    EXPECT_GT(band.end, band.begin);
    ends.push_back(begin = band.end);
  }
  return ends;
}

TEST(FrequencyBandsTest, AreGeometricAndCoverAllTypes) {
  EXPECT_THAT(Ends(20, 2), ElementsAre(1, 3, 7, 15, 20));
  EXPECT_THAT(Ends(4, 1), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(Ends(10, 1.5), ElementsAre(1, 2, 3, 5, 8, 10));
  EXPECT_THAT(Ends(5, 1'000'000), ElementsAre(5));
  EXPECT_THAT(Ends(0, 2), ElementsAre());
}

TEST(AnchorsTest, AreTheStatedShareOfEachBand) {
  std::vector<WordType> types;
  for (int i = 0; i < 5000; ++i) {
    std::string word;
    for (int rest = i; word.size() < 4; rest /= 26) word += static_cast<char>('a' + rest % 26);
    types.push_back({word, 100'000 / (i + 1)});
  }
  const TypeInventory inventory(types);
  std::vector<bool> fewer(types.size());
  for (const double share : {0.0, 0.01, 0.1, 0.25, 0.5, 0.9, 1.0}) {
    const std::vector<bool> anchors = ChooseAnchors(inventory, {.anchor_share = share});
    double count = 0;
    for (const FrequencyBand& band : FrequencyBands(types.size(), 2)) {
      double in_band = 0;
      for (std::size_t rank = band.begin; rank < band.end; ++rank) in_band += anchors[rank];
      EXPECT_LT(std::abs(in_band - share * static_cast<double>(band.end - band.begin)), 1);
      count += in_band;
    }
    EXPECT_NEAR(count / static_cast<double>(types.size()), share, 0.0026);  // 13 bands in 5,000
    for (std::size_t rank = 0; rank < types.size(); ++rank) {
      EXPECT_TRUE(anchors[rank] || !fewer[rank]) << "no longer an anchor at " << share;
    }
    fewer = anchors;
  }
  EXPECT_NE(ChooseAnchors(inventory, {.seed = 1, .anchor_share = 0.1}),
            ChooseAnchors(inventory, {.seed = 2, .anchor_share = 0.1}));
}

}  // namespace
}  // namespace repro
