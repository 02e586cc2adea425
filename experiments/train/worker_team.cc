#include "experiments/train/worker_team.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include <sys/prctl.h>
#include <unistd.h>

#include "core/base/units.h"
#include "core/io/subprocess.h"

namespace repro {
namespace {

constexpr auto kPoll = std::chrono::milliseconds(50);
constexpr double kGraceSeconds = 20;

std::string Describe(std::size_t worker, pid_t pid, const ExitStatus& exit) {
  const std::string who = fmt::format("rank {} (process {})", worker + 1, pid);
  if (exit.signal != 0) {
    return fmt::format("{} was killed by signal {} ({})", who, exit.signal,
                       ::strsignal(exit.signal));
  }
  return fmt::format("{} ended with exit code {}; its own words stand in the attempt's stderr", who,
                     exit.code);
}

}  // namespace

struct WorkerTeam::Impl {
  std::vector<Subprocess> workers;
  std::vector<int> agreed;
  std::vector<bool> ended;
  mutable std::mutex mutex;
  mutable std::condition_variable changed;
  std::optional<std::string> loss;
  bool finishing = false;  // from here on this process does not wait for a worker's words
  bool closing = false;
  std::thread watcher;

  void Watch();
  void KillAll() {
    for (const Subprocess& worker : workers) worker.Signal(SIGKILL);
  }
};

void WorkerTeam::Impl::Watch() {
  double deadline = 0;
  std::unique_lock lock(mutex);
  while (!closing) {
    bool all_ended = true;
    for (std::size_t i = 0; i < workers.size(); ++i) {
      if (ended[i]) continue;
      const auto exit = workers[i].Poll();
      if (exit && !exit->has_value()) {
        all_ended = false;
        continue;
      }
      ended[i] = true;
      const bool well =
          exit && std::find(agreed.begin(), agreed.end(), (*exit)->code) != agreed.end();
      if (loss || well) continue;
      loss = exit ? Describe(i, workers[i].pid(), **exit) : exit.error().message;
      KillAll();
      deadline = SteadySeconds() + kGraceSeconds;
    }
    if (all_ended && finishing) break;
    if (deadline > 0 && !finishing && SteadySeconds() > deadline) {
      std::fprintf(stderr,
                   "repro-task: %s; this process waited for it in vain, and ends: the next attempt "
                   "goes on from the last checkpoint\n",
                   loss->c_str());
      std::_Exit(1);
    }
    changed.notify_all();
    changed.wait_for(lock, kPoll);
  }
  changed.notify_all();
}

WorkerTeam::WorkerTeam(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
WorkerTeam::WorkerTeam(WorkerTeam&&) noexcept = default;
WorkerTeam& WorkerTeam::operator=(WorkerTeam&& other) noexcept {
  std::swap(impl_, other.impl_);  // the other ends what was here
  return *this;
}

WorkerTeam::~WorkerTeam() {
  if (impl_ == nullptr) return;
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->closing = true;
  }
  impl_->changed.notify_all();
  impl_->watcher.join();
  impl_->KillAll();
  for (Subprocess& worker : impl_->workers) (void)worker.Wait();
}

Result<WorkerTeam> WorkerTeam::Start(const std::string& program,
                                     const std::vector<std::string>& arguments,
                                     const std::vector<Member>& members,
                                     const std::vector<int>& agreed) {
  auto impl = std::make_unique<Impl>();
  impl->agreed = agreed;
  for (const Member& member : members) {
    SubprocessOptions options;
    options.program = program;
    options.arguments = arguments;
    options.environment = member.environment;
    options.cores = member.cores;
    auto started = Subprocess::Start(options);
    if (!started) {
      impl->KillAll();
      for (Subprocess& worker : impl->workers) (void)worker.Wait();
      return tl::unexpected(started.error());
    }
    impl->workers.push_back(std::move(started).value());
  }
  impl->ended.assign(members.size(), false);
  Impl* watched = impl.get();
  impl->watcher = std::thread([watched] { watched->Watch(); });
  return WorkerTeam(std::move(impl));
}

std::optional<std::string> WorkerTeam::Loss(double seconds) const {
  std::unique_lock lock(impl_->mutex);
  impl_->changed.wait_for(lock, std::chrono::duration<double>(seconds),
                          [&] { return impl_->loss.has_value(); });
  return impl_->loss;
}

Status WorkerTeam::Finish(double seconds) {
  std::unique_lock lock(impl_->mutex);
  impl_->finishing = true;
  const auto running = [&] { return std::find(impl_->ended.begin(), impl_->ended.end(), false); };
  impl_->changed.wait_for(lock, std::chrono::duration<double>(seconds), [&] {
    return impl_->loss.has_value() || running() == impl_->ended.end();
  });
  if (impl_->loss) return Fail(ErrorCode::kFailed, "{}", *impl_->loss);
  if (running() == impl_->ended.end()) return {};
  const auto worker = static_cast<std::size_t>(running() - impl_->ended.begin());
  return Fail(ErrorCode::kFailed,
              "rank {} (process {}) has not ended {:g} s after the work was done", worker + 1,
              impl_->workers[worker].pid(), seconds);
}

Result<std::int64_t> RankFromEnvironment() {
  const char* variable = std::getenv(kRankVariable);
  if (variable == nullptr) return 0;
  const std::string_view text = variable;
  std::int64_t rank = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), rank);
  if (error != std::errc() || end != text.data() + text.size() || rank < 0) {
    return Fail(ErrorCode::kInvalidArgument, "{}=\"{}\": expected the number of a process, from 0",
                kRankVariable, text);
  }
  return rank;
}

Status DieWithParent() {
  const char* parent = std::getenv(kParentVariable);
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || parent == nullptr ||
      std::to_string(::getppid()) != parent) {
    return Fail(ErrorCode::kFailed, "the process that started this worker is gone");
  }
  return {};
}

}  // namespace repro
