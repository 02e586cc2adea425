#include "core/scheduler/import_results.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "core/io/file.h"
#include "core/scheduler/attempt_book.h"
#include "core/scheduler/run_book.h"
#include "core/store/event_writer.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

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
    return counts;
  }

 private:
  enum class Taken { kArtifact, kResults, kThere };

  Result<Taken> Take(const ResultsTask& entry) const {
    const Task& task = entry.task;
    const auto artifact = store_.Find(task.kind, task.key);
    if (artifact && artifact->has_value()) return Taken::kThere;
    if (!artifact && artifact.error().code != ErrorCode::kCorrupt) {
      return tl::unexpected<Error>(artifact.error());
    }
    const bool whole = entry.files.size() == entry.record->files.size();
    if (!whole) {
      if (!artifact) {
        return Fail(ErrorCode::kCorrupt,
                    "{}; `repro doctor --fix` removes it, then import the results again",
                    artifact.error().message);
      }
      const auto known = store_.FindResults(task.kind, task.key);
      if (known && known->has_value()) return Taken::kThere;
      if (!known && known.error().code != ErrorCode::kCorrupt) {
        return tl::unexpected<Error>(known.error());
      }
    }
    // The events first: once the record stands, nobody looks for them again.
    REPRO_RETURN_IF_ERROR(WriteEvents(entry));
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

  /// A cut-off import has written them already.
  Status WriteEvents(const ResultsTask& entry) const {
    const std::string events = EventsOf(entry);
    std::error_code error;
    int number = 1;
    for (; fs::exists(store_.AttemptFolder(entry.task.key, number), error); ++number) {
      const auto there = ReadFile(store_.AttemptFolder(entry.task.key, number) / "events.jsonl");
      if (there && *there == events) return {};
    }
    const fs::path folder = store_.AttemptFolder(entry.task.key, number);
    REPRO_RETURN_IF_ERROR(MakeSyncedDirectories(folder));
    return WriteFileAtomic(folder / "events.jsonl", events);
  }

  Status Record(const ResultsFile& results, const ResultsExperiment& experiment) {
    TaskGraph graph;
    std::set<std::string> wanted;
    for (const RunSpec& run : experiment.runs) {
      wanted.insert(run.task_keys.begin(), run.task_keys.end());
    }
    std::vector<bool> done;
    for (const ResultsTask& entry : results.tasks) {
      if (!wanted.contains(entry.task.key)) continue;
      graph.Add(entry.task);
      const auto artifact = store_.Find(entry.task.kind, entry.task.key);
      const auto known = store_.FindResults(entry.task.kind, entry.task.key);
      done.push_back((artifact && artifact->has_value()) || (known && known->has_value()));
    }
    for (const RunSpec& run : experiment.runs) graph.AddRun(run);
    REPRO_RETURN_IF_ERROR(graph.Validate());
    REPRO_ASSIGN_OR_RETURN(std::vector<std::string> news, NotDoneInLog(graph, done));
    REPRO_ASSIGN_OR_RETURN(const bool known, AllRunsKnown(experiment));
    if (known && news.empty()) return {};
    REPRO_ASSIGN_OR_RETURN(const std::int64_t invocation, AddInvocations(experiment));
    RunBook runs(graph, log_, done);
    REPRO_RETURN_IF_ERROR(runs.Register(experiment.id, experiment.scale, invocation));
    AttemptBook book(log_, store_);
    for (const std::string& key : news) {
      REPRO_RETURN_IF_ERROR(book.RecordFound(*graph.Find(key)));
    }
    return {};
  }

  /// Keys of tasks that are done here, but not in the log.
  Result<std::vector<std::string>> NotDoneInLog(const TaskGraph& graph,
                                                const std::vector<bool>& done) const {
    std::vector<std::string> keys;
    for (std::size_t i = 0; i < done.size(); ++i) {
      if (done[i]) keys.push_back(graph.tasks()[i].key);
    }
    REPRO_ASSIGN_OR_RETURN(const std::vector<TaskRow> rows, log_.Tasks(keys));
    std::set<std::string_view> finished;
    for (const TaskRow& row : rows) {
      if (row.state == "done") finished.insert(row.key);
    }
    std::erase_if(keys, [&](const std::string& key) { return finished.contains(key); });
    return keys;
  }

  Result<bool> AllRunsKnown(const ResultsExperiment& experiment) const {
    RunQuery query;
    query.experiment_id = experiment.id;
    query.scale = experiment.scale;
    query.with_config = false;
    REPRO_ASSIGN_OR_RETURN(const std::vector<RunRow> rows, log_.Runs(query));
    std::set<std::string_view> keys;
    for (const RunRow& row : rows) keys.insert(row.key);
    return std::all_of(experiment.runs.begin(), experiment.runs.end(),
                       [&](const RunSpec& run) { return keys.contains(run.key); });
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
};

}  // namespace

Result<ImportedResults> ImportResults(const ResultsFile& results, const ArtifactStore& store,
                                      RunLog& log) {
  return Importer(store, log).Import(results);
}

}  // namespace repro
