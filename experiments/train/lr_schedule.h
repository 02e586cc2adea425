#pragma once
/// Learning rate by update, as fairseq's polynomial_decay (power 1) and transformers' linear
/// schedule have it: the first update, number 0, has rate 0.

#include <cstdint>

namespace repro {

struct LrSchedule {
  double peak = 5e-4;
  std::int64_t warmup_updates = 0;
  std::int64_t total_updates = 1;
};

/// Rate of update `update` (from 0): peak * u / warmup up to warmup, then linearly to 0 at
/// `total_updates`. Without warmup the first update has the peak rate. Pure.
double LearningRate(const LrSchedule& schedule, std::int64_t update);

}  // namespace repro
