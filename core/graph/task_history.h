#pragma once
/// Tasks as the run log knows them. Earlier ones are found by likeness: what a task is compared
/// with to say why it must run, and what its time is estimated from.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/graph/task.h"
#include "core/store/run_log.h"

namespace repro {

/// Reads each kind once, when it is first asked for. Not shared between threads.
class TaskHistory {
 public:
  /// `log` may be null (no log yet: there is no history) and must outlive this.
  explicit TaskHistory(const RunLog* log) : log_(log) {}

  /// The task of the same kind, other than `task` itself, with the fewest differing settings and
  /// inputs; of equals one with the same label, then the newest. Null when the kind never ran.
  /// Valid as long as this lives.
  Result<const TaskRow*> Nearest(const Task& task);

  /// Seconds that `task` will take: the median time per unit of work of the most similar finished
  /// tasks of its kind, times its work. Empty when there is none that took long enough to tell.
  Result<std::optional<double>> EstimateSeconds(const Task& task);

 private:
  /// Hashes of (path, value) for each setting and (role, key) for each input, sorted: likeness is a
  /// merge.
  using Fingerprint = std::vector<std::pair<std::uint64_t, std::uint64_t>>;
  struct Entry {
    TaskRow row;
    Fingerprint fingerprint;
  };

  /// Earlier tasks of a kind, newest first, and how far each is from the task asked about.
  struct Comparison {
    const std::vector<Entry>& entries;
    const std::vector<std::uint32_t>& distances;
  };

  static Fingerprint MakeFingerprint(const Json& spec, const Json& inputs);
  static std::uint32_t Distance(const Fingerprint& a, const Fingerprint& b);
  Result<const std::vector<Entry>*> OfKind(const std::string& kind);
  Result<Comparison> Compare(const Task& task);

  const RunLog* log_;
  std::map<std::string, std::vector<Entry>, std::less<>> kinds_;
  /// By task key: a plan asks for the nearest task and for an estimate, and comparing takes most of
  /// its time.
  std::unordered_map<std::string, std::vector<std::uint32_t>> distances_;
};

/// The log's row of a task that has not run yet.
TaskRow MakeTaskRow(const Task& task);

/// Why `task` is not what `earlier` was, in the words of the manifest: "vocab.size 4000 -> 3000",
/// "input vocab changed".
std::vector<std::string> DescribeDifference(const TaskRow& earlier, const Task& task);

/// How far the time estimates of the last `repro run` that made some were off.
struct EstimateAccuracy {
  std::size_t tasks = 0;         ///< tasks that had an estimate and ran undisturbed
  double estimated_seconds = 0;  ///< in all
  double actual_seconds = 0;
  double median_ratio = 1;  ///< actual / estimated of the middle task
  double worst_ratio = 1;   ///< of the task that was farthest off, either way
};

/// Reads the estimates that `repro run` left in its invocation's provenance ("estimates": {task
/// key: seconds}).
Result<std::optional<EstimateAccuracy>> LastEstimateAccuracy(const RunLog& log);

}  // namespace repro
