#pragma once
/// Work of the `corpus` task (spec.h): text.txt, heldout.txt and stats.json of one language.

#include "core/graph/task_context.h"

namespace repro {

/// Errors: kInvalidArgument for an unknown source or a spelling that the source lacks, kNotFound
/// for an unknown language, kIo, kInterrupted.
Status RunCorpusTask(TaskContext& context);

}  // namespace repro
