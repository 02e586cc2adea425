#pragma once
/// IOB1 and IOB2, the two ways of writing phrases as tags (Tjong Kim Sang and Veenstra, 1999):
/// in IOB2 each phrase begins with a B; in IOB1 only one that follows another of its type directly.
/// `conlleval` finds the same phrases in both: an I opens one where none of its type is open.

#include <cstdint>
#include <string>
#include <vector>

namespace repro {

/// How the phrases of some text begin.
struct TagSchemeCounts {
  std::int64_t opened_by_b = 0;   ///< where an I would have done: IOB2 alone does so
  std::int64_t opened_by_i = 0;   ///< as IOB1 does; a few in a file of the other kind are slips
  std::int64_t divided_by_b = 0;  ///< a B behind a phrase of its type, as both do

  void Add(const std::vector<std::string>& sentence);
  /// "IOB2", "IOB1", "IOB2 with N stray I-", or "" when there is no phrase that tells.
  std::string Name() const;
};

/// The same phrases in IOB2: every I that opens one becomes a B.
void ToIob2(std::vector<std::string>& tags);

}  // namespace repro
