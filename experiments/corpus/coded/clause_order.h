#pragma once
/// Another order of the words of a line: a keyed bijection of lines onto lines.
///
/// What moves is a unit: words and numbers that no space parts (well-known, don't, 3.5). Units
/// change places within their clause; clauses end at every character that is neither part of a unit
/// nor a blank. All that stands between units keeps its place, capitals move with their word.
///
///   none      as in English
///   reversed  each clause back to front
///   local     windows of four units, counted from the clause's start, and what is left at its end:
///             each length is permuted in a way of the language's own, never into itself
///   shuffled  all units of the line, each line in another way: a null, since no order is left that
///             could be learnt. It can be undone because the units themselves, taken without their
///             order, are the key

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace repro {

class ClauseOrder {
 public:
  /// `key`: of the language. Errors: kInvalidArgument when `order` is none of the above.
  static Result<ClauseOrder> Make(const std::string& order, std::uint64_t key);

  bool changes_nothing() const { return kind_ == Kind::kNone; }
  std::string Apply(std::string_view line) const;
  std::string Undo(std::string_view line) const;

  /// The same for the words of a tagged sentence: entry i of the result is the place from which
  /// word i comes. A word with punctuation at its end ends a clause; words that are nothing else
  /// stay; words that begin with an apostrophe ('s) move with the word before them.
  std::vector<std::size_t> ApplyToWords(std::span<const std::string> words) const;

 private:
  enum class Kind { kNone, kReversed, kLocal, kShuffled };
  ClauseOrder(Kind kind, std::uint64_t key);
  static constexpr std::size_t kWindow = 4;

  /// Which unit comes to each place. `begins_clause`: one entry a unit; `content`: see Fingerprint.
  std::vector<std::size_t> Origins(const std::vector<bool>& begins_clause,
                                   std::uint64_t content) const;
  std::uint64_t Fingerprint(std::string_view unit) const;
  std::string Move(std::string_view line, bool undo) const;

  Kind kind_;
  std::uint64_t key_;
  std::array<std::vector<std::size_t>, kWindow + 1> windows_;  // by length
};

}  // namespace repro
