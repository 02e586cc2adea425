#include "core/store/run_log.h"

#include <algorithm>
#include <system_error>

#include <sqlite3.h>

#include "core/base/hash.h"
#include "core/base/units.h"
#include "core/io/file.h"
#include "core/store/artifact_store.h"
#include "core/store/run_log_impl.h"
#include "core/store/schema.h"

namespace repro {

namespace fs = std::filesystem;

namespace {

constexpr int kBusyTimeoutMs = 10'000;

/// "file:" URI of a path, so that '?', '#' and '%' in folder names stay part of the name.
std::string FileUri(const fs::path& path, std::string_view parameters) {
  std::string uri = "file:";
  for (const char c : fs::absolute(path).string()) {
    if (c == '?' || c == '#' || c == '%') {
      uri += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    } else {
      uri += c;
    }
  }
  return uri + std::string(parameters);
}

int Pragma(SQLite::Database& database, const char* name) {
  return database.execAndGet(std::string("PRAGMA ") + name).getInt();
}

/// A version of our log, 0 for an empty database. Errors: kCorrupt when it is somebody else's
/// database.
Result<int> OurVersion(SQLite::Database& database, const std::string& path) {
  const int application = Pragma(database, "application_id");
  const int version = Pragma(database, "user_version");
  if (application == kApplicationId) return version;
  const int tables = database.execAndGet("SELECT count(*) FROM sqlite_master").getInt();
  if (application == 0 && version == 0 && tables == 0) return 0;
  return Fail(ErrorCode::kCorrupt,
              "{}: a database, but not a run log of repro; use another workspace or move it away",
              path);
}

void RunVersioned(SQLite::Database& database, std::string_view sql, int version) {
  database.exec(std::string(sql));
  database.exec(fmt::format("PRAGMA user_version = {}", version));
}

/// Opens a log for reading. One in WAL mode in a folder that cannot be written is readable as it
/// stands when no writer left a -wal.
std::unique_ptr<SQLite::Database> OpenReadOnly(const fs::path& path) {
  auto database =
      std::make_unique<SQLite::Database>(path.string(), SQLite::OPEN_READONLY, kBusyTimeoutMs);
  try {
    Pragma(*database, "schema_version");
  } catch (const SQLite::Exception& refused) {
    std::error_code ignored;
    const fs::path wal = path.string() + "-wal";
    const bool settled = !fs::exists(wal, ignored) || fs::file_size(wal, ignored) == 0;
    const int code = refused.getErrorCode();
    if ((code != SQLITE_CANTOPEN && code != SQLITE_READONLY) || !settled) throw;
    database = std::make_unique<SQLite::Database>(
        FileUri(path, "?immutable=1"), SQLite::OPEN_READONLY | SQLite::OPEN_URI, kBusyTimeoutMs);
  }
  return database;
}

/// Makes or migrates the tables; the version is read again inside the transaction, since another
/// writer may have been faster.
Status BringUpToDate(SQLite::Database& database, const std::string& path) {
  SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
  REPRO_ASSIGN_OR_RETURN(int version, OurVersion(database, path));
  if (version == 0) {
    RunVersioned(database, kSchema, kSchemaVersion);
    database.exec(fmt::format("PRAGMA application_id = {}", kApplicationId));
    version = kSchemaVersion;
  }
  while (version < kSchemaVersion) {
    const std::string_view step = Migration(version);
    if (step.empty()) {
      return Fail(ErrorCode::kCorrupt, "{}: schema version {} is unknown, expected 1 to {}", path,
                  version, kSchemaVersion);
    }
    RunVersioned(database, step, ++version);
  }
  transaction.commit();
  return {};
}

Status TooNew(const std::string& path, int version) {
  return Fail(ErrorCode::kInvalidArgument,
              "{}: written by a newer repro (schema version {}, this build knows {}); update repro",
              path, version, kSchemaVersion);
}

/// A null value reads as an empty object, so that the column always holds JSON.
std::string JsonText(const Json& value) {
  return value.is_null() ? std::string("{}") : CanonicalJson(value);
}

}  // namespace

bool IsTagName(std::string_view tag) {
  return !tag.empty() && tag.size() <= 64 && std::all_of(tag.begin(), tag.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

SQLite::Statement& RunLog::Impl::Prepare(std::string_view sql) {
  auto found = statements.find(sql);
  if (found == statements.end()) {
    found = statements
                .emplace(std::string(sql),
                         std::make_unique<SQLite::Statement>(*database, std::string(sql)))
                .first;
  }
  return *found->second;
}

Error RunLog::Impl::Translate(std::string_view what, const SQLite::Exception& error) const {
  const auto as = [&](ErrorCode code, std::string_view advice) {
    return Error{code, fmt::format("{}: cannot {}: {}{}", path, what, error.what(), advice)};
  };
  switch (error.getErrorCode()) {
    case SQLITE_CORRUPT:
      return as(ErrorCode::kCorrupt,
                "; the run log is damaged: `repro doctor` says how to mend it (artifacts are not "
                "touched)");
    case SQLITE_NOTADB:
      return as(ErrorCode::kCorrupt,
                "; this is no run log: `repro doctor --fix` moves it away, and the next `repro "
                "run` makes a new one");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return as(ErrorCode::kBusy, "; another program holds the database: try again");
    case SQLITE_FULL:
      return as(ErrorCode::kIo,
                "; the disk is full: make room and run it again, what is done stays");
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
      return as(ErrorCode::kIo,
                "; check the permissions of the file and its folder, or name another "
                "--workspace");
    case SQLITE_IOERR:
      return as(ErrorCode::kIo,
                "; the disk failed, or a limit on the size of files was reached (`ulimit -f`)");
    case SQLITE_CONSTRAINT:
      return as(ErrorCode::kInvalidArgument, "");
    default:
      return as(ErrorCode::kFailed, "");
  }
}

void RunLog::Impl::Begin() {
  database->exec(depth == 0 ? std::string("BEGIN IMMEDIATE")
                            : fmt::format("SAVEPOINT level{}", depth));
  ++depth;
}

void RunLog::Impl::Commit() {
  database->exec(depth == 1 ? std::string("COMMIT") : fmt::format("RELEASE level{}", depth - 1));
  --depth;
}

void RunLog::Impl::Rollback() noexcept {
  --depth;
  // tryExec never throws; SQLite has rolled back by itself after a full disk, then there is nothing
  // left to undo.
  if (depth == 0) {
    database->tryExec("ROLLBACK");
  } else {
    database->tryExec(fmt::format("ROLLBACK TO level{0}; RELEASE level{0}", depth));
  }
}

RunLog::RunLog(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RunLog::RunLog(RunLog&&) noexcept = default;
RunLog& RunLog::operator=(RunLog&&) noexcept = default;
RunLog::~RunLog() = default;

Status RunLog::CheckInPlace() const {
  int moved = 0;
  // Another code means that this file system cannot tell.
  if (sqlite3_file_control(impl_->database->getHandle(), "main", SQLITE_FCNTL_HAS_MOVED, &moved) !=
          SQLITE_OK ||
      moved == 0) {
    return {};
  }
  return Fail(ErrorCode::kIo,
              "{}: was removed or replaced while this was running: nothing more can be recorded; "
              "what was published in its workspace and is still there is found by the next `repro "
              "run`",
              impl_->path);
}

const std::string& RunLog::path() const {
  return impl_->path;
}

Result<int> RunLog::FileVersion(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error)) return 0;
  Impl impl;
  impl.path = path.string();
  return impl.Guard("open it", [&]() -> Result<int> {
    impl.database = OpenReadOnly(path);
    return OurVersion(*impl.database, impl.path);
  });
}

Result<RunLog> RunLog::Open(const fs::path& path, Mode mode) {
  auto impl = std::make_unique<Impl>();
  impl->path = path.string();
  impl->writable = mode == Mode::kWrite;
  std::error_code error;
  if (mode == Mode::kWrite) {
    if (path.has_parent_path()) REPRO_RETURN_IF_ERROR(MakeDirectories(path.parent_path()));
  } else if (!fs::exists(path, error)) {
    return Fail(ErrorCode::kNotFound,
                "{}: no run log here: nothing has run in this workspace yet; start with `repro run "
                "fig2` or name another --workspace",
                impl->path);
  }
  const auto open = [&]() -> Status {
    Impl& self = *impl;
    if (mode == Mode::kWrite) {
      self.database = std::make_unique<SQLite::Database>(
          self.path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE, kBusyTimeoutMs);
      REPRO_ASSIGN_OR_RETURN(const int version, OurVersion(*self.database, self.path));
      if (version > kSchemaVersion) return TooNew(self.path, version);
      self.database->exec("PRAGMA journal_mode = WAL");
      self.database->exec("PRAGMA synchronous = NORMAL");
      if (version < kSchemaVersion) {
        REPRO_RETURN_IF_ERROR(BringUpToDate(*self.database, self.path));
      }
    } else {
      self.database = OpenReadOnly(path);
      REPRO_ASSIGN_OR_RETURN(const int version, OurVersion(*self.database, self.path));
      if (version > kSchemaVersion) return TooNew(self.path, version);
      if (version == 0) {
        return Fail(ErrorCode::kNotFound,
                    "{}: the run log is empty: nothing has run here yet; start with `repro run "
                    "fig2`",
                    self.path);
      }
      if (version < kSchemaVersion) {
        return Fail(ErrorCode::kInvalidArgument,
                    "{}: written by an older repro (schema version {}, this build reads {}); the "
                    "next `repro run` brings it up to date",
                    self.path, version, kSchemaVersion);
      }
    }
    self.database->exec("PRAGMA foreign_keys = ON");
    self.database->exec("PRAGMA cache_size = -65536");
    return {};
  };
  REPRO_RETURN_IF_ERROR(impl->Guard("open it", open));
  return RunLog(std::move(impl));
}

Status RunLog::InTransaction(const std::function<Status()>& body) {
  return impl_->Write("write", body);
}

Status RunLog::Durably(const std::function<Status()>& body) {
  Impl& log = *impl_;
  return log.Guard("write", [&]() -> Status {
    log.database->exec("PRAGMA synchronous = FULL");
    Status status = body();
    log.database->exec("PRAGMA synchronous = NORMAL");
    return status;
  });
}

Result<std::int64_t> RunLog::BeginInvocation(const InvocationRow& row) {
  Impl& log = *impl_;
  return log.Write("record the invocation", [&]() -> Result<std::int64_t> {
    const std::int64_t now = row.started_ms != 0 ? row.started_ms : WallTimeMs();
    const std::string provenance = JsonText(row.provenance);
    const std::string hash = Sha256Hex(provenance);
    Query(
        log.Prepare("INSERT OR IGNORE INTO experiments (name, scale, created_ms) VALUES (?, ?, ?)"))
        .Bind(row.experiment_id, row.scale, now)
        .Run();
    Query(log.Prepare("INSERT OR IGNORE INTO environments (hash, provenance) VALUES (?, ?)"))
        .Bind(hash, provenance)
        .Run();
    Query(log.Prepare("INSERT INTO invocations (experiment, environment, manifest, manifest_hash, "
                      "command_line, state, started_ms) SELECT e.id, v.id, ?3, ?4, ?5, ?6, ?7 "
                      "FROM experiments e, environments v WHERE e.name = ?1 AND e.scale = ?2 AND "
                      "v.hash = ?8"))
        .Bind(row.experiment_id, row.scale, row.manifest, row.manifest_hash, row.command_line,
              row.state.empty() ? std::string("running") : row.state, now, hash)
        .Run();
    return log.database->getLastInsertRowid();
  });
}

Status RunLog::EndInvocation(std::int64_t id, std::string_view state, std::int64_t ended_ms) {
  Impl& log = *impl_;
  return log.Write("end the invocation", [&]() -> Status {
    Query(log.Prepare("UPDATE invocations SET state = ?2, ended_ms = ?3 WHERE id = ?1"))
        .Bind(id, state, ended_ms != 0 ? ended_ms : WallTimeMs())
        .Run();
    if (log.database->getChanges() == 0) {
      return Fail(ErrorCode::kNotFound, "no invocation {} in the run log", id);
    }
    return {};
  });
}

Status RunLog::CloseKilledInvocations() {
  Impl& log = *impl_;
  return log.Write("close killed invocations", [&]() -> Status {
    // One invocation at a time: a sign belongs to the newest that had begun by then.
    Query(
        log.Prepare(
            "UPDATE invocations SET state = 'killed', ended_ms = max(started_ms, coalesce((SELECT "
            "max(sign) FROM (SELECT max(started_ms, ended_ms, CASE WHEN json_valid(progress) "
            "THEN coalesce(CAST(json_extract(progress, '$.time_ms') AS INTEGER), 0) ELSE 0 END) "
            "AS sign FROM attempts) WHERE sign < coalesce((SELECT min(later.started_ms) FROM "
            "invocations later WHERE later.id > invocations.id), 9223372036854775807)), 0)) "
            "WHERE state = 'running'"))
        .Run();
    Query(log.Prepare("UPDATE runs SET state = 'interrupted', finished_ms = coalesce((SELECT "
                      "ended_ms FROM invocations WHERE id = runs.invocation), ?) WHERE state = "
                      "'running'"))
        .Bind(WallTimeMs())
        .Run();
    return {};
  });
}

Status RunLog::UpsertTask(const TaskRow& row) {
  Impl& log = *impl_;
  return log.Write("record a task", [&]() -> Status {
    Query(log.Prepare(
              "INSERT INTO tasks (key, kind, version, label, state, unresolved, work, work_unit, "
              "spec, inputs) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET "
              "label = excluded.label, unresolved = excluded.unresolved, "
              "work = CASE WHEN state = 'done' THEN work ELSE excluded.work END, "
              "work_unit = CASE WHEN state = 'done' THEN work_unit ELSE excluded.work_unit END"))
        .Bind(row.key, row.kind, row.version, row.label,
              row.state.empty() ? std::string("waiting") : row.state, row.unresolved, row.work,
              row.work_unit, JsonText(row.spec), JsonText(row.inputs))
        .Run();
    return {};
  });
}

namespace {

Status NoTask(std::string_view key) {
  return Fail(ErrorCode::kNotFound, "no task {} in the run log", key);
}

}  // namespace

Status RunLog::SetTaskState(std::string_view key, std::string_view state) {
  Impl& log = *impl_;
  return log.Write(fmt::format("set a task's state to '{}'", state), [&]() -> Status {
    // The time of a failure orders `status`; a waiting or running task has no end.
    Query(log.Prepare("UPDATE tasks SET state = ?2, finished_ms = CASE WHEN ?2 IN ('waiting', "
                      "'running') THEN 0 ELSE ?3 END WHERE key = ?1"))
        .Bind(key, state, WallTimeMs())
        .Run();
    return log.database->getChanges() == 0 ? NoTask(key) : Status{};
  });
}

Status RunLog::FinishTask(const TaskRow& row) {
  Impl& log = *impl_;
  return log.Write("finish a task", [&]() -> Status {
    Query(log.Prepare("UPDATE tasks SET state = 'done', seconds = ?2, peak_rss = ?3, "
                      "artifact_bytes = ?4, build = ?5, finished_ms = ?6 WHERE key = ?1"))
        .Bind(row.key, row.seconds, row.peak_rss, row.artifact_bytes, row.build,
              row.finished_ms != 0 ? row.finished_ms : WallTimeMs())
        .Run();
    return log.database->getChanges() == 0 ? NoTask(row.key) : Status{};
  });
}

Result<std::int64_t> RunLog::UpsertRun(const RunRow& row,
                                       const std::vector<std::string>& task_keys) {
  Impl& log = *impl_;
  return log.Write("record a run", [&]() -> Result<std::int64_t> {
    const std::int64_t now = row.created_ms != 0 ? row.created_ms : WallTimeMs();
    const std::string config = JsonText(row.config);
    const std::string hash = Sha256Hex(config);
    Query(
        log.Prepare("INSERT OR IGNORE INTO experiments (name, scale, created_ms) VALUES (?, ?, ?)"))
        .Bind(row.experiment_id, row.scale, now)
        .Run();
    Query(log.Prepare("INSERT OR IGNORE INTO configs (hash, config) VALUES (?, ?)"))
        .Bind(hash, config)
        .Run();
    // An update rather than INSERT .. ON CONFLICT: run numbers have no gaps then.
    const std::string state = row.state.empty() ? std::string("waiting") : row.state;
    const std::string sweep = JsonText(row.sweep);
    const std::string seeds = CanonicalJson(row.finetune_seeds);
    std::int64_t id = 0;
    {
      Query query(log.Prepare(
          "UPDATE runs SET point = ?4, role = ?5, sweep = ?6, pretrain_seed = ?7, finetune_seeds = "
          "?8, state = ?9, invocation = coalesce(nullif(?10, 0), invocation), config = (SELECT id "
          "FROM configs WHERE hash = ?11), finished_ms = CASE WHEN ?12 = 0 AND state = ?9 THEN "
          "finished_ms ELSE ?12 END "
          "WHERE experiment = (SELECT id FROM experiments WHERE name = "
          "?1 "
          "AND scale = ?2) AND key = ?3 RETURNING id"));
      query.Bind(row.experiment_id, row.scale, row.key, row.point, row.role, sweep,
                 row.pretrain_seed, seeds, state, row.invocation, hash, row.finished_ms);
      if (query.Next()) id = query.Int(0);
    }
    if (id == 0) {
      Query query(log.Prepare(
          "INSERT INTO runs (experiment, key, point, role, sweep, pretrain_seed, finetune_seeds, "
          "state, invocation, config, finished_ms, created_ms) VALUES ((SELECT id FROM experiments "
          "WHERE name = ?1 AND scale = ?2), ?3, ?4, ?5, ?6, ?7, ?8, ?9, nullif(?10, 0), (SELECT id "
          "FROM configs WHERE hash = ?11), ?12, ?13) RETURNING id"));
      query.Bind(row.experiment_id, row.scale, row.key, row.point, row.role, sweep,
                 row.pretrain_seed, seeds, state, row.invocation, hash, row.finished_ms, now);
      query.Next();
      id = query.Int(0);
    }
    // What a run measures beside its models may be another task in a later version.
    Query(log.Prepare("DELETE FROM run_tasks WHERE run = ?")).Bind(id).Run();
    for (const std::string& key : task_keys) {
      Query(
          log.Prepare("INSERT OR IGNORE INTO run_tasks (run, task) SELECT ?1, id FROM tasks WHERE "
                      "key = ?2"))
          .Bind(id, key)
          .Run();
    }
    Query count(log.Prepare("SELECT count(*) FROM run_tasks WHERE run = ?"));
    count.Bind(id).Next();
    std::vector<std::string> unique = task_keys;
    std::sort(unique.begin(), unique.end());
    unique.erase(std::unique(unique.begin(), unique.end()), unique.end());
    if (count.Int(0) != static_cast<std::int64_t>(unique.size())) {
      return Fail(ErrorCode::kInvalidArgument,
                  "run {} of {}: names {} tasks of which the log knows {}; record the tasks first",
                  row.point, row.experiment_id, unique.size(), count.Int(0));
    }
    return id;
  });
}

Status RunLog::SetRunState(std::int64_t id, std::string_view state) {
  Impl& log = *impl_;
  return log.Write(fmt::format("set a run's state to '{}'", state), [&]() -> Status {
    Query(log.Prepare(
              "UPDATE runs SET state = ?2, finished_ms = CASE WHEN ?2 IN ('waiting', 'running') "
              "THEN 0 "
              "WHEN state = ?2 AND finished_ms > 0 THEN finished_ms ELSE ?3 END WHERE id = ?1"))
        .Bind(id, state, WallTimeMs())
        .Run();
    if (log.database->getChanges() == 0) {
      return Fail(ErrorCode::kNotFound, "no run {} in the run log", id);
    }
    return {};
  });
}

Result<std::int64_t> RunLog::BeginAttempt(const AttemptRow& row) {
  Impl& log = *impl_;
  return log.Write("record an attempt", [&]() -> Result<std::int64_t> {
    Query(
        log.Prepare("INSERT INTO attempts (task, number, state, reason, folder, started_ms) SELECT "
                    "id, ?2, 'running', ?3, ?4, ?5 FROM tasks WHERE key = ?1"))
        .Bind(row.task_key, row.number, row.reason, row.folder,
              row.started_ms != 0 ? row.started_ms : WallTimeMs())
        .Run();
    if (log.database->getChanges() == 0) {
      return tl::unexpected<Error>(NoTask(row.task_key).error());
    }
    return log.database->getLastInsertRowid();
  });
}

Status RunLog::EndAttempt(const AttemptRow& row) {
  Impl& log = *impl_;
  return log.Write("end an attempt", [&]() -> Status {
    Query(log.Prepare("UPDATE attempts SET state = ?2, reason = ?3, exit_code = ?4, ended_ms = ?5 "
                      "WHERE id = ?1"))
        .Bind(row.id, row.state, row.reason, row.exit_code,
              row.ended_ms != 0 ? row.ended_ms : WallTimeMs())
        .Run();
    if (log.database->getChanges() == 0) {
      return Fail(ErrorCode::kNotFound, "no attempt {} in the run log", row.id);
    }
    return {};
  });
}

Status RunLog::RetryTask(std::string_view key) {
  Impl& log = *impl_;
  return log.Write("retry a task", [&]() -> Status {
    std::string state;
    {
      Query query(log.Prepare("SELECT state FROM tasks WHERE key = ?"));
      if (!query.Bind(key).Next()) return NoTask(key);
      state = query.Text(0);
    }
    if (state == "done" || state == "running") {
      return Fail(ErrorCode::kInvalidArgument,
                  "task {} is {}: only a failed, diverged or interrupted task can be tried again",
                  key.substr(0, 12), state);
    }
    Query(log.Prepare("UPDATE tasks SET state = 'waiting', finished_ms = 0 WHERE key = ?"))
        .Bind(key)
        .Run();
    Query(
        log.Prepare("UPDATE runs SET state = 'waiting', finished_ms = 0 WHERE state IN ('failed', "
                    "'diverged', 'partial', 'interrupted') AND id IN (SELECT run FROM run_tasks "
                    "WHERE task = (SELECT id FROM tasks WHERE key = ?))"))
        .Bind(key)
        .Run();
    return {};
  });
}

Status RunLog::Tag(std::int64_t run, std::string_view tag, bool remove) {
  Impl& log = *impl_;
  return log.Write("tag a run", [&]() -> Status {
    if (!IsTagName(tag)) {
      return Fail(ErrorCode::kInvalidArgument,
                  "a tag is 1 to 64 characters out of letters, digits, '.', '_' and '-'");
    }
    {
      Query query(log.Prepare("SELECT 1 FROM runs WHERE id = ?"));
      if (!query.Bind(run).Next()) {
        return Fail(ErrorCode::kNotFound, "no run {}; `repro status --runs` lists them", run);
      }
    }
    if (remove) {
      Query(log.Prepare("DELETE FROM tags WHERE run = ? AND tag = ?")).Bind(run, tag).Run();
    } else {
      Query(log.Prepare("INSERT OR IGNORE INTO tags (run, tag, time_ms) VALUES (?, ?, ?)"))
          .Bind(run, tag, WallTimeMs())
          .Run();
    }
    return {};
  });
}

Status RunLog::AddArtifact(std::string_view task_key, const Json& completion_record) {
  Impl& log = *impl_;
  return log.Write("record an artifact", [&]() -> Status {
    REPRO_ASSIGN_OR_RETURN(const CompletionRecord record,
                           CompletionRecord::FromJson(completion_record, "completion record"));
    Query(log.Prepare("INSERT OR REPLACE INTO artifacts (task, files, bytes, build, finished_ms, "
                      "record) SELECT id, ?2, ?3, ?4, ?5, ?6 FROM tasks WHERE key = ?1"))
        .Bind(task_key, record.files.size(), record.TotalBytes(), record.build, record.finished_ms,
              CanonicalJson(completion_record))
        .Run();
    return log.database->getChanges() == 0 ? NoTask(task_key) : Status{};
  });
}

}  // namespace repro
