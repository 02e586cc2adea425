#include "experiments/corpus/clean/line_normalizer.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <iterator>
#include <optional>

#include <openssl/sha.h>
#include <unicode/locid.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include "core/base/check.h"
#include "core/base/text.h"

namespace repro {
namespace {

struct Replacement {
  UChar32 from;
  const char* to;
};

/// CC-Net's table, by code point. That the full-width digit one becomes a quote is theirs; digits
/// are zeros before it is looked at, so only models trained without that see it.
constexpr Replacement kPunctuation[] = {
    {0x00AB, "\""}, {0x00B4, "'"},  {0x00BB, "\""}, {0x2013, "-"},  {0x2014, " - "},
    {0x2019, "'"},  {0x201C, "\""}, {0x201D, "\""}, {0x201E, "\""}, {0x2026, "..."},
    {0x2236, ":"},  {0x2501, "-"},  {0x25BA, "-"},  {0x3001, ","},  {0x3002, "."},
    {0x3008, "<"},  {0x3009, ">"},  {0x300A, "\""}, {0x300B, "\""}, {0x300C, "\""},
    {0x300D, "\""}, {0x3010, "["},  {0x3011, "]"},  {0xFF01, "!"},  {0xFF05, "%"},
    {0xFF08, "("},  {0xFF09, ")"},  {0xFF0C, ","},  {0xFF0E, ". "}, {0xFF11, "\""},
    {0xFF1A, ":"},  {0xFF1B, ";"},  {0xFF1F, "?"},  {0xFF5E, "~"}};

const char* AsciiTwin(UChar32 c) {
  if (c < kPunctuation[0].from) return nullptr;
  const auto* const found = std::lower_bound(
      std::begin(kPunctuation), std::end(kPunctuation), c,
      [](const Replacement& replacement, UChar32 code) { return replacement.from < code; });
  return found != std::end(kPunctuation) && found->from == c ? found->to : nullptr;
}

/// What Python's str.strip takes away: white space, and the four separators of ASCII.
bool IsStripped(UChar32 c) {
  return (c >= 0x1C && c <= 0x1F) || u_isUWhiteSpace(c) != 0;
}
bool IsContinuationByte(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
}
bool IsControl(UChar32 c) {
  return c < 0x20 || (c >= 0x7F && c <= 0x9F);
}

void Append(UChar32 c, std::string& out) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else {
    AppendUtf8(static_cast<char32_t>(c), out);
  }
}

UChar32 NextCode(std::string_view& text) {
  return static_cast<UChar32>(TakeCodePoint(text));
}

std::string_view Stripped(std::string_view text) {
  for (std::string_view rest = text; !rest.empty(); text = rest) {
    if (!IsStripped(NextCode(rest))) break;
  }
  while (!text.empty()) {
    std::size_t last = text.size() - 1;
    while (last > 0 && IsContinuationByte(text[last])) --last;
    std::string_view end = text.substr(last);
    if (!IsStripped(NextCode(end)) || !end.empty()) break;
    text.remove_suffix(text.size() - last);
  }
  return text;
}

/// Letters whose lower case is several characters, or depends on what stands beside them.
constexpr UChar32 kCapitalIWithDot = 0x130;
constexpr UChar32 kCapitalSigma = 0x3A3;

/// Lower case by ICU's full mapping, for the few lines that need it.
std::string LowerByIcu(std::string_view text) {
  std::string lower;
  icu::UnicodeString::fromUTF8({text.data(), static_cast<std::int32_t>(text.size())})
      .toLower(icu::Locale::getRoot())
      .toUTF8String(lower);
  return lower;
}

bool NeedsFullMapping(std::string_view text) {
  return text.find("\xCE\xA3") != std::string_view::npos ||
         text.find("\xC4\xB0") != std::string_view::npos;
}

/// Lower case, digits 0. `text` is what is left of a line; `mark` gets each character that stays or
/// is replaced by its caller.
template <class Each>
void EachLowered(std::string_view text, const Each& each) {
  std::string lowered;
  if (NeedsFullMapping(text)) {
    lowered = LowerByIcu(text);
    text = lowered;
  }
  while (!text.empty()) {
    const UChar32 lower = u_tolower(NextCode(text));
    each(u_charType(lower) == U_DECIMAL_DIGIT_NUMBER ? UChar32{'0'} : lower);
  }
}

}  // namespace

void NormalizeForDedup(std::string_view line, std::string& out) {
  std::string_view text = Stripped(line);
  // Most lines of most languages have long runs of ASCII.
  const auto ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
  if (std::all_of(text.begin(), text.end(), ascii)) {
    for (const char c : text) {
      if (c >= 'A' && c <= 'Z') {
        out += static_cast<char>(c + ('a' - 'A'));
      } else if (c >= '0' && c <= '9') {
        out += '0';
      } else if (c >= ' ' && c != 0x7F) {
        out += c;
      }
    }
    return;
  }
  EachLowered(text, [&](UChar32 c) {
    if (!IsControl(c) && AsciiTwin(c) == nullptr) Append(c, out);
  });
}

std::string NormalizeForLm(std::string_view line, bool keep_accents) {
  std::string lowered;
  EachLowered(Stripped(line), [&](UChar32 c) { Append(c, lowered); });
  std::string plain;
  if (keep_accents) {
    plain = std::move(lowered);
  } else {
    UErrorCode status = U_ZERO_ERROR;
    const icu::Normalizer2* const nfd = icu::Normalizer2::getNFDInstance(status);
    REPRO_CHECK(U_SUCCESS(status));
    icu::UnicodeString decomposed = nfd->normalize(icu::UnicodeString::fromUTF8(lowered), status);
    icu::UnicodeString base;
    for (std::int32_t at = 0; at < decomposed.length(); at = decomposed.moveIndex32(at, 1)) {
      const UChar32 c = decomposed.char32At(at);
      if (u_charType(c) != U_NON_SPACING_MARK) base.append(c);
    }
    base.toUTF8String(plain);
  }
  std::string out;
  for (std::string_view rest = plain; !rest.empty();) {
    const UChar32 c = NextCode(rest);
    if (const char* const twin = AsciiTwin(c)) {
      out += twin;
    } else if (!IsControl(c)) {
      Append(c, out);
    }
  }
  return out;
}

void NormalizeToLetters(std::string_view line, std::string& out) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* const fold = icu::Normalizer2::getNFKCCasefoldInstance(status);
  REPRO_CHECK(U_SUCCESS(status));
  const auto source = icu::UnicodeString::fromUTF8(
      icu::StringPiece(line.data(), static_cast<std::int32_t>(line.size())));
  const icu::UnicodeString folded = fold->normalize(source, status);
  REPRO_CHECK(U_SUCCESS(status));
  bool kept = false;  // the character before
  for (std::int32_t at = 0; at < folded.length(); at = folded.moveIndex32(at, 1)) {
    const UChar32 c = folded.char32At(at);
    const std::uint32_t category = U_GET_GC_MASK(c);
    const bool mark = (category & U_GC_M_MASK) != 0;
    // A mark behind nothing is an accent by itself, which NFKC writes as a space and the mark.
    kept = mark ? kept : (category & (U_GC_L_MASK | U_GC_N_MASK)) != 0;
    if ((category & U_GC_ND_MASK) != 0) {
      out += '0';
    } else if (kept) {
      Append(c, out);
    }
  }
}

namespace {

std::uint64_t FirstBytesOfSha1(std::string_view text) {
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
  ::SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  std::uint64_t hash = 0;
  static_assert(std::endian::native == std::endian::little);
  std::memcpy(&hash, digest.data(), sizeof hash);
  return hash;
}

}  // namespace

std::uint64_t DedupHash(std::string_view line) {
  thread_local std::string normal;
  normal.clear();
  NormalizeForDedup(line, normal);
  return FirstBytesOfSha1(normal);
}

std::optional<std::uint64_t> TextHash(std::string_view line) {
  thread_local std::string normal;
  normal.clear();
  NormalizeForDedup(line, normal);
  if (Stripped(normal).empty()) return std::nullopt;
  return FirstBytesOfSha1(normal);
}

std::optional<std::uint64_t> LettersHash(std::string_view line) {
  thread_local std::string letters;
  letters.clear();
  NormalizeToLetters(line, letters);
  if (letters.empty()) return std::nullopt;
  return FirstBytesOfSha1(letters);
}

}  // namespace repro
