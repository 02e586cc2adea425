#pragma once
/// A training task as a person watches it: its curves, how far it is, what happened to it. Read
/// from the run log and, while the task runs, from what its events.jsonl holds beyond that: a
/// reader never writes the log.

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "core/base/result.h"
#include "core/io/json_io.h"
#include "core/store/run_log.h"

namespace repro {

/// One metric over the updates of a task, steps ascending, each once.
struct TrainingCurve {
  MetricSeries series;
  std::vector<MetricPoint> points;

  /// Adds a point, or replaces the one at its step.
  void Set(MetricPoint point);
};

/// How much of each curve is read.
enum class CurveDetail {
  kWatch,  ///< losses and dev scores whole, of all else the newest `kRecentPoints`
  kAll,
};

inline constexpr std::size_t kRecentPoints = 50;

struct TrainingTask {
  TaskRow task;
  std::vector<AttemptRow> attempts;
  bool alive = false;                 ///< the newest attempt's process holds its lock
  std::vector<TrainingCurve> curves;  ///< ordered by name, language, split, seed
  std::vector<Json> events;           ///< other than metrics and progress; `attempt` says whose
  Json progress;                      ///< the newest {done, total, unit, info, time_ms}; null: none
  /// Updates (or what `progress` counts) a second, wall time, validation and checkpoints included;
  /// of the newest attempt.
  std::optional<double> done_per_second;

  const TrainingCurve* Find(std::string_view name, std::string_view language = "",
                            std::string_view split = "") const;
};

/// Whether a task has curves that a person wants to see: a loss over updates.
bool IsTraining(const TrainingTask& task);

/// Whether the task failed or diverged: its reason must be shown, also where it logged no curve.
bool EndedBadly(const TrainingTask& task);

/// What `show` and `report run` draw: what trains, and what ended badly.
bool IsDrawnTask(const TrainingTask& task);

/// Which points of a task's metrics belong to its newest attempt and what that went on from: what
/// an earlier attempt logged beyond is not its curve any more.
PointQuery CurrentPoints(const std::vector<AttemptRow>& attempts, const std::vector<Json>& events,
                         const Json& progress);

/// Reads one task again and again; what it has read of a long curve it keeps. Not shared between
/// threads.
class TrainingReader {
 public:
  TrainingReader(std::filesystem::path workspace, std::string task_key, CurveDetail detail);

  /// The task as it is now; null when the log does not know it. The pointer is good until the next
  /// call. Errors: of the log; kIo when the events of a running attempt cannot be read.
  Result<const TrainingTask*> Read(const RunLog& log);

 private:
  using Id = std::tuple<std::string, std::string, std::string, std::int64_t>;

  Status ReadCurves(const RunLog& log);
  Status ReadRunning();

  std::filesystem::path workspace_;
  std::string key_;
  CurveDetail detail_;
  TrainingTask task_;
  std::map<Id, TrainingCurve> curves_;
  std::size_t known_attempts_ = 0;
  std::int64_t resumed_attempt_ = 0, resumed_at_ = 0;
};

/// The "info" of a state event; an empty object where there is none.
Json EventInfo(const Json& event);

/// At most two points a bucket, `buckets` of them between the first and the last step: the lowest
/// and the highest value of each in the order of their steps, so that a spike stays visible however
/// long the curve is; the first and the last point always. Values that are not finite are left out.
std::vector<MetricPoint> Downsample(const std::vector<MetricPoint>& points, std::size_t buckets);

/// The mean over `curves` at each step that all of them have.
std::vector<MetricPoint> MeanCurve(const std::vector<const TrainingCurve*>& curves);

/// Seconds until `progress.total` at `done_per_second`; empty when the task does not run or too
/// little is known.
std::optional<double> SecondsLeft(const TrainingTask& training, std::int64_t now_ms);

}  // namespace repro
