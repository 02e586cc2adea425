#pragma once
/// `repro status`: what is there, what runs, what went wrong and what to type next.

#include <memory>

#include "core/cli/command.h"

namespace repro {

std::unique_ptr<Command> MakeStatusCommand();

}  // namespace repro
