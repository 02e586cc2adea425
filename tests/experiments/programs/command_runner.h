#pragma once
/// Runs a command of `repro` in this process, with its real flags.

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "core/cli/command.h"

namespace repro::testing {

struct CommandOutcome {
  int code = -1;         ///< -1: an error
  std::string out;       ///< what it printed, or the error's message
  ErrorCode error = {};  ///< of an error
};

template <class Make>
CommandOutcome RunCommand(Make make, const std::filesystem::path& workspace,
                          std::vector<std::string> arguments, bool json = false) {
  const auto command = make();
  CLI::App app;
  command->Define(app);
  std::reverse(arguments.begin(), arguments.end());
  app.parse(arguments);
  Suite suite;
  suite.build_id = "test-build";
  GlobalOptions options;
  options.workspace = workspace;
  options.json = json;
  std::ostringstream out, err;
  const Result<int> code = command->Run({suite, options, out, err});
  if (!code) return {-1, code.error().message, code.error().code};
  return {*code, out.str(), {}};
}

}  // namespace repro::testing
