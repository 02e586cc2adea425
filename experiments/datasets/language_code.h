#pragma once
/// Codes of languages as file names and paths hold them: "en", "zh-Hant", "my_rom", "en-c01".

#include <algorithm>
#include <string_view>

namespace repro {

constexpr bool IsLanguageCodeCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

inline bool IsLanguageCode(std::string_view code) {
  return !code.empty() && std::all_of(code.begin(), code.end(), IsLanguageCodeCharacter);
}

}  // namespace repro
