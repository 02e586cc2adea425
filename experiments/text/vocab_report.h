#pragma once
/// How well a vocabulary serves a language, measured on text that it was not learnt from.

#include <cstdint>
#include <string_view>

#include "experiments/text/tokenizer.h"

namespace repro {

/// Counts over sentences; add them up, then ask.
struct VocabFit {
  std::int64_t sentences = 0;
  std::int64_t words = 0;  ///< between white space
  std::int64_t pieces = 0;
  std::int64_t unknown_pieces = 0;
  std::int64_t characters = 0;          ///< of the normalised text, white space left out
  std::int64_t unknown_characters = 0;  ///< inside unknown pieces

  void Add(const Tokenizer& tokenizer, std::string_view sentence);

  /// 0 without words.
  double TokensPerWord() const;
  /// Share of characters that a piece other than <unk> covers; 1 without characters.
  double Coverage() const;
  /// Share of pieces that are <unk>; 0 without pieces.
  double UnknownRate() const;
};

}  // namespace repro
