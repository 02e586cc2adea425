#pragma once
/// Results of finished tasks from elsewhere, taken into a workspace as if they had run there.

#include <cstddef>

#include "core/base/result.h"
#include "core/graph/results_file.h"
#include "core/store/artifact_store.h"
#include "core/store/run_log.h"

namespace repro {

struct ImportedResults {
  std::size_t artifacts = 0;     ///< all of whose files came along
  std::size_t results_only = 0;  ///< of which only results are here now
  std::size_t there = 0;         ///< that the workspace had already
  std::size_t planned = 0;       ///< that were not complete where the file was written
};

/// Every complete task of `results` that the workspace does not have becomes an artifact, where all
/// its files came along, or a record of its results; its metrics go into an attempt's events.jsonl,
/// and all of it into the log. What is whole in the workspace stays as it is. Each task appears
/// whole: what a crash cuts off, doing it again completes. The caller holds the lease. Errors: kIo,
/// kCorrupt and kBusy of store and log.
Result<ImportedResults> ImportResults(const ResultsFile& results, const ArtifactStore& store,
                                      RunLog& log);

}  // namespace repro
