#include "core/scheduler/local_executor.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <string_view>

#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/io/file.h"
#include "core/io/file_lock.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

constexpr const char* kVisibleDevices = "CUDA_VISIBLE_DEVICES";

std::int64_t PhysicalMemory() {
  const std::int64_t physical =
      static_cast<std::int64_t>(::sysconf(_SC_PHYS_PAGES)) * ::sysconf(_SC_PAGE_SIZE);
  // cgroup v2 of a container; "max" and a missing file mean no limit.
  std::ifstream limit_file("/sys/fs/cgroup/memory.max");
  std::int64_t limit = std::numeric_limits<std::int64_t>::max();
  if (!(limit_file >> limit)) limit = std::numeric_limits<std::int64_t>::max();
  return std::min(physical, limit);
}

/// "0,2" as CUDA reads it: up to the first that is no number of one of `count` devices.
std::vector<int> ParseDevices(const char* list, long count) {
  std::vector<int> devices;
  for (const char* at = list; *at != '\0';) {
    char* end = nullptr;
    const long device = std::strtol(at, &end, 10);
    if (end == at || device < 0 || device >= count) break;
    devices.push_back(static_cast<int>(device));
    at = *end == ',' ? end + 1 : end;
  }
  return devices;
}

std::vector<int> VisibleGpus() {
  int count = 0;
  std::error_code error;
  for (fs::directory_iterator gpu("/proc/driver/nvidia/gpus", error), end; !error && gpu != end;
       gpu.increment(error)) {
    ++count;
  }
  // Who limits the devices from outside means us, too. Only plain numbers can be shared out.
  const char* limit = std::getenv(kVisibleDevices);
  if (limit != nullptr) return ParseDevices(limit, count);
  std::vector<int> visible;
  for (int gpu = 0; gpu < count; ++gpu) visible.push_back(gpu);
  return visible;
}

/// Takes `count` items from `pool`, fewer when it has fewer.
std::vector<int> Take(std::set<int>& pool, int count) {
  std::vector<int> taken;
  while (static_cast<int>(taken.size()) < count && !pool.empty()) {
    taken.push_back(pool.extract(pool.begin()).value());
  }
  return taken;
}

std::string Join(const std::vector<int>& numbers) {
  return fmt::format("{}", fmt::join(numbers, ","));
}

/// Cores that a living process is bound to.
std::vector<int> CoresOf(pid_t pid) {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> cores;
  if (::sched_getaffinity(pid, sizeof(set), &set) != 0) return cores;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(static_cast<std::size_t>(core), &set)) cores.push_back(core);
  }
  return cores;
}

/// GPUs that a living process was given when it was started.
std::vector<int> GpusOf(pid_t pid) {
  std::ifstream environment("/proc/" + std::to_string(pid) + "/environ", std::ios::binary);
  const std::string name = std::string(kVisibleDevices) + "=";
  for (std::string entry; std::getline(environment, entry, '\0');) {
    if (entry.starts_with(name)) {
      return ParseDevices(entry.c_str() + name.size(), std::numeric_limits<int>::max());
    }
  }
  return {};
}

std::int64_t ModifiedMs(const fs::path& path) {
  struct stat status = {};
  if (::stat(path.c_str(), &status) != 0) return 0;
  return static_cast<std::int64_t>(status.st_mtim.tv_sec) * 1000 +
         status.st_mtim.tv_nsec / 1'000'000;
}

}  // namespace

Machine DetectMachine(int max_cores) {
  Machine machine{UsableCores(), VisibleGpus(), PhysicalMemory()};
  if (max_cores > 0 && static_cast<std::size_t>(max_cores) < machine.cores.size()) {
    machine.cores.resize(static_cast<std::size_t>(max_cores));
  }
  return machine;
}

LocalExecutor::LocalExecutor(fs::path task_program, Machine machine)
    : task_program_(std::move(task_program)),
      machine_(std::move(machine)),
      free_cores_(machine_.cores.begin(), machine_.cores.end()),
      free_gpus_(machine_.gpus.begin(), machine_.gpus.end()) {}

Pools LocalExecutor::Capacity() const {
  return {.cores = static_cast<int>(machine_.cores.size()),
          .gpus = static_cast<int>(machine_.gpus.size()),
          .memory_bytes = machine_.memory_bytes};
}

Status LocalExecutor::Start(const fs::path& folder, const AttemptDescription& attempt) {
  REPRO_RETURN_IF_ERROR(
      WriteFileAtomic(folder / "task.json", CanonicalJson(ToJson(attempt)) + "\n"));
  REPRO_ASSIGN_OR_RETURN(const FileLock lock, FileLock::TryLock(folder / "lock"));

  const Resources& wanted = attempt.task.resources;
  Running running;
  running.folder = folder;
  running.cores = Take(free_cores_, wanted.threads);
  running.gpus = Take(free_gpus_, wanted.gpus);

  SubprocessOptions options;
  options.program = task_program_;
  options.arguments = {"run", folder.string()};
  options.working_folder = folder;
  options.stdout_file = folder / "stdout";
  options.stderr_file = folder / "stderr";
  // No core is free only when the tasks want more than there are; then all are shared.
  options.cores = running.cores.empty() ? machine_.cores : running.cores;
  options.inherited_fds = {lock.fd()};
  const std::string threads = std::to_string(wanted.threads);
  options.environment = {
      {std::string(kInheritedLockVariable), std::to_string(lock.fd())},
      {"OMP_NUM_THREADS", threads},
      {"MKL_NUM_THREADS", threads},
      {"OPENBLAS_NUM_THREADS", threads},
      {"OMP_WAIT_POLICY", "passive"},
      {"OMP_DYNAMIC", "false"},
      {"MKL_DYNAMIC", "false"},
      {kVisibleDevices, Join(running.gpus)},
  };
  auto process = Subprocess::Start(options);
  if (!process) {
    free_cores_.insert(running.cores.begin(), running.cores.end());
    free_gpus_.insert(running.gpus.begin(), running.gpus.end());
    return tl::unexpected(process.error());
  }
  running.process = std::move(*process);
  running_.emplace(attempt.task.key, std::move(running));
  return {};
}

Result<bool> LocalExecutor::Adopt(const fs::path& folder, const AttemptDescription& attempt) {
  if (!IsLocked(folder / "lock")) return false;
  Running running;
  running.folder = folder;
  const auto take = [](std::set<int>& pool, const std::vector<int>& used, std::vector<int>& taken) {
    for (const int item : used) {
      if (pool.erase(item) > 0) taken.push_back(item);
    }
  };
  for (const pid_t pid : ProcessesHolding(folder / "lock")) {
    take(free_cores_, CoresOf(pid), running.cores);
    take(free_gpus_, GpusOf(pid), running.gpus);
  }
  running_.emplace(attempt.task.key, std::move(running));
  return true;
}

Result<std::vector<AttemptEnd>> LocalExecutor::Poll() {
  std::vector<AttemptEnd> ended;
  for (auto entry = running_.begin(); entry != running_.end();) {
    Running& running = entry->second;
    AttemptEnd end{entry->first, Vanished{}};
    if (running.process) {
      REPRO_ASSIGN_OR_RETURN(const auto status, running.process->Poll());
      if (!status) {
        ++entry;
        continue;
      }
      if (status->signal != 0) {
        end.how = Signalled{status->signal};
      } else {
        end.how = Exited{status->code};
      }
    } else if (IsLocked(running.folder / "lock")) {
      ++entry;
      continue;
    }
    free_cores_.insert(running.cores.begin(), running.cores.end());
    free_gpus_.insert(running.gpus.begin(), running.gpus.end());
    ended.push_back(std::move(end));
    entry = running_.erase(entry);
  }
  return ended;
}

void LocalExecutor::Cancel(const std::string& task_key, CancelMode mode) {
  const auto found = running_.find(task_key);
  if (found == running_.end()) return;
  const int signal = mode == CancelMode::kKill ? SIGKILL : SIGTERM;
  if (found->second.process) {
    found->second.process->Signal(signal);
    return;
  }
  // An adopted task is whoever has its lock open; it leads a group of its own.
  for (const pid_t pid : ProcessesHolding(found->second.folder / "lock")) {
    if (pid == ::getpid()) continue;
    const pid_t group = ::getpgid(pid);
    ::kill(group > 1 && group != ::getpgrp() ? -group : pid, signal);
  }
}

std::int64_t LocalExecutor::LastSignMs(const std::string& task_key) const {
  const auto found = running_.find(task_key);
  if (found == running_.end()) return 0;
  std::int64_t newest = 0;
  for (const char* file : {"task.json", "events.jsonl", "stdout", "stderr"}) {
    newest = std::max(newest, ModifiedMs(found->second.folder / file));
  }
  return newest;
}

}  // namespace repro
