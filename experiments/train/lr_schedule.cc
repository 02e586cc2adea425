#include "experiments/train/lr_schedule.h"

#include <algorithm>

namespace repro {

double LearningRate(const LrSchedule& schedule, std::int64_t update) {
  if (update < schedule.warmup_updates) {
    return schedule.peak * static_cast<double>(update) /
           static_cast<double>(schedule.warmup_updates);
  }
  const std::int64_t left = std::max<std::int64_t>(0, schedule.total_updates - update);
  const std::int64_t span =
      std::max<std::int64_t>(1, schedule.total_updates - schedule.warmup_updates);
  return schedule.peak * std::min(1.0, static_cast<double>(left) / static_cast<double>(span));
}

}  // namespace repro
