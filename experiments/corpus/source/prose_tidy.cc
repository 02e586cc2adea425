#include "experiments/corpus/source/prose_tidy.h"

#include <algorithm>
#include <iterator>

#include <unicode/uchar.h>

#include "core/base/text.h"

namespace repro {
namespace {

constexpr std::string_view kOpeners[] = {"(", "（"};
constexpr std::string_view kClosers[] = {")", "）"};
constexpr std::string_view kSeparators[] = {",", ";", ":", "–", "،", "؛", "，", "、", "；", "："};
/// What stands right behind a word.
constexpr std::string_view kStops[] = {",", ".", ";", ":", "!", "?", "،", "؛"};

template <std::size_t kCount>
bool Contains(const std::string_view (&set)[kCount], std::string_view character) {
  return std::find(std::begin(set), std::end(set), character) != std::end(set);
}

/// One of `set` that `text` ends with; empty if none.
template <std::size_t kCount>
std::string_view EndOf(const std::string& text, const std::string_view (&set)[kCount]) {
  for (const std::string_view one : set) {
    if (text.ends_with(one)) return one;
  }
  return {};
}

bool IsControl(std::string_view character) {
  const auto byte = static_cast<unsigned char>(character.front());
  return byte < 0x20 || byte == 0x7F;
}

bool IsBlank(std::string_view character) {
  if (character.size() == 1) {
    return character == " " || character == "\t" || character == "\n" || character == "\r";
  }
  return ::u_isUWhiteSpace(static_cast<UChar32>(TakeCodePoint(character))) != 0;
}

class Tidier {
 public:
  void Take(std::string_view character) {
    if (character.front() == kGap) {
      gap_ = true;
    } else if (IsBlank(character)) {
      blank_ = true;
    } else if (!IsControl(character)) {
      Put(character);
    }
  }
  /// Many plain characters at once; not where something was taken out in front of them.
  bool TakeRun(std::string_view run) {
    if (gap_) return false;
    Put(run);
    return true;
  }
  std::string Text() { return std::move(text_); }

 private:
  void Put(std::string_view character) {
    if (gap_ && !PutAfterGap(character)) return;
    if (blank_ && !text_.empty()) text_ += ' ';
    text_ += character;
    gap_ = false;
    blank_ = false;
  }

  /// False where the character goes with the gap.
  bool PutAfterGap(std::string_view character) {
    const bool opened = !EndOf(text_, kOpeners).empty();
    if (opened && Contains(kSeparators, character)) return false;
    const bool closes = Contains(kClosers, character);
    if (closes || Contains(kStops, character)) {
      DropSeparators();
      blank_ = false;
    }
    const std::string_view opener = EndOf(text_, kOpeners);
    if (!opener.empty()) blank_ = false;
    if (!closes || opener.empty()) return true;
    text_.resize(text_.size() - opener.size());
    blank_ = text_.ends_with(' ');
    if (blank_) text_.pop_back();
    return false;
  }

  void DropSeparators() {
    for (std::string_view end = EndOf(text_, kSeparators); !end.empty();
         end = EndOf(text_, kSeparators)) {
      text_.resize(text_.size() - end.size());
      if (text_.ends_with(' ')) text_.pop_back();
    }
  }

  std::string text_;
  bool gap_ = false;    // since the last character
  bool blank_ = false;  // and blanks, which stand in front of the next one
};

}  // namespace

std::string TidyProse(std::string_view line) {
  Tidier tidier;
  while (!line.empty()) {
    std::size_t plain = 0;
    while (plain < line.size() && line[plain] > ' ' && line[plain] < '\x7F') ++plain;
    if (plain > 0 && tidier.TakeRun(line.substr(0, plain))) {
      line.remove_prefix(plain);
      continue;
    }
    std::string_view rest = line;
    TakeCodePoint(rest);
    tidier.Take(line.substr(0, line.size() - rest.size()));
    line = rest;
  }
  return tidier.Text();
}

}  // namespace repro
