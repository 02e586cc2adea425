#include "experiments/corpus/coded/clause_order.h"

#include <algorithm>
#include <numeric>

#include "core/base/check.h"
#include "core/base/rng.h"
#include "core/base/text.h"
#include "experiments/corpus/coded/characters.h"

namespace repro {
namespace {

bool IsUnitCharacter(char32_t c) {
  return IsWordCharacter(c) || (c >= U'0' && c <= U'9');
}

bool IsApostrophe(char32_t c) {
  return c == U'\'' || c == U'\u2019';
}

// Holds a unit together where it stands alone between two of its characters.
bool IsJoiner(char32_t c) {
  return IsApostrophe(c) || c == U'-' || c == U'.' || c == U',';
}

struct LineUnits {
  std::vector<std::string_view> units;
  std::vector<bool> begins_clause;
};

std::size_t UnitEnd(std::string_view line, std::size_t begin) {
  std::size_t end = begin;
  while (end < line.size()) {
    TextCharacter next = CharacterAt(line, end);
    if (IsJoiner(next.code) && end + next.bytes < line.size()) {
      const TextCharacter after = CharacterAt(line, end + next.bytes);
      if (!IsUnitCharacter(after.code)) break;
      next.bytes += after.bytes;
    } else if (!IsUnitCharacter(next.code)) {
      break;
    }
    end += next.bytes;
  }
  return end;
}

LineUnits FindUnits(std::string_view line) {
  LineUnits found;
  bool new_clause = true;
  for (std::size_t at = 0; at < line.size();) {
    const TextCharacter next = CharacterAt(line, at);
    if (!IsUnitCharacter(next.code)) {
      new_clause = new_clause || next.code != U' ';
      at += next.bytes;
      continue;
    }
    const std::size_t end = UnitEnd(line, at);
    found.units.push_back(line.substr(at, end - at));
    found.begins_clause.push_back(new_clause);
    new_clause = false;
    at = end;
  }
  return found;
}

// What of a word decides on its moves.
struct WordShape {
  bool has_unit = false;
  bool begins_as_unit = false, ends_as_unit = false;
  bool begins_with_apostrophe = false;
};

WordShape ShapeOf(std::string_view word) {
  WordShape shape;
  for (std::size_t at = 0; at < word.size();) {
    const TextCharacter next = CharacterAt(word, at);
    shape.ends_as_unit = IsUnitCharacter(next.code);
    shape.has_unit = shape.has_unit || shape.ends_as_unit;
    if (at == 0) {
      shape.begins_as_unit = shape.ends_as_unit;
      shape.begins_with_apostrophe = IsApostrophe(next.code);
    }
    at += next.bytes;
  }
  return shape;
}

// Words that move together.
struct WordGroup {
  std::size_t first = 0, count = 1;
};

}  // namespace

Result<ClauseOrder> ClauseOrder::Make(const std::string& order, std::uint64_t key) {
  if (order == "none") return ClauseOrder(Kind::kNone, key);
  if (order == "reversed") return ClauseOrder(Kind::kReversed, key);
  if (order == "local") return ClauseOrder(Kind::kLocal, key);
  if (order == "shuffled") return ClauseOrder(Kind::kShuffled, key);
  return Fail(ErrorCode::kInvalidArgument, "order `{}`: expected none, reversed, local or shuffled",
              Printable(order));
}

ClauseOrder::ClauseOrder(Kind kind, std::uint64_t key) : kind_(kind), key_(key) {
  for (std::size_t length = 0; length <= kWindow; ++length) {
    auto& window = windows_[length];
    window.resize(length);
    std::iota(window.begin(), window.end(), std::size_t{0});
    Rng rng(key, "order", length);
    while (length > 1 && std::is_sorted(window.begin(), window.end())) rng.Shuffle(window);
  }
}

std::uint64_t ClauseOrder::Fingerprint(std::string_view unit) const {
  return kind_ == Kind::kShuffled ? MixSeed(key_, unit) : 0;
}

std::vector<std::size_t> ClauseOrder::Origins(const std::vector<bool>& begins_clause,
                                              std::uint64_t content) const {
  const std::size_t count = begins_clause.size();
  std::vector<std::size_t> origins(count);
  std::iota(origins.begin(), origins.end(), std::size_t{0});
  if (kind_ == Kind::kShuffled) {
    Rng rng(key_, "shuffle", content);
    rng.Shuffle(origins);
    return origins;
  }
  for (std::size_t begin = 0; begin < count;) {
    std::size_t end = begin + 1;
    while (end < count && !begins_clause[end]) ++end;
    const auto at = [&](std::size_t unit) {
      return origins.begin() + static_cast<std::ptrdiff_t>(unit);
    };
    if (kind_ == Kind::kReversed) std::reverse(at(begin), at(end));
    if (kind_ == Kind::kLocal) {
      for (std::size_t from = begin; from < end; from += kWindow) {
        const auto& window = windows_[std::min(kWindow, end - from)];
        for (std::size_t i = 0; i < window.size(); ++i) origins[from + i] = from + window[i];
      }
    }
    begin = end;
  }
  return origins;
}

std::string ClauseOrder::Move(std::string_view line, bool undo) const {
  const LineUnits found = FindUnits(line);
  std::uint64_t content = 0;
  for (const std::string_view unit : found.units) content += Fingerprint(unit);
  const std::vector<std::size_t> origins = Origins(found.begins_clause, content);
  std::vector<std::string_view> moved(found.units.size());
  for (std::size_t i = 0; i < moved.size(); ++i) {
    (undo ? moved[origins[i]] : moved[i]) = found.units[undo ? i : origins[i]];
  }
  std::string out;
  out.reserve(line.size());
  const char* gap = line.data();
  for (std::size_t i = 0; i < moved.size(); ++i) {
    out.append(gap, found.units[i].data());
    out += moved[i];
    gap = found.units[i].data() + found.units[i].size();
  }
  out.append(gap, line.data() + line.size());
  return out;
}

std::string ClauseOrder::Apply(std::string_view line) const {
  return Move(line, false);
}

std::string ClauseOrder::Undo(std::string_view line) const {
  return Move(line, true);
}

std::vector<std::size_t> ClauseOrder::ApplyToWords(std::span<const std::string> words) const {
  std::vector<WordGroup> groups;
  std::vector<bool> begins_clause;
  std::uint64_t content = 0;
  bool new_clause = true;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const WordShape shape = ShapeOf(words[i]);
    if (!shape.has_unit) {
      new_clause = true;
      continue;
    }
    content += Fingerprint(words[i]);
    if (shape.begins_with_apostrophe && !new_clause) {
      ++groups.back().count;
    } else {
      groups.push_back({.first = i});
      begins_clause.push_back(new_clause || !shape.begins_as_unit);
    }
    new_clause = !shape.ends_as_unit;
  }
  const std::vector<std::size_t> origins = Origins(begins_clause, content);
  std::vector<std::size_t> result;
  result.reserve(words.size());
  std::size_t next_group = 0;
  for (std::size_t i = 0; i < words.size();) {
    if (next_group == groups.size() || i != groups[next_group].first) {
      result.push_back(i++);  // stays
      continue;
    }
    const WordGroup& moved = groups[origins[next_group]];
    for (std::size_t j = 0; j < moved.count; ++j) result.push_back(moved.first + j);
    i += groups[next_group++].count;
  }
  REPRO_CHECK(result.size() == words.size());
  return result;
}

}  // namespace repro
