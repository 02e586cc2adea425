#include "experiments/corpus/coded/alphabet.h"

#include <algorithm>

#include "core/base/text.h"
#include "experiments/corpus/coded/characters.h"

namespace repro {
namespace {

// y writes a vowel in most of its words (my, any, city): with it no English word is without one.
constexpr std::string_view kLatinVowels = "aeiouy";
constexpr std::string_view kLatinConsonants = "bcdfghjklmnpqrstvwxz";
constexpr int kLetters = 26;

// Letter l of language k is syllable 200 l + k - 1: neighbours in the block, which look alike, go
// to different languages.
constexpr char32_t kFirstSyllable = 0xAC00;
constexpr char32_t kStride = kMaxCodedLanguage;
constexpr unsigned char kFirstOwnLetter = 0x80;
static_assert(kFirstSyllable + 2 * kLetters * kStride <= 0xD7A4);

}  // namespace

CasePattern PatternOf(std::size_t letters, std::size_t capitals, bool first_is_capital) {
  if (capitals == 0) return CasePattern::kLower;
  if (capitals == 1 && first_is_capital) return CasePattern::kTitle;
  return capitals == letters ? CasePattern::kUpper : CasePattern::kMixed;
}

CodedAlphabet::CodedAlphabet(bool own_script, std::uint64_t key, std::int64_t language) {
  if (own_script) own_offset_ = language - 1;
  for (std::size_t i = 0; i < 256; ++i) {
    encode_[i] = decode_[i] = static_cast<unsigned char>(i);
  }
  for (const std::string_view kind : {kLatinVowels, kLatinConsonants}) {
    std::string image(kind);
    Rng rng(key, "letters", kind.size());
    rng.Shuffle(image);
    for (std::size_t i = 0; i < kind.size(); ++i) {
      const auto from = static_cast<unsigned char>(kind[i]);
      auto to = static_cast<unsigned char>(image[i]);
      if (own_script) {
        to = static_cast<unsigned char>(kFirstOwnLetter + (to - 'a'));
        encode_[to] = from;
        decode_[from] = to;
      }
      encode_[from] = to;
      decode_[to] = from;
    }
  }
  for (int i = 0; i < kLetters; ++i) {
    small_['a' + static_cast<std::size_t>(i)] = static_cast<char>('a' + i);
    capital_['a' + static_cast<std::size_t>(i)] = static_cast<char>('A' + i);
    if (!own_script) continue;
    const auto syllable = [&](int letter) {
      return kFirstSyllable + static_cast<char32_t>(letter) * kStride +
             static_cast<char32_t>(own_offset_);
    };
    AppendUtf8(syllable(i), small_[kFirstOwnLetter + static_cast<std::size_t>(i)]);
    AppendUtf8(syllable(i + kLetters), capital_[kFirstOwnLetter + static_cast<std::size_t>(i)]);
  }
}

CodedAlphabet::CasedLetter CodedAlphabet::Find(char32_t c) const {
  if (c >= U'a' && c <= U'z') return {static_cast<unsigned char>(c), false};
  if (c >= U'A' && c <= U'Z') return {static_cast<unsigned char>(c - U'A' + U'a'), true};
  if (own_offset_ < 0 || c < kFirstSyllable || c >= kFirstSyllable + 2 * kLetters * kStride) {
    return {};
  }
  const char32_t place = c - kFirstSyllable;
  if (place % kStride != static_cast<char32_t>(own_offset_)) return {};
  const char32_t letter = place / kStride;
  return {static_cast<unsigned char>(kFirstOwnLetter + letter % kLetters), letter >= kLetters};
}

void CodedAlphabet::Append(unsigned char letter, bool capital, std::string& out) const {
  out += capital ? capital_[letter] : small_[letter];
}

bool CodedAlphabet::Read(std::string_view word, CaselessWord& out) const {
  out.letters.clear();
  std::size_t capitals = 0;
  bool first_is_capital = false;
  for (std::size_t at = 0; at < word.size();) {
    const TextCharacter next = CharacterAt(word, at);
    const CasedLetter found = Find(next.code);
    if (found.letter == 0) return false;
    if (found.capital) {
      ++capitals;
      if (at == 0) first_is_capital = true;
    }
    out.letters += static_cast<char>(found.letter);
    at += next.bytes;
  }
  out.pattern = PatternOf(out.letters.size(), capitals, first_is_capital);
  return out.pattern != CasePattern::kMixed;
}

void CodedAlphabet::Write(const CaselessWord& word, std::string& out) const {
  bool capital = word.pattern != CasePattern::kLower;
  for (const char letter : word.letters) {
    Append(static_cast<unsigned char>(letter), capital, out);
    capital = word.pattern == CasePattern::kUpper;
  }
}

void CodedAlphabet::Respell(std::string& letters, CodeDirection direction) const {
  const auto& map = direction == CodeDirection::kEncode ? encode_ : decode_;
  for (char& letter : letters) {
    letter = static_cast<char>(map[static_cast<unsigned char>(letter)]);
  }
}

void CodedAlphabet::RespellEach(std::string_view word, CodeDirection direction,
                                std::string& out) const {
  const auto& map = direction == CodeDirection::kEncode ? encode_ : decode_;
  for (std::size_t at = 0; at < word.size();) {
    const TextCharacter next = CharacterAt(word, at);
    const CasedLetter found = Find(next.code);
    if (found.letter == 0) {
      out += word.substr(at, next.bytes);
    } else {
      Append(map[found.letter], found.capital, out);
    }
    at += next.bytes;
  }
}

}  // namespace repro
