#include "experiments/tasks/pretrain/team.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <string_view>
#include <system_error>

#include <sched.h>
#include <unistd.h>

#include "core/io/file.h"
#include "core/io/subprocess.h"
#include "experiments/train/trainer.h"

namespace repro {
namespace {

/// Who is gone shows at once; the watcher looks every 50 ms.
constexpr double kLossSeconds = 5;

/// How workers end together with the leader: done, asked to stop, diverged.
const std::vector<int> kAgreed = {static_cast<int>(TaskExit::kDone),
                                  static_cast<int>(TaskExit::kContinue),
                                  static_cast<int>(TaskExit::kDiverged)};

Result<std::uint16_t> PortFromEnvironment() {
  const char* text = std::getenv(kPortVariable);
  const std::string_view digits = text == nullptr ? "" : text;
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size() || port == 0) {
    return Fail(ErrorCode::kInvalidArgument, "{}=\"{}\": expected the port of the leader",
                kPortVariable, digits);
  }
  return port;
}

// Cores of each rank: consecutive pieces of this process's, or all of them where they do not go
// round.
std::vector<int> CoresOf(std::int64_t rank, std::int64_t processes, std::int64_t threads) {
  const std::vector<int> usable = UsableCores();
  if (static_cast<std::int64_t>(usable.size()) < processes * threads) return {};
  const auto begin = usable.begin() + rank * threads;
  return {begin, begin + threads};
}

void PinTo(const std::vector<int>& cores) {
  if (cores.empty()) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int core : cores) CPU_SET(core, &set);
  ::sched_setaffinity(0, sizeof set, &set);  // a hint: refused, the work is only slower
}

std::string TextOf(const std::filesystem::path& file) {
  return ReadFile(file).value_or("");
}

}  // namespace

Result<Team> Team::Assemble(std::int64_t processes, std::int64_t threads,
                            const TaskContext& context) {
  Team team;
  if (processes == 1) return team;
  REPRO_ASSIGN_OR_RETURN(const std::int64_t rank, RankFromEnvironment());
  if (rank > 0) {
    REPRO_ASSIGN_OR_RETURN(const std::uint16_t port, PortFromEnvironment());
    REPRO_ASSIGN_OR_RETURN(team.group_, TrainingGroup::Connect(port, rank, processes));
    REPRO_RETURN_IF_ERROR(team.group_.Meet());
    return team;
  }
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return Fail(ErrorCode::kIo, "/proc/self/exe: {}", error.message());
  REPRO_ASSIGN_OR_RETURN(team.group_, TrainingGroup::Open(processes));
  team.micro_batch_file_ = MicroBatchFile(context.scratch / "checkpoints");
  team.micro_batch_before_ = TextOf(team.micro_batch_file_);
  std::vector<WorkerTeam::Member> members;
  for (std::int64_t other = 1; other < processes; ++other) {
    const std::string cores = std::to_string(threads);
    members.push_back({.environment = {{kRankVariable, std::to_string(other)},
                                       {kPortVariable, std::to_string(team.group_.port())},
                                       {kParentVariable, std::to_string(::getpid())},
                                       {"OMP_NUM_THREADS", cores},
                                       {"MKL_NUM_THREADS", cores}},
                       .cores = CoresOf(other, processes, threads)});
  }
  REPRO_ASSIGN_OR_RETURN(
      team.workers_,
      WorkerTeam::Start(program.string(), {"worker", context.attempt.string()}, members, kAgreed));
  const std::size_t usable = UsableCores().size();  // before it is less
  PinTo(CoresOf(0, processes, threads));
  const Status met = team.group_.Meet();
  if (!met) return tl::unexpected(team.Conclude(met).error());
  context.events.State("assembled", {{"processes", processes}});
  if (static_cast<std::int64_t>(usable) < processes * threads) {
    context.events.Message(
        "warning", fmt::format("pretrain.processes {} with compute.threads {} want {} cores, there "
                               "are {}: they share them, and fewer would be as fast",
                               processes, threads, processes * threads, usable));
  }
  return team;
}

Status Team::Conclude(Status work) {
  if (!workers_) return work;
  if (work) return workers_->Finish();
  if (work.error().code != ErrorCode::kFailed) return work;
  // Which comes first, the closed connection or the worker's end, is a matter of milliseconds.
  const std::optional<std::string> loss = workers_->Loss(kLossSeconds);
  if (TextOf(micro_batch_file_) != micro_batch_before_) {
    return Fail(
        ErrorCode::kInterrupted,
        "memory ran out in one of the processes ({}): the next attempt goes on from the last "
        "checkpoint with fewer sequences at a time",
        loss ? *loss : work.error().message);
  }
  if (!loss) return work;
  return Fail(ErrorCode::kFailed,
              "{}; the other processes were stopped, and the next attempt goes on from the last "
              "checkpoint",
              *loss);
}

}  // namespace repro
