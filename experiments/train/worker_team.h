#pragma once
/// The other processes of a data-parallel training on this machine: started by rank 0 as children,
/// watched, and taken down together. No LibTorch.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"

namespace repro {

/// One child a rank, 1 .. size - 1. They die with this process, however it ends (the worker asks
/// the kernel for that: DieWithParent). When one is killed or fails, the others are killed at once,
/// and Loss() says which it was; if this process has not ended by itself 20 seconds later (it may
/// hang in an exchange with the dead one), it is ended with exit code 1 and that line on stderr. A
/// worker may end with one of the `agreed` exit codes at any time: all processes do so together.
class WorkerTeam {
 public:
  struct Member {
    std::map<std::string, std::string> environment;  ///< on top of this process's
    std::vector<int> cores;                          ///< empty: this process's
  };
  /// Starts `program arguments...` for each member: ranks 1, 2, ... in their order. Errors: kIo;
  /// then none runs.
  static Result<WorkerTeam> Start(const std::string& program,
                                  const std::vector<std::string>& arguments,
                                  const std::vector<Member>& members,
                                  const std::vector<int>& agreed = {0});
  WorkerTeam(WorkerTeam&&) noexcept;
  WorkerTeam& operator=(WorkerTeam&&) noexcept;
  /// Kills who still runs.
  ~WorkerTeam();

  /// "rank 2 (process 4711) was killed by signal 9 (Killed)": the first that ended too early. Waits
  /// up to `seconds` for one: who notices a closed connection may be faster than who waits for the
  /// process.
  std::optional<std::string> Loss(double seconds) const;
  /// The work is done: waits until all have ended by themselves, at most `seconds`. Errors: kFailed
  /// naming the rank that did not end well, or not at all.
  Status Finish(double seconds = 60);

 private:
  struct Impl;
  explicit WorkerTeam(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Environment of a worker: its rank, the leader's port on 127.0.0.1, the process that started it.
inline constexpr const char* kRankVariable = "REPRO_RANK";
inline constexpr const char* kPortVariable = "REPRO_PORT";
inline constexpr const char* kParentVariable = "REPRO_PARENT";

/// Rank of this process by its environment; 0 where it was not started as a worker. Errors:
/// kInvalidArgument when the variable holds anything else than a rank.
Result<std::int64_t> RankFromEnvironment();

/// In a worker, first of all: the kernel kills this process when its parent ends. Errors: kFailed
/// when the parent is gone already.
Status DieWithParent();

}  // namespace repro
