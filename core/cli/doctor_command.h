#pragma once
/// `repro doctor`: checks the log and every artifact, and says how to mend what it finds.

#include <memory>

#include "core/cli/command.h"

namespace repro {

std::unique_ptr<Command> MakeDoctorCommand();

}  // namespace repro
