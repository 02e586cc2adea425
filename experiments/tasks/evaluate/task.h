#pragma once
/// The work of an `evaluate` task (spec.h).

#include "core/graph/task_context.h"

namespace repro {

Status RunEvaluateTask(TaskContext& context);

}  // namespace repro
