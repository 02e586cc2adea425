#pragma once
/// The work of `pretrain`; what it reads and leaves is said in spec.h.

#include "core/graph/task_context.h"

namespace repro {

Status RunPretrainTask(TaskContext& context);

}  // namespace repro
