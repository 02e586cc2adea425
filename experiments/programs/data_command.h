#pragma once
/// `repro data`: data sets (`list`, `show`, `fetch`, `check`, `stats`), what became of a run's text
/// (`stats`), and the synthetic world by the same words (`show babel`, `check babel`).

#include <memory>

#include "core/cli/command.h"

namespace repro {

std::unique_ptr<Command> MakeDataCommand();

}  // namespace repro
