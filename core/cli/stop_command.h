#pragma once
/// `repro stop [RUN|TASK]`: asks what runs to save and end.

#include <memory>

#include "core/cli/command.h"

namespace repro {

std::unique_ptr<Command> MakeStopCommand();

}  // namespace repro
