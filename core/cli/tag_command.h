#pragma once
/// `repro tag RUN TAG`: names a run, so that `status --tag` finds it again.

#include <memory>

#include "core/cli/command.h"

namespace repro {

std::unique_ptr<Command> MakeTagCommand();

}  // namespace repro
