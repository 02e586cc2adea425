#pragma once
/// `repro plan MANIFEST`: what `repro run` would do and why, with what it would take. Changes
/// nothing.

#include <memory>

#include "core/cli/command.h"

namespace repro {

std::unique_ptr<Command> MakePlanCommand();

}  // namespace repro
