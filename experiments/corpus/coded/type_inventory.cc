#include "experiments/corpus/coded/type_inventory.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "core/base/text.h"
#include "core/io/file.h"
#include "experiments/corpus/coded/alphabet.h"
#include "experiments/corpus/coded/characters.h"

namespace repro {
namespace {

bool ComesBefore(const WordType& a, const WordType& b) {
  return a.count != b.count ? a.count > b.count : a.word < b.word;
}

// Whether `word` belongs to a type; then `type` is that.
bool ReadType(std::string_view word, std::string& type) {
  type.clear();
  std::size_t capitals = 0;
  for (const char c : word) {
    if (!IsAsciiLetter(c)) return false;
    const bool capital = c <= 'Z';
    capitals += capital ? 1 : 0;
    type += capital ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return !word.empty() &&
         PatternOf(word.size(), capitals, word.front() <= 'Z') != CasePattern::kMixed;
}

std::optional<WordType> ParseLine(std::string_view line) {
  const std::size_t tab = line.find('\t');
  if (tab == std::string_view::npos || tab == 0) return std::nullopt;
  WordType type{.word = std::string(line.substr(0, tab))};
  const bool letters =
      std::all_of(type.word.begin(), type.word.end(), [](char c) { return c >= 'a' && c <= 'z'; });
  const char* end = line.data() + line.size();
  const auto [parsed, error] = std::from_chars(line.data() + tab + 1, end, type.count);
  if (!letters || error != std::errc() || parsed != end || type.count < 1) return std::nullopt;
  return type;
}

}  // namespace

TypeInventory::TypeInventory(std::vector<WordType> types, std::size_t limit)
    : types_(std::move(types)) {
  std::sort(types_.begin(), types_.end(), ComesBefore);
  types_.resize(std::min(types_.size(), limit));
  ranks_.reserve(types_.size());
  for (std::size_t rank = 0; rank < types_.size(); ++rank) ranks_.emplace(types_[rank].word, rank);
}

std::optional<std::size_t> TypeInventory::Find(std::string_view word) const {
  const auto found = ranks_.find(word);
  if (found == ranks_.end()) return std::nullopt;
  return found->second;
}

Status TypeInventory::Save(const std::filesystem::path& path) const {
  std::string text;
  for (const WordType& type : types_) text += fmt::format("{}\t{}\n", type.word, type.count);
  return WriteFileAtomic(path, text);
}

Result<TypeInventory> TypeInventory::Load(const std::filesystem::path& path) {
  REPRO_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  std::vector<WordType> types;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    const std::string_view line = std::string_view(text).substr(at, end - at);
    std::optional<WordType> type = ParseLine(line);
    if (end == std::string::npos || !type ||
        (!types.empty() && !ComesBefore(types.back(), *type))) {
      return Fail(ErrorCode::kCorrupt,
                  "{}:{}: `{}`: expected a word of the letters a to z, a tab and its count, by "
                  "falling count; make the inventory again",
                  path.string(), types.size() + 1, Printable(Prefix(line, 60)));
    }
    types.push_back(std::move(*type));
    at = end + 1;
  }
  const std::size_t lines = types.size();
  TypeInventory inventory(std::move(types));
  if (inventory.ranks_.size() != lines) {
    return Fail(ErrorCode::kCorrupt, "{}: a word stands there twice; make the inventory again",
                path.string());
  }
  return inventory;
}

void TypeCounter::Add(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = WordEnd(text, at);
    if (end == at) {
      at += CharacterAt(text, at).bytes;
      continue;
    }
    if (ReadType(text.substr(at, end - at), word_)) {
      ++counts_[word_];
      ++words_;
    }
    at = end;
  }
}

TypeInventory TypeCounter::MostFrequent(std::int64_t limit) const {
  std::vector<WordType> types;
  types.reserve(counts_.size());
  for (const auto& [word, count] : counts_) types.push_back({word, count});
  return TypeInventory(std::move(types), static_cast<std::size_t>(limit));
}

}  // namespace repro
