#pragma once
/// The run log: SQLite, one writer (the `repro` process that holds the workspace lease), any number of readers.
/// Tables and their meaning: docs/formats.md and schema.sql. STRICT, WAL, foreign keys, schema version with migrations.

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/io/json_io.h"

namespace repro {

/// waiting -> running -> done | failed | diverged | interrupted
struct TaskRow {
  std::string key, kind, label, state, unresolved;
  int version = 0;
  Json spec, inputs;             ///< inputs: role -> key
  double work = 0;
  std::string work_unit;
  int attempts = 0;
  double seconds = 0;            ///< wall time of the successful attempt, 0 if none
  std::int64_t peak_rss = 0;     ///< bytes
  std::int64_t artifact_bytes = 0;
  std::string build;             ///< build id that made the artifact
  std::int64_t finished_ms = 0;
};

struct AttemptRow {
  std::int64_t id = 0;
  std::string task_key;
  int number = 0;                ///< 1, 2, ...
  std::string state;             ///< running, done, failed, continued, killed, lost, diverged
  std::string reason;            ///< why it ended, for people
  std::string folder;            ///< relative to the workspace
  int exit_code = -1;            ///< 128 + signal when killed
  std::int64_t started_ms = 0, ended_ms = 0;
};

struct RunRow {
  std::int64_t id = 0;           ///< what `show` and `compare` take
  std::string experiment_id;     ///< "fig2"
  std::string scale, point, role, key;
  std::int64_t pretrain_seed = 0;
  std::vector<std::int64_t> finetune_seeds;
  std::string state;             ///< waiting, running, done, failed, diverged, partial
  std::vector<std::string> tags;
  Json config;
  Json sweep;
  std::int64_t invocation = 0;   ///< the `repro run` that last touched it
  std::int64_t created_ms = 0, finished_ms = 0;
};

struct MetricRow {
  std::string task_key, name, language, split;
  std::int64_t step = 0, seed = -1;
  double value = 0;
};

/// One `repro run`: manifest, command line and machine, so that a result can be traced.
struct InvocationRow {
  std::int64_t id = 0;
  std::string experiment_id, scale, manifest, manifest_hash, command_line, state;
  Json provenance;               ///< git, dirty diff hash, compiler, LibTorch, host, device, ...
  std::int64_t started_ms = 0, ended_ms = 0;
};

struct MetricQuery {
  std::vector<std::string> task_keys;   ///< empty: all
  std::string name;                     ///< exact; empty: all. "xnli.*" matches by prefix
  std::string split;                    ///< empty: all
  bool last_step_only = false;          ///< only the highest step of each (task, name, language, split, seed)
};

class RunLog {
 public:
  enum class Mode { kRead, kWrite };
  /// Opens or (kWrite) makes and migrates the log at `path`. Errors: kCorrupt (not our database, damaged), kIo, kBusy,
  /// kFailedPrecondition-like kInvalidArgument when the schema is newer than this build.
  static Result<RunLog> Open(const std::filesystem::path& path, Mode mode);
  RunLog(RunLog&&) noexcept;
  RunLog& operator=(RunLog&&) noexcept;
  ~RunLog();

  // --- writing (Mode::kWrite only) ---
  Result<std::int64_t> BeginInvocation(const InvocationRow& row);
  Status EndInvocation(std::int64_t id, std::string_view state);
  Status UpsertTask(const TaskRow& row);                     ///< by key; does not touch state of a known task
  Status SetTaskState(std::string_view key, std::string_view state);
  Status FinishTask(const TaskRow& row);                     ///< state done, seconds, peak_rss, artifact_bytes, build
  Result<std::int64_t> UpsertRun(const RunRow& row, const std::vector<std::string>& task_keys);  ///< by (experiment, scale, key)
  Status SetRunState(std::int64_t id, std::string_view state);
  Result<std::int64_t> BeginAttempt(const AttemptRow& row);
  Status EndAttempt(const AttemptRow& row);
  Status Tag(std::int64_t run, std::string_view tag, bool remove);
  Status AddArtifact(std::string_view task_key, const Json& completion_record);

  /// Ingests whole new lines of an attempt's events.jsonl; remembers the offset, so calling it again is free and a line
  /// counts once. A torn last line stays for the next call; a damaged whole line is counted and reported once.
  /// Returns the events that were new.
  Result<std::vector<Json>> IngestEvents(std::int64_t attempt, const std::filesystem::path& events_file);

  // --- reading ---
  Result<std::optional<TaskRow>> FindTask(std::string_view key_prefix) const;  ///< kInvalidArgument when ambiguous
  Result<std::vector<TaskRow>> Tasks(const std::vector<std::string>& keys) const;
  Result<std::vector<TaskRow>> TasksOfKind(std::string_view kind, std::size_t limit) const;  ///< newest first
  Result<std::vector<RunRow>> Runs(std::string_view experiment_id = "", std::size_t limit = 0) const;  ///< newest first
  Result<std::optional<RunRow>> FindRun(std::int64_t id) const;
  Result<std::vector<std::string>> RunTaskKeys(std::int64_t run) const;
  Result<std::vector<AttemptRow>> Attempts(std::string_view task_key) const;
  Result<std::vector<AttemptRow>> RunningAttempts() const;
  Result<std::vector<MetricRow>> Metrics(const MetricQuery& query) const;
  Result<std::vector<Json>> Events(std::string_view task_key) const;
  Result<std::vector<InvocationRow>> Invocations(std::size_t limit) const;

 private:
  struct Impl;
  explicit RunLog(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace repro
