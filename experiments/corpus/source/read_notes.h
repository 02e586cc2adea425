#pragma once
/// What was wrong with the input, counted by reason, with a few examples of each. Reading goes on
/// behind it; where the user wants to know at once (`--strict`), the first one is an error.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/io/json_io.h"

namespace repro {

class ReadNotes {
 public:
  struct Reason {
    std::int64_t count = 0;
    std::vector<std::string> examples;  ///< the first ones, each "PATH: byte N: detail"
  };

  /// `shown` is what examples call the file, if not by its path.
  explicit ReadNotes(bool strict = false, std::string shown = {})
      : strict_(strict), shown_(std::move(shown)) {}

  /// `reason` is a short name ("content-length"), `offset` counts unpacked bytes of the file.
  /// Errors: kCorrupt with all of it, when strict.
  Status Add(std::string_view reason, const std::filesystem::path& file, std::uint64_t offset,
             std::string_view detail);
  const std::map<std::string, Reason, std::less<>>& reasons() const { return reasons_; }
  /// A reason for which nobody knows how much of a file is missing: all of it, or a part that has
  /// no end; null where each count is that of lines or records.
  const std::pair<const std::string, Reason>* UnknownLoss() const;
  /// {reason: {"count", "examples"}}
  Json ToJson() const;
  /// Adds what `ToJson` gave. Errors: kCorrupt.
  Status MergeJson(const Json& later);

 private:
  bool strict_;
  std::string shown_;
  std::map<std::string, Reason, std::less<>> reasons_;
};

}  // namespace repro
