#include "core/report/share_bars.h"

#include <gtest/gtest.h>

#include "core/base/text.h"
#include "core/base/units.h"

namespace repro {
namespace {

ShareBars Sample() {
  return {.classes = {"kept", "dropped by length", "dropped by language"},
          .bars = {{.name = "en", .whole = 100, .parts = {50, 25, 25}},
                   {.name = "sw", .whole = 1000, .parts = {1000, 0, 0}},
                   {.name = "\x1b[1myo\x1b[0m", .whole = 0, .parts = {0, 0, 0}}}};
}

TEST(ShareBarsTest, DrawsABarARow) {
  // Of 40 columns names take 16 at most, shares 8 and two gaps 4: 12 are left for the bars.
  const std::vector<std::string> expected = {"# kept  = dropped by length",               //
                                             "+ dropped by language",                     //
                                             "en                ######===+++    50.0 %",  //
                                             "sw                ############     100 %",  //
                                             "\\x1b[1m a long .                       -"};
  ShareBars chart = Sample();
  chart.bars[2].name = "\x1b[1m a long name";
  EXPECT_EQ(DrawShareBars(chart, {.width = 40, .color = false, .unicode = false}), expected);
}

TEST(ShareBarsTest, NoRowIsWiderThanItMayBe) {
  for (const std::size_t width : {40U, 61U, 133U}) {
    for (const std::string& row :
         DrawShareBars(Sample(), {.width = width, .color = false, .unicode = true})) {
      EXPECT_LE(DisplayWidth(row), width) << row;
    }
  }
  EXPECT_TRUE(DrawShareBars({}, {}).empty());
}

TEST(ShareBarsTest, FillsTheSpecification) {
  const Json empty = {{"signals", {{{"name", "names"}}, {{"name", "nameColumns"}}}},
                      {"data", {{{"name", "rows"}}}}};
  const Json chart = VegaShareBars(Sample(), &FormatBytes, empty);
  EXPECT_EQ(chart.at("signals").at(0).at("value").at(2), "\\x1b[1myo\\x1b[0m");
  const Json rows = chart.at("data").at(0).at("values");
  ASSERT_EQ(rows.size(), 4U);  // of what is there
  EXPECT_EQ(rows.at(1).at("x0"), 0.5);
  EXPECT_EQ(rows.at(1).at("x1"), 0.75);
  EXPECT_EQ(rows.at(1).at("tip"), "en\ndropped by length: 25.0 % (25 B of 100 B)");
}

TEST(ShareBarsTest, ASmallPartIsNotNothingAndAlmostAllIsNotAll) {
  EXPECT_EQ(FormatShare(0, 7), "0 %");
  EXPECT_EQ(FormatShare(7, 7), "100 %");
  EXPECT_EQ(FormatShare(1, 3), "33.3 %");
  EXPECT_EQ(FormatShare(1, 100'000), "< 0.1 %");
  EXPECT_EQ(FormatShare(99'999, 100'000), "> 99.9 %");
  EXPECT_EQ(FormatShare(0, 0), "-");
}

}  // namespace
}  // namespace repro
