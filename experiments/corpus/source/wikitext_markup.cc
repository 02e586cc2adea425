#include "experiments/corpus/source/wikitext_markup.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "core/base/check.h"

namespace repro {
namespace {

using Kind = MarkupSpan::Kind;

/// Elements that show no prose, with all they hold.
constexpr std::string_view kHiddenElements[] = {
    "ref",      "references",      "math",        "chem",     "ce",
    "gallery",  "timeline",        "imagemap",    "hiero",    "score",
    "source",   "syntaxhighlight", "pre",         "table",    "graph",
    "mapframe", "maplink",         "includeonly", "inputbox", "templatedata"};
constexpr std::string_view kNowiki = "nowiki";
constexpr std::string_view kRef = "ref";
constexpr std::string_view kBreaks[] = {"br", "p",  "div", "hr", "blockquote", "center", "poem",
                                        "h1", "h2", "h3",  "h4", "h5",         "h6",     "ul",
                                        "ol", "dl", "tr",  "td", "th"};
constexpr std::string_view kItems[] = {"li", "dt", "dd"};

constexpr std::string_view kCommentBegin = "<!--";
constexpr std::string_view kCommentEnd = "-->";
constexpr std::size_t kLongestName = 20;

bool IsLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool IsNameByte(char c) {
  return IsLetter(c) || (c >= '0' && c <= '9');
}
char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

template <std::size_t kCount>
bool Contains(const std::string_view (&names)[kCount], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

struct Tag {
  std::string name;
  std::size_t end = 0;
  bool closes = false;  ///< </name>
  bool empty = false;   ///< <name/>
};

/// The tag that `text` has at `begin`, where "<" is.
std::optional<Tag> ReadTag(std::string_view text, std::size_t begin) {
  Tag tag;
  std::size_t at = begin + 1;
  if (at < text.size() && text[at] == '/') {
    tag.closes = true;
    ++at;
  }
  if (at == text.size() || !IsLetter(text[at])) return std::nullopt;
  for (; at < text.size() && IsNameByte(text[at]); ++at) {
    if (tag.name.size() == kLongestName) return std::nullopt;
    tag.name += Lower(text[at]);
  }
  if (at == text.size() || std::string_view("> \t\n/").find(text[at]) == std::string_view::npos) {
    return std::nullopt;
  }
  const std::size_t end = text.find_first_of("<>", at);
  if (end == std::string_view::npos || text[end] == '<') return std::nullopt;
  tag.empty = text[end - 1] == '/';
  tag.end = end + 1;
  return tag;
}

class MarkupScanner {
 public:
  explicit MarkupScanner(std::string_view text) : text_(text) { BeginLine(0); }

  std::vector<MarkupSpan> Scan() {
    constexpr std::string_view kMarks = "\n<{}[]|";
    std::array<bool, 256> marks{};
    for (const char mark : kMarks) marks[static_cast<unsigned char>(mark)] = true;
    while (at_ < text_.size()) {
      if (marks[static_cast<unsigned char>(text_[at_])]) {
        At(text_[at_]);
      } else {
        ++at_;
      }
    }
    return std::move(spans_);
  }

 private:
  /// Takes the mark at hand.
  void At(char mark) {
    switch (mark) {
      case '\n':
        return EndLine();
      case '<':
        return Angle();
      case '{':
        return OpenBraces();
      case '}':
        return CloseBraces();
      case '[':
        return OpenBracket();
      case ']':
        return CloseBracket();
      default:
        return Bar();
    }
  }

  bool Follows(std::string_view what) const { return text_.substr(at_).starts_with(what); }
  std::size_t LineEnd(std::size_t from) const {
    return std::min(text_.find('\n', from), text_.size());
  }

  void BeginLine(std::size_t begin) {
    line_start_ = std::min(text_.find_first_not_of(" \t:", begin), text_.size());
    const std::string_view rest = text_.substr(begin);
    if (!rest.starts_with("==")) return;
    const std::string_view line = rest.substr(0, rest.find('\n'));
    if (line.find("==", 2) == std::string_view::npos) return;
    open_.clear();
    open_by_kind_ = {};
  }

  void EndLine() {
    const bool paragraph_ends = text_.substr(at_ + 1).starts_with('\n');
    while (!open_.empty() &&
           (Top().kind == Kind::kExternalLink || (Top().kind == Kind::kLink && paragraph_ends))) {
      Pop();
    }
    ++at_;
    BeginLine(at_);
  }

  MarkupSpan& Top() { return spans_[open_.back()]; }
  int& OpenOf(Kind kind) { return open_by_kind_[static_cast<std::size_t>(kind)]; }

  void Add(Kind kind, std::size_t begin, std::size_t end) {
    spans_.push_back({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end), kind, 0});
  }
  /// A span that holds no others, from here on.
  void Pass(Kind kind, std::size_t end) {
    Add(kind, at_, end);
    if (at_ == line_start_) {
      line_start_ = std::min(text_.find_first_not_of(" \t:", end), text_.size());
    }
    at_ = end;
  }
  void Open(Kind kind, std::size_t bracket) {
    open_.push_back(static_cast<std::uint32_t>(spans_.size()));
    ++OpenOf(kind);
    Add(kind, at_, 0);
    spans_.back().bracket = static_cast<std::uint8_t>(bracket);
    at_ += bracket;
  }
  void Pop() {
    --OpenOf(Top().kind);
    open_.pop_back();
  }
  /// Closes the last span of the kind, of which one must be open.
  void Close(Kind kind) {
    while (Top().kind != kind) Pop();
    at_ += Top().bracket;
    Top().end = static_cast<std::uint32_t>(at_);
    Pop();
  }

  void OpenBraces() {
    std::size_t run = std::min(text_.find_first_not_of('{', at_), text_.size()) - at_;
    if (run == 1) {
      if (at_ == line_start_ && Follows("{|")) return Open(Kind::kTable, 2);
      ++at_;
      return;
    }
    for (; run >= 2; run -= Top().bracket) Open(Kind::kTemplate, run % 2 == 1 ? 3 : 2);
  }

  void CloseBraces() {
    const std::size_t end = std::min(text_.find_first_not_of('}', at_), text_.size());
    while (end - at_ >= 2 && OpenOf(Kind::kTemplate) > 0) {
      while (Top().kind != Kind::kTemplate) Pop();
      if (Top().bracket > end - at_) {  // {{{a}} is a brace and {{a}}
        ++Top().begin;
        --Top().bracket;
      }
      Close(Kind::kTemplate);
    }
    at_ = end;
  }

  void OpenBracket() {
    if (Follows("[[")) return Open(Kind::kLink, 2);
    if (UrlScheme(text_.substr(at_ + 1)) > 0) return Open(Kind::kExternalLink, 1);
    ++at_;
  }

  void CloseBracket() {
    if (!open_.empty() && Top().kind == Kind::kExternalLink) return Close(Kind::kExternalLink);
    if (!Follows("]]")) {
      ++at_;
      return;
    }
    if (OpenOf(Kind::kLink) > 0) return Close(Kind::kLink);
    at_ += 2;
  }

  void Bar() {
    // "|}}" is the last, empty argument of a template; "|}}}" a table at the end of one.
    const bool ends_table =
        at_ == line_start_ && Follows("|}") && (!Follows("|}}") || Follows("|}}}"));
    if (ends_table && OpenOf(Kind::kTable) > 0) return Close(Kind::kTable);
    ++at_;
  }

  void Angle() {
    if (Follows(kCommentBegin)) {
      const std::size_t inside = at_ + kCommentBegin.size();
      const std::size_t end = FindOnce(no_comment_end_, kCommentEnd, inside);
      const bool ends = end != std::string_view::npos;
      return Pass(Kind::kHidden, ends ? end + kCommentEnd.size() : LineEnd(inside));
    }
    const std::optional<Tag> tag = ReadTag(text_, at_);
    if (!tag) {
      ++at_;
      return;
    }
    if (tag->name == kNowiki) return Nowiki(*tag);
    if (Contains(kHiddenElements, tag->name)) return HiddenElement(*tag);
    if (Contains(kBreaks, tag->name)) return Pass(Kind::kBreak, tag->end);
    if (Contains(kItems, tag->name))
      return Pass(tag->closes ? Kind::kBreak : Kind::kItem, tag->end);
    Pass(Kind::kTag, tag->end);
  }

  void Nowiki(const Tag& tag) {
    const std::size_t end = tag.closes || tag.empty
                                ? std::string_view::npos
                                : FindOnce(no_nowiki_end_, "</nowiki>", tag.end);
    Pass(Kind::kTag, tag.end);
    if (end != std::string_view::npos && end > at_) Pass(Kind::kLiteral, end);
  }

  void HiddenElement(const Tag& tag) {
    if (tag.empty) return Pass(Kind::kHidden, tag.end);
    if (tag.closes) return Pass(Kind::kTag, tag.end);
    const std::size_t end = EndOfElement(tag);
    // A <ref> before the end of another says that its end was forgotten.
    const std::size_t next = tag.name == kRef ? FindRef(tag.end, end) : std::string_view::npos;
    if (end != std::string_view::npos && next == std::string_view::npos) {
      return Pass(Kind::kHidden, end);
    }
    const std::string_view rest = text_.substr(0, next);
    Pass(Kind::kHidden, std::min(rest.find('\n', tag.end), rest.size()));
  }

  /// Behind the next tag that closes the element; npos if none does.
  std::size_t EndOfElement(const Tag& tag) {
    const auto* const name =
        std::find(std::begin(kHiddenElements), std::end(kHiddenElements), tag.name);
    std::size_t& end = element_ends_[static_cast<std::size_t>(name - std::begin(kHiddenElements))];
    if (end >= tag.end) return end;  // found before, when another was looked for
    for (std::size_t at = tag.end;; at += 2) {
      at = text_.find("</", at);
      const auto found = at == std::string_view::npos ? std::nullopt : ReadTag(text_, at);
      end = found ? found->end : std::string_view::npos;
      if (at == std::string_view::npos || (found && found->name == tag.name)) return end;
    }
  }

  /// Where the next <ref> begins, before `limit`; npos if there is none.
  std::size_t FindRef(std::size_t from, std::size_t limit) const {
    const std::string_view text = text_.substr(0, limit);
    for (std::size_t at = text.find('<', from); at != std::string_view::npos;
         at = text.find('<', at + 1)) {
      const auto tag = ReadTag(text, at);
      if (tag && tag->name == kRef && !tag->closes) return at;
    }
    return std::string_view::npos;
  }

  /// find, for what is looked for again and again: once missing, it stays missing.
  std::size_t FindOnce(bool& missing, std::string_view what, std::size_t from) {
    const std::size_t found = missing ? std::string_view::npos : text_.find(what, from);
    missing = found == std::string_view::npos;
    return found;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_start_ = 0;  ///< the first character of the line that could begin a table
  std::vector<MarkupSpan> spans_;
  std::vector<std::uint32_t> open_;  ///< of spans_, innermost last
  std::array<int, 9> open_by_kind_{};
  std::array<std::size_t, std::size(kHiddenElements)> element_ends_{};
  bool no_comment_end_ = false;
  bool no_nowiki_end_ = false;
};

}  // namespace

std::vector<MarkupSpan> FindMarkup(std::string_view text) {
  REPRO_CHECK(text.size() < std::numeric_limits<std::uint32_t>::max());
  return MarkupScanner(text).Scan();
}

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return text.substr(text.size());
  return text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin);
}

std::size_t UrlScheme(std::string_view text) {
  constexpr std::string_view kSchemes[] = {"http://", "https://", "ftp://", "//", "mailto:"};
  for (const std::string_view scheme : kSchemes) {
    if (text.starts_with(scheme)) return scheme.size();
  }
  return 0;
}

}  // namespace repro
