#include "experiments/text/word_breaker.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <unicode/brkiter.h>
#include <unicode/locid.h>
#include <unicode/ubrk.h>
#include <unicode/uchar.h>
#include <unicode/utext.h>
#include <unicode/uversion.h>

#include "core/base/check.h"
#include "core/base/text.h"

namespace repro {
namespace {

constexpr std::array<std::string_view, 6> kWithoutSpaces = {"ja", "km", "lo", "my", "th", "zh"};
constexpr std::int64_t kLongestMeanWord = 10;

bool IsSpace(char32_t c) {
  return c <= 0x20 || u_isUWhiteSpace(static_cast<UChar32>(c)) != 0;
}

// UText on a text that outlives it.
class Utf8Text {
 public:
  explicit Utf8Text(std::string_view text) {
    UErrorCode status = U_ZERO_ERROR;
    utext_openUTF8(&text_, text.data(), static_cast<std::int64_t>(text.size()), &status);
    REPRO_CHECK(U_SUCCESS(status));
  }
  Utf8Text(const Utf8Text&) = delete;
  Utf8Text& operator=(const Utf8Text&) = delete;
  ~Utf8Text() { utext_close(&text_); }
  UText* get() { return &text_; }

 private:
  UText text_ = UTEXT_INITIALIZER;
};

}  // namespace

struct WordBreaker::Impl {
  std::unique_ptr<icu::BreakIterator> prototype;  // cloned for each text: an iterator has a state
};

WordBreaker::WordBreaker(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
WordBreaker::WordBreaker(WordBreaker&&) noexcept = default;
WordBreaker& WordBreaker::operator=(WordBreaker&&) noexcept = default;
WordBreaker::~WordBreaker() = default;

Result<WordBreaker> WordBreaker::Open(std::string_view language) {
  UErrorCode status = U_ZERO_ERROR;
  auto impl = std::make_unique<Impl>();
  const std::string base(BaseLanguage(language));
  impl->prototype.reset(icu::BreakIterator::createWordInstance(icu::Locale(base.c_str()), status));
  if (U_FAILURE(status) || impl->prototype == nullptr) {
    return Fail(ErrorCode::kFailed,
                "ICU {} cannot cut text of '{}' into words ({}): is its data (libicudata) whole?",
                IcuVersion(), Printable(language), u_errorName(status));
  }
  return WordBreaker(std::move(impl));
}

std::vector<TextSpan> WordBreaker::Words(std::string_view text) const {
  std::vector<TextSpan> words;
  const std::unique_ptr<icu::BreakIterator> iterator(impl_->prototype->clone());
  UErrorCode status = U_ZERO_ERROR;
  Utf8Text utf8(text);
  iterator->setText(utf8.get(), status);
  REPRO_CHECK(U_SUCCESS(status));
  auto begin = static_cast<std::size_t>(iterator->first());
  for (std::int32_t at = iterator->next(); at != icu::BreakIterator::DONE; at = iterator->next()) {
    const auto end = static_cast<std::size_t>(at);
    const bool lexical = iterator->getRuleStatus() >= UBRK_WORD_NONE_LIMIT;
    std::string_view first = text.substr(begin, end - begin);
    if (lexical || !IsSpace(TakeCodePoint(first))) words.push_back({begin, end, lexical});
    begin = end;
  }
  return words;
}

std::string IcuVersion() {
  return fmt::format("{}.{}", U_ICU_VERSION_MAJOR_NUM, U_ICU_VERSION_MINOR_NUM);
}

std::string_view BaseLanguage(std::string_view code) {
  return code.substr(0, code.find_first_of("-_"));
}

bool MayLackSpaces(std::string_view language) {
  return std::find(kWithoutSpaces.begin(), kWithoutSpaces.end(), BaseLanguage(language)) !=
         kWithoutSpaces.end();
}

void Spacing::Add(std::string_view text) {
  for (bool inside = false; !text.empty();) {
    const bool space = IsSpace(TakeCodePoint(text));
    characters += space ? 0 : 1;
    words += !space && !inside ? 1 : 0;
    inside = !space;
  }
}

bool Spacing::LacksSpaces(std::string_view language) const {
  return MayLackSpaces(language) && characters > kLongestMeanWord * words;
}

}  // namespace repro
