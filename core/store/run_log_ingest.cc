// Reading of events.jsonl into the run log. One call is one transaction: the new events, the new
// metrics and the offset up to which the file has been read become true together, so a crash at any
// moment neither loses nor doubles a line.

#include <cerrno>
#include <limits>
#include <optional>

#include <fcntl.h>
#include <unistd.h>

#include "core/store/run_log_impl.h"

namespace repro {

namespace fs = std::filesystem;

namespace {

/// What one whole line of the file is.
struct Line {
  std::int64_t position = 0;  ///< byte offset of its start
  Json event;                 ///< an object with a text "type"; or a "damaged" event made here
};

/// What the file holds beyond what was read before.
struct NewLines {
  std::string text;        ///< from the offset to the last newline
  std::int64_t bytes = 0;  ///< length of the file
};

/// Nothing when there is no such file yet, and when it is shorter than `offset`.
Result<NewLines> ReadNewLines(const fs::path& path, std::int64_t offset) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    if (errno == ENOENT) return NewLines{.text = {}, .bytes = offset};
    return FailErrno("open", path.string());
  }
  const off_t end = ::lseek(fd, 0, SEEK_END);
  std::string text;
  bool failed = end < 0;
  if (!failed && end > offset) {
    text.resize(static_cast<std::size_t>(end - offset));
    std::size_t filled = 0;
    while (filled < text.size()) {
      const ssize_t got = ::pread(fd, text.data() + filled, text.size() - filled,
                                  offset + static_cast<off_t>(filled));
      if (got < 0 && errno == EINTR) continue;
      failed = got < 0;
      if (got <= 0) break;
      filled += static_cast<std::size_t>(got);
    }
    text.resize(filled);
  }
  const int saved = errno;
  ::close(fd);
  if (failed) {
    errno = saved;
    return FailErrno("read", path.string());
  }
  text.resize(text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1);
  return NewLines{.text = std::move(text), .bytes = static_cast<std::int64_t>(end)};
}

Json Damaged(std::int64_t position, std::size_t bytes, std::string text) {
  return {{"type", "damaged"}, {"position", position}, {"bytes", bytes}, {"text", std::move(text)}};
}

/// A metric's value; infinities and nan travel as text.
std::optional<double> MetricValue(const Json& value) {
  if (value.is_number()) return value.get<double>();
  if (!value.is_string()) return std::nullopt;
  const std::string& text = value.get_ref<const std::string&>();
  if (text == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (text == "inf") return std::numeric_limits<double>::infinity();
  if (text == "-inf") return -std::numeric_limits<double>::infinity();
  return std::nullopt;
}

bool IsText(const Json& event, const char* field) {
  const auto found = event.find(field);
  return found != event.end() && found->is_string();
}

bool IsInteger(const Json& event, const char* field) {
  const auto found = event.find(field);
  return found != event.end() && found->is_number_integer();
}

bool IsNumber(const Json& event, const char* field) {
  const auto found = event.find(field);
  return found != event.end() && found->is_number();
}

/// Whether the line can be stored: an object with a type and, for the types that are read again,
/// with all their fields.
bool IsEvent(const Json& event) {
  if (!event.is_object() || !IsText(event, "type")) return false;
  const std::string& type = event["type"].get_ref<const std::string&>();
  if (type == "progress") return IsNumber(event, "done") && IsNumber(event, "total");
  if (type != "metric") return true;
  return IsText(event, "name") && IsText(event, "language") && IsText(event, "split") &&
         IsInteger(event, "seed") && IsInteger(event, "step") && event.contains("value") &&
         MetricValue(event["value"]).has_value();
}

std::vector<Line> ParseLines(std::string_view text, std::int64_t offset) {
  std::vector<Line> lines;
  while (!text.empty()) {
    const std::size_t length = text.find('\n');
    const std::string_view bytes = text.substr(0, length);
    Json event = Json::parse(bytes, nullptr, /*allow_exceptions=*/false);
    if (!IsEvent(event)) {
      event = Damaged(offset, bytes.size(), std::string(bytes.substr(0, 200)));
    }
    lines.push_back({offset, std::move(event)});
    offset += static_cast<std::int64_t>(length) + 1;
    text.remove_prefix(length + 1);
  }
  return lines;
}

}  // namespace

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
  REPRO_ASSIGN_OR_RETURN(const NewLines fresh, ReadNewLines(events_file, offset));
  if (fresh.text.empty() && fresh.bytes >= offset) return std::vector<Json>{};
  std::vector<Line> lines = ParseLines(fresh.text, offset);
  std::int64_t read_up_to = offset + static_cast<std::int64_t>(fresh.text.size());
  if (fresh.bytes < offset) {
    // A power cut can take the end of a file that the log has read already. The log keeps what it
    // has, says so once, and reads on behind the last line that is there.
    REPRO_ASSIGN_OR_RETURN(const NewLines left, ReadNewLines(events_file, 0));
    read_up_to = static_cast<std::int64_t>(left.text.size());
    const std::string what = fmt::format(
        "{} bytes long, but {} were read before: it was cut or replaced; the log keeps "
        "what it has",
        fresh.bytes, offset);
    lines.push_back({offset, Damaged(read_up_to, 0, what)});
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
    for (const Line& line : lines) {
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
  for (Line& line : lines) events.push_back(std::move(line.event));
  return events;
}

}  // namespace repro
