#pragma once
/// Work of the tasks of coded English (spec.h).

#include <memory>

#include "core/graph/task_context.h"
#include "experiments/corpus/coded/coded_language.h"
#include "experiments/tasks/coded/spec.h"

namespace repro {

Status RunCodedTypesTask(TaskContext& context);
Status RunCodedTask(TaskContext& context);

/// The language of a task with an input "types". Errors: kInvalidArgument, kCorrupt.
Result<CodedLanguage> LoadCodedLanguage(const TaskContext& context, const CodedSettings& settings,
                                        std::int64_t language);

}  // namespace repro
