/// A task program for tests: obeys its spec and works through the real runner, so that everything
/// but the work is real.
///
/// Spec: {"name", "steps", "step_ms", "checkpoint", "fail_times", "diverge_times", "hang", "deaf",
/// "ledger"}. A step costs `step_ms`; with `checkpoint` each step is saved. `ledger` gets one line
/// a step and one at the end, which shows what was done twice. `hang` stops giving signs after the
/// first step; `deaf` ignores the request to stop.

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include "core/base/hash.h"
#include "core/graph/task_runner.h"
#include "core/io/file.h"
#include "core/io/subprocess.h"

namespace {

using repro::ErrorCode;
using repro::Fail;
using repro::Status;

// A signal handler can reach nothing else.
repro::StopFlag stop_requested{
    false};  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

void RequestStop(int) {
  stop_requested.store(true);
}

/// One write(2), so that lines of several processes never mix.
void Append(const std::string& file, const std::string& line) {
  if (file.empty()) return;
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  const std::string text = line + "\n";
  if (fd < 0 || ::write(fd, text.data(), text.size()) < 0) std::perror(file.c_str());
  ::close(fd);
}

Status RunFake(repro::TaskContext& context) {
  const repro::Json& spec = context.task.spec;
  const std::string name = spec.at("name");
  const int steps = spec.value("steps", 1);
  const int step_ms = spec.value("step_ms", 10);
  const bool deaf = spec.value("deaf", false);
  const std::string ledger = spec.value("ledger", "");
  const char* threads = std::getenv("OMP_NUM_THREADS");
  context.events.Message("info",
                         fmt::format("cores {} threads {}", fmt::join(repro::UsableCores(), ","),
                                     threads == nullptr ? "none" : threads));

  const auto tries_file = context.scratch / "tries";
  const int tries = std::atoi(repro::ReadFile(tries_file).value_or("0").c_str());
  REPRO_RETURN_IF_ERROR(repro::WriteFileAtomic(tries_file, std::to_string(tries + 1)));
  if (tries < spec.value("fail_times", 0)) {
    return Fail(ErrorCode::kFailed, "planned failure {}", tries + 1);
  }
  if (tries < spec.value("diverge_times", 0)) {
    return Fail(ErrorCode::kDiverged, "loss is nan at update 3");
  }

  const auto step_file = context.scratch / "step";
  int step = std::atoi(repro::ReadFile(step_file).value_or("0").c_str());
  if (step > 0) context.events.State("resumed", {{"step", step}});
  for (; step < steps; ++step) {
    for (int waited = 0; waited < step_ms; waited += 5) {
      if (context.stop && !deaf) {
        if (spec.value("checkpoint", false)) context.events.State("checkpoint", {{"step", step}});
        return Fail(ErrorCode::kInterrupted, "asked to stop at step {}", step);
      }
      ::usleep(5'000);
    }
    Append(ledger, fmt::format("step {} {}", name, step));
    if (spec.value("checkpoint", false)) {
      REPRO_RETURN_IF_ERROR(repro::WriteFileAtomic(step_file, std::to_string(step + 1)));
      context.events.State("checkpoint", {{"step", step + 1}});
    }
    context.events.Progress(step + 1, steps, "steps",
                            {{"loss", 10.0 / (step + 1)}, {"tokens_per_second", 1000}});
    context.events.Write({.name = "fake.loss", .value = 10.0 / (step + 1), .step = step});
    while (spec.value("hang", false)) ::usleep(5'000);
  }

  // The content depends on everything before it and on nothing else.
  std::string content = name;
  for (const auto& [role, folder] : context.inputs) {
    REPRO_ASSIGN_OR_RETURN(const std::string input, repro::ReadFile(folder / "out.txt"));
    content += role + input;
  }
  return repro::WriteFileAtomic(context.out / "out.txt", repro::Sha256Hex(content));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  struct sigaction action {};
  action.sa_handler = RequestStop;
  for (const int signal : std::array{SIGTERM, SIGINT, SIGUSR1}) sigaction(signal, &action, nullptr);
  const std::array<repro::TaskKind, 1> kinds = {{{"fake", RunFake}}};
  return static_cast<int>(repro::RunAttempt(argv[2], kinds, "fake-build", stop_requested));
}
