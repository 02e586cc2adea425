#include "core/stats/read_off.h"

#include <cmath>
#include <cstddef>
#include <utility>

namespace repro {

FallingCurve::FallingCurve(std::vector<CurvePoint> points) : points_(std::move(points)) {
  struct Block {
    double sum = 0;
    std::size_t count = 0;
    double Mean() const { return sum / static_cast<double>(count); }
  };
  std::vector<Block> blocks;
  for (const CurvePoint& point : points_) {
    blocks.push_back({point.y, 1});
    while (blocks.size() > 1 && blocks[blocks.size() - 2].Mean() < blocks.back().Mean()) {
      const Block last = blocks.back();
      blocks.pop_back();
      blocks.back().sum += last.sum;
      blocks.back().count += last.count;
      pooled_ = true;
    }
  }
  std::size_t next = 0;
  for (const Block& block : blocks) {
    for (std::size_t i = 0; i < block.count && block.count > 1; ++i) {
      points_[next + i].y = block.Mean();
    }
    next += block.count;
  }
}

ReadOff FallingCurve::Read(double y) const {
  if (y > points_.front().y) return {.side = ReadOff::Side::kBefore, .x = points_.front().x};
  if (y < points_.back().y) return {.side = ReadOff::Side::kBeyond, .x = points_.back().x};
  std::size_t right = 0;
  while (points_[right].y > y) ++right;
  if (right == 0 || points_[right].y == y) return {.x = points_[right].x};
  const CurvePoint& a = points_[right - 1];
  const CurvePoint& b = points_[right];
  const double share = (a.y - y) / (a.y - b.y);
  return {.x = a.x * std::pow(b.x / a.x, share)};
}

}  // namespace repro
