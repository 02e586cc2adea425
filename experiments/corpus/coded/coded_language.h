#pragma once
/// A coded language: real English text under a key. Frequencies, syntax and discourse are those of
/// the text; words and letters are others. Language 0 is English itself.
///
/// Languages are called en, en-c01, en-c02, ...: nobody shall take one for a natural language.
///
/// Sources of the idea, languages made by recoding English: K et al. 2020 (arXiv 1912.07840),
/// Dufter and Schuetze 2020 (arXiv 2005.00396). What is coded here, and why, stands in this
/// folder's README.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "experiments/corpus/coded/clause_order.h"
#include "experiments/corpus/coded/settings.h"
#include "experiments/corpus/coded/type_inventory.h"
#include "experiments/corpus/coded/word_code.h"

namespace repro {

/// "en" for 0, "en-c01" for 1, ..., "en-c200".
std::string CodedLanguageName(std::int64_t language);
/// The number of a name; nothing for any other text.
std::optional<std::int64_t> ParseCodedLanguageName(std::string_view name);

/// A sentence that was given as words.
struct CodedSentence {
  std::vector<std::string> words;
  std::vector<std::size_t> origins;  ///< word i codes the sentence's word origins[i]
};

/// Immutable; may be used by any number of threads.
class CodedLanguage {
 public:
  /// `inventory`: of the corpus that all languages recode. Errors: kInvalidArgument for a language
  /// beyond kMaxCodedLanguage, and for a script or an order that is none.
  static Result<CodedLanguage> Make(const CodedSettings& settings,
                                    std::shared_ptr<const TypeInventory> inventory,
                                    std::int64_t language);

  /// A line of text: any bytes. Pairs of sentences are coded one by one; their labels stay.
  std::string Encode(std::string_view line) const;
  /// The line that `Encode` was given, for every line of it.
  std::string Decode(std::string_view line) const;
  /// Where words are parted as in the text, and punctuation is apart, the same as `Encode` of the
  /// line; see ClauseOrder for the rest.
  CodedSentence EncodeWords(std::span<const std::string> words) const;

 private:
  CodedLanguage() = default;
  // Empty for English.
  std::shared_ptr<const WordCode> code_;
  std::shared_ptr<const ClauseOrder> order_;
};

/// Tags of a tagged sentence (O, B-PER, I-PER, ...) for the words of a CodedSentence: the tags go
/// with their words. Words that are no longer beside the rest of their span make a span of their
/// own, and each span begins with B-. `tags`: one a word of the sentence.
std::vector<std::string> MovedTags(std::span<const std::string> tags,
                                   std::span<const std::size_t> origins);

}  // namespace repro
