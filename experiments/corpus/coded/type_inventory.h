#pragma once
/// The word types of an English corpus, most frequent first. A type is a run of the letters a to z,
/// in lower case; words of mixed case (McDonald) and with other letters belong to none.

#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/base/result.h"

namespace repro {

struct WordType {
  std::string word;
  std::int64_t count = 0;
  bool operator==(const WordType&) const = default;
};

/// Types by falling count, equal counts by bytes.
class TypeInventory {
 public:
  TypeInventory() = default;
  /// The `limit` most frequent of `types`, which come in any order.
  explicit TypeInventory(std::vector<WordType> types,
                         std::size_t limit = std::numeric_limits<std::size_t>::max());
  TypeInventory(TypeInventory&&) = default;
  TypeInventory& operator=(TypeInventory&&) = default;
  TypeInventory(const TypeInventory&) = delete;
  TypeInventory& operator=(const TypeInventory&) = delete;

  const std::vector<WordType>& types() const { return types_; }
  /// Rank, from 0, of a type in lower case.
  std::optional<std::size_t> Find(std::string_view word) const;

  /// "type<TAB>count", a line each. Errors: kIo.
  Status Save(const std::filesystem::path& path) const;
  /// Errors: kNotFound, kIo; kCorrupt with path and line where a line is not as `Save` writes it.
  static Result<TypeInventory> Load(const std::filesystem::path& path);

 private:
  std::vector<WordType> types_;
  std::unordered_map<std::string_view, std::size_t> ranks_;  // views of types_
};

/// Counts types as the text goes by. Memory grows with the number of types, about 100 bytes each.
class TypeCounter {
 public:
  /// Whole lines: a word must not be cut.
  void Add(std::string_view text);
  /// Words so far that belong to a type.
  std::int64_t words() const { return words_; }
  /// The `limit` most frequent types.
  TypeInventory MostFrequent(std::int64_t limit) const;

 private:
  std::unordered_map<std::string, std::int64_t> counts_;
  std::string word_;  // spares an allocation a word
  std::int64_t words_ = 0;
};

}  // namespace repro
