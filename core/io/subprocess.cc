#include "core/io/subprocess.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace repro {
namespace {

/// Where a child that could not exec stopped; sent to the parent through a pipe that a successful
/// exec closes.
enum class Step : int { kChdir, kStdout, kStderr, kExec };

struct StartFailure {
  Step step;
  int error;
};

/// Everything the child needs, laid out before fork: between fork and exec only async-signal-safe
/// calls are allowed.
struct ChildPlan {
  std::vector<char*> arguments;
  std::vector<char*> environment;
  const char* folder = nullptr;
  const char* stdout_file = nullptr;
  const char* stderr_file = nullptr;
  const std::vector<int>* inherited_fds = nullptr;
  bool set_cores = false;
  cpu_set_t cores = {};
};

bool Redirect(const char* file, int flags, int target) {
  const int fd = ::open(file, flags | O_CLOEXEC, 0666);
  if (fd < 0) return false;
  // dup2 onto itself, where the parent had `target` closed, would leave it close-on-exec.
  return fd == target ? ::fcntl(fd, F_SETFD, 0) == 0 : ::dup2(fd, target) >= 0;
}

[[noreturn]] void ReportAndExit(int report_fd, Step step) {
  const StartFailure failure{step, errno};
  // Nothing can be done about a lost report: the parent then sees exit code 127.
  [[maybe_unused]] const ssize_t written = ::write(report_fd, &failure, sizeof(failure));
  ::_exit(127);
}

[[noreturn]] void RunChild(const ChildPlan& plan, int report_fd) {
  ::setpgid(0, 0);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGPIPE, SIGUSR1, SIGUSR2}) {
    ::signal(signal, SIG_DFL);
  }
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  // A core that went away meanwhile is no reason not to run: the task is slower then, not wrong.
  if (plan.set_cores) ::sched_setaffinity(0, sizeof(plan.cores), &plan.cores);
  if (plan.folder != nullptr && ::chdir(plan.folder) != 0) ReportAndExit(report_fd, Step::kChdir);
  constexpr int kAppend = O_WRONLY | O_CREAT | O_APPEND;
  if (plan.stdout_file != nullptr && !Redirect(plan.stdout_file, kAppend, STDOUT_FILENO)) {
    ReportAndExit(report_fd, Step::kStdout);
  }
  if (plan.stderr_file != nullptr && !Redirect(plan.stderr_file, kAppend, STDERR_FILENO)) {
    ReportAndExit(report_fd, Step::kStderr);
  }
  Redirect("/dev/null", O_RDONLY, STDIN_FILENO);  // without it the task reads what the parent does
  for (const int fd : *plan.inherited_fds) ::fcntl(fd, F_SETFD, 0);
  ::execve(plan.arguments.front(), plan.arguments.data(), plan.environment.data());
  ReportAndExit(report_fd, Step::kExec);
}

/// The parent's environment with `changes` on top, as NAME=value.
std::vector<std::string> MergedEnvironment(const std::map<std::string, std::string>& changes) {
  std::vector<std::string> merged;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (!changes.contains(std::string(text.substr(0, text.find('='))))) merged.emplace_back(text);
  }
  for (const auto& [name, value] : changes) {
    merged.emplace_back(name).append("=").append(value);
  }
  return merged;
}

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (std::string& text : strings) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

tl::unexpected<Error> DescribeFailure(const StartFailure& failure,
                                      const SubprocessOptions& options) {
  errno = failure.error;
  switch (failure.step) {
    case Step::kChdir:
      return FailErrno("enter", options.working_folder.string());
    case Step::kStdout:
      return FailErrno("open", options.stdout_file.string());
    case Step::kStderr:
      return FailErrno("open", options.stderr_file.string());
    case Step::kExec:
      break;
  }
  return FailErrno("start", options.program.string());
}

}  // namespace

Result<Subprocess> Subprocess::Start(const SubprocessOptions& options) {
  std::vector<std::string> arguments = {options.program.string()};
  arguments.insert(arguments.end(), options.arguments.begin(), options.arguments.end());
  std::vector<std::string> environment = MergedEnvironment(options.environment);

  ChildPlan plan;
  plan.arguments = Pointers(arguments);
  plan.environment = Pointers(environment);
  if (!options.working_folder.empty()) plan.folder = options.working_folder.c_str();
  if (!options.stdout_file.empty()) plan.stdout_file = options.stdout_file.c_str();
  if (!options.stderr_file.empty()) plan.stderr_file = options.stderr_file.c_str();
  plan.inherited_fds = &options.inherited_fds;
  plan.set_cores = !options.cores.empty();
  CPU_ZERO(&plan.cores);
  for (const int core : options.cores) CPU_SET(static_cast<std::size_t>(core), &plan.cores);

  std::array<int, 2> report = {-1, -1};
  if (::pipe2(report.data(), O_CLOEXEC) != 0)
    return FailErrno("make a pipe for", options.program.string());
  const pid_t pid = ::fork();
  if (pid < 0) {
    auto failure = FailErrno("fork for", options.program.string());
    ::close(report[0]);
    ::close(report[1]);
    return failure;
  }
  if (pid == 0) RunChild(plan, report[1]);
  ::setpgid(pid, pid);  // here as well as in the child: whoever comes first
  ::close(report[1]);
  StartFailure failure{};
  ssize_t got = 0;
  do {
    got = ::read(report[0], &failure, sizeof(failure));
  } while (got < 0 && errno == EINTR);
  ::close(report[0]);
  if (got == static_cast<ssize_t>(sizeof(failure))) {
    ::waitpid(pid, nullptr, 0);
    return DescribeFailure(failure, options);
  }
  return Subprocess(pid);
}

Result<std::optional<ExitStatus>> Subprocess::WaitWith(int flags) {
  if (exit_) return exit_;
  const auto failed = [this] { return FailErrno("wait for", "process " + std::to_string(pid_)); };
  // Looked at first, taken afterwards: while it is a zombie its group id cannot belong to anybody
  // else.
  siginfo_t info = {};
  while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT | flags) != 0) {
    if (errno != EINTR) return failed();
  }
  if (info.si_pid == 0) return std::nullopt;
  ::kill(-pid_, SIGKILL);
  int status = 0;
  struct rusage usage = {};
  if (::wait4(pid_, &status, 0, &usage) < 0) return failed();
  ExitStatus result;
  result.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  result.code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  result.peak_rss = static_cast<std::int64_t>(usage.ru_maxrss) * 1024;
  exit_ = result;
  return exit_;
}

Result<std::optional<ExitStatus>> Subprocess::Poll() {
  return WaitWith(WNOHANG);
}

Result<ExitStatus> Subprocess::Wait() {
  REPRO_ASSIGN_OR_RETURN(const auto status, WaitWith(0));
  return *status;
}

void Subprocess::Signal(int signal) const {
  if (!exit_) ::kill(-pid_, signal);
}

std::vector<int> UsableCores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> cores;
  if (::sched_getaffinity(0, sizeof(set), &set) != 0) return {0};
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(static_cast<std::size_t>(core), &set)) cores.push_back(core);
  }
  return cores;
}

}  // namespace repro
