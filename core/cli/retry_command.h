#pragma once
/// `repro retry TASK|--failed`: lets the next run try again what failed.

#include <memory>

#include "core/cli/command.h"

namespace repro {

std::unique_ptr<Command> MakeRetryCommand();

}  // namespace repro
