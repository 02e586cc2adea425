// Reading of events.jsonl into the run log. One call is one transaction: the new events, the new
// metrics and the offset up to which the file has been read become true together, so a crash at any
// moment neither loses nor doubles a line.

#include "core/store/event_reader.h"
#include "core/store/run_log_impl.h"

namespace repro {

namespace fs = std::filesystem;

Result<std::vector<Json>> RunLog::IngestEvents(std::int64_t attempt, const fs::path& events_file) {
  Impl& log = *impl_;
  std::int64_t offset = 0;
  const auto find_offset = [&]() -> Status {
    Query query(log.Prepare("SELECT events_offset FROM attempts WHERE id = ?"));
    if (!query.Bind(attempt).Next()) {
      return Fail(ErrorCode::kNotFound, "no attempt {} in the run log", attempt);
    }
    offset = query.Int(0);
    return {};
  };
  REPRO_RETURN_IF_ERROR(log.Guard("read the events' offset", find_offset));
  // There is one writer, so the offset cannot move between this look and the transaction.
  REPRO_ASSIGN_OR_RETURN(const EventText fresh, ReadEventText(events_file, offset));
  if (fresh.text.empty() && fresh.bytes >= offset) return std::vector<Json>{};
  std::vector<EventLine> lines = ParseEventLines(fresh.text, offset);
  std::int64_t read_up_to = offset + static_cast<std::int64_t>(fresh.text.size());
  if (fresh.bytes < offset) {
    // A power cut can take the end of a file that the log has read already. The log keeps what it
    // has, says so once, and reads on behind the last line that is there.
    REPRO_ASSIGN_OR_RETURN(const EventText left, ReadEventText(events_file, 0));
    read_up_to = static_cast<std::int64_t>(left.text.size());
    const std::string what = fmt::format(
        "{} bytes long, but {} were read before: it was cut or replaced; the log keeps "
        "what it has",
        fresh.bytes, offset);
    lines.push_back({offset, DamagedEvent(read_up_to, 0, what)});
  }

  const auto store = [&]() -> Status {
    std::int64_t task = 0;
    {
      Query query(log.Prepare("SELECT task FROM attempts WHERE id = ?"));
      query.Bind(attempt).Next();
      task = query.Int(0);
    }
    const Json* progress = nullptr;
    std::int64_t damaged = 0;
    std::map<std::string, std::int64_t> names;
    for (const EventLine& line : lines) {
      const std::string& type = line.event["type"].get_ref<const std::string&>();
      if (type == "progress") {
        progress = &line.event;
        continue;
      }
      if (type == "metric") {
        const std::string name = line.event["name"].get<std::string>();
        auto known = names.find(name);
        if (known == names.end()) {
          Query(log.Prepare("INSERT OR IGNORE INTO metric_names (name) VALUES (?)"))
              .Bind(name)
              .Run();
          Query query(log.Prepare("SELECT id FROM metric_names WHERE name = ?"));
          query.Bind(name).Next();
          known = names.emplace(name, query.Int(0)).first;
        }
        // A resumed attempt logs some steps again: the newest attempt's value stands. SQLite keeps
        // nan as NULL.
        Query(log.Prepare(
                  "INSERT INTO metrics (task, name, language, split, seed, step, attempt, value) "
                  "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET attempt = "
                  "excluded.attempt, value = excluded.value WHERE excluded.attempt >= attempt"))
            .Bind(task, known->second, line.event["language"].get_ref<const std::string&>(),
                  line.event["split"].get_ref<const std::string&>(),
                  line.event["seed"].get<std::int64_t>(), line.event["step"].get<std::int64_t>(),
                  attempt, *MetricValue(line.event["value"]))
            .Run();
        continue;
      }
      damaged += type == "damaged" ? 1 : 0;
      Query(
          log.Prepare(
              "INSERT OR REPLACE INTO events (attempt, position, type, event) VALUES (?, ?, ?, ?)"))
          .Bind(attempt, line.position, type, CanonicalJson(line.event))
          .Run();
    }
    if (progress != nullptr) {
      Query(log.Prepare("UPDATE attempts SET progress = ?2 WHERE id = ?1"))
          .Bind(attempt, CanonicalJson(*progress))
          .Run();
    }
    Query(log.Prepare("UPDATE attempts SET events_offset = ?2, damaged_lines = damaged_lines + ?3 "
                      "WHERE id = ?1"))
        .Bind(attempt, read_up_to, damaged)
        .Run();
    return {};
  };
  REPRO_RETURN_IF_ERROR(log.Write("store events", store));

  std::vector<Json> events;
  events.reserve(lines.size());
  for (EventLine& line : lines) events.push_back(std::move(line.event));
  return events;
}

}  // namespace repro
