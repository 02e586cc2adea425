#pragma once
/// `repro import`: registers a folder that transformers wrote, or a model hub published, under a
/// name that manifests can fine-tune from; or takes a file of results as complete.

#include <memory>

#include "core/cli/command.h"

namespace repro {

std::unique_ptr<Command> MakeImportCommand();

}  // namespace repro
