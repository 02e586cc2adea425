#include "experiments/data/json_line.h"

#include <algorithm>
#include <string>

#include "core/base/text.h"

namespace repro {
namespace {

// Steps over the parts of valid JSON.
class Walker {
 public:
  Walker(std::string_view text, std::size_t at) : text_(text), at_(at) {}

  std::size_t at() const { return at_; }
  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  void SkipSpace() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }
  // One of `{[:,` and the space around it.
  void SkipMark() {
    SkipSpace();
    ++at_;
    SkipSpace();
  }
  void SkipString() {
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) at_ += text_[at_] == '\\' ? 1 : 0;
    ++at_;
  }
  void SkipValue() {
    int depth = 0;
    do {
      const char c = Peek();
      if (c == '"') {
        SkipString();
        continue;
      }
      depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
      ++at_;
    } while (at_ < text_.size() && (depth > 0 || !AtEndOfValue()));
  }

 private:
  bool AtEndOfValue() const {
    return std::string_view(" \t\r\n,]}").find(text_[at_]) != std::string_view::npos;
  }

  std::string_view text_;
  std::size_t at_;
};

// A message of the library that says what was read, and not always what was expected.
std::string WhatOf(const Json::exception& error) {
  std::string what = JsonProblem(error);
  if (what.find(", expected ") == std::string::npos) what += ", expected a JSON value on one line";
  return what;
}

}  // namespace

std::int64_t ColumnAt(std::string_view line, std::size_t byte) {
  return 1 + CountCodePoints(line.substr(0, byte));
}

Result<Json> ParseJsonLine(std::string_view line, std::string_view where) {
  std::size_t byte = 0;
  std::string what;
  try {
    return Json::parse(line);
  } catch (const Json::parse_error& e) {
    byte = e.byte == 0 ? 0 : std::min(e.byte - 1, line.size());  // counts what was read
    what = WhatOf(e);
  } catch (const Json::exception& e) {
    what = WhatOf(e);
  }
  return Fail(ErrorCode::kCorrupt, "{}:{}: not valid JSON: {}", where, ColumnAt(line, byte), what);
}

MemberPlace FindMember(std::string_view line, std::string_view name) {
  MemberPlace found;
  Walker walker(line, 0);
  for (walker.SkipMark(); walker.Peek() == '"'; walker.SkipMark()) {
    MemberPlace place{.key = walker.at()};
    walker.SkipString();
    const std::string_view key = line.substr(place.key, walker.at() - place.key);
    walker.SkipMark();
    place.value = walker.at();
    if (Json::parse(key).get_ref<const std::string&>() == name) found = place;
    walker.SkipValue();
  }
  return found;
}

std::size_t FindEntry(std::string_view line, std::size_t array, std::size_t index) {
  Walker walker(line, array);
  walker.SkipMark();
  for (std::size_t i = 0; i < index; ++i) {
    walker.SkipValue();
    walker.SkipMark();
  }
  return walker.at();
}

}  // namespace repro
