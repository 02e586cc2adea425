#pragma once
/// `repro logs TASK`: what the newest attempt at a task wrote, with -f as it writes it.

#include <memory>

#include "core/cli/command.h"

namespace repro {

std::unique_ptr<Command> MakeLogsCommand();

}  // namespace repro
