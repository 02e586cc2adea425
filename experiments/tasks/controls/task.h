#pragma once
/// Work of the `controls` task (spec.h): classifiers that understand nothing, scored in every
/// language.

#include "core/graph/task_context.h"

namespace repro {

/// Errors: kNotFound when a language has no test pairs or the source no training pairs, kCorrupt as
/// ReadLabelled, kIo.
Status RunControlsTask(TaskContext& context);

}  // namespace repro
