#pragma once
/// Work of the `controls` task (spec.h): classifiers that understand nothing, scored in every
/// language.

#include "core/graph/task_context.h"

namespace repro {

/// Errors: kCorrupt for a benchmark file that is not ours, kInvalidArgument when the source
/// language has no training pairs.
Status RunControlsTask(TaskContext& context);

}  // namespace repro
