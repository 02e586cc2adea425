#pragma once
/// Cuts text into words before a vocabulary is learnt from it, as XLM (Lample & Conneau 2019) did
/// where XLM-R takes raw text: Figure 7's right panel compares the two.
///
/// A stand-in for XLM's tools, not a port. With spaces, the rules are those that Moses' tokenizer
/// is documented to follow (Koehn et al. 2007; without its HTML escapes), written anew:
///   - punctuation and symbols are words of their own, each; "..." is one; a hyphen is part of a
///     word; a comma or a full stop between digits is part of the number;
///   - an apostrophe between letters opens a word in English ("don 't"), closes one in French,
///     Italian, Irish and Catalan ("l' eau"), is a letter in Somali, and is a word of its own
///     everywhere else;
///   - a full stop at the end of a word is a word, unless the word is an abbreviation (a small list
///     for each language below, a single capital letter, letters parted by full stops) or the next
///     word begins with a small letter;
///   - Finnish and Swedish endings after a colon ("EU:n") and the Catalan "l·l" stay together.
/// Without spaces, ICU's words (word_breaker.h) stand in for the Stanford segmenter (zh), PyThaiNLP
/// (th) and KyTea (ja).
///
/// What differs from Moses on purpose: combining marks and joiners belong to the letter before them
/// (it splits Indic words at each virama); U+2019 is cut as an apostrophe and the text is otherwise
/// never changed (XLM normalised punctuation first), so the words, one after the other, are the
/// text without its white space and control characters.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "experiments/text/word_breaker.h"

namespace repro {

/// What WordTokenizer's rules are called where they are recorded; another name when they change.
inline constexpr std::string_view kWordRules = "moses-like-1";
inline constexpr std::string_view kIcuWords = "icu";

/// Immutable after `Make`; may be used from several threads.
class WordTokenizer {
 public:
  /// `language`: a code of languages.toml; one without rules of its own is cut with English
  /// abbreviations and lone apostrophes. `rules`: kWordRules or kIcuWords. Errors: kInvalidArgument
  /// for other rules; kFailed when ICU lacks its data.
  static Result<WordTokenizer> Make(std::string_view language, std::string_view rules);

  /// Views into `text`.
  std::vector<std::string_view> Words(std::string_view text) const;
  /// The words with a space between them.
  std::string Join(std::string_view text) const;

 private:
  struct Rules;
  WordTokenizer() = default;

  const Rules* rules_ = nullptr;
  std::optional<WordBreaker> breaker_;  // instead of rules
};

}  // namespace repro
