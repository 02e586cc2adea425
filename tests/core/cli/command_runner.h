#pragma once
/// Runs a command of `repro` in this process, with its real flags.

#include <algorithm>
#include <filesystem>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "core/cli/command.h"

namespace repro::testing {

struct CommandOutcome {
  int code = -1;    ///< -1: an error
  std::string out;  ///< what it printed; after it the error's message
  Error error;      ///< of an error
  std::string err;  ///< what it printed on standard error
  Json json() const { return Json::parse(out); }
};

inline CommandOutcome RunCommand(Command& command, std::vector<std::string> arguments,
                                 const GlobalOptions& options, const Suite& suite = {}) {
  CLI::App app;
  command.Define(app);
  std::reverse(arguments.begin(), arguments.end());  // CLI11 takes a vector from its back
  app.parse(arguments);
  std::ostringstream out, err;
  const Result<int> code = command.Run({suite, options, out, err});
  if (!code) return {-1, out.str() + code.error().message, code.error(), err.str()};
  return {*code, out.str(), {}, err.str()};
}

/// On a workspace, by a build that calls itself "test-build" unless `suite` says otherwise.
template <class Make>
CommandOutcome RunCommand(Make make, const std::filesystem::path& workspace,
                          std::vector<std::string> arguments, bool json = false, Suite suite = {}) {
  if (suite.build_id.empty()) suite.build_id = "test-build";
  GlobalOptions options;
  options.workspace = workspace;
  options.json = json;
  return RunCommand(*make(), std::move(arguments), options, suite);
}

}  // namespace repro::testing
