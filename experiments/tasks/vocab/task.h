#pragma once
/// The work of a `vocab` task (spec.h).

#include "core/graph/task_context.h"

namespace repro {

Status RunVocabTask(TaskContext& context);

}  // namespace repro
