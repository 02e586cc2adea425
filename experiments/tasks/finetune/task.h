#pragma once
/// The work of a `finetune` task (spec.h).

#include "core/graph/task_context.h"

namespace repro {

Status RunFinetuneTask(TaskContext& context);

}  // namespace repro
