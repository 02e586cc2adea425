#pragma once
/// How one run trained: everything that `repro report run` shows of it.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/report/training.h"
#include "core/report/training_summary.h"
#include "core/store/run_log.h"

namespace repro {

struct TrainingReport {
  RunRow run;
  std::optional<InvocationRow> invocation;
  std::vector<TaskRow> tasks;  ///< all that the run needs
  /// Those of them that train, with whole curves; and those that ended badly, with no curves where
  /// they logged none.
  std::vector<TrainingTask> training;
  std::int64_t now_ms = 0;
};

/// Reads a run, also while it is going on. Errors: of the log; kIo when the events of a running
/// task cannot be read.
Result<TrainingReport> ReadTrainingReport(const RunLog& log, const std::filesystem::path& workspace,
                                          const RunRow& run, std::int64_t now_ms);

/// What must be said first: one sentence on the run, then one on each training that did not end
/// well, or on the pretraining when all did.
std::vector<std::string> TrainingHeadline(const TrainingReport& report);

/// Where it comes from: run, settings in short, seeds, command, commit, machine, builds, times.
std::vector<std::pair<std::string, std::string>> TrainingFacts(const TrainingReport& report);

}  // namespace repro
