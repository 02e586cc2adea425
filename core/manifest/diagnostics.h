#pragma once
/// Collects everything that is wrong with a manifest, so that all of it is reported at once.

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/manifest/document.h"

namespace repro {

class Diagnostics {
 public:
  /// `what` says what is wrong, `expected` what was expected: "file:line:column: what, expected".
  /// Keys and values stand in backquotes; what a terminal might act on is made visible.
  void Add(const SourcePosition& where, std::string_view what, std::string_view expected);

  bool empty() const { return entries_.empty(); }
  std::size_t size() const { return entries_.size(); }

  /// One line each, sorted by file, line and column, without repetitions; entries without lines
  /// (--set) come last.
  std::string ToString() const;

  /// Ok when nothing was added, else kInvalidArgument with `ToString()`.
  Status ToStatus() const;

 private:
  struct Entry {
    SourcePosition where;
    std::string text;
  };
  std::vector<Entry> entries_;
};

/// Number of single-character insertions, deletions, replacements and swaps of neighbours between
/// two strings (optimal string alignment).
std::size_t EditDistance(std::string_view a, std::string_view b);

/// The candidate nearest to `name` by edit distance, or "" when none is near enough to be a
/// misspelling: 1 edit in names of up to 3 characters, 2 or a third of the length in longer ones.
/// Else a candidate that `name` begins with, or that begins with `name`. Ties go to the first.
std::string Suggest(std::string_view name, const std::vector<std::string>& candidates);

/// "; did you mean `x`?" for `Suggest`, or "".
std::string DidYouMean(std::string_view name, const std::vector<std::string>& candidates);

/// "`a`, `b` or `c`" for messages.
std::string OneOfText(const std::vector<std::string>& candidates);

}  // namespace repro
