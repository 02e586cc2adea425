#include "core/store/event_writer.h"

#include <algorithm>
#include <cmath>

#include <fcntl.h>
#include <unistd.h>

#include "core/base/units.h"
#include "core/io/file.h"
#include "core/io/write_all.h"

namespace repro {

Result<EventWriter> EventWriter::Open(const std::filesystem::path& path) {
  std::int64_t next_seq = 0;
  std::size_t whole = 0;
  if (const auto text = ReadFile(path)) {
    next_seq = std::count(text->begin(), text->end(), '\n');
    const auto last = text->rfind('\n');
    whole = last == std::string::npos ? 0 : last + 1;
  } else if (text.error().code != ErrorCode::kNotFound) {
    return tl::unexpected<Error>(text.error());
  }
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd < 0) return FailErrno("open", path.string());
  EventWriter writer(fd, next_seq, path.string());
  if (::ftruncate(fd, static_cast<off_t>(whole)) != 0) return FailErrno("truncate", path.string());
  return writer;
}

EventWriter::EventWriter(EventWriter&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      next_seq_(other.next_seq_),
      path_(std::move(other.path_)),
      status_(std::move(other.status_)) {}

EventWriter& EventWriter::operator=(EventWriter&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = std::exchange(other.fd_, -1);
    next_seq_ = other.next_seq_;
    path_ = std::move(other.path_);
    status_ = std::move(other.status_);
  }
  return *this;
}

EventWriter::~EventWriter() {
  if (fd_ >= 0) ::close(fd_);
}

void EventWriter::Append(Json event) {
  if (!status_) return;
  event["seq"] = next_seq_;
  event["time_ms"] = WallTimeMs();
  const std::string line = CanonicalJson(event) + "\n";
  status_ = WriteAll(fd_, line, path_);
  if (status_) ++next_seq_;
}

Status EventWriter::Sync() {
  if (status_ && ::fsync(fd_) != 0) status_ = FailErrno("fsync", path_);
  return status_;
}

Json MetricEvent(const Metric& metric) {
  Json event = {{"type", "metric"},      {"name", metric.name},
                {"step", metric.step},   {"language", metric.language},
                {"split", metric.split}, {"seed", metric.seed}};
  // JSON has no nan or inf: they travel as strings, and the run log stores them as such a value.
  if (std::isfinite(metric.value)) {
    event["value"] = metric.value;
  } else {
    event["value"] = std::isnan(metric.value) ? "nan" : metric.value > 0 ? "inf" : "-inf";
  }
  return event;
}

void EventWriter::Write(const Metric& metric) {
  Append(MetricEvent(metric));
}

void EventWriter::Progress(std::int64_t done, std::int64_t total, std::string_view unit,
                           const Json& info) {
  Append({{"type", "progress"}, {"done", done}, {"total", total}, {"unit", unit}, {"info", info}});
}

void EventWriter::Message(std::string_view level, std::string_view text) {
  Append({{"type", "message"}, {"level", level}, {"text", text}});
}

void EventWriter::State(std::string_view state, const Json& info) {
  Append({{"type", "state"}, {"state", state}, {"info", info}});
}

}  // namespace repro
