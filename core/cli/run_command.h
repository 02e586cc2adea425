#pragma once
/// `repro run MANIFEST`: does what is missing, and nothing else.

#include <memory>

#include "core/cli/command.h"

namespace repro {

std::unique_ptr<Command> MakeRunCommand();

}  // namespace repro
