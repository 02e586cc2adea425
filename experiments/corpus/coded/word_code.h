#pragma once
/// The code of words, in their places: a bijection of texts onto texts.
///
/// A word of the inventory becomes another of its band, then every word is respelled. Both keep
/// case (lower, Title, UPPER). Words of mixed case, and those with characters that are no letter of
/// the language (an accent), are respelled letter by letter. Anchors stay. Where a word would come
/// out as an anchor, or a word in capitals as a single letter, whose case could not be told, the
/// code is applied again until it does not (cycle walking, Black & Rogaway 2002): so no two words
/// have one code, and any text comes back.

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "experiments/corpus/coded/alphabet.h"
#include "experiments/corpus/coded/settings.h"
#include "experiments/corpus/coded/type_inventory.h"

namespace repro {

/// Immutable; may be used by any number of threads.
class WordCode {
 public:
  /// `key`: of the language. `language`: 1 to kMaxCodedLanguage.
  WordCode(const CodedSettings& settings, std::shared_ptr<const TypeInventory> inventory,
           std::uint64_t key, std::int64_t language);

  /// Any bytes; what is no UTF-8 stays as it is. Appends to `out`.
  void Recode(std::string_view text, CodeDirection direction, std::string& out) const;

 private:
  void RecodeWord(std::string_view word, CodeDirection direction, CaselessWord& buffer,
                  std::string& out) const;
  bool IsAnchor(std::string_view letters) const;
  void Step(std::string& letters, CodeDirection direction) const;
  void Walk(CaselessWord& word, CodeDirection direction) const;
  void PermuteTypes(const CodedSettings& settings, std::uint64_t key);
  void PermuteSymbols(std::uint64_t key);

  std::shared_ptr<const TypeInventory> inventory_;
  CodedAlphabet alphabet_;
  std::vector<bool> anchors_;                 // by rank, as the next three
  std::vector<std::size_t> encode_, decode_;  // the permutation of types
  std::vector<std::string> coded_;            // code of a type in lower case, as letters
  std::array<char, 128> encode_symbol_{}, decode_symbol_{};
};

}  // namespace repro
