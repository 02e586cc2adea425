#pragma once
/// Spelling. Words are sequences of sounds; a script writes each sound (or syllable) with
/// characters of its own Unicode block, so words inherited by two languages of one family look
/// alike only where they share the script.
///
/// Every word spelt here is stable under NFKC, and words of equally many sounds of one shape (say
/// consonant-vowel- consonant) have equally many characters: length says nothing about the word.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace repro {

inline constexpr int kConsonants = 16;
inline constexpr int kVowels = 5;

/// A sound: 0..15 consonants, 16..20 vowels.
using Sound = std::uint8_t;
inline constexpr bool IsVowel(Sound sound) {
  return sound >= kConsonants;
}

/// UTF-8 of `sounds` in `script` (ISO 15924). `variant` 1: another encoding of the same script, as
/// Zawgyi is to Burmese.
std::string Spell(std::string_view script, std::span<const Sound> sounds, int variant);

}  // namespace repro
