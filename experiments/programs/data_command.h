#pragma once
/// `repro data`: look at the synthetic world (`show`) and at what its labels give away (`check`).

#include <memory>

#include "core/cli/command.h"

namespace repro {

std::unique_ptr<Command> MakeDataCommand();

}  // namespace repro
