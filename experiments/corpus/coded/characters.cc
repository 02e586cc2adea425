#include "experiments/corpus/coded/characters.h"

#include <algorithm>
#include <iterator>

#include "core/base/text.h"

namespace repro {
namespace {

struct CodeRange {
  char32_t first, last;
};

// Spaces, punctuation, symbols, emoji, private use and what is no character, beyond ASCII. Sorted.
constexpr CodeRange kNoWord[] = {
    {0x80, 0xA9},       {0xAB, 0xB4},       {0xB6, 0xB9},     {0xBB, 0xBF},     {0xD7, 0xD7},
    {0xF7, 0xF7},       {0x1680, 0x1680},   {0x2000, 0x2BFF}, {0x2E00, 0x2E7F}, {0x3000, 0x3004},
    {0x3008, 0x3020},   {0x3030, 0x3030},   {0xD800, 0xF8FF}, {0xFE10, 0xFE1F}, {0xFE30, 0xFE6F},
    {0xFEFF, 0xFF0F},   {0xFF1A, 0xFF20},   {0xFF3B, 0xFF40}, {0xFF5B, 0xFF65}, {0xFFE0, 0xFFFF},
    {0x1F000, 0x1FAFF}, {0xE0000, 0x10FFFF}};

}  // namespace

bool IsWordCharacter(char32_t c) {
  if (c < 0x80) return IsAsciiLetter(static_cast<char>(c));
  const auto* range =
      std::lower_bound(std::begin(kNoWord), std::end(kNoWord), c,
                       [](const CodeRange& entry, char32_t value) { return entry.last < value; });
  return range == std::end(kNoWord) || c < range->first;
}

TextCharacter WideCharacterAt(std::string_view text, std::size_t at) {
  std::string_view rest = text.substr(at);
  const char32_t code = TakeCodePoint(rest);
  return {code, text.size() - at - rest.size()};
}

std::size_t WordEnd(std::string_view text, std::size_t begin) {
  std::size_t end = begin;
  while (end < text.size()) {
    if (IsAsciiLetter(text[end])) {
      ++end;
      continue;
    }
    const TextCharacter next = CharacterAt(text, end);
    if (!IsWordCharacter(next.code)) break;
    end += next.bytes;
  }
  return end;
}

}  // namespace repro
