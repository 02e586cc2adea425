#pragma once
/// Results of finished tasks from elsewhere, taken into a workspace as if they had run there.

#include <cstddef>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/graph/results_file.h"
#include "core/io/json_io.h"
#include "core/store/artifact_store.h"
#include "core/store/run_log.h"

namespace repro {

/// A value or a kept file of which the workspace has another than the results file.
struct ResultsDifference {
  std::string what;  ///< "xnli.accuracy (sw, test)", "predictions.jsonl"
  Json here, file;   ///< a number, or the SHA-256 of a file; `here` is null where there is none
};

/// A task that the workspace had, with other results than the file's. What is there stays.
struct DifferingTask {
  std::string key, label;
  std::vector<ResultsDifference> differences;  ///< values first, then files
};

struct ImportedResults {
  std::size_t artifacts = 0;             ///< all of whose files came along
  std::size_t results_only = 0;          ///< of which only results are here now
  std::size_t there = 0;                 ///< that the workspace had already
  std::size_t planned = 0;               ///< that were not complete where the file was written
  std::vector<DifferingTask> differing;  ///< known here, and the file says otherwise
};

/// Every complete task of `results` that the workspace does not have becomes an artifact, where all
/// its files came along, or a record of its results; its metrics go into an attempt's events.jsonl,
/// and all of it into the log. What is whole in the workspace stays as it is; where the file has
/// other values or other kept files of it, that is told (speed and memory are the machine's, and
/// are not compared). Each task appears whole: what a crash cuts off, doing it again completes. The
/// caller holds the lease. Errors: kIo, kCorrupt and kBusy of store and log; kInvalidArgument (a
/// task's kind is no name of a folder, or an input comes after the task that reads it).
Result<ImportedResults> ImportResults(const ResultsFile& results, const ArtifactStore& store,
                                      RunLog& log);

}  // namespace repro
