#pragma once
/// A value read off a falling curve: at which x a curve that was measured at some points reaches a
/// given y. Between points it is a straight line over log x; it says nothing beyond its ends.

#include <vector>

namespace repro {

struct CurvePoint {
  double x = 0;  ///< > 0
  double y = 0;
};

/// Where a value lies on a curve.
struct ReadOff {
  enum class Side { kOn, kBefore, kBeyond };
  Side side = Side::kOn;
  double x = 0;  ///< at the value; kBefore: the first x, so it is less; kBeyond: the last, so more
};

/// A curve that falls with x by what it stands for. Neighbouring points at which it was measured to
/// rise are pooled to their mean (pool adjacent violators, all points of equal weight).
class FallingCurve {
 public:
  /// Points in rising order of x; two at least.
  explicit FallingCurve(std::vector<CurvePoint> points);

  /// Of a value that the curve holds over a stretch, the first x.
  ReadOff Read(double y) const;
  /// Some points were pooled.
  bool pooled() const { return pooled_; }
  const std::vector<CurvePoint>& points() const { return points_; }

 private:
  std::vector<CurvePoint> points_;  // falling or level
  bool pooled_ = false;
};

}  // namespace repro
