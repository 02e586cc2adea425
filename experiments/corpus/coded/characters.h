#pragma once
/// Where words begin and end. A fixed table of code points, not ICU's: the bytes of a coded corpus
/// must not change with a version of Unicode.

#include <cstddef>
#include <string_view>

namespace repro {

/// Letters of ASCII, and all beyond ASCII that is no punctuation, symbol or space: so letters and
/// marks of every script.
bool IsWordCharacter(char32_t c);

inline constexpr bool IsAsciiLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
inline constexpr bool IsAsciiDigit(char c) {
  return c >= '0' && c <= '9';
}

/// One character, or one byte that is no UTF-8, which counts as U+FFFD.
struct TextCharacter {
  char32_t code = 0;
  std::size_t bytes = 1;
};
/// The character at `at`, which is before the end and begins beyond ASCII.
TextCharacter WideCharacterAt(std::string_view text, std::size_t at);
/// The character at `at`, which must be before the end.
inline TextCharacter CharacterAt(std::string_view text, std::size_t at) {
  const auto byte = static_cast<unsigned char>(text[at]);
  return byte < 0x80 ? TextCharacter{byte, 1} : WideCharacterAt(text, at);
}

/// End of the word that begins at `begin`; `begin` where none does.
std::size_t WordEnd(std::string_view text, std::size_t begin);

}  // namespace repro
