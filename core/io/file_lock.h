#pragma once
/// flock(2) on a file: who holds it is alive. Unlike a pid, a lock is never recycled and ends with
/// its last holder, however that ends.
///
/// A lock belongs to an open file, not to a process: a parent can take it and hand the descriptor
/// down, so that there is no moment between fork and the child's first statement at which the child
/// runs without it.

#include <filesystem>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "core/base/result.h"

namespace repro {

/// Environment variable with the descriptor of a lock that a parent took for the child.
inline constexpr std::string_view kInheritedLockVariable = "REPRO_TASK_LOCK_FD";

/// An exclusive lock, held until destruction. Movable. The descriptor is closed on exec unless
/// handed down on purpose.
class FileLock {
 public:
  /// Makes the file if need be and locks it without waiting. Errors: kBusy when somebody holds it,
  /// kIo.
  static Result<FileLock> TryLock(const std::filesystem::path& path);

  /// What a task does first: takes over the lock on `path` that the scheduler holds for it
  /// (kInheritedLockVariable), or, started by hand, locks it itself. Errors: as TryLock.
  static Result<FileLock> InheritOrLock(const std::filesystem::path& path);

  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;
  ~FileLock();

  /// The open descriptor, to hand to a child.
  int fd() const { return fd_; }

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

/// Whether somebody, this process included, holds the lock of `path`. A file that is not there is
/// not locked.
bool IsLocked(const std::filesystem::path& path);

/// Processes of this user that hold the lock of `path`, from /proc: how a task whose parent died is
/// found again.
std::vector<pid_t> ProcessesHolding(const std::filesystem::path& path);

}  // namespace repro
