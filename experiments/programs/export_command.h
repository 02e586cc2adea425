#pragma once
/// `repro export`: a model of a run as a folder that PyTorch's transformers loads; or the results
/// of experiments as a file.

#include <memory>

#include "core/cli/command.h"

namespace repro {

std::unique_ptr<Command> MakeExportCommand();

}  // namespace repro
