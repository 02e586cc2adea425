#include "core/base/units.h"

#include <limits>

#include <gtest/gtest.h>

namespace repro {
namespace {

TEST(UnitsTest, BytesKeepThreeDigits) {
  EXPECT_EQ(FormatBytes(0), "0 B");
  EXPECT_EQ(FormatBytes(1023), "1023 B");
  EXPECT_EQ(FormatBytes(1024), "1.00 KiB");
  EXPECT_EQ(FormatBytes(1'536), "1.50 KiB");
  EXPECT_EQ(FormatBytes(20'000), "19.5 KiB");
  EXPECT_EQ(FormatBytes(450'000'000), "429 MiB");
  EXPECT_EQ(FormatBytes(1'400'000'000), "1.30 GiB");
}

TEST(UnitsTest, BytesThatRoundUpTakeTheNextUnit) {
  EXPECT_EQ(FormatBytes((1 << 20) - 1), "1.00 MiB");
  EXPECT_EQ(FormatBytes(std::numeric_limits<std::int64_t>::max()), "8192 PiB");
}

TEST(UnitsTest, DurationsCarryAcrossTheirUnits) {
  EXPECT_EQ(FormatDuration(0), "0.0 s");
  EXPECT_EQ(FormatDuration(0.44), "0.4 s");
  EXPECT_EQ(FormatDuration(12), "12 s");
  EXPECT_EQ(FormatDuration(59.7), "1 min 00 s");
  EXPECT_EQ(FormatDuration(185), "3 min 05 s");
  EXPECT_EQ(FormatDuration(3'599.8), "1 h 00 min");
  EXPECT_EQ(FormatDuration(7'620), "2 h 07 min");
  EXPECT_EQ(FormatDuration(3 * 86'400.0 + 4 * 3'600), "3 d 4 h");
}

TEST(UnitsTest, DurationThatIsNoNumberIsUnknown) {
  EXPECT_EQ(FormatDuration(std::numeric_limits<double>::infinity()), "unknown");
  EXPECT_EQ(FormatDuration(std::numeric_limits<double>::quiet_NaN()), "unknown");
}

TEST(UnitsTest, CountsGetCommas) {
  EXPECT_EQ(FormatCount(0), "0");
  EXPECT_EQ(FormatCount(999), "999");
  EXPECT_EQ(FormatCount(1'000), "1,000");
  EXPECT_EQ(FormatCount(12'345'678), "12,345,678");
  EXPECT_EQ(FormatCount(-12'345), "-12,345");
  EXPECT_EQ(FormatCount(std::numeric_limits<std::int64_t>::min()), "-9,223,372,036,854,775,808");
}

TEST(UnitsTest, RatesScale) {
  EXPECT_EQ(FormatRate(3.25), "3.2/s");
  EXPECT_EQ(FormatRate(18'240), "18.2K/s");
  EXPECT_EQ(FormatRate(2'500'000), "2.50M/s");
}

TEST(UnitsTest, TimeIsUtcIso8601) {
  EXPECT_EQ(FormatTime(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(FormatTime(1'769'854'820'999), "2026-01-31T10:20:20Z");  // date -u -d @1769854820
}

TEST(UnitsTest, SteadyClockNeverGoesBack) {
  const double before = SteadySeconds();
  EXPECT_GE(SteadySeconds(), before);
}

}  // namespace
}  // namespace repro
