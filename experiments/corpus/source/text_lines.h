#pragma once
/// The lines of a text that is in memory.

#include <algorithm>
#include <string_view>

namespace repro {

/// Takes the first line off `text`, and gives it without its "\n".
inline std::string_view TakeLine(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

}  // namespace repro
