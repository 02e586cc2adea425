#pragma once
/// Where something stands in a line of a JSON-lines file, for messages "file:line:column: what,
/// what was expected". The parser keeps no positions, so a faulty line is walked once more.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/base/result.h"
#include "core/io/json_io.h"

namespace repro {

/// Column of a byte of the line as an editor counts it: characters, from 1.
std::int64_t ColumnAt(std::string_view line, std::size_t byte);

/// `where` is "file:line". Errors: kCorrupt, "file:line:column: not valid JSON: what, expected
/// ...".
Result<Json> ParseJsonLine(std::string_view line, std::string_view where);

/// Byte offsets of a member's key and value; `npos` both when there is none. Of several members of
/// one name the last, which is the one that the parser takes.
struct MemberPlace {
  std::size_t key = std::string_view::npos;
  std::size_t value = std::string_view::npos;
};
/// `line` must be a valid JSON object.
MemberPlace FindMember(std::string_view line, std::string_view name);

/// Byte offset of entry `index` of the valid array that begins at byte `array` and has that many.
std::size_t FindEntry(std::string_view line, std::size_t array, std::size_t index);

}  // namespace repro
