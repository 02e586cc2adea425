#pragma once
/// The letters a coded language writes with: a keyed bijection of letters, vowels to vowels and
/// consonants to consonants, onto the same Latin letters or onto 52 of the language's own.
///
/// Letters of its own are taken from the block of Hangul syllables, no letter by two languages:
/// there the block is large enough for every language to be alike in bytes a letter, in Unicode
/// properties and under NFKC, so that languages differ in nothing but their code. Upper case has
/// letters apart, as it has in Latin. The bijection swaps the two alphabets: Hangul that stands in
/// the text comes out in Latin letters, and back.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/rng.h"

namespace repro {

inline constexpr std::int64_t kMaxCodedLanguage = 200;

enum class CodeDirection { kEncode, kDecode };

/// How the letters of a word are cased. One capital alone is a title.
enum class CasePattern { kLower, kTitle, kUpper, kMixed };
CasePattern PatternOf(std::size_t letters, std::size_t capitals, bool first_is_capital);

/// A word without its case: one byte a letter, 'a' to 'z' for Latin and from 0x80 on for the
/// language's own.
struct CaselessWord {
  std::string letters;
  CasePattern pattern = CasePattern::kLower;
};

class CodedAlphabet {
 public:
  /// `key`: of the language. `language`: 1 to kMaxCodedLanguage.
  CodedAlphabet(bool own_script, std::uint64_t key, std::int64_t language);

  /// False for words of mixed case, and for those with any other character.
  bool Read(std::string_view word, CaselessWord& out) const;
  void Write(const CaselessWord& word, std::string& out) const;

  /// Applies the bijection to each letter.
  void Respell(std::string& letters, CodeDirection direction) const;
  /// The same for a word that `Read` does not take: case stays, and so does what is no letter here.
  void RespellEach(std::string_view word, CodeDirection direction, std::string& out) const;

 private:
  struct CasedLetter {
    unsigned char letter = 0;  // 0: none of ours
    bool capital = false;
  };
  CasedLetter Find(char32_t c) const;
  void Append(unsigned char letter, bool capital, std::string& out) const;

  std::int64_t own_offset_ = -1;  // of the language's letters in the block; -1: Latin alone
  std::array<unsigned char, 256> encode_{}, decode_{};
  std::array<std::string, 256> small_, capital_;  // UTF-8
};

}  // namespace repro
