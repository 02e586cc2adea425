#include "core/manifest/reference.h"

#include <gtest/gtest.h>

#include "tests/core/manifest/test_paths.h"

namespace repro {
namespace {

TEST(ReferenceTest, Figure2HoldsTheBarsAndTheStatedValues) {
  const auto item = LoadReference(ReferenceDir(), "Figure 2");
  ASSERT_TRUE(item) << ErrorOf(item);
  EXPECT_EQ(item->points,
            (std::vector<std::string>{"xlm7", "xnli15", "wiki30", "wiki60", "wiki100"}));
  const ReferenceSeries* low = item->FindSeries("low");
  ASSERT_NE(low, nullptr);
  EXPECT_EQ(low->metric, "xnli.accuracy");
  EXPECT_EQ(low->cells.at("xnli15").value, 65.6);
  EXPECT_EQ(low->cells.at("wiki100").method, "pixels");
  EXPECT_EQ(low->cells.at("wiki100").uncertainty, 0.34);
  const ReferenceSeries* all = item->FindSeries("all");
  ASSERT_NE(all, nullptr);
  EXPECT_EQ(all->stated.at("xlm7").value, 71.8);
  EXPECT_EQ(all->stated.at("wiki100").value, 67.7);
  EXPECT_EQ(all->stated.at("wiki100").method, "stated");
  EXPECT_EQ(item->FindSeries("none"), nullptr);
}

TEST(ReferenceTest, Figure2BarsDoWhatTheDirectionsSay) {
  const auto item = LoadReference(ReferenceDir(), "Figure 2");
  ASSERT_TRUE(item) << ErrorOf(item);
  for (const ReferenceSeries& series : item->series) {
    ASSERT_EQ(series.cells.size(), item->points.size()) << series.id;
    for (std::size_t i = 2; i < item->points.size(); ++i) {
      EXPECT_LT(series.cells.at(item->points[i]).value, series.cells.at(item->points[i - 1]).value);
    }
  }
  EXPECT_GT(item->FindSeries("low")->cells.at("xnli15").value,
            item->FindSeries("low")->cells.at("xlm7").value);
  EXPECT_LT(item->FindSeries("high")->cells.at("xnli15").value,
            item->FindSeries("high")->cells.at("xlm7").value);
}

// Sums that the paper's readers published with the table: 295,092.3 million tokens, 2,394.3 GiB as
// printed.
TEST(ReferenceTest, Table6AddsUpToItsKnownSums) {
  const auto item = LoadReference(ReferenceDir(), "Table 6");
  ASSERT_TRUE(item) << ErrorOf(item);
  EXPECT_EQ(item->points.size(), 100u);
  const auto sum = [&](std::string_view id) {
    double total = 0;
    for (const auto& [row, cell] : item->FindSeries(id)->cells) total += cell.value;
    return total;
  };
  EXPECT_NEAR(sum("tokens"), 295092.3, 0.05);
  EXPECT_NEAR(sum("size"), 2394.3, 0.05);
}

TEST(ReferenceTest, Figure1UncertaintyGrowsWithTheValue) {
  const auto item = LoadReference(ReferenceDir(), "Figure 1");
  ASSERT_TRUE(item) << ErrorOf(item);
  const auto& cells = item->FindSeries("wiki")->cells;
  EXPECT_EQ(item->points.size(), 88u);
  EXPECT_NEAR(cells.at("en").uncertainty, 0.05 * 16.5, 1e-12);
  EXPECT_FALSE(cells.contains("sw"));
}

TEST(ReferenceTest, UnknownItemIsNotFound) {
  const auto item = LoadReference(ReferenceDir(), "Figure 99");
  ASSERT_FALSE(item);
  EXPECT_EQ(item.error().code, ErrorCode::kNotFound);
}

TEST(ReferenceTest, MistakesAreReportedWithPositions) {
  const TempManifest file(
      "item = \"M\"\npoints = [\"a\", \"b\"]\n"
      "[[series]]\nid = \"s\"\nmetric = \"m\"\nvalues = [1, 2, 3]\nstated = { c = 1 }\n");
  const auto item = LoadReference(file.path().parent_path(), "M");
  ASSERT_FALSE(item);
  EXPECT_NE(item.error().message.find(":6:10: `series[0].values` has 3 values"), std::string::npos);
  EXPECT_NE(item.error().message.find(":7:12: `series[0].stated` holds `c`"), std::string::npos);
}

}  // namespace
}  // namespace repro
