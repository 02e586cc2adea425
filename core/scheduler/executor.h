#pragma once
/// The seam between the scheduler's loop and what runs tasks: processes of this machine, a cluster,
/// or a test's fake.

#include <cstdint>
#include <filesystem>
#include <string>
#include <variant>
#include <vector>

#include "core/base/result.h"
#include "core/graph/plan.h"
#include "core/graph/task_runner.h"

namespace repro {

/// It ended by itself. `code` is a TaskExit or anything else.
struct Exited {
  int code = 0;
};
/// A signal ended it.
struct Signalled {
  int signal = 0;
};
/// An adopted attempt is gone; how it ended is known only from what it left.
struct Vanished {};

struct AttemptEnd {
  std::string task_key;
  std::variant<Exited, Signalled, Vanished> how;
};

enum class CancelMode {
  kCheckpoint,  ///< asks the task to save and end
  kKill,        ///< ends it at once, with everything it started
};

/// One attempt per task key at a time. Not shared between threads.
class Executor {
 public:
  virtual ~Executor() = default;

  /// What this executor can hand out.
  virtual Pools Capacity() const = 0;

  /// Starts the attempt in `folder`, which exists and is empty. Errors: the system refused (disk
  /// full, no such program): the task is not to blame and nothing runs.
  virtual Status Start(const std::filesystem::path& folder, const AttemptDescription& attempt) = 0;

  /// Takes over an attempt that an earlier scheduler started. False when it does not live any more.
  virtual Result<bool> Adopt(const std::filesystem::path& folder,
                             const AttemptDescription& attempt) = 0;

  /// Attempts that ended since the last call.
  virtual Result<std::vector<AttemptEnd>> Poll() = 0;

  /// A key that does not run is no error.
  virtual void Cancel(const std::string& task_key, CancelMode mode) = 0;

  /// When the attempt last gave a sign of progress (an event, a line of output), milliseconds since
  /// 1970.
  virtual std::int64_t LastSignMs(const std::string& task_key) const = 0;
};

}  // namespace repro
