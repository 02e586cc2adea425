#pragma once
/// The reader's side of events.jsonl (docs/formats.md, "Events"): whole lines from a byte on, and
/// what is wrong with a line that is no event. The run log ingests by it; a person who watches
/// reads by it what the log does not hold yet.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/io/json_io.h"

namespace repro {

/// A whole line of the file.
struct EventLine {
  std::int64_t position = 0;  ///< byte offset of its start
  Json event;                 ///< an object with a text "type"; or a "damaged" event made here
};

/// What the file holds beyond what was read before.
struct EventText {
  std::string text;        ///< from the offset to the last newline
  std::int64_t bytes = 0;  ///< length of the file
};

/// Empty text when there is no such file yet (`bytes` is `offset` then), and when it is shorter
/// than `offset`. Errors: kIo with the path.
Result<EventText> ReadEventText(const std::filesystem::path& path, std::int64_t offset);

/// The lines of a text that ends with a newline and starts at `offset`. `metric` and `progress`
/// events have all their fields, with the right types.
std::vector<EventLine> ParseEventLines(std::string_view text, std::int64_t offset);

/// Whole lines among the last `bytes` of the file; none when there is no file. Errors: kIo.
Result<std::vector<EventLine>> ReadLastEvents(const std::filesystem::path& path,
                                              std::int64_t bytes);

/// The event that stands for a line that cannot be read.
Json DamagedEvent(std::int64_t position, std::size_t bytes, std::string text);

/// A metric's value; infinities and nan travel as text. Empty for anything else.
std::optional<double> MetricValue(const Json& value);

}  // namespace repro
