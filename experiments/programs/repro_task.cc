/// repro-task: does one task in its own process. Started the same way by every executor.

#include <array>
#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>

#include "core/base/build_info.h"
#include "core/graph/task_runner.h"
#include "experiments/cuda/plugin.h"
#include "experiments/tasks/registry.h"
#include "experiments/train/worker_team.h"

namespace {

// The one mutable global of the program: a signal handler can reach nothing else.
repro::StopFlag stop_requested{
    false};  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

void RequestStop(int) {
  stop_requested.store(true);
}

void InstallSignalHandlers() {
  struct sigaction action {};
  action.sa_handler = RequestStop;
  for (const int signal : std::array{SIGTERM, SIGINT, SIGUSR1}) sigaction(signal, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

// Another process of a data-parallel training, started by the one that `run`s it.
int Worker(const char* attempt_folder) {
  const auto rank = repro::RankFromEnvironment();
  const repro::Status bound = rank ? repro::DieWithParent() : tl::unexpected(rank.error());
  if (!bound || *rank == 0) {
    std::fprintf(stderr, "repro-task: worker: %s\n",
                 bound ? "rank 0 is the process that `repro-task run` started itself"
                       : bound.error().message.c_str());
    return static_cast<int>(repro::TaskExit::kBadSpec);
  }
  InstallSignalHandlers();
  return static_cast<int>(
      repro::RunWorker(attempt_folder, *rank, repro::TaskKinds(), stop_requested));
}

int Main(int argc, char** argv) {
  const repro::CudaPlugin cuda =
      repro::DecideOnCuda();  // before any torch call: LibTorch caches the answer
  if (argc == 2 && std::string_view(argv[1]) == "--version") {
    std::printf("%s\n%s\n", repro::VersionText().c_str(), cuda.Describe().c_str());
    return 0;
  }
  const std::string_view verb = argc == 3 ? argv[1] : "";
  if (verb == "worker") return Worker(argv[2]);
  if (verb != "run") {
    std::fprintf(stderr,
                 "usage: repro-task run ATTEMPT_FOLDER\n"
                 "Runs the task that ATTEMPT_FOLDER/task.json describes. `repro run` starts it; to "
                 "run one by hand, take a folder from `repro show TASK`.\n");
    return static_cast<int>(repro::TaskExit::kBadSpec);
  }
  InstallSignalHandlers();
  return static_cast<int>(
      repro::RunAttempt(argv[2], repro::TaskKinds(), repro::BuildId(), stop_requested));
}

}  // namespace

int main(int argc, char** argv) {
  // What a task throws is caught around it, with its label; this is for what is left.
  try {
    return Main(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "repro-task: it cannot go on: %s\n", error.what());
  } catch (...) {
    std::fputs("repro-task: it cannot go on, and nobody said why\n", stderr);
  }
  return static_cast<int>(repro::TaskExit::kFailed);
}
