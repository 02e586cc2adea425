#include "core/scheduler/import_results.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/io/file.h"
#include "core/scheduler/attempt_book.h"
#include "core/scheduler/run_book.h"
#include "core/store/event_writer.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

/// How fast it went and what it took: of the machine, so the same task may have others.
constexpr std::array<std::string_view, 4> kOfTheMachine = {
    "pretrain.tokens_per_second", "pretrain.data_wait", "pretrain.mfu", "pretrain.peak_memory"};

bool Same(double a, double b) {
  return a == b || (std::isnan(a) && std::isnan(b));
}

/// "xnli.accuracy (sw, test, seed 2) at step 40"
std::string NameOf(const MetricSeries& series, std::int64_t step) {
  std::vector<std::string> parts;
  for (const std::string& part : {series.language, series.split}) {
    if (!part.empty()) parts.push_back(part);
  }
  if (series.seed >= 0) parts.push_back(fmt::format("seed {}", series.seed));
  return series.name + (parts.empty() ? "" : fmt::format(" ({})", fmt::join(parts, ", "))) +
         (step > 0 ? fmt::format(" at step {}", step) : "");
}

Json JsonNumber(double value) {
  return MetricEvent({.name = {}, .value = value}).at("value");
}

/// What the attempt that made it would have left, as far as it is known: a line an event.
std::string EventsOf(const ResultsTask& entry) {
  const CompletionRecord& record = *entry.record;
  std::string text;
  std::int64_t seq = 0;
  const auto add = [&](Json event, std::int64_t time_ms) {
    event["seq"] = seq++;
    event["time_ms"] = time_ms;
    text += CanonicalJson(event) + "\n";
  };
  add({{"type", "state"},
       {"state", "started"},
       {"info", {{"kind", entry.task.kind}, {"build", record.build}}}},
      StartedMs(record));
  for (const ResultsSeries& metric : entry.metrics) {
    for (const MetricPoint& point : metric.points) {
      add(MetricEvent({.name = metric.series.name,
                       .value = point.value,
                       .step = point.step,
                       .language = metric.series.language,
                       .split = metric.series.split,
                       .seed = metric.series.seed}),
          record.finished_ms);
    }
  }
  add({{"type", "state"},
       {"state", "finished"},
       {"info",
        {{"wall_seconds", record.wall_seconds},
         {"peak_rss_bytes", record.peak_rss_bytes},
         {"artifact_bytes", record.TotalBytes()}}}},
      record.finished_ms);
  return text;
}

class Importer {
 public:
  Importer(const ArtifactStore& store, RunLog& log) : store_(store), log_(log) {}

  Result<ImportedResults> Import(const ResultsFile& results) {
    ImportedResults counts;
    for (const ResultsTask& entry : results.tasks) {
      if (!entry.record) {
        ++counts.planned;
        continue;
      }
      REPRO_ASSIGN_OR_RETURN(const Taken taken, Take(entry));
      counts.artifacts += taken == Taken::kArtifact ? 1 : 0;
      counts.results_only += taken == Taken::kResults ? 1 : 0;
      counts.there += taken == Taken::kThere ? 1 : 0;
    }
    const Status recorded = log_.InTransaction([&]() -> Status {
      for (const ResultsExperiment& experiment : results.experiments) {
        REPRO_RETURN_IF_ERROR(Record(results, experiment));
      }
      return {};
    });
    REPRO_RETURN_IF_ERROR(recorded);
    for (const KnownTask& known : known_) {
      REPRO_ASSIGN_OR_RETURN(std::vector<ResultsDifference> differences, OtherValues(*known.entry));
      differences.insert(differences.end(), known.files.begin(), known.files.end());
      if (differences.empty()) continue;
      const Task& task = known.entry->task;
      counts.differing.push_back({task.key, task.label, std::move(differences)});
    }
    return counts;
  }

 private:
  enum class Taken { kArtifact, kResults, kThere };

  /// A task that the workspace has. Its values are compared when the log knows all of them.
  struct KnownTask {
    const ResultsTask* entry = nullptr;
    std::vector<ResultsDifference> files;
  };

  Result<Taken> Take(const ResultsTask& entry) {
    const Task& task = entry.task;
    const auto artifact = store_.Find(task.kind, task.key);
    if (artifact && artifact->has_value()) {
      known_.push_back({&entry, OtherFiles(entry, **artifact)});
      return Taken::kThere;
    }
    if (!artifact && artifact.error().code != ErrorCode::kCorrupt) {
      return tl::unexpected<Error>(artifact.error());
    }
    const bool whole = CameWhole(entry);
    if (!whole && !artifact) {
      return Fail(ErrorCode::kCorrupt,
                  "{}; `repro doctor --fix` removes it, then import the results again",
                  artifact.error().message);
    }
    const auto results = store_.FindResults(task.kind, task.key);
    if (!whole && !results && results.error().code != ErrorCode::kCorrupt) {
      return tl::unexpected<Error>(results.error());
    }
    if (results && results->has_value()) {
      known_.push_back({&entry, OtherFiles(entry, **results)});
      if (!whole || !known_.back().files.empty()) return Taken::kThere;
    } else {
      // The events first: once the record stands, nobody looks for them again.
      REPRO_RETURN_IF_ERROR(WriteEvents(entry));
    }
    const fs::path staging = store_.StagingFolder(task.key, 0);
    std::error_code error;
    fs::remove_all(staging, error);
    REPRO_RETURN_IF_ERROR(MakeDirectories(staging));
    CompletionRecord record = *entry.record;
    if (!whole) record.imported["kept"] = Json::array();
    for (const ResultsContent& file : entry.files) {
      const fs::path path = staging / file.path;
      REPRO_RETURN_IF_ERROR(MakeDirectories(path.parent_path()));
      REPRO_RETURN_IF_ERROR(WriteFileAtomic(path, file.text));
      if (!whole) record.imported["kept"].push_back(file.path);
    }
    if (!whole) {
      REPRO_RETURN_IF_ERROR(store_.PublishResults(staging, record));
      return Taken::kResults;
    }
    REPRO_RETURN_IF_ERROR(store_.Publish(staging, record));
    return Taken::kArtifact;
  }

  /// Whether every file that its record names came along.
  static bool CameWhole(const ResultsTask& entry) {
    const auto& files = entry.record->files;
    return std::all_of(files.begin(), files.end(), [&](const ArtifactFile& file) {
      return std::any_of(entry.files.begin(), entry.files.end(),
                         [&](const ResultsContent& kept) { return kept.path == file.path; });
    });
  }

  static std::vector<ResultsDifference> OtherFiles(const ResultsTask& entry,
                                                   const CompletionRecord& record) {
    std::vector<ResultsDifference> differences;
    for (const ResultsContent& content : entry.files) {
      const auto named = [&](const ArtifactFile& file) { return file.path == content.path; };
      const auto here = std::find_if(record.files.begin(), record.files.end(), named);
      const auto file = std::find_if(entry.record->files.begin(), entry.record->files.end(), named);
      const bool there = here != record.files.end();
      if (there && here->sha256 == file->sha256) continue;
      differences.push_back(
          {content.path, there ? Json(here->sha256) : Json(nullptr), Json(file->sha256)});
    }
    return differences;
  }

  /// Values of the file that the log has otherwise or not at all; of a curve the last one first.
  Result<std::vector<ResultsDifference>> OtherValues(const ResultsTask& entry) const {
    std::vector<ResultsDifference> differences;
    const std::string& key = entry.task.key;
    REPRO_ASSIGN_OR_RETURN(const std::vector<TaskRow> rows, log_.Tasks({key}));
    if (rows.empty() || rows.front().state != "done") return differences;
    for (const ResultsSeries& metric : entry.metrics) {
      const MetricSeries& series = metric.series;
      if (std::find(kOfTheMachine.begin(), kOfTheMachine.end(), series.name) !=
          kOfTheMachine.end()) {
        continue;
      }
      REPRO_ASSIGN_OR_RETURN(const auto points, log_.MetricPoints(key, series, {}));
      std::map<std::int64_t, double> here;
      for (const MetricPoint& point : points) here[point.step] = point.value;
      for (auto point = metric.points.rbegin(); point != metric.points.rend(); ++point) {
        const auto found = here.find(point->step);
        if (found != here.end() && Same(found->second, point->value)) continue;
        differences.push_back({NameOf(series, point->step),
                               found == here.end() ? Json(nullptr) : JsonNumber(found->second),
                               JsonNumber(point->value)});
      }
    }
    return differences;
  }

  /// Into an attempt that neither the log nor the workspace has. A cut-off import has written them
  /// already.
  Status WriteEvents(const ResultsTask& entry) const {
    const std::string events = EventsOf(entry);
    REPRO_ASSIGN_OR_RETURN(const auto known, log_.Attempts(entry.task.key));
    int highest = 0;
    for (const AttemptRow& row : known) highest = std::max(highest, row.number);
    std::error_code error;
    int number = 1;
    for (; number <= highest || fs::exists(store_.AttemptFolder(entry.task.key, number), error);
         ++number) {
      const auto there = ReadFile(store_.AttemptFolder(entry.task.key, number) / "events.jsonl");
      if (there && *there == events) return {};
    }
    const fs::path folder = store_.AttemptFolder(entry.task.key, number);
    REPRO_RETURN_IF_ERROR(MakeSyncedDirectories(folder));
    return WriteFileAtomic(folder / "events.jsonl", events);
  }

  /// Runs that the log has, and to which the file brings nothing, stay as they are.
  Status Record(const ResultsFile& results, const ResultsExperiment& experiment) {
    const TaskGraph all = GraphOf(results, experiment.runs);
    REPRO_RETURN_IF_ERROR(all.Validate());
    REPRO_ASSIGN_OR_RETURN(const std::set<std::string> news, NotDoneInLog(all));
    REPRO_ASSIGN_OR_RETURN(const std::set<std::string> known, KnownRuns(experiment));
    std::vector<RunSpec> touched;
    for (const RunSpec& run : experiment.runs) {
      const bool gains = std::any_of(run.task_keys.begin(), run.task_keys.end(),
                                     [&](const std::string& key) { return news.contains(key); });
      if (gains || !known.contains(run.key)) touched.push_back(run);
    }
    if (touched.empty()) return {};
    REPRO_ASSIGN_OR_RETURN(const std::int64_t invocation, AddInvocations(experiment));
    const TaskGraph graph = GraphOf(results, touched);
    REPRO_ASSIGN_OR_RETURN(std::vector<TaskProgress> progress, ProgressOf(graph, news));
    RunBook runs(graph, log_, std::move(progress));
    REPRO_RETURN_IF_ERROR(runs.Register(experiment.id, experiment.scale, invocation));
    AttemptBook book(log_, store_);
    for (const Task& task : graph.tasks()) {
      if (news.contains(task.key)) REPRO_RETURN_IF_ERROR(book.RecordFound(task));
    }
    return {};
  }

  static TaskGraph GraphOf(const ResultsFile& results, const std::vector<RunSpec>& runs) {
    TaskGraph graph;
    std::set<std::string_view> wanted;
    for (const RunSpec& run : runs) wanted.insert(run.task_keys.begin(), run.task_keys.end());
    for (const ResultsTask& entry : results.tasks) {
      if (wanted.contains(entry.task.key)) graph.Add(entry.task);
    }
    for (const RunSpec& run : runs) graph.AddRun(run);
    return graph;
  }

  /// Keys of tasks that are done here, but not in the log.
  Result<std::set<std::string>> NotDoneInLog(const TaskGraph& graph) const {
    std::set<std::string> keys;
    for (const Task& task : graph.tasks()) {
      const auto artifact = store_.Find(task.kind, task.key);
      const auto results = store_.FindResults(task.kind, task.key);
      const bool done = (artifact && artifact->has_value()) || (results && results->has_value());
      if (done) keys.insert(task.key);
    }
    REPRO_ASSIGN_OR_RETURN(const auto rows, log_.Tasks({keys.begin(), keys.end()}));
    for (const TaskRow& row : rows) {
      if (row.state == "done") keys.erase(row.key);
    }
    return keys;
  }

  /// As the log has them; `news` are done.
  Result<std::vector<TaskProgress>> ProgressOf(const TaskGraph& graph,
                                               const std::set<std::string>& news) const {
    static const std::map<std::string_view, TaskProgress> kByState = {
        {"running", TaskProgress::kRunning},
        {"done", TaskProgress::kDone},
        {"failed", TaskProgress::kFailed},
        {"diverged", TaskProgress::kDiverged},
        {"interrupted", TaskProgress::kInterrupted}};
    std::vector<TaskProgress> progress;
    for (const Task& task : graph.tasks()) {
      REPRO_ASSIGN_OR_RETURN(const auto rows, log_.Tasks({task.key}));
      const auto state = rows.empty() ? kByState.end() : kByState.find(rows.front().state);
      progress.push_back(news.contains(task.key)   ? TaskProgress::kDone
                         : state == kByState.end() ? TaskProgress::kWaiting
                                                   : state->second);
    }
    return progress;
  }

  /// Keys of the runs that the log has.
  Result<std::set<std::string>> KnownRuns(const ResultsExperiment& experiment) const {
    RunQuery query;
    query.experiment_id = experiment.id;
    query.scale = experiment.scale;
    query.with_config = false;
    REPRO_ASSIGN_OR_RETURN(const std::vector<RunRow> rows, log_.Runs(query));
    std::set<std::string> keys;
    for (const RunRow& row : rows) keys.insert(row.key);
    return keys;
  }

  /// Those that the log does not have. Returns the number of the newest.
  Result<std::int64_t> AddInvocations(const ResultsExperiment& experiment) {
    REPRO_ASSIGN_OR_RETURN(const std::vector<InvocationRow> known, log_.Invocations(0));
    std::int64_t newest = 0;
    for (const InvocationRow& row : experiment.invocations) {
      const auto same = std::find_if(known.begin(), known.end(), [&](const InvocationRow& other) {
        return other.experiment_id == row.experiment_id && other.scale == row.scale &&
               other.manifest_hash == row.manifest_hash && other.started_ms == row.started_ms;
      });
      if (same != known.end()) {
        newest = same->id;
        continue;
      }
      REPRO_ASSIGN_OR_RETURN(newest, log_.BeginInvocation(row));
      REPRO_RETURN_IF_ERROR(log_.EndInvocation(newest, row.state, row.ended_ms));
    }
    return newest;
  }

  const ArtifactStore& store_;
  RunLog& log_;
  std::vector<KnownTask> known_;
};

}  // namespace

Result<ImportedResults> ImportResults(const ResultsFile& results, const ArtifactStore& store,
                                      RunLog& log) {
  return Importer(store, log).Import(results);
}

}  // namespace repro
