#pragma once
/// `repro report MANIFEST`: the paper's figure or table beside what was reproduced, with verdicts.
/// Reads only, so it may be called while a run is going, or before anything has run.

#include <memory>

#include "core/cli/command.h"

namespace repro {

std::unique_ptr<Command> MakeReportCommand();

}  // namespace repro
