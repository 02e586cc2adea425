#pragma once
/// `repro vocab`: how a vocabulary serves its languages (`show`), and several beside each other
/// (`compare`).

#include <memory>

#include "core/cli/command.h"

namespace repro {

std::unique_ptr<Command> MakeVocabCommand();

}  // namespace repro
