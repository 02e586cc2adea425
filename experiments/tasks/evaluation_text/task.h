#pragma once
/// Work of the `evaluation_text` task (spec.h).

#include "core/graph/task_context.h"

namespace repro {

/// Errors: kCorrupt where a file is not what was planned or cannot be read, kIo, kInterrupted.
Status RunEvaluationTextTask(TaskContext& context);

}  // namespace repro
