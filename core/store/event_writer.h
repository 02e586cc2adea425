#pragma once
/// The task's side of the run log: an append-only events.jsonl, one JSON object a line.
///
/// Each event carries `seq`, counted from 0 within one file, so that ingestion is idempotent:
/// (attempt, seq) is unique. A line is written with one write(2); a torn last line can only be the
/// end of a killed process. docs/formats.md has the fields.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

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

/// Appends events. Not shared between threads. Opening an existing file continues after its last
/// whole line (a torn last line is cut off first).
class EventWriter {
 public:
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
  /// state: "started", "checkpoint", "resumed", "interrupted", "diverged", "finished". `info` is
  /// free.
  void State(std::string_view state, const Json& info = Json::object());

  /// kIo of the first failed write, if any (disk full): the task ends with it at its next boundary.
  const Status& status() const { return status_; }

 private:
  explicit EventWriter(int fd, std::int64_t next_seq) : fd_(fd), next_seq_(next_seq) {}
  void Append(Json event);

  int fd_ = -1;
  std::int64_t next_seq_ = 0;
  Status status_{};
};

}  // namespace repro
