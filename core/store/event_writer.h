#pragma once
/// The task's side of the run log: an append-only events.jsonl, one JSON object a line.
///
/// Each event carries `seq`, counted from 0 within one file. A line is written with one write(2); a
/// torn last line is the end of a killed process or of a full disk. docs/formats.md has the fields.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/result.h"
#include "core/io/json_io.h"

namespace repro {

/// A measured value. `language` and `split` are empty where they mean nothing; `seed` is the
/// fine-tuning seed, else -1.
struct Metric {
  std::string name;  ///< "pretrain.loss", "xnli.accuracy"; the unit is part of the meaning in
                     ///< docs/formats.md
  double value = 0;
  std::int64_t step = 0;  ///< update, epoch or 0
  std::string language{};
  std::string split{};
  std::int64_t seed = -1;
};

/// The event of a value, without `seq` and `time_ms`.
Json MetricEvent(const Metric& metric);

/// Appends events. Not shared between threads. Opening an existing file continues after its last
/// whole line (a torn last line is cut off first).
class EventWriter {
 public:
  /// Errors: kIo with the path.
  static Result<EventWriter> Open(const std::filesystem::path& path);
  EventWriter(EventWriter&&) noexcept;
  EventWriter& operator=(EventWriter&&) noexcept;
  ~EventWriter();

  void Write(const Metric& metric);
  /// `info` may hold "loss", "tokens_per_second" and what else a person wants beside the bar.
  void Progress(std::int64_t done, std::int64_t total, std::string_view unit,
                const Json& info = Json::object());
  /// level: "info", "warning", "error".
  void Message(std::string_view level, std::string_view text);
  /// state: "started", "checkpoint", "resumed", "interrupted", "diverged", "failed", "finished".
  /// `info` is free.
  void State(std::string_view state, const Json& info = Json::object());

  /// kIo of the first failed write, if any (disk full): the task ends with it at its next boundary.
  const Status& status() const { return status_; }
  /// Brings what was written to the disk. A task does so before it publishes its artifact: its
  /// metrics must not be gone after a power cut that the artifact survived. Errors: `status()`,
  /// kIo.
  Status Sync();

 private:
  EventWriter(int fd, std::int64_t next_seq, std::string path)
      : fd_(fd), next_seq_(next_seq), path_(std::move(path)) {}
  void Append(Json event);

  int fd_ = -1;
  std::int64_t next_seq_ = 0;
  std::string path_;  ///< for messages
  Status status_{};
};

}  // namespace repro
