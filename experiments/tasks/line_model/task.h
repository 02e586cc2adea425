#pragma once
/// Work of the `line_model` task (spec.h).

#include "core/graph/task_context.h"

namespace repro {

/// Errors: kCorrupt where a file is not what was planned; kIo; as TrainLineModel.
Status RunLineModelTask(TaskContext& context);

}  // namespace repro
