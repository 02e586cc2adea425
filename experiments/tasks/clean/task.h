#pragma once
/// Work of the `clean` task (spec.h).

#include "core/graph/task_context.h"

namespace repro {

/// Errors: kCorrupt where a file is not what was planned, or is damaged and the settings are
/// strict; kIo, kInterrupted.
Status RunCleanTask(TaskContext& context);

}  // namespace repro
