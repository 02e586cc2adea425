#include "core/store/event_reader.h"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace repro {

namespace fs = std::filesystem;

namespace {

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

}  // namespace

Result<EventText> ReadEventText(const fs::path& path, std::int64_t offset) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    if (errno == ENOENT) return EventText{.text = {}, .bytes = offset};
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
  return EventText{.text = std::move(text), .bytes = static_cast<std::int64_t>(end)};
}

std::vector<EventLine> ParseEventLines(std::string_view text, std::int64_t offset) {
  std::vector<EventLine> lines;
  while (!text.empty()) {
    const std::size_t length = text.find('\n');
    const std::string_view bytes = text.substr(0, length);
    Json event = Json::parse(bytes, nullptr, /*allow_exceptions=*/false);
    if (!IsEvent(event)) {
      event = DamagedEvent(offset, bytes.size(), std::string(bytes.substr(0, 200)));
    }
    lines.push_back({offset, std::move(event)});
    offset += static_cast<std::int64_t>(length) + 1;
    text.remove_prefix(length + 1);
  }
  return lines;
}

Result<std::vector<EventLine>> ReadLastEvents(const fs::path& path, std::int64_t bytes) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  if (error) return std::vector<EventLine>{};
  const std::int64_t offset = std::max<std::int64_t>(0, static_cast<std::int64_t>(size) - bytes);
  REPRO_ASSIGN_OR_RETURN(const EventText tail, ReadEventText(path, offset));
  std::string_view text = tail.text;
  std::int64_t start = offset;
  if (offset > 0 && !text.empty()) {  // the first line is the rest of one
    const std::size_t skipped = text.find('\n') + 1;
    text.remove_prefix(skipped);
    start += static_cast<std::int64_t>(skipped);
  }
  return ParseEventLines(text, start);
}

Json DamagedEvent(std::int64_t position, std::size_t bytes, std::string text) {
  return {{"type", "damaged"}, {"position", position}, {"bytes", bytes}, {"text", std::move(text)}};
}

std::optional<double> MetricValue(const Json& value) {
  if (value.is_number()) return value.get<double>();
  if (!value.is_string()) return std::nullopt;
  const std::string& text = value.get_ref<const std::string&>();
  if (text == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (text == "inf") return std::numeric_limits<double>::infinity();
  if (text == "-inf") return -std::numeric_limits<double>::infinity();
  return std::nullopt;
}

}  // namespace repro
