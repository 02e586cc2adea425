#pragma once
/// Who may write in a workspace, and how everybody else asks.
///
/// `<workspace>/lease` is locked (flock) for as long as one process writes; the kernel drops the
/// lock when that process ends, however it ends. Its text says who holds it. A command that finds
/// it held leaves a request file in
/// `<workspace>/requests/`, which the holder takes between two steps of its loop.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/io/file_lock.h"

namespace repro {

/// What the lease file says of its holder.
struct LeaseHolder {
  std::int64_t pid = 0;
  std::string host, user, command;
  std::int64_t since_ms = 0;

  /// "repro run fig2 (pid 123 of ada on box) since 2026-01-31T10:20:30Z, 12 min ago"
  std::string Describe() const;
};

/// The right to write. Dropped by the destructor.
class Lease {
 public:
  /// Makes the workspace folder when needed. `command`: the command line, for those who wait.
  /// Errors: kBusy saying who holds it and since when; kIo.
  static Result<Lease> Acquire(const std::filesystem::path& workspace, const std::string& command);
  Lease(Lease&&) noexcept = default;
  Lease& operator=(Lease&&) noexcept = default;
  ~Lease();

 private:
  explicit Lease(FileLock lock) : lock_(std::move(lock)) {}
  FileLock lock_;
};

struct LeaseState {
  bool held = false;  ///< a living process holds the lock
  std::optional<LeaseHolder>
      holder;  ///< what the file says; without `held`: who left it behind when it was killed
};
/// Looks without waiting. A workspace that does not exist is not held.
LeaseState InspectLease(const std::filesystem::path& workspace);

/// Something that a command asks of the lease holder. Asking twice does the same as once.
struct Request {
  enum class Kind { kStop, kRetry, kTag };
  Kind kind = Kind::kStop;
  std::int64_t run = 0;      ///< stop, tag: run number; 0 with an empty task_key stops everything
  std::string task_key;      ///< stop, retry: full key
  bool failed = false;       ///< retry: every failed task
  std::string tag;           ///< tag
  bool remove = false;       ///< tag: take it off
  std::int64_t time_ms = 0;  ///< when it was asked; `DropRequest` fills it
  std::string by;            ///< user and host; `DropRequest` fills it
};

/// Leaves a request for the holder (atomic rename). Returns its path.
Result<std::filesystem::path> DropRequest(const std::filesystem::path& workspace, Request request);

/// Gives each waiting request to `apply`, oldest first, and removes it afterwards; a crash in
/// between gives it again. What `apply` returns is not an error of the taking: it comes back in the
/// list, with messages of unreadable files (moved to requests/bad/). Only the lease holder may call
/// this.
struct TakenRequest {
  Request request;
  Status outcome;
};
Result<std::vector<TakenRequest>> TakeRequests(const std::filesystem::path& workspace,
                                               const std::function<Status(const Request&)>& apply);

}  // namespace repro
