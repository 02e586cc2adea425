#include "core/report/training.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/io/file_lock.h"
#include "core/store/event_reader.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

/// Enough for the progress of the last updates, whatever is logged between them.
constexpr std::int64_t kTailBytes = 64 << 10;
constexpr std::int64_t kLongestRateWindowMs = 10 * 60 * 1000;

bool IsState(const Json& event, std::string_view state) {
  return TextField(event, "type") == "state" && TextField(event, "state") == state;
}

/// Drawn whole while a person watches; everything else shows its newest value.
bool IsDrawn(const MetricSeries& series) {
  return series.name == "pretrain.loss" || series.name == "valid.loss" || series.split == "dev" ||
         (series.split == "train" && series.name.ends_with(".loss"));
}

/// Done so many at a time.
struct Anchor {
  std::int64_t time_ms = 0, done = 0;
};

/// The rate between the newest anchor and one some minutes before it (half the attempt, where that
/// is less): what a person means by "at this speed".
std::optional<double> RateOf(std::vector<Anchor> anchors) {
  std::stable_sort(anchors.begin(), anchors.end(),
                   [](const Anchor& a, const Anchor& b) { return a.time_ms < b.time_ms; });
  if (anchors.size() < 2) return std::nullopt;
  const Anchor last = anchors.back();
  const std::int64_t window =
      std::min(kLongestRateWindowMs, (last.time_ms - anchors.front().time_ms) / 2);
  const Anchor* from = &anchors.front();
  for (const Anchor& anchor : anchors) {
    if (last.time_ms - anchor.time_ms >= window && anchor.done < last.done) from = &anchor;
  }
  if (from->time_ms >= last.time_ms || from->done >= last.done) return std::nullopt;
  return static_cast<double>(last.done - from->done) * 1000 /
         static_cast<double>(last.time_ms - from->time_ms);
}

}  // namespace

void TrainingCurve::Set(MetricPoint point) {
  if (points.empty() || points.back().step < point.step) {
    points.push_back(point);
    return;
  }
  const auto at =
      std::lower_bound(points.begin(), points.end(), point.step,
                       [](const MetricPoint& p, std::int64_t step) { return p.step < step; });
  if (at->step == point.step) {
    *at = point;
  } else {
    points.insert(at, point);
  }
}

const TrainingCurve* TrainingTask::Find(std::string_view name, std::string_view language,
                                        std::string_view split) const {
  for (const TrainingCurve& curve : curves) {
    const MetricSeries& series = curve.series;
    if (series.name == name && series.language == language && series.split == split) return &curve;
  }
  return nullptr;
}

bool IsTraining(const TrainingTask& task) {
  return std::any_of(task.curves.begin(), task.curves.end(), [](const TrainingCurve& curve) {
    const MetricSeries& s = curve.series;
    return s.name == "pretrain.loss" || (s.split == "train" && s.name.ends_with(".loss"));
  });
}

bool EndedBadly(const TrainingTask& task) {
  return task.task.state == "failed" || task.task.state == "diverged";
}

bool IsDrawnTask(const TrainingTask& task) {
  return IsTraining(task) || EndedBadly(task);
}

PointQuery CurrentPoints(const std::vector<AttemptRow>& attempts, const std::vector<Json>& events,
                         const Json& progress) {
  PointQuery query;
  if (attempts.empty()) return query;
  const AttemptRow& newest = attempts.back();
  for (const Json& event : events) {
    if (!IsState(event, "resumed") || IntegerField(event, "attempt") != newest.number) continue;
    query.resumed_attempt = newest.id;
    query.resumed_at = IntegerField(EventInfo(event), "update");
  }
  // It is under way without having resumed: from the beginning, and nothing before it counts.
  if (query.resumed_attempt == 0 && attempts.size() > 1 && progress.is_object()) {
    query.resumed_attempt = newest.id;
  }
  return query;
}

TrainingReader::TrainingReader(fs::path workspace, std::string task_key, CurveDetail detail)
    : workspace_(std::move(workspace)), key_(std::move(task_key)), detail_(detail) {}

Result<const TrainingTask*> TrainingReader::Read(const RunLog& log) {
  REPRO_ASSIGN_OR_RETURN(std::vector<TaskRow> tasks, log.Tasks({key_}));
  if (tasks.empty()) return nullptr;
  task_.task = std::move(tasks.front());
  // The offset before the metrics: what is read twice so does no harm, a gap would.
  REPRO_ASSIGN_OR_RETURN(task_.attempts, log.Attempts(key_));
  REPRO_ASSIGN_OR_RETURN(task_.events, log.Events(key_));
  task_.progress = task_.attempts.empty() ? Json() : task_.attempts.back().progress;
  task_.done_per_second.reset();
  if (task_.attempts.size() != known_attempts_) {
    known_attempts_ = task_.attempts.size();
    curves_.clear();
  }
  task_.alive = !task_.attempts.empty() && task_.attempts.back().state == "running" &&
                IsLocked(workspace_ / task_.attempts.back().folder / "lock");
  std::vector<EventLine> fresh;
  if (!task_.attempts.empty() && task_.attempts.back().state == "running") {
    const AttemptRow& attempt = task_.attempts.back();
    const fs::path file = workspace_ / attempt.folder / "events.jsonl";
    REPRO_ASSIGN_OR_RETURN(const EventText text, ReadEventText(file, attempt.events_offset));
    fresh = ParseEventLines(text.text, attempt.events_offset);
    for (const EventLine& line : fresh) {
      const std::string& type = line.event["type"].get_ref<const std::string&>();
      if (type == "metric") continue;
      if (type == "progress") {
        task_.progress = line.event;
        continue;
      }
      task_.events.push_back(line.event);
      task_.events.back()["attempt"] = attempt.number;
    }
  }
  REPRO_RETURN_IF_ERROR(ReadCurves(log));
  for (const EventLine& line : fresh) {
    const Json& event = line.event;
    if (event["type"] != "metric") continue;
    MetricSeries series{event["name"], event["language"], event["split"], event["seed"]};
    const Id id{series.name, series.language, series.split, series.seed};
    TrainingCurve& curve = curves_[id];
    curve.series = std::move(series);
    curve.Set({event["step"].get<std::int64_t>(), *MetricValue(event["value"])});
  }
  REPRO_RETURN_IF_ERROR(ReadRunning());
  task_.curves.clear();
  for (const auto& [id, curve] : curves_) task_.curves.push_back(curve);
  return &task_;
}

Status TrainingReader::ReadCurves(const RunLog& log) {
  const PointQuery current = CurrentPoints(task_.attempts, task_.events, task_.progress);
  if (current.resumed_attempt != resumed_attempt_ || current.resumed_at != resumed_at_) {
    curves_.clear();
  }
  resumed_attempt_ = current.resumed_attempt;
  resumed_at_ = current.resumed_at;

  REPRO_ASSIGN_OR_RETURN(const std::vector<MetricSeries> all, log.SeriesOfTask(key_));
  for (const MetricSeries& series : all) {
    TrainingCurve& curve = curves_[{series.name, series.language, series.split, series.seed}];
    curve.series = series;
    PointQuery query = current;
    query.after = curve.points.empty() ? -1 : curve.points.back().step;
    if (detail_ == CurveDetail::kWatch && !IsDrawn(series)) query.newest = kRecentPoints;
    REPRO_ASSIGN_OR_RETURN(const std::vector<MetricPoint> points,
                           log.MetricPoints(key_, series, query));
    for (const MetricPoint& point : points) curve.Set(point);
    if (query.newest != 0 && curve.points.size() > kRecentPoints) {
      curve.points.erase(curve.points.begin(),
                         curve.points.end() - static_cast<std::ptrdiff_t>(kRecentPoints));
    }
  }
  return {};
}

Status TrainingReader::ReadRunning() {
  if (task_.attempts.empty()) return {};
  const AttemptRow& attempt = task_.attempts.back();
  std::vector<Anchor> anchors;
  std::int64_t begun_at = 0;
  for (const Json& event : task_.events) {
    if (IntegerField(event, "attempt") != attempt.number) continue;
    const std::int64_t time_ms = IntegerField(event, "time_ms");
    if (IsState(event, "resumed")) begun_at = IntegerField(EventInfo(event), "update");
    if (IsState(event, "resumed") || IsState(event, "checkpoint")) {
      anchors.push_back({time_ms, IntegerField(EventInfo(event), "update")});
    }
  }
  anchors.push_back({attempt.started_ms, begun_at});
  if (attempt.state == "running") {
    const fs::path file = workspace_ / attempt.folder / "events.jsonl";
    REPRO_ASSIGN_OR_RETURN(const std::vector<EventLine> tail, ReadLastEvents(file, kTailBytes));
    for (const EventLine& line : tail) {
      if (line.event["type"] != "progress") continue;
      anchors.push_back({IntegerField(line.event, "time_ms"), IntegerField(line.event, "done")});
    }
  }
  if (task_.progress.is_object()) {
    anchors.push_back(
        {IntegerField(task_.progress, "time_ms"), IntegerField(task_.progress, "done")});
  }
  task_.done_per_second = RateOf(std::move(anchors));
  return {};
}

Json EventInfo(const Json& event) {
  const auto info = event.find("info");
  return info != event.end() && info->is_object() ? *info : Json::object();
}

std::vector<MetricPoint> Downsample(const std::vector<MetricPoint>& points, std::size_t buckets) {
  std::vector<MetricPoint> finite;
  finite.reserve(points.size());
  for (const MetricPoint& point : points) {
    if (std::isfinite(point.value)) finite.push_back(point);
  }
  if (buckets == 0 || finite.size() <= 2 * buckets) return finite;
  const double first = static_cast<double>(finite.front().step);
  const double span = static_cast<double>(finite.back().step) - first;
  const auto bucket_of = [&](const MetricPoint& point) {
    const double share = (static_cast<double>(point.step) - first) / span;
    return std::min(buckets - 1, static_cast<std::size_t>(share * static_cast<double>(buckets)));
  };
  std::vector<MetricPoint> kept;
  for (std::size_t begin = 0; begin < finite.size();) {
    const std::size_t bucket = bucket_of(finite[begin]);
    std::size_t low = begin;
    std::size_t high = begin;
    std::size_t end = begin;
    for (; end < finite.size() && bucket_of(finite[end]) == bucket; ++end) {
      if (finite[end].value < finite[low].value) low = end;
      if (finite[end].value > finite[high].value) high = end;
    }
    if (begin == 0 && std::min(low, high) != 0) kept.push_back(finite.front());
    kept.push_back(finite[std::min(low, high)]);
    if (low != high) kept.push_back(finite[std::max(low, high)]);
    if (end == finite.size() && kept.back().step != finite.back().step) {
      kept.push_back(finite.back());
    }
    begin = end;
  }
  return kept;
}

std::vector<MetricPoint> MeanCurve(const std::vector<const TrainingCurve*>& curves) {
  struct Sum {
    double value = 0;
    std::size_t count = 0;
  };
  std::map<std::int64_t, Sum> sums;
  for (const TrainingCurve* curve : curves) {
    for (const MetricPoint& point : curve->points) {
      Sum& sum = sums[point.step];
      sum.value += point.value;
      ++sum.count;
    }
  }
  std::vector<MetricPoint> mean;
  for (const auto& [step, sum] : sums) {
    if (sum.count != curves.size()) continue;
    mean.push_back({step, sum.value / static_cast<double>(sum.count)});
  }
  return mean;
}

std::optional<double> SecondsLeft(const TrainingTask& training, std::int64_t now_ms) {
  if (!training.alive || !training.done_per_second) return std::nullopt;
  const std::int64_t total = IntegerField(training.progress, "total");
  const std::int64_t done = IntegerField(training.progress, "done");
  if (total <= 0) return std::nullopt;
  const double left = static_cast<double>(total - done) / *training.done_per_second;
  const double age =
      static_cast<double>(now_ms - IntegerField(training.progress, "time_ms")) / 1000;
  return std::max(0.0, left - std::max(0.0, age));
}

}  // namespace repro
