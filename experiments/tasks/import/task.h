#pragma once
/// The work of an `import` task (spec.h).

#include "core/graph/task_context.h"

namespace repro {

Status RunImportTask(TaskContext& context);

}  // namespace repro
