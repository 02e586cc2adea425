#pragma once
/// Training on a terminal: chart, figures, languages, what happened. `show` prints it, `status
/// --watch` draws it again and again.

#include <cstdint>
#include <string>
#include <vector>

#include "core/report/training.h"
#include "core/report/training_summary.h"

namespace repro {

struct TrainingViewOptions {
  std::size_t width = 80;
  std::size_t chart_rows = 12;  ///< of the plot alone; below 4 there is no chart
  std::size_t languages = 0;    ///< rows of the table by language, the worst first; 0: all
  std::size_t happenings = 0;   ///< the newest so many; 0: all
  bool color = false;
  bool unicode = true;
};

/// Lines of text, headed by the task's label, none wider than `options.width` (charts take 24
/// columns at least). A figure that is not known takes no place.
std::vector<std::string> DrawTraining(const TrainingTask& training, std::int64_t now_ms,
                                      const TrainingViewOptions& options);

/// One line: "updates 412 of 1,500 (27 %), time left 3 min 05 s, loss 5.120, ..., worst language sw
/// (validation loss 5.402)".
std::string TrainingLine(const TrainingSummary& summary);

}  // namespace repro
