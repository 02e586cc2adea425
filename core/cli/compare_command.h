#pragma once
/// `repro compare RUN RUN...`: what was set differently and what came out differently.

#include <memory>

#include "core/cli/command.h"

namespace repro {

std::unique_ptr<Command> MakeCompareCommand();

}  // namespace repro
