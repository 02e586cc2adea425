#pragma once
/// How well a vocabulary serves a language, measured on text that it was not learnt from.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "experiments/text/tokenizer.h"
#include "experiments/text/word_breaker.h"

namespace repro {

/// Counts over sentences of one language.
struct VocabFit {
  std::int64_t sentences = 0;
  std::int64_t words = 0;  ///< between white space; ICU's where the text has no spaces
  std::int64_t pieces = 0;
  std::int64_t unknown_pieces = 0;
  std::int64_t characters = 0;          ///< of the normalised text, white space left out
  std::int64_t unknown_characters = 0;  ///< inside unknown pieces
  bool icu_words = false;
  std::vector<bool> used;  ///< by token id; <unk> never

  /// 0 without words.
  double TokensPerWord() const;
  /// 0 without pieces.
  double CharactersPerPiece() const;
  /// Share of characters that a piece other than <unk> covers; 1 without characters.
  double Coverage() const;
  /// Share of pieces that are <unk>; 0 without pieces.
  double UnknownRate() const;
  /// Distinct pieces, as a share of those that stand for text.
  double UsedShare() const;
};

/// Counts sentence by sentence. Whether the text has spaces is decided on its first sentences,
/// which are kept until then.
class VocabMeter {
 public:
  /// `tokenizer`: for text of `language` (VocabFiles::For). Errors: kFailed when ICU lacks its
  /// data.
  static Result<VocabMeter> Open(Tokenizer tokenizer, const std::string& language);

  void Add(std::string_view sentence);
  VocabFit Finish();

 private:
  VocabMeter(Tokenizer tokenizer, std::string language)
      : tokenizer_(std::move(tokenizer)), language_(std::move(language)) {}
  void Count(std::string_view sentence);
  void Decide();

  Tokenizer tokenizer_;
  std::string language_;
  std::optional<WordBreaker> breaker_{};
  bool decided_ = true;
  Spacing spacing_{};
  std::vector<std::string> waiting_{};
  VocabFit fit_{};
};

/// What the pieces of a vocabulary are.
struct VocabContent {
  std::int64_t rows = 0;         ///< of the embedding
  std::int64_t specials = 0;     ///< rows that stand for no text: <s>, <pad>, </s>, <unk>, <mask>
  std::int64_t pieces = 0;       ///< the others
  std::int64_t word_starts = 0;  ///< pieces that begin with kWordMark
  std::int64_t characters = 0;   ///< pieces of one character, the mark left out
  /// Pieces by the script of their first letter, ISO 15924 ("Latn"); "Zyyy" where they have none.
  std::map<std::string, std::int64_t> by_script;
  std::vector<std::string> longest;  ///< in characters; at most 10, longest first
};
VocabContent DescribePieces(const Tokenizer& tokenizer);

/// Pieces that both have, specials left out.
std::int64_t SharedPieces(const Tokenizer& a, const Tokenizer& b);

}  // namespace repro
