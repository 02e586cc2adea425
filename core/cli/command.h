#pragma once
/// The command line as a table: name, one line, and the class that defines its flags and does it.
///
/// `core` knows the generic commands; what belongs to the science (`data`) is added by the program
/// that links both. Flags are frozen on purpose: what an experiment can vary lives in its manifest.

#include <filesystem>
#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/cli/model_table.h"
#include "core/graph/task_graph.h"
#include "core/manifest/experiment.h"

// <CLI/CLI.hpp> takes seconds to compile, less for being read than for the validators that each
// file gets of its own: only those who define flags include it.
namespace CLI {
class App;
}

namespace repro {

class Diagnostics;  // core/manifest/diagnostics.h

/// What the science gives to the machinery. `core` calls it and knows nothing of XLM-R.
struct Suite {
  /// Checks the sections of one point's config (types, ranges, contradictions); reports all errors
  /// with positions.
  std::function<void(const Document& config, Diagnostics& diagnostics)> validate_sections;
  /// The tasks and runs of a validated experiment, for a workspace: what a person registered there
  /// by name can be a source.
  std::function<Result<TaskGraph>(const Experiment& experiment,
                                  const std::filesystem::path& workspace)>
      build_graph;
  /// The model that one point of a validated experiment makes.
  std::function<Result<ModelTable>(const Point& point)> describe_model;
  /// A model known by name, without a manifest. Errors: kNotFound, naming those that there are.
  std::function<Result<ModelTable>(const std::string& name)> describe_published_model;
  /// Multi-line text of `repro --version`.
  std::string version;
  /// Short id of this build (commit, dirty flag, compiler, build type): what artifacts record.
  std::string build_id;
  /// Why the folders below are not there, and what to do; empty: they are. Said by the commands
  /// that need them.
  std::string data_problem;
  std::filesystem::path task_program;   ///< repro-task
  std::filesystem::path manifest_dir;   ///< manifests/
  std::filesystem::path reference_dir;  ///< results/reference
  std::filesystem::path report_dir;     ///< reports/: templates and style
  std::filesystem::path default_workspace;
};

/// Options that every command takes.
struct GlobalOptions {
  std::filesystem::path workspace;  ///< --workspace, REPRO_WORKSPACE or the default, resolved
  /// " --workspace DIR" for a command that is to be typed next; empty when it is the default.
  std::string workspace_flag;
  bool json = false;      ///< --json
  bool color = false;     ///< out is a terminal and NO_COLOR is not set
  bool terminal = false;  ///< out is a terminal
  std::vector<std::string> command_line;
};

struct CommandContext {
  const Suite& suite;
  const GlobalOptions& options;
  std::ostream& out;
  std::ostream& err;
};

class Command {
 public:
  virtual ~Command() = default;
  /// Adds flags and positionals to its sub-command; `app.footer` shows a real example.
  virtual void Define(CLI::App& app) = 0;
  /// Does it. The value is the exit code: 0 done, 1 a task failed, 2 bad command or manifest, 3
  /// outside tolerance, 129/130/143 interrupted. An Error is printed by the caller and maps to 2
  /// (kInvalidArgument, kNotFound) or 1.
  virtual Result<int> Run(const CommandContext& context) = 0;
};

struct CommandEntry {
  const char* name;
  const char* description;
  std::unique_ptr<Command> (*make)();
};

/// The generic commands, in the order that --help shows them.
std::vector<CommandEntry> CoreCommands();

/// Parses the command line, runs the command, prints errors. Returns the exit code.
int RunCommandLine(int argc, char** argv, const Suite& suite,
                   const std::vector<CommandEntry>& commands);

}  // namespace repro
