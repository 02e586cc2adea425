#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string_view>
#include <system_error>

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "core/base/text.h"
#include "core/cli/command.h"
#include "core/cli/compare_command.h"
#include "core/cli/doctor_command.h"
#include "core/cli/logs_command.h"
#include "core/cli/plan_command.h"
#include "core/cli/report_command.h"
#include "core/cli/retry_command.h"
#include "core/cli/run_command.h"
#include "core/cli/show_command.h"
#include "core/cli/status_command.h"
#include "core/cli/stop_command.h"
#include "core/cli/tag_command.h"
#include "core/manifest/diagnostics.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

constexpr int kBadCommand = 2;
constexpr int kTaskFailed = 1;
constexpr int kInterruptedCode = 130;

int ExitCodeOf(const Error& error) {
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kNotFound:
      return kBadCommand;
    case ErrorCode::kInterrupted:
      return kInterruptedCode;
    default:
      return kTaskFailed;
  }
}

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// Absolute and without links, since tasks run elsewhere.
fs::path Resolved(const fs::path& path) {
  std::error_code error;
  fs::path absolute = fs::absolute(path, error);
  if (error) return path;
  fs::path resolved = fs::weakly_canonical(absolute, error);
  if (error) return absolute;
  // "." and a slash at the end leave an empty last part.
  if (!resolved.has_filename()) resolved = resolved.parent_path();
  return resolved;
}

/// --workspace, else REPRO_WORKSPACE, else the default.
fs::path ChooseWorkspace(const std::string& flag, const fs::path& otherwise) {
  if (!flag.empty()) return flag;
  const std::string variable = Environment("REPRO_WORKSPACE");
  return variable.empty() ? otherwise : fs::path(variable);
}

/// Gives a closed stdin, stdout or stderr its number back, so that no file of ours is opened under
/// it and written over. Reading or writing there fails as before.
void HoldStandardStreams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) >= 0) continue;
    // The lowest free number is this one: those below are open by now.
    (void)::open("/dev/null", (stream == STDIN_FILENO ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
  }
}

/// `code`, unless what was printed did not arrive: a script must not take half a table for a whole.
/// A reader that has gone (`repro run | head`) had what it wanted.
int AfterOutput(int code) {
  std::cout.flush();
  if (std::cout.good()) return code;
  struct pollfd out = {STDOUT_FILENO, POLLOUT, 0};
  if (::poll(&out, 1, 0) > 0 && (out.revents & POLLERR) != 0) return code;
  std::cerr
      << "repro: the output could not be written whole: is the disk full, or stdout closed?\n";
  return code == 0 ? kTaskFailed : code;
}

/// "fig2.toml:6:19: ...": what an editor or a person jumps to stands first on its line.
bool StartsWithPosition(std::string_view message) {
  constexpr std::string_view kDigits = "0123456789";
  std::string_view place = message.substr(0, message.find(": "));
  if (place.size() == message.size() || place.find('\n') != std::string_view::npos) return false;
  for (int i = 0; i < 2; ++i) {
    const auto end = place.find_last_not_of(kDigits);
    if (end == std::string_view::npos || end == 0 || end + 1 == place.size() || place[end] != ':') {
      return false;
    }
    place = place.substr(0, end);
  }
  return true;
}

/// One command with the flags that all have.
struct Entry {
  CLI::App* app = nullptr;
  std::unique_ptr<Command> command;
};

/// The word that names no command, if that is what is wrong.
std::string UnknownCommand(int argc, char** argv, const std::vector<CommandEntry>& commands) {
  if (argc < 2 || argv[1][0] == '-') return {};
  const std::string word = argv[1];
  const bool known = std::any_of(commands.begin(), commands.end(),
                                 [&](const CommandEntry& entry) { return word == entry.name; });
  return known ? "" : word;
}

}  // namespace

std::vector<CommandEntry> CoreCommands() {
  return {
      {"run", "Do what a manifest still needs; resumable", &MakeRunCommand},
      {"plan", "Say what `run` would do, why, and what it would take", &MakePlanCommand},
      {"report", "The paper beside what was reproduced: terminal, HTML, Markdown, CSV, JSON",
       &MakeReportCommand},
      {"status", "What runs, what is done, what failed", &MakeStatusCommand},
      {"show", "One run or task: state, metrics, attempts; or the parameters of a model",
       &MakeShowCommand},
      {"compare", "What two runs differ in: settings and metrics", &MakeCompareCommand},
      {"logs", "Output and events of a task", &MakeLogsCommand},
      {"stop", "Ask running tasks to save and end", &MakeStopCommand},
      {"retry", "Give failed or diverged tasks another chance", &MakeRetryCommand},
      {"tag", "Name runs", &MakeTagCommand},
      {"doctor", "Check artifacts and run log, and say how to mend them", &MakeDoctorCommand},
  };
}

namespace {

int Dispatch(int argc, char** argv, const Suite& suite, const std::vector<CommandEntry>& commands) {
  // A limit on file sizes is an error that names the file, no sudden death; tasks inherit this.
  ::signal(SIGXFSZ, SIG_IGN);
  CLI::App app(
      "Reproduces the XLM-R study (arXiv 1911.02116) from manifests, one for each table and "
      "figure.",
      "repro");
  bool version = false;
  app.add_flag("--version", version, "Print version, commit, compiler and libraries");
  app.footer(
      "Example:\n"
      "  repro run fig2 --scale smoke\n"
      "  repro report fig2 --scale smoke\n"
      "\"repro COMMAND --help\" shows the flags of a command and an example of it.\n"
      "Exit codes: 0 done, 1 a task failed, 2 bad command or manifest, 3 outside tolerance, "
      "129/130/143 interrupted.");
  std::string workspace;
  GlobalOptions options;
  std::vector<Entry> entries;
  for (const CommandEntry& entry : commands) {
    CLI::App* sub = app.add_subcommand(entry.name, entry.description);
    sub->add_option("--workspace", workspace,
                    "Folder of artifacts and run log (default: $REPRO_WORKSPACE, else " +
                        suite.default_workspace.string() + ")")
        ->type_name("DIR");
    sub->add_flag("--json", options.json, "Print JSON");
    entries.push_back({sub, entry.make()});
    entries.back().command->Define(*sub);
  }
  app.require_subcommand(0, 1);

  const std::string unknown = UnknownCommand(argc, argv, commands);
  if (!unknown.empty()) {
    std::vector<std::string> names;
    names.reserve(commands.size());
    for (const CommandEntry& entry : commands) names.emplace_back(entry.name);
    std::cerr << "repro: no command `" << Printable(unknown) << "`" << DidYouMean(unknown, names)
              << "; `repro --help` lists them\n";
    return kBadCommand;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help
    std::cerr << "repro: " << Printable(error.what()) << "; `repro"
              << (argc > 1 && argv[1][0] != '-' ? std::string(" ") + argv[1] : "")
              << " --help` shows what there is\n";
    return kBadCommand;
  }
  if (version) {
    std::cout << suite.version << "\n";
    return 0;
  }
  const auto chosen = std::find_if(entries.begin(), entries.end(),
                                   [](const Entry& entry) { return entry.app->parsed(); });
  if (chosen == entries.end()) {
    std::cout << app.help();
    return 0;
  }
  if (workspace.empty() && chosen->app->count("--workspace") > 0) {
    std::cerr << "repro: --workspace is empty (an unset variable in a script?): name a folder, or "
                 "leave it out for "
              << suite.default_workspace.string() << "\n";
    return kBadCommand;
  }
  options.workspace = Resolved(ChooseWorkspace(workspace, suite.default_workspace));
  if (options.workspace != Resolved(suite.default_workspace)) {
    options.workspace_flag = " --workspace " + ShellWord(options.workspace.string());
  }
  options.terminal = ::isatty(STDOUT_FILENO) == 1 && Environment("TERM") != "dumb";
  options.color = options.terminal && Environment("NO_COLOR").empty();
  options.command_line.assign(argv, argv + argc);
  const Result<int> result = chosen->command->Run({suite, options, std::cout, std::cerr});
  std::cout.flush();
  if (!result) {
    // A message quotes manifests, file names and what a task said; several mistakes are several
    // lines.
    const std::string& message = result.error().message;
    std::cerr << (StartsWithPosition(message) ? "" : "repro: ")
              << Printable(message, /*keep_lines=*/true) << "\n";
    return ExitCodeOf(result.error());
  }
  return *result;
}

}  // namespace

int RunCommandLine(int argc, char** argv, const Suite& suite,
                   const std::vector<CommandEntry>& commands) {
  HoldStandardStreams();
  return AfterOutput(Dispatch(argc, argv, suite, commands));
}

}  // namespace repro
