#pragma once
/// A child process in a process group of its own, started without a shell.
///
/// The child does not die with its parent: a task outlives a killed scheduler and is adopted by the
/// next one. What a terminal sends to the foreground group (Ctrl-C) does not reach it either; the
/// parent passes on what it wants to.

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "core/base/result.h"

namespace repro {

struct SubprocessOptions {
  std::filesystem::path program;                   ///< a path; PATH is not searched
  std::vector<std::string> arguments;              ///< without the program's own name
  std::filesystem::path working_folder;            ///< empty: the parent's
  std::map<std::string, std::string> environment;  ///< set on top of the parent's
  std::filesystem::path stdout_file;               ///< appended to; empty: the parent's
  std::filesystem::path stderr_file;               ///< appended to; empty: the parent's
  std::vector<int> cores;                          ///< CPU affinity; empty: the parent's
  std::vector<int> inherited_fds;  ///< stay open in the child although they are close-on-exec here
};

struct ExitStatus {
  int code = 0;               ///< exit code; 128 + signal when a signal ended it
  int signal = 0;             ///< 0: it exited
  std::int64_t peak_rss = 0;  ///< bytes, of the child and of what it waited for
};

/// Owns the right to wait for one child. Destroying it neither kills nor waits. When the child is
/// found to have ended, what is left of its group is killed.
class Subprocess {
 public:
  /// Errors: kIo naming the program, folder or output file that cannot be opened; then nothing
  /// runs.
  static Result<Subprocess> Start(const SubprocessOptions& options);

  pid_t pid() const { return pid_; }
  /// The exit once the child has ended, else nothing. After that it says the same again.
  Result<std::optional<ExitStatus>> Poll();
  /// Waits for the end.
  Result<ExitStatus> Wait();
  /// Sends `signal` to the child's whole group. An ended child is no error.
  void Signal(int signal) const;

 private:
  explicit Subprocess(pid_t pid) : pid_(pid) {}
  Result<std::optional<ExitStatus>> WaitWith(int flags);

  pid_t pid_;
  std::optional<ExitStatus> exit_;
};

/// The cores this process may use, from sched_getaffinity.
std::vector<int> UsableCores();

}  // namespace repro
