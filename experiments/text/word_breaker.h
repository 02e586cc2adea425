#pragma once
/// Where words begin and end in text that has no spaces between them: ICU's dictionaries and word
/// rules (UAX 29). Also, whether a text has spaces between its words at all.
///
/// The words depend on ICU's release (`IcuVersion`), so whoever keeps what was made of them records
/// it.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace repro {

/// A stretch of a text that is no white space.
struct TextSpan {
  std::size_t begin = 0;
  std::size_t end = 0;   ///< bytes of the text, behind the last
  bool lexical = false;  ///< holds a letter, a digit or an ideograph; else punctuation or a symbol
};

/// Immutable after `Open`; may be used from several threads.
class WordBreaker {
 public:
  /// `language`: a code of languages.toml. Errors: kFailed when ICU lacks its data.
  static Result<WordBreaker> Open(std::string_view language);
  WordBreaker(WordBreaker&&) noexcept;
  WordBreaker& operator=(WordBreaker&&) noexcept;
  ~WordBreaker();

  /// In order; white space belongs to none. Bytes that are not UTF-8 count as U+FFFD.
  std::vector<TextSpan> Words(std::string_view text) const;

 private:
  struct Impl;
  explicit WordBreaker(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Of the library that is linked, e.g. "72.1".
std::string IcuVersion();

/// "zh" of "zh-Hant", "hi" of "hi_rom".
std::string_view BaseLanguage(std::string_view code);

/// zh, ja, th, lo, km and my are written without spaces between words, as a rule.
bool MayLackSpaces(std::string_view language);

/// Whether spaces part the words of a text. The language alone does not say it: text of these
/// languages may be cut into words already (the babel world's is), and Burmese has some spaces.
struct Spacing {
  std::int64_t characters = 0;  ///< white space left out
  std::int64_t words = 0;       ///< between white space

  void Add(std::string_view text);
  /// In a language that may, when what stands between white space has more than 10 characters on
  /// average (NTREX: 12 in my to 40 in ja).
  bool LacksSpaces(std::string_view language) const;
};

}  // namespace repro
