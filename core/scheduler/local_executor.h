#pragma once
/// Tasks as processes of this machine: each in a process group of its own, on cores of its own.

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/io/subprocess.h"
#include "core/scheduler/executor.h"

namespace repro {

/// What of this machine may be handed out.
struct Machine {
  std::vector<int> cores;         ///< ids, from sched_getaffinity
  std::vector<int> gpus;          ///< indices as CUDA counts them
  std::int64_t memory_bytes = 0;  ///< physical, or the cgroup's limit where that is less
};

/// Looks at this machine. `max_cores` > 0 takes only the first so many.
Machine DetectMachine(int max_cores = 0);

/// `Start` takes the lock of the attempt folder and hands it to the task: from its first instant on
/// the lock is held for exactly as long as the task lives. A task gets OMP_NUM_THREADS as its spec
/// says and passive waiting (spinning threads cost 5.7x on a shared machine), and sees only the
/// GPUs it was given.
class LocalExecutor : public Executor {
 public:
  /// `task_program`: repro-task, started as `task_program run FOLDER`.
  LocalExecutor(std::filesystem::path task_program, Machine machine);

  Pools Capacity() const override;
  Status Start(const std::filesystem::path& folder, const AttemptDescription& attempt) override;
  Result<bool> Adopt(const std::filesystem::path& folder,
                     const AttemptDescription& attempt) override;
  Result<std::vector<AttemptEnd>> Poll() override;
  void Cancel(const std::string& task_key, CancelMode mode) override;
  std::int64_t LastSignMs(const std::string& task_key) const override;

 private:
  struct Running {
    std::filesystem::path folder;
    std::optional<Subprocess> process;  ///< empty: adopted, seen by its lock only
    std::vector<int> cores, gpus;
  };

  std::filesystem::path task_program_;
  Machine machine_;
  std::set<int> free_cores_, free_gpus_;
  std::map<std::string, Running> running_;
};

}  // namespace repro
