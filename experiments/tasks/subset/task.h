#pragma once
/// Work of the `subset` task (spec.h): text.txt, heldout.txt and stats.json of one language.

#include "core/graph/task_context.h"

namespace repro {

/// Errors: kNotFound where cleaning left nothing of the language, kIo, kCorrupt, kInterrupted.
Status RunSubsetTask(TaskContext& context);

}  // namespace repro
