#include "core/graph/task_history.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "core/io/json_diff.h"

namespace repro {
namespace {

constexpr std::size_t kRowsOfAKind = 300;     // newest; bounds the time of a plan of 10,000 tasks
constexpr std::size_t kEstimateSamples = 5;   // odd: the median is a value that was measured
constexpr std::uint32_t kEstimateSpread = 2;  // differing settings beyond the most similar task
constexpr std::size_t kInvocationsLooked = 20;
constexpr double kShortestSeconds = 1e-3;
constexpr double kStartSeconds = 2;  // a shorter task mostly starts up: it tells no speed ...
constexpr double kMuchMore = 4;      // ... to one of so many times its work

double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Manifest sections are named after kinds: the `settings` of a `vocab` task are [vocab].
std::string ManifestPath(const std::string& kind, const std::string& path) {
  constexpr std::string_view kSettings = "settings.";
  return path.starts_with(kSettings) ? kind + "." + path.substr(kSettings.size()) : path;
}

}  // namespace

TaskHistory::Fingerprint TaskHistory::MakeFingerprint(const Json& spec, const Json& inputs) {
  const std::hash<std::string> hash;
  Fingerprint fingerprint;
  for (const JsonLeaf& leaf : JsonLeaves(spec)) {
    fingerprint.emplace_back(hash(leaf.path), hash(CanonicalJson(*leaf.value)));
  }
  for (const auto& [role, key] : inputs.items()) {
    fingerprint.emplace_back(hash("input " + role), hash(CanonicalJson(key)));
  }
  std::sort(fingerprint.begin(), fingerprint.end());
  return fingerprint;
}

std::uint32_t TaskHistory::Distance(const Fingerprint& a, const Fingerprint& b) {
  std::uint32_t differing = 0;
  auto x = a.begin();
  auto y = b.begin();
  while (x != a.end() && y != b.end()) {
    if (x->first == y->first) {
      if (x->second != y->second) ++differing;
      ++x;
      ++y;
    } else {
      ++differing;
      ++(x->first < y->first ? x : y);
    }
  }
  return differing + static_cast<std::uint32_t>((a.end() - x) + (b.end() - y));
}

Result<const std::vector<TaskHistory::Entry>*> TaskHistory::OfKind(const std::string& kind) {
  const auto known = kinds_.find(kind);
  if (known != kinds_.end()) return &known->second;
  std::vector<Entry> entries;
  if (log_ != nullptr) {
    REPRO_ASSIGN_OR_RETURN(std::vector<TaskRow> rows, log_->TasksOfKind(kind, kRowsOfAKind));
    entries.reserve(rows.size());
    for (TaskRow& row : rows) {
      if (row.state == "waiting" || !row.unresolved.empty()) continue;  // never ran
      Fingerprint fingerprint = MakeFingerprint(row.spec, row.inputs);
      entries.push_back({std::move(row), std::move(fingerprint)});
    }
  }
  return &kinds_.emplace(kind, std::move(entries)).first->second;
}

Result<TaskHistory::Comparison> TaskHistory::Compare(const Task& task) {
  REPRO_ASSIGN_OR_RETURN(const auto* entries, OfKind(task.kind));
  const auto [known, added] = distances_.try_emplace(task.key);
  std::vector<std::uint32_t>& distances = known->second;
  if (added) {
    const Fingerprint fingerprint = MakeFingerprint(task.spec, task.inputs);
    distances.reserve(entries->size());
    for (const Entry& entry : *entries) {
      distances.push_back(Distance(entry.fingerprint, fingerprint));
    }
  }
  return Comparison{*entries, distances};
}

Result<const TaskRow*> TaskHistory::Nearest(const Task& task) {
  REPRO_ASSIGN_OR_RETURN(const Comparison comparison, Compare(task));
  const TaskRow* nearest = nullptr;
  std::pair<std::uint32_t, bool> best;
  for (std::size_t i = 0; i < comparison.entries.size(); ++i) {
    const Entry& entry = comparison.entries[i];
    if (entry.row.key == task.key) continue;
    const std::pair rank(comparison.distances[i], entry.row.label != task.label);
    if (nearest == nullptr || rank < best) {
      nearest = &entry.row;
      best = rank;
    }
  }
  return nearest;
}

Result<std::optional<double>> TaskHistory::EstimateSeconds(const Task& task) {
  REPRO_ASSIGN_OR_RETURN(const Comparison comparison, Compare(task));
  std::vector<std::pair<std::uint32_t, const TaskRow*>> similar;
  for (std::size_t i = 0; i < comparison.entries.size(); ++i) {
    const Entry& entry = comparison.entries[i];
    if (entry.row.state != "done" || entry.row.seconds <= 0) continue;
    // What does no work (a model that is not trained) tells nothing of what does, nor vice versa.
    if ((task.work > 0) != (entry.row.work > 0)) continue;
    if (task.work > 0 && entry.row.work_unit != task.work_unit) continue;
    if (entry.row.seconds < kStartSeconds && task.work > kMuchMore * entry.row.work) continue;
    similar.emplace_back(comparison.distances[i], &entry.row);
  }
  if (similar.empty()) return std::nullopt;
  // Newest first already; a stable sort keeps that among equals.
  std::stable_sort(similar.begin(), similar.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  // Much less similar tasks (another scale, say) would outvote the few that tell.
  const std::uint32_t limit = similar.front().first + kEstimateSpread;
  std::erase_if(similar, [limit](const auto& entry) { return entry.first > limit; });
  similar.resize(std::min(similar.size(), kEstimateSamples));
  std::vector<double> seconds;
  seconds.reserve(similar.size());
  for (const auto& [distance, row] : similar) {
    seconds.push_back(task.work > 0 ? row->seconds / row->work * task.work : row->seconds);
  }
  return Median(std::move(seconds));
}

TaskRow MakeTaskRow(const Task& task) {
  TaskRow row;
  row.key = task.key;
  row.kind = task.kind;
  row.label = task.label;
  row.state = "waiting";
  row.unresolved = task.unresolved;
  row.version = task.version;
  row.spec = task.spec;
  row.inputs = task.inputs;
  row.work = task.work;
  row.work_unit = task.work_unit;
  return row;
}

std::vector<std::string> DescribeDifference(const TaskRow& earlier, const Task& task) {
  std::vector<std::string> reasons;
  if (earlier.version != task.version) {
    reasons.push_back(
        fmt::format("version of {} {} -> {}", task.kind, earlier.version, task.version));
  }
  for (const JsonChange& change : DiffJson(earlier.spec, task.spec)) {
    reasons.push_back(ManifestPath(task.kind, change.path) + " " + DescribeChange(change));
  }
  for (const JsonChange& change : DiffJson(earlier.inputs, Json(task.inputs))) {
    const std::string_view what = change.before.is_null()  ? "is new"
                                  : change.after.is_null() ? "is gone"
                                                           : "changed";
    reasons.push_back(fmt::format("input {} {}", change.path, what));
  }
  return reasons;
}

Result<std::optional<EstimateAccuracy>> LastEstimateAccuracy(const RunLog& log) {
  REPRO_ASSIGN_OR_RETURN(const auto invocations, log.Invocations(kInvocationsLooked));
  for (const InvocationRow& invocation : invocations) {
    const auto estimates = invocation.provenance.find("estimates");
    if (estimates == invocation.provenance.end() || !estimates->is_object()) continue;
    std::vector<std::string> keys;
    for (const auto& [key, seconds] : estimates->items()) keys.push_back(key);
    REPRO_ASSIGN_OR_RETURN(const auto rows, log.Tasks(keys));
    EstimateAccuracy accuracy;
    std::vector<double> ratios;
    for (const TaskRow& row : rows) {
      // A task that was retried or resumed took its time in pieces; only whole ones are comparable.
      if (row.state != "done" || row.attempts != 1 || row.finished_ms < invocation.started_ms)
        continue;
      const Json& estimate = (*estimates)[row.key];
      if (!estimate.is_number()) continue;
      const double estimated = std::max(estimate.get<double>(), kShortestSeconds);
      const double actual = std::max(row.seconds, kShortestSeconds);
      accuracy.estimated_seconds += estimated;
      accuracy.actual_seconds += actual;
      ratios.push_back(actual / estimated);
    }
    if (ratios.empty()) continue;
    accuracy.tasks = ratios.size();
    accuracy.worst_ratio = *std::max_element(ratios.begin(), ratios.end(), [](double a, double b) {
      return std::abs(std::log(a)) < std::abs(std::log(b));
    });
    accuracy.median_ratio = Median(std::move(ratios));
    return accuracy;
  }
  return std::nullopt;
}

}  // namespace repro
