#include <algorithm>
#include <limits>
#include <tuple>

#include "core/store/run_log_impl.h"

namespace repro {

namespace {

constexpr std::string_view kTaskColumns =
    "SELECT t.key, t.kind, t.label, t.state, t.unresolved, t.version, t.work, t.work_unit, "
    "t.seconds, t.peak_rss, t.artifact_bytes, t.build, t.finished_ms, t.spec, "
    "t.inputs, "
    "(SELECT count(*) FROM attempts a WHERE a.task = t.id) FROM tasks t ";

constexpr std::string_view kAttemptColumns =
    "SELECT a.id, t.key, a.number, a.state, a.reason, a.folder, a.exit_code, a.started_ms, "
    "a.ended_ms, a.progress, a.damaged_lines, a.events_offset FROM attempts a JOIN tasks t ON t.id "
    "= a.task ";

constexpr std::string_view kInvocationColumns =
    "SELECT i.id, e.name, e.scale, i.manifest, i.manifest_hash, i.command_line, i.state, "
    "v.provenance, i.started_ms, i.ended_ms FROM invocations i JOIN experiments e ON e.id = "
    "i.experiment JOIN environments v ON v.id = i.environment ";

/// JSON that this program wrote; a damaged value reads as null rather than hiding the row.
Json Parse(const std::string& text) {
  Json value = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  return value.is_discarded() ? Json() : value;
}

TaskRow ReadTask(const Query& query) {
  TaskRow row;
  row.key = query.Text(0);
  row.kind = query.Text(1);
  row.label = query.Text(2);
  row.state = query.Text(3);
  row.unresolved = query.Text(4);
  row.version = static_cast<int>(query.Int(5));
  row.work = query.Real(6);
  row.work_unit = query.Text(7);
  row.seconds = query.Real(8);
  row.peak_rss = query.Int(9);
  row.artifact_bytes = query.Int(10);
  row.build = query.Text(11);
  row.finished_ms = query.Int(12);
  row.spec = Parse(query.Text(13));
  row.inputs = Parse(query.Text(14));
  row.attempts = static_cast<int>(query.Int(15));
  return row;
}

AttemptRow ReadAttempt(const Query& query, int first = 0) {
  AttemptRow row;
  row.id = query.Int(first);
  row.task_key = query.Text(first + 1);
  row.number = static_cast<int>(query.Int(first + 2));
  row.state = query.Text(first + 3);
  row.reason = query.Text(first + 4);
  row.folder = query.Text(first + 5);
  row.exit_code = static_cast<int>(query.Int(first + 6));
  row.started_ms = query.Int(first + 7);
  row.ended_ms = query.Int(first + 8);
  if (!query.Null(first + 9)) row.progress = Parse(query.Text(first + 9));
  row.damaged_lines = query.Int(first + 10);
  row.events_offset = query.Int(first + 11);
  return row;
}

InvocationRow ReadInvocation(const Query& query) {
  InvocationRow row;
  row.id = query.Int(0);
  row.experiment_id = query.Text(1);
  row.scale = query.Text(2);
  row.manifest = query.Text(3);
  row.manifest_hash = query.Text(4);
  row.command_line = query.Text(5);
  row.state = query.Text(6);
  row.provenance = Parse(query.Text(7));
  row.started_ms = query.Int(8);
  row.ended_ms = query.Int(9);
  return row;
}

/// -1 is SQLite's "no limit".
std::int64_t Limit(std::size_t limit) {
  return limit == 0 ? -1 : static_cast<std::int64_t>(limit);
}

bool IsKeyPrefix(std::string_view text) {
  return !text.empty() && text.size() <= 64 &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string With(std::string_view columns, std::string_view rest) {
  return std::string(columns) + std::string(rest);
}

}  // namespace

Result<std::optional<TaskRow>> RunLog::FindTask(std::string_view key_prefix) const {
  Impl& log = *impl_;
  return log.Guard("find a task", [&]() -> Result<std::optional<TaskRow>> {
    if (!IsKeyPrefix(key_prefix)) return std::optional<TaskRow>();
    // 'g' follows the last hex digit, so this is the range of all keys with the prefix.
    Query query(log.Prepare(
        With(kTaskColumns, "WHERE t.key >= ?1 AND t.key < ?1 || 'g' ORDER BY t.key LIMIT 4")));
    query.Bind(key_prefix);
    std::vector<TaskRow> rows;
    while (query.Next()) rows.push_back(ReadTask(query));
    if (rows.empty()) return std::optional<TaskRow>();
    if (rows.size() > 1) {
      std::string names;
      for (const TaskRow& row : rows) {
        names += fmt::format("\n  {}  {}", row.key.substr(0, 16), row.label);
      }
      return Fail(ErrorCode::kInvalidArgument,
                  "{}: several tasks have a key that starts so; give more digits:{}", key_prefix,
                  names);
    }
    return std::optional<TaskRow>(std::move(rows.front()));
  });
}

Result<std::vector<TaskRow>> RunLog::Tasks(const std::vector<std::string>& keys) const {
  Impl& log = *impl_;
  return log.Guard("read tasks", [&]() -> Result<std::vector<TaskRow>> {
    std::vector<TaskRow> rows;
    rows.reserve(keys.size());
    const std::string sql = With(kTaskColumns, "WHERE t.key = ?");
    for (const std::string& key : keys) {
      Query query(log.Prepare(sql));
      if (query.Bind(key).Next()) rows.push_back(ReadTask(query));
    }
    return rows;
  });
}

Result<std::vector<TaskRow>> RunLog::TasksOfKind(std::string_view kind, std::size_t limit) const {
  Impl& log = *impl_;
  return log.Guard("read tasks", [&]() -> Result<std::vector<TaskRow>> {
    Query query(log.Prepare(
        With(kTaskColumns, "WHERE t.kind = ? ORDER BY t.finished_ms DESC, t.id DESC LIMIT ?")));
    query.Bind(kind, Limit(limit));
    std::vector<TaskRow> rows;
    while (query.Next()) rows.push_back(ReadTask(query));
    return rows;
  });
}

Result<std::vector<TaskRow>> RunLog::TasksInState(std::string_view state) const {
  Impl& log = *impl_;
  return log.Guard("read tasks", [&]() -> Result<std::vector<TaskRow>> {
    Query query(log.Prepare(
        With(kTaskColumns, "WHERE t.state = ? ORDER BY t.finished_ms DESC, t.id DESC")));
    query.Bind(state);
    std::vector<TaskRow> rows;
    while (query.Next()) rows.push_back(ReadTask(query));
    return rows;
  });
}

Result<std::vector<RunRow>> RunLog::Runs(std::string_view experiment_id, std::size_t limit) const {
  RunQuery query;
  query.experiment_id = std::string(experiment_id);
  query.limit = limit;
  return Runs(query);
}

Result<std::vector<RunRow>> RunLog::Runs(const RunQuery& wanted) const {
  Impl& log = *impl_;
  return log.Guard("read runs", [&]() -> Result<std::vector<RunRow>> {
    std::string where;
    const auto also = [&where](std::string_view condition) {
      where += where.empty() ? "WHERE " : " AND ";
      where += condition;
    };
    if (!wanted.experiment_id.empty()) also("e.name = ?1");
    if (!wanted.scale.empty()) also("e.scale = ?2");
    if (!wanted.state.empty()) also("r.state = ?3");
    if (!wanted.tag.empty()) also("r.id IN (SELECT run FROM tags WHERE tag = ?4)");
    if (wanted.invocation != 0) also("r.invocation = ?5");
    if (wanted.id != 0) also("r.id = ?6");
    // An unused parameter must be mentioned, or SQLite does not know its number.
    also("(1 OR ?1 OR ?2 OR ?3 OR ?4 OR ?5 OR ?6)");
    Query query(log.Prepare(fmt::format(
        "SELECT r.id, e.name, e.scale, r.point, r.role, r.key, r.pretrain_seed, r.finetune_seeds, "
        "r.state, r.sweep, coalesce(r.invocation, 0), r.created_ms, r.finished_ms, "
        "(SELECT json_group_array(g.tag) FROM tags g WHERE g.run = r.id), {} FROM runs r JOIN "
        "experiments e ON e.id = r.experiment {} ORDER BY r.id DESC LIMIT ?7",
        wanted.with_config ? "(SELECT c.config FROM configs c WHERE c.id = r.config)" : "''",
        where)));
    query.Bind(wanted.experiment_id, wanted.scale, wanted.state, wanted.tag, wanted.invocation,
               wanted.id, Limit(wanted.limit));
    std::vector<RunRow> rows;
    while (query.Next()) {
      RunRow row;
      row.id = query.Int(0);
      row.experiment_id = query.Text(1);
      row.scale = query.Text(2);
      row.point = query.Text(3);
      row.role = query.Text(4);
      row.key = query.Text(5);
      row.pretrain_seed = query.Int(6);
      for (const Json& seed : Parse(query.Text(7))) {
        if (seed.is_number_integer()) row.finetune_seeds.push_back(seed.get<std::int64_t>());
      }
      row.state = query.Text(8);
      row.sweep = Parse(query.Text(9));
      row.invocation = query.Int(10);
      row.created_ms = query.Int(11);
      row.finished_ms = query.Int(12);
      for (const Json& tag : Parse(query.Text(13))) {
        if (tag.is_string()) row.tags.push_back(tag.get<std::string>());
      }
      if (wanted.with_config) row.config = Parse(query.Text(14));
      rows.push_back(std::move(row));
    }
    return rows;
  });
}

Result<std::optional<RunRow>> RunLog::FindRun(std::int64_t id) const {
  if (id <= 0) return std::optional<RunRow>();  // 0 means any in a query
  RunQuery query;
  query.id = id;
  REPRO_ASSIGN_OR_RETURN(std::vector<RunRow> rows, Runs(query));
  if (rows.empty()) return std::optional<RunRow>();
  return std::optional<RunRow>(std::move(rows.front()));
}

Result<std::vector<RunCount>> RunLog::RunCounts() const {
  Impl& log = *impl_;
  return log.Guard("count runs", [&]() -> Result<std::vector<RunCount>> {
    Query query(log.Prepare(
        "SELECT e.name, e.scale, r.state, count(*), max(max(r.created_ms, r.finished_ms)) FROM "
        "runs r JOIN experiments e ON e.id = r.experiment GROUP BY e.id, r.state ORDER BY e.name, "
        "e.scale, r.state"));
    std::vector<RunCount> rows;
    while (query.Next()) {
      rows.push_back({query.Text(0), query.Text(1), query.Text(2), query.Int(3), query.Int(4)});
    }
    return rows;
  });
}

Result<std::map<std::string, std::int64_t>> RunLog::TaskCounts() const {
  Impl& log = *impl_;
  return log.Guard("count tasks", [&]() -> Result<std::map<std::string, std::int64_t>> {
    Query query(log.Prepare("SELECT state, count(*) FROM tasks GROUP BY state"));
    std::map<std::string, std::int64_t> counts;
    while (query.Next()) counts[query.Text(0)] = query.Int(1);
    return counts;
  });
}

Result<std::vector<std::int64_t>> RunLog::RunsOfTask(std::string_view task_key) const {
  Impl& log = *impl_;
  return log.Guard("read runs", [&]() -> Result<std::vector<std::int64_t>> {
    Query query(
        log.Prepare("SELECT run FROM run_tasks WHERE task = (SELECT id FROM tasks WHERE key "
                    "= ?) ORDER BY run DESC"));
    query.Bind(task_key);
    std::vector<std::int64_t> runs;
    while (query.Next()) runs.push_back(query.Int(0));
    return runs;
  });
}

Result<std::vector<std::string>> RunLog::RunTaskKeys(std::int64_t run) const {
  Impl& log = *impl_;
  return log.Guard("read a run's tasks", [&]() -> Result<std::vector<std::string>> {
    Query query(
        log.Prepare("SELECT t.key FROM run_tasks r JOIN tasks t ON t.id = r.task WHERE r.run = ? "
                    "ORDER BY t.id"));
    query.Bind(run);
    std::vector<std::string> keys;
    while (query.Next()) keys.push_back(query.Text(0));
    return keys;
  });
}

Result<std::vector<AttemptRow>> RunLog::Attempts(std::string_view task_key) const {
  Impl& log = *impl_;
  return log.Guard("read attempts", [&]() -> Result<std::vector<AttemptRow>> {
    Query query(log.Prepare(With(kAttemptColumns, "WHERE t.key = ? ORDER BY a.number")));
    query.Bind(task_key);
    std::vector<AttemptRow> rows;
    while (query.Next()) rows.push_back(ReadAttempt(query));
    return rows;
  });
}

Result<std::vector<AttemptRow>> RunLog::RunningAttempts() const {
  Impl& log = *impl_;
  return log.Guard("read attempts", [&]() -> Result<std::vector<AttemptRow>> {
    Query query(log.Prepare(With(kAttemptColumns, "WHERE a.state = 'running' ORDER BY a.id")));
    std::vector<AttemptRow> rows;
    while (query.Next()) rows.push_back(ReadAttempt(query));
    return rows;
  });
}

Result<std::vector<FailureRow>> RunLog::Failures(std::size_t limit) const {
  Impl& log = *impl_;
  return log.Guard("read failures", [&]() -> Result<std::vector<FailureRow>> {
    std::vector<std::string> keys;
    {
      Query query(
          log.Prepare("SELECT key FROM tasks WHERE state IN ('failed', 'diverged') ORDER BY "
                      "finished_ms DESC, id DESC LIMIT ?"));
      query.Bind(Limit(limit));
      while (query.Next()) keys.push_back(query.Text(0));
    }
    REPRO_ASSIGN_OR_RETURN(std::vector<TaskRow> tasks, Tasks(keys));
    std::vector<FailureRow> rows;
    for (TaskRow& task : tasks) {
      FailureRow row;
      Query query(
          log.Prepare(With(kAttemptColumns, "WHERE t.key = ? ORDER BY a.number DESC LIMIT 1")));
      if (query.Bind(task.key).Next()) row.attempt = ReadAttempt(query);
      row.task = std::move(task);
      rows.push_back(std::move(row));
    }
    return rows;
  });
}

Result<std::vector<MetricRow>> RunLog::Metrics(const MetricQuery& wanted) const {
  Impl& log = *impl_;
  return log.Guard("read metrics", [&]() -> Result<std::vector<MetricRow>> {
    // Task and name first: with both known the primary key finds the rows, whatever else the table
    // holds.
    std::string sql = "SELECT t.key, n.name, m.language, m.split, m.step, m.seed, m.value";
    // A bare column beside max() comes from the row of the maximum (SQLite's documented rule).
    if (wanted.last_step_only) sql += ", max(m.step)";
    sql += wanted.task_keys.empty() ? " FROM tasks t"
                                    : " FROM json_each(?1) k CROSS JOIN tasks t ON t.key = k.value";
    sql += " CROSS JOIN metric_names n CROSS JOIN metrics m ON m.task = t.id AND m.name = n.id";
    const bool prefix = wanted.name.size() >= 2 && wanted.name.ends_with(".*");
    sql += " WHERE (1 OR ?1)";
    if (prefix) {
      sql += " AND substr(n.name, 1, length(?2)) = ?2";
    } else {
      sql += wanted.name.empty() ? " AND (1 OR ?2)" : " AND n.name = ?2";
    }
    sql += wanted.split.empty() ? " AND (1 OR ?3)" : " AND m.split = ?3";
    if (wanted.last_step_only) sql += " GROUP BY t.id, n.id, m.language, m.split, m.seed";
    Query query(log.Prepare(sql));
    query.Bind(CanonicalJson(wanted.task_keys),
               prefix ? wanted.name.substr(0, wanted.name.size() - 1) : wanted.name, wanted.split);
    std::vector<MetricRow> rows;
    while (query.Next()) {
      MetricRow row;
      row.task_key = query.Text(0);
      row.name = query.Text(1);
      row.language = query.Text(2);
      row.split = query.Text(3);
      row.step = query.Int(4);
      row.seed = query.Int(5);
      row.value = query.Null(6) ? std::numeric_limits<double>::quiet_NaN() : query.Real(6);
      rows.push_back(std::move(row));
    }
    return rows;
  });
}

Result<std::vector<MetricSeries>> RunLog::SeriesOfTask(std::string_view task_key) const {
  Impl& log = *impl_;
  return log.Guard("read a task's series", [&]() -> Result<std::vector<MetricSeries>> {
    std::int64_t task = 0;
    {
      Query query(log.Prepare("SELECT id FROM tasks WHERE key = ?"));
      if (!query.Bind(task_key).Next()) return std::vector<MetricSeries>{};
      task = query.Int(0);
    }
    // Each step jumps behind the last series in the primary key instead of reading its points: to
    // the next seed, else split, else language, else name. (One comparison of row values would read
    // the whole series before it went on.) The name is a number here, in the order of first use.
    constexpr std::string_view kNextSteps[] = {
        "AND m.name = ?2 AND m.language = ?3 AND m.split = ?4 AND m.seed > ?5 ORDER BY m.seed",
        "AND m.name = ?2 AND m.language = ?3 AND m.split > ?4 AND (1 OR ?5) ORDER BY m.split, "
        "m.seed",
        "AND m.name = ?2 AND m.language > ?3 AND (1 OR ?4 OR ?5) ORDER BY m.language, m.split, "
        "m.seed",
        "AND m.name > ?2 AND (1 OR ?3 OR ?4 OR ?5) ORDER BY m.name, m.language, m.split, m.seed"};
    std::vector<MetricSeries> found;
    std::int64_t name = std::numeric_limits<std::int64_t>::min();
    std::int64_t seed = 0;
    std::string language, split;
    for (bool more = true; more;) {
      more = false;
      for (const std::string_view next : kNextSteps) {
        Query query(log.Prepare(
            fmt::format("SELECT m.name, m.language, m.split, m.seed, n.name FROM metrics m JOIN "
                        "metric_names n ON n.id = m.name WHERE m.task = ?1 {} LIMIT 1",
                        next)));
        if (!query.Bind(task, name, language, split, seed).Next()) continue;
        name = query.Int(0);
        language = query.Text(1);
        split = query.Text(2);
        seed = query.Int(3);
        found.push_back({query.Text(4), language, split, seed});
        more = true;
        break;
      }
    }
    std::sort(found.begin(), found.end(), [](const MetricSeries& a, const MetricSeries& b) {
      return std::tie(a.name, a.language, a.split, a.seed) <
             std::tie(b.name, b.language, b.split, b.seed);
    });
    return found;
  });
}

Result<std::vector<MetricPoint>> RunLog::MetricPoints(std::string_view task_key,
                                                      const MetricSeries& series,
                                                      const PointQuery& wanted) const {
  Impl& log = *impl_;
  return log.Guard("read a series", [&]() -> Result<std::vector<MetricPoint>> {
    Query query(
        log.Prepare("SELECT step, value FROM metrics WHERE task = (SELECT id FROM tasks WHERE key "
                    "= ?1) AND name = (SELECT id FROM metric_names WHERE name = ?2) AND language = "
                    "?3 AND split = ?4 AND seed = ?5 AND step > ?6 AND (?7 = 0 OR step <= ?8 OR "
                    "attempt = ?7) ORDER BY step DESC LIMIT ?9"));
    query.Bind(task_key, series.name, series.language, series.split, series.seed, wanted.after,
               wanted.resumed_attempt, wanted.resumed_at, Limit(wanted.newest));
    std::vector<MetricPoint> points;
    while (query.Next()) {
      points.push_back(
          {query.Int(0), query.Null(1) ? std::numeric_limits<double>::quiet_NaN() : query.Real(1)});
    }
    std::reverse(points.begin(), points.end());
    return points;
  });
}

Result<std::vector<Json>> RunLog::Events(std::string_view task_key) const {
  Impl& log = *impl_;
  return log.Guard("read events", [&]() -> Result<std::vector<Json>> {
    Query query(log.Prepare(
        "SELECT a.number, v.event FROM attempts a JOIN events v ON v.attempt = a.id WHERE a.task = "
        "(SELECT id FROM tasks WHERE key = ?) ORDER BY a.number, v.position"));
    query.Bind(task_key);
    std::vector<Json> events;
    while (query.Next()) {
      Json event = Parse(query.Text(1));
      if (!event.is_object()) continue;
      event["attempt"] = query.Int(0);
      events.push_back(std::move(event));
    }
    return events;
  });
}

Result<std::vector<InvocationRow>> RunLog::Invocations(std::size_t limit) const {
  Impl& log = *impl_;
  return log.Guard("read invocations", [&]() -> Result<std::vector<InvocationRow>> {
    Query query(log.Prepare(With(kInvocationColumns, "ORDER BY i.id DESC LIMIT ?")));
    query.Bind(Limit(limit));
    std::vector<InvocationRow> rows;
    while (query.Next()) rows.push_back(ReadInvocation(query));
    return rows;
  });
}

Result<std::optional<InvocationRow>> RunLog::FindInvocation(std::int64_t id) const {
  Impl& log = *impl_;
  return log.Guard("find an invocation", [&]() -> Result<std::optional<InvocationRow>> {
    Query query(log.Prepare(With(kInvocationColumns, "WHERE i.id = ?")));
    if (!query.Bind(id).Next()) return std::optional<InvocationRow>();
    return std::optional<InvocationRow>(ReadInvocation(query));
  });
}

Result<Json> RunLog::ArtifactRecord(std::string_view task_key) const {
  Impl& log = *impl_;
  return log.Guard("read an artifact's record", [&]() -> Result<Json> {
    Query query(log.Prepare(
        "SELECT record FROM artifacts WHERE task = (SELECT id FROM tasks WHERE key = ?)"));
    if (!query.Bind(task_key).Next()) return Json();
    return Parse(query.Text(0));
  });
}

Result<std::map<std::string, Json>> RunLog::ImportedArtifacts() const {
  Impl& log = *impl_;
  return log.Guard("look for imported artifacts", [&]() -> Result<std::map<std::string, Json>> {
    std::map<std::string, Json> imported;
    Query query(log.Prepare(
        "SELECT t.key, json_extract(a.record, '$.imported') FROM artifacts a JOIN tasks "
        "t ON t.id = a.task WHERE json_extract(a.record, '$.imported') IS NOT NULL"));
    while (query.Next()) imported[query.Text(0)] = Parse(query.Text(1));
    return imported;
  });
}

Result<std::vector<std::string>> RunLog::CheckIntegrity() const {
  Impl& log = *impl_;
  return log.Guard("check it", [&]() -> Result<std::vector<std::string>> {
    std::vector<std::string> findings;
    {
      Query query(log.Prepare("PRAGMA integrity_check(20)"));
      while (query.Next()) {
        if (query.Text(0) != "ok") findings.push_back(query.Text(0));
      }
    }
    Query query(log.Prepare("PRAGMA foreign_key_check"));
    while (query.Next() && findings.size() < 40) {
      findings.push_back(fmt::format("row {} of {} refers to a row of {} that does not exist",
                                     query.Int(1), query.Text(0), query.Text(2)));
    }
    return findings;
  });
}

}  // namespace repro
