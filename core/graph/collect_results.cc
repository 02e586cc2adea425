#include "core/graph/collect_results.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "core/base/hash.h"
#include "core/base/text.h"
#include "core/io/file.h"
#include "core/store/provenance.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

/// `WithoutFolders` of every text in `json`.
Json TextsWithoutFolders(Json json) {
  if (json.is_string()) return WithoutFolders(json.get_ref<const std::string&>());
  if (json.is_structured()) {
    for (Json& child : json) child = TextsWithoutFolders(std::move(child));
  }
  return json;
}

/// What of a provenance tells where a number comes from, and nothing of who asked for it.
Json WithoutPerson(const Json& provenance) {
  Json kept = Json::object();
  for (const char* pointer : {"/git/commit", "/git/dirty", "/build", "/host/name", "/host/os",
                              "/host/machine", "/host/memory_bytes", "/cpu/model", "/cpu/cores",
                              "/cpu/capability", "/gpu", "/overrides"}) {
    const Json::json_pointer at{pointer};
    if (provenance.contains(at)) kept[at] = TextsWithoutFolders(provenance.at(at));
  }
  return kept;
}

/// Finished `repro run`s of this very manifest, oldest first; where there is none, the newest of
/// the experiment.
std::vector<InvocationRow> InvocationsOf(const Experiment& experiment,
                                         const std::vector<InvocationRow>& newest_first) {
  std::vector<InvocationRow> own;
  std::optional<InvocationRow> other;
  for (const InvocationRow& row : newest_first) {
    if (row.experiment_id != experiment.id || row.scale != experiment.scale) continue;
    if (row.ended_ms == 0) continue;
    InvocationRow kept = row;
    kept.manifest = fs::path(row.manifest).filename().string();
    kept.command_line = fmt::format("repro run {} --scale {}", experiment.id, experiment.scale);
    kept.provenance = WithoutPerson(row.provenance);
    if (const auto sets = kept.provenance.find("overrides"); sets != kept.provenance.end()) {
      for (const Json& set : *sets) {
        if (set.is_string()) kept.command_line += " --set " + ShellWord(set.get<std::string>());
      }
    }
    if (row.manifest_hash == experiment.hash) {
      own.push_back(std::move(kept));
    } else if (!other) {
      other = std::move(kept);
    }
  }
  if (own.empty() && other) own.push_back(std::move(*other));
  std::reverse(own.begin(), own.end());
  return own;
}

class Collector {
 public:
  Collector(const RunLog& log, const ArtifactStore& store, const KeepsFile& keeps,
            const std::vector<InvocationRow>& invocations)
      : log_(log), store_(store), keeps_(keeps), invocations_(invocations) {}

  Result<ResultsTask> Collect(const Task& task, const std::map<std::string, TaskRow>& known) const {
    ResultsTask entry;
    entry.task = task;
    entry.task.label = WithoutFolders(task.label);
    entry.task.resources = {};
    entry.task.info = Json::object();
    const auto row = known.find(task.key);
    if (row != known.end()) {
      // A plan without the data only estimates it; the log has what the task was made with.
      entry.task.work = row->second.work;
      entry.task.work_unit = row->second.work_unit;
    }
    REPRO_ASSIGN_OR_RETURN(entry.record, store_.Find(task.kind, task.key));
    fs::path folder = store_.Folder(task.kind, task.key);
    if (!entry.record) {
      REPRO_ASSIGN_OR_RETURN(entry.record, store_.FindResults(task.kind, task.key));
      folder = store_.ResultsFolder(task.kind, task.key);
    }
    if (!entry.record) return entry;
    if (row == known.end() || row->second.state != "done") {
      return Fail(ErrorCode::kInvalidArgument,
                  "'{}' is complete, but the run log does not say so: `repro run` of the "
                  "experiment brings it in; then export again",
                  task.label);
    }
    REPRO_RETURN_IF_ERROR(AddFiles(folder, entry));
    std::string machine = TextField(entry.record->imported, "machine");
    if (machine.empty()) machine = MachineOf(*entry.record);
    entry.record->imported = {{"machine", machine}};
    REPRO_ASSIGN_OR_RETURN(const auto series, log_.SeriesOfTask(task.key));
    for (const MetricSeries& curve : series) {
      REPRO_ASSIGN_OR_RETURN(auto points, log_.MetricPoints(task.key, curve, {}));
      entry.metrics.push_back({.series = curve, .points = ThinnedCurve(std::move(points))});
    }
    // The log's own order is that in which it met the names.
    std::sort(entry.metrics.begin(), entry.metrics.end(), [](const auto& a, const auto& b) {
      const auto name = [](const MetricSeries& s) {
        return std::tie(s.name, s.language, s.split, s.seed);
      };
      return name(a.series) < name(b.series);
    });
    return entry;
  }

 private:
  Status AddFiles(const fs::path& folder, ResultsTask& entry) const {
    for (const ArtifactFile& file : entry.record->files) {
      if (!keeps_(entry.task.kind, file.path) || !HoldsFile(*entry.record, file.path)) continue;
      REPRO_ASSIGN_OR_RETURN(std::string text, ReadFile(folder / file.path));
      if (Sha256Hex(text) != file.sha256) {
        return Fail(ErrorCode::kCorrupt,
                    "{}: not what the task wrote (its SHA-256 differs); `repro doctor --fix` "
                    "removes {}",
                    (folder / file.path).string(),
                    folder == store_.ResultsFolder(entry.task.kind, entry.task.key)
                        ? "the results; then import them again"
                        : "the artifact, and the next `repro run` makes it again");
      }
      entry.files.push_back({.path = file.path, .text = std::move(text)});
    }
    return {};
  }

  std::string MachineOf(const CompletionRecord& record) const {
    for (const InvocationRow& row : invocations_) {
      if (TextAt(row.provenance, "/host/name") == record.host) {
        return DescribeMachine(row.provenance);
      }
    }
    return record.host;
  }

  const RunLog& log_;
  const ArtifactStore& store_;
  const KeepsFile& keeps_;
  const std::vector<InvocationRow>& invocations_;
};

}  // namespace

std::string WithoutFolders(std::string_view text) {
  constexpr std::string_view kBefore = " \t\"'=:,([";
  constexpr std::string_view kBehind = " \t\"',)]";
  std::string kept;
  for (std::size_t at = 0; at < text.size();) {
    const bool begins = at == 0 || kBefore.find(text[at - 1]) != kBefore.npos;
    if (text[at] != '/' || !begins) {
      kept += text[at++];
      continue;
    }
    const std::size_t end = std::min(text.find_first_of(kBehind, at), text.size());
    std::string_view word = text.substr(at, end - at);
    const bool address = word.starts_with("//") && kept.ends_with(':') && !kept.ends_with("file:");
    const std::string_view path = word.substr(0, word.find_last_not_of('/') + 1);
    if (!address && !path.empty()) word = path.substr(path.rfind('/') + 1);
    kept += word;
    at = end;
  }
  return kept;
}

std::vector<MetricPoint> ThinnedCurve(std::vector<MetricPoint> points) {
  if (points.size() <= kResultsPoints) return points;
  std::vector<MetricPoint> thinned;
  for (std::size_t i = 0; i < kResultsPoints; ++i) {
    thinned.push_back(points[i * (points.size() - 1) / (kResultsPoints - 1)]);
  }
  return thinned;
}

Status CollectResults(const Experiment& experiment, const TaskGraph& graph, const RunLog& log,
                      const ArtifactStore& store, const KeepsFile& keeps, ResultsFile& results) {
  std::vector<std::string> keys;
  for (const Task& task : graph.tasks()) {
    keys.push_back(task.key);
    if (task.unresolved.empty()) continue;
    return Fail(ErrorCode::kInvalidArgument,
                "{} at scale {}: {} is not at hand, so its tasks have no keys yet", experiment.id,
                experiment.scale, task.unresolved);
  }
  REPRO_ASSIGN_OR_RETURN(std::vector<TaskRow> rows, log.Tasks(keys));
  std::map<std::string, TaskRow> known;
  for (TaskRow& row : rows) {
    std::string key = row.key;
    known.emplace(std::move(key), std::move(row));
  }
  REPRO_ASSIGN_OR_RETURN(const std::vector<InvocationRow> invocations, log.Invocations(0));
  std::set<std::string_view> there;
  std::size_t complete = 0;
  for (const ResultsTask& entry : results.tasks) {
    there.insert(entry.task.key);
    complete += entry.record && graph.Find(entry.task.key) != nullptr ? 1 : 0;
  }
  const Collector collector(log, store, keeps, invocations);
  std::vector<ResultsTask> fresh;
  for (const Task& task : graph.tasks()) {
    if (there.contains(task.key)) continue;
    REPRO_ASSIGN_OR_RETURN(ResultsTask entry, collector.Collect(task, known));
    complete += entry.record ? 1 : 0;
    fresh.push_back(std::move(entry));
  }
  if (complete == 0) {
    return Fail(ErrorCode::kNotFound,
                "{} at scale {}: no task of it is complete in {}; `repro run` makes them",
                experiment.id, experiment.scale, store.workspace().string());
  }
  std::move(fresh.begin(), fresh.end(), std::back_inserter(results.tasks));
  std::vector<RunSpec> runs = graph.runs();
  for (RunSpec& run : runs) run.config = TextsWithoutFolders(std::move(run.config));
  results.experiments.push_back({.id = experiment.id,
                                 .scale = experiment.scale,
                                 .invocations = InvocationsOf(experiment, invocations),
                                 .runs = std::move(runs)});
  return {};
}

}  // namespace repro
