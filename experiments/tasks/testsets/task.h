#pragma once
/// Work of the `testsets` task (spec.h).

#include "core/graph/task_context.h"

namespace repro {

/// Errors: kCorrupt where a file is not what was planned, or with all that is wrong in it; kIo,
/// kInterrupted.
Status RunTestsetsTask(TaskContext& context);

}  // namespace repro
