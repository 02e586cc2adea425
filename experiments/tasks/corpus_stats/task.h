#pragma once
/// Work of the `corpus_stats` task (spec.h).

#include "core/graph/task_context.h"

namespace repro {

/// A leaked line is a warning and a number, not an error. Errors: kNotFound, kCorrupt, kIo,
/// kInterrupted.
Status RunCorpusStatsTask(TaskContext& context);

}  // namespace repro
