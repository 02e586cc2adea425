#pragma once
/// Small texts for tests: words of two to four syllables with Zipf frequencies, sentences,
/// documents. Not a language, only the surface of one; deterministic.

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/base/check.h"
#include "core/base/rng.h"
#include "core/io/file.h"
#include "core/io/json_io.h"
#include "tests/core/temp_folder.h"

namespace repro::testing {

using repro::TempFolder;

/// The word with frequency rank `rank` of `language`.
inline std::string TinyWord(const std::string& language, std::uint64_t rank) {
  static const std::vector<std::string> kSyllables = {"ba", "ko", "mi", "te", "ru", "sa",
                                                      "lo", "ni", "da", "pe", "fu", "ga",
                                                      "vi", "no", "ke", "zu"};
  Rng rng(7, "word." + language, rank);
  std::string word;
  const std::uint64_t syllables = 2 + rng.Below(3);
  for (std::uint64_t i = 0; i < syllables; ++i) word += kSyllables[rng.Below(kSyllables.size())];
  return word;
}

/// Sentence `index`: 4 to 11 words.
inline std::string TinySentence(const std::string& language, std::uint64_t index,
                                std::uint64_t vocabulary = 400) {
  Rng rng(11, "sentence." + language, index);
  std::string sentence;
  const std::uint64_t words = 4 + rng.Below(8);
  for (std::uint64_t i = 0; i < words; ++i) {
    const auto rank = static_cast<std::uint64_t>(
        std::pow(static_cast<double>(vocabulary), rng.Uniform()));  // log-uniform: Zipf-like
    if (i > 0) sentence += ' ';
    sentence += TinyWord(language, rank);
  }
  sentence += '.';
  return sentence;
}

/// A text of `sentences` sentences in documents of five, starting at sentence `first`.
inline std::string TinyText(const std::string& language, std::uint64_t sentences,
                            std::uint64_t first = 0) {
  std::string text;
  for (std::uint64_t i = 0; i < sentences; ++i) {
    if (i > 0 && i % 5 == 0) text += "\n";
    text += TinySentence(language, first + i) + "\n";
  }
  return text;
}

/// What the `corpus` task leaves behind, in `folder`.
inline void WriteTinyCorpus(const std::filesystem::path& folder, const std::string& language,
                            std::uint64_t sentences, double nominal_units,
                            std::uint64_t heldout = 60) {
  REPRO_CHECK(PutFile(folder / "text.txt", TinyText(language, sentences)).has_value());
  REPRO_CHECK(PutFile(folder / "heldout.txt", TinyText(language, heldout, 1'000'000)).has_value());
  const Json stats = {{"language", language},
                      {"sentences", sentences},
                      {"heldout_sentences", heldout},
                      {"nominal_units", nominal_units}};
  REPRO_CHECK(PutFile(folder / "stats.json", CanonicalJson(stats)).has_value());
}

}  // namespace repro::testing
