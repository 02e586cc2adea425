#pragma once
/// The task kinds that `repro-task` can do: an explicit table, one line a kind.

#include <span>

#include "core/graph/task_runner.h"

namespace repro {

std::span<const TaskKind> TaskKinds();

}  // namespace repro
