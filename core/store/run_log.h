#pragma once
/// The run log: SQLite, one writer (the `repro` process that holds the workspace lease), any number
/// of readers. Tables and their meaning: docs/formats.md ("Run log") and schema.cc. STRICT, WAL,
/// foreign keys, schema version with migrations. Not shared between threads.

#include <cstdint>
#include <filesystem>
#include <functional>
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
  Json spec, inputs;  ///< inputs: role -> key
  double work = 0;
  std::string work_unit;
  int attempts = 0;
  double seconds = 0;         ///< wall time of the successful attempt, 0 if none
  std::int64_t peak_rss = 0;  ///< bytes
  std::int64_t artifact_bytes = 0;
  std::string build;  ///< build id that made the artifact
  std::int64_t finished_ms = 0;
};

struct AttemptRow {
  std::int64_t id = 0;
  std::string task_key;
  int number = 0;      ///< 1, 2, ...
  std::string state;   ///< running, done, failed, continued, killed, lost, diverged, interrupted
  std::string reason;  ///< why it ended, for people
  std::string folder;  ///< relative to the workspace
  int exit_code = -1;  ///< 128 + signal when killed
  std::int64_t started_ms = 0, ended_ms = 0;
  Json progress;  ///< newest progress event {done, total, unit, info, time_ms}; null before the
                  ///< first
  std::int64_t damaged_lines = 0;  ///< whole lines of events.jsonl that could not be read
  std::int64_t events_offset = 0;  ///< bytes of events.jsonl that the log has read
};

struct RunRow {
  std::int64_t id = 0;        ///< what `show` and `compare` take
  std::string experiment_id;  ///< "fig2"
  std::string scale, point, role, key;
  std::int64_t pretrain_seed = 0;
  std::vector<std::int64_t> finetune_seeds;
  std::string state;  ///< waiting, running, done, failed, diverged, partial, interrupted
  std::vector<std::string> tags;
  Json config;
  Json sweep;
  std::int64_t invocation = 0;  ///< the `repro run` that last touched it
  std::int64_t created_ms = 0, finished_ms = 0;
};

struct MetricRow {
  std::string task_key, name, language, split;
  std::int64_t step = 0, seed = -1;
  double value = 0;  ///< nan and inf come back as they went in
};

/// How many runs of an experiment at a scale are in a state.
struct RunCount {
  std::string experiment_id, scale, state;
  std::int64_t runs = 0;
  std::int64_t newest_ms = 0;  ///< newest created_ms or finished_ms among them
};

/// A task whose last attempt went wrong, with that attempt.
struct FailureRow {
  TaskRow task;
  AttemptRow attempt;
};

/// One `repro run`: manifest, command line and machine, so that a result can be traced.
struct InvocationRow {
  std::int64_t id = 0;
  std::string experiment_id, scale, manifest, manifest_hash, command_line, state;
  Json provenance;  ///< git, dirty diff hash, compiler, LibTorch, host, device, ...
  std::int64_t started_ms = 0, ended_ms = 0;
};

struct MetricQuery {
  std::vector<std::string> task_keys{};  ///< empty: all
  std::string name{};                    ///< exact; empty: all. "xnli.*" matches by prefix
  std::string split{};                   ///< empty: all
  bool last_step_only =
      false;  ///< only the highest step of each (task, name, language, split, seed)
};

/// One curve of a task: what its values share.
struct MetricSeries {
  std::string name, language, split;
  std::int64_t seed = -1;
};

struct MetricPoint {
  std::int64_t step = 0;
  double value = 0;  ///< nan and inf come back as they went in
};

/// Which points of a series `MetricPoints` gives.
struct PointQuery {
  std::int64_t after = -1;  ///< only steps above
  std::size_t newest = 0;   ///< only so many with the highest steps; 0: all
  /// Only points of this attempt above the step that it resumed at: those that an earlier attempt
  /// left there are about to be replaced. 0: all.
  std::int64_t resumed_attempt = 0;
  std::int64_t resumed_at = 0;
};

/// Which runs `Runs` lists; an empty field means any.
struct RunQuery {
  std::string experiment_id{}, scale{}, state{}, tag{};
  std::int64_t invocation = 0;
  std::int64_t id = 0;      ///< one run by its number
  std::size_t limit = 0;    ///< 0: all
  bool with_config = true;  ///< false leaves RunRow::config null: listings are 10 times faster
};

/// 1 to 64 characters out of letters, digits, '.', '_' and '-'.
bool IsTagName(std::string_view tag);

class RunLog {
 public:
  enum class Mode { kRead, kWrite };
  /// Opens or (kWrite) makes and migrates the log at `path`. Errors: kCorrupt (not our database,
  /// damaged), kIo, kBusy, kInvalidArgument when the schema is newer than this build, or (kRead)
  /// older: only a writer migrates. kRead of a log that does not exist is kNotFound.
  static Result<RunLog> Open(const std::filesystem::path& path, Mode mode);
  RunLog(RunLog&&) noexcept;
  RunLog& operator=(RunLog&&) noexcept;
  ~RunLog();

  /// The schema version of the file at `path`; 0 when there is none. Errors as `Open`.
  static Result<int> FileVersion(const std::filesystem::path& path);

  /// That the database is still the file at its path. What is written to one that was removed or
  /// replaced is lost, and SQLite does not say so. Errors: kIo.
  Status CheckInPlace() const;

  /// Where it was opened, for messages.
  const std::string& path() const;

  // --- writing (Mode::kWrite only) ---
  /// Everything that `body` writes through this log becomes one transaction; an error rolls all of
  /// it back.
  Status InTransaction(const std::function<Status()>& body);
  /// What `body` commits survives even a power cut; any other commit may be lost to one, but never
  /// half of it. Not inside a transaction.
  Status Durably(const std::function<Status()>& body);
  Result<std::int64_t> BeginInvocation(const InvocationRow& row);
  /// `ended_ms`: 0 is now.
  Status EndInvocation(std::int64_t id, std::string_view state, std::int64_t ended_ms = 0);
  /// For a new holder of the lease, before it ingests anything. Invocations that are still running
  /// in the log were killed: they get that state, and end with their last sign (the start, end or
  /// newest progress of an attempt). Runs that they left running are interrupted.
  Status CloseKilledInvocations();
  /// By key; touches neither the state of a known task nor the work of one that is done, which its
  /// seconds belong to.
  Status UpsertTask(const TaskRow& row);
  Status SetTaskState(std::string_view key, std::string_view state);
  Status FinishTask(const TaskRow& row);  ///< state done, seconds, peak_rss, artifact_bytes, build
  /// By (experiment, scale, key); its tasks are those of `task_keys`, and no longer others that an
  /// earlier call named. Errors: kInvalidArgument for a task that the log does not know.
  Result<std::int64_t> UpsertRun(const RunRow& row, const std::vector<std::string>& task_keys);
  Status SetRunState(std::int64_t id, std::string_view state);
  Result<std::int64_t> BeginAttempt(const AttemptRow& row);
  Status EndAttempt(const AttemptRow& row);
  /// State waiting; runs that wait for it are waiting again. Errors: kNotFound; kInvalidArgument
  /// when the task is done or running.
  Status RetryTask(std::string_view key);
  /// Errors: kNotFound (no such run), kInvalidArgument (a tag is 1 to 64 of letters, digits, '.',
  /// '_', '-').
  Status Tag(std::int64_t run, std::string_view tag, bool remove);
  Status AddArtifact(std::string_view task_key, const Json& completion_record);

  /// Ingests whole new lines of an attempt's events.jsonl; remembers the offset, so calling it
  /// again is free and a line counts once. A torn last line stays for the next call; a damaged
  /// whole line, or a file that became shorter, is counted and reported once, as an event of type
  /// "damaged". Returns the events that were new.
  Result<std::vector<Json>> IngestEvents(std::int64_t attempt,
                                         const std::filesystem::path& events_file);

  // --- reading ---
  Result<std::optional<TaskRow>> FindTask(
      std::string_view key_prefix) const;  ///< kInvalidArgument when ambiguous
  Result<std::vector<TaskRow>> Tasks(const std::vector<std::string>& keys) const;
  Result<std::vector<TaskRow>> TasksOfKind(std::string_view kind,
                                           std::size_t limit) const;  ///< newest first
  Result<std::vector<RunRow>> Runs(std::string_view experiment_id = "",
                                   std::size_t limit = 0) const;   ///< newest first
  Result<std::vector<RunRow>> Runs(const RunQuery& query) const;   ///< newest first
  Result<std::vector<RunCount>> RunCounts() const;                 ///< by experiment, scale, state
  Result<std::map<std::string, std::int64_t>> TaskCounts() const;  ///< by state
  Result<std::vector<std::int64_t>> RunsOfTask(
      std::string_view task_key) const;  ///< run numbers, newest first
  Result<std::vector<TaskRow>> TasksInState(std::string_view state) const;
  Result<std::vector<FailureRow>> Failures(
      std::size_t limit) const;  ///< failed and diverged tasks, newest first
  Result<std::optional<RunRow>> FindRun(std::int64_t id) const;
  Result<std::vector<std::string>> RunTaskKeys(std::int64_t run) const;
  Result<std::vector<AttemptRow>> Attempts(std::string_view task_key) const;
  Result<std::vector<AttemptRow>> RunningAttempts() const;
  Result<std::vector<MetricRow>> Metrics(const MetricQuery& query) const;
  /// The series that a task logged, ordered by name, language, split and seed. Takes one look-up a
  /// series, however long they are.
  Result<std::vector<MetricSeries>> SeriesOfTask(std::string_view task_key) const;
  /// Points of one series in the order of their steps.
  Result<std::vector<MetricPoint>> MetricPoints(std::string_view task_key,
                                                const MetricSeries& series,
                                                const PointQuery& query) const;
  Result<std::vector<Json>> Events(std::string_view task_key) const;
  Result<std::vector<InvocationRow>> Invocations(std::size_t limit) const;
  Result<std::optional<InvocationRow>> FindInvocation(std::int64_t id) const;
  /// Completion record as the log knows it; null when there is none.
  Result<Json> ArtifactRecord(std::string_view task_key) const;
  /// By task key: CompletionRecord::imported of the artifacts that have it.
  Result<std::map<std::string, Json>> ImportedArtifacts() const;
  /// PRAGMA integrity_check and foreign_key_check: one line a finding, none when sound.
  Result<std::vector<std::string>> CheckIntegrity() const;

 private:
  struct Impl;
  explicit RunLog(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace repro
