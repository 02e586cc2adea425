#include "core/stats/read_off.h"

#include <gtest/gtest.h>

namespace repro {
namespace {

using Side = ReadOff::Side;

TEST(FallingCurveTest, IsReadOnALineOverTheLogarithmOfX) {
  const FallingCurve curve({{1, 4}, {10, 3}, {1000, 1}});
  EXPECT_FALSE(curve.pooled());
  EXPECT_NEAR(curve.Read(3.5).x, 3.16227766, 1e-8);  // 10^0.5
  EXPECT_NEAR(curve.Read(2).x, 100, 1e-9);
  EXPECT_NEAR(curve.Read(1.5).x, 316.227766, 1e-6);  // 10^2.5
  EXPECT_EQ(curve.Read(2).side, Side::kOn);
}

TEST(FallingCurveTest, GivesItsOwnPointsBack) {
  const FallingCurve curve({{2, 9}, {8, 5}, {32, 4}});
  for (const CurvePoint& point : curve.points()) {
    EXPECT_EQ(curve.Read(point.y).x, point.x);
    EXPECT_EQ(curve.Read(point.y).side, Side::kOn);
  }
}

TEST(FallingCurveTest, SaysNothingBeyondItsEnds) {
  const FallingCurve curve({{2, 9}, {8, 5}});
  EXPECT_EQ(curve.Read(9.1).side, Side::kBefore);
  EXPECT_EQ(curve.Read(9.1).x, 2);
  EXPECT_EQ(curve.Read(4.9).side, Side::kBeyond);
  EXPECT_EQ(curve.Read(4.9).x, 8);
}

// By hand, as isotonic regression pools: (5 + 7) / 2 = 6 is above 4, so nothing more joins; then
// (3 + 4 + 2) / 3 = 3 where one pool draws in the next.
TEST(FallingCurveTest, PoolsPointsThatRise) {
  const FallingCurve curve({{1, 5}, {2, 7}, {4, 4}, {8, 2.5}, {16, 3.5}, {32, 3}, {64, 1}});
  EXPECT_TRUE(curve.pooled());
  const std::vector<double> expected = {6, 6, 4, 3, 3, 3, 1};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_DOUBLE_EQ(curve.points()[i].y, expected[i]) << i;
  }
  EXPECT_EQ(curve.Read(3).x, 8);                  // the first of the stretch
  EXPECT_NEAR(curve.Read(2).x, 45.254834, 1e-6);  // half way from 32 to 64: 32 * 2^0.5
  EXPECT_NEAR(curve.Read(5).x, 2.82842712, 1e-8);
}

}  // namespace
}  // namespace repro
