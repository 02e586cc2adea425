#pragma once
/// The words of one language, and the names and numbers that all languages share.
///
/// A content word is a loan (written alike in every language of the script), inherited (the
/// family's word after this language's sound change) or its own. Verbs and adjectives all have the
/// same number of characters, so no length can tell two of them apart.

#include <cstdint>
#include <string>
#include <vector>

#include "experiments/corpus/babel/languages.h"
#include "experiments/corpus/babel/world.h"

namespace repro {

/// Words of grammar: the same meaning in every world, never shared between languages.
enum class GrammarWord : std::uint8_t { kIn, kOf, kNot, kBut, kAlso, kIs, kPlural, kPast, kObject };
inline constexpr int kGrammarWords = 9;

/// Where the form of a content word comes from.
enum class WordOrigin : std::uint8_t { kOwn, kInherited, kLoan };

class Lexicon {
 public:
  Lexicon(std::uint64_t seed, const BabelLanguage& language);

  const std::string& Item(int item) const { return items_[static_cast<std::size_t>(item)]; }
  WordOrigin Origin(int item) const { return origins_[static_cast<std::size_t>(item)]; }
  const std::string& Grammar(GrammarWord word) const {
    return grammar_[static_cast<std::size_t>(word)];
  }

 private:
  std::vector<std::string> items_;
  std::vector<WordOrigin> origins_;
  std::vector<std::string> grammar_;
};

/// Names and numbers: Latin letters with a capital and decimal digits, identical in every language.
class Anchors {
 public:
  explicit Anchors(std::uint64_t seed);

  /// One or two words.
  const std::vector<std::string>& Name(int entity) const {
    return names_[static_cast<std::size_t>(entity)];
  }
  const std::string& Number(int index) const { return numbers_[static_cast<std::size_t>(index)]; }

 private:
  std::vector<std::vector<std::string>> names_;
  std::vector<std::string> numbers_;
};

}  // namespace repro
