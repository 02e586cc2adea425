#pragma once
/// Work of the `benchmark` task (spec.h): the labelled and parallel sentences of one language, in
/// the synthetic world.

#include "core/graph/task_context.h"

namespace repro {

/// Errors: kInvalidArgument for a source that is not "babel", kNotFound for an unknown language,
/// kIo, kInterrupted.
Status RunBenchmarkTask(TaskContext& context);

}  // namespace repro
