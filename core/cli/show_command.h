#pragma once
/// `repro show RUN|TASK`: everything the log knows about one run or task.

#include <memory>

#include "core/cli/command.h"

namespace repro {

std::unique_ptr<Command> MakeShowCommand();

}  // namespace repro
