#pragma once
/// The work of an `encode` task (spec.h).

#include "core/graph/task_context.h"

namespace repro {

Status RunEncodeTask(TaskContext& context);

}  // namespace repro
