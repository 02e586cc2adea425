#include "experiments/corpus/source/wikitext.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include "core/base/text.h"
#include "experiments/corpus/source/html_entities.h"
#include "experiments/corpus/source/prose_templates.h"
#include "experiments/corpus/source/prose_tidy.h"
#include "experiments/corpus/source/wikitext_markup.h"

namespace repro {
namespace {

using Kind = MarkupSpan::Kind;

constexpr std::string_view kBlanks = " \t\r";
constexpr std::string_view kItemMarks = "*#:;";
constexpr std::string_view kFileEndings[] = {".jpg",  ".jpeg", ".png",  ".svg", ".gif",  ".tif",
                                             ".tiff", ".webp", ".djvu", ".pdf", ".ogg",  ".ogv",
                                             ".webm", ".mp3",  ".mp4",  ".wav", ".flac", ".mid"};

/// "de", "zh-min-nan": how the Wikipedias of other languages are linked to.
bool IsLanguagePrefix(std::string_view prefix) {
  const std::size_t code = std::min(prefix.find('-'), prefix.size());
  return code >= 2 && code <= 3 &&
         prefix.find_first_not_of("abcdefghijklmnopqrstuvwxyz-") == std::string_view::npos;
}

/// What "[[target|]]" shows: no namespace, nothing in parentheses, nothing behind a comma.
std::string_view PipeTrick(std::string_view target) {
  const std::size_t colon = target.find(':');
  if (colon != std::string_view::npos) target.remove_prefix(colon + 1);
  return Trimmed(target.substr(0, target.find(target.ends_with(')') ? '(' : ',')));
}

/// Bytes of the magic word ("__NOTOC__", in any language) that `text` begins with; 0 if with none.
std::size_t MagicWord(std::string_view text) {
  constexpr std::string_view kMark = "__";
  constexpr std::size_t kLongest = 80;
  if (!text.starts_with(kMark)) return 0;
  const std::size_t end = text.substr(0, kLongest).find(kMark, kMark.size() + 1);
  if (end == std::string_view::npos) return 0;
  const std::string_view word = text.substr(kMark.size(), end - kMark.size());
  const bool magic = std::all_of(word.begin(), word.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80 || c == '_';
  });
  return magic ? end + kMark.size() : 0;
}

bool HasLetter(std::string_view text) {
  while (!text.empty()) {
    if (::u_isalpha(static_cast<UChar32>(TakeCodePoint(text))) != 0) return true;
  }
  return false;
}

std::string WithoutHeadingMarks(std::string_view heading) {
  while (heading.size() > 2 && heading.front() == '=' && heading.back() == '=') {
    heading = heading.substr(1, heading.size() - 2);
  }
  return std::string(Trimmed(heading));
}

class ProseWriter {
 public:
  ProseWriter(std::string_view text, const WikitextOptions& options)
      : text_(text), options_(options), spans_(FindMarkup(text)) {}

  std::vector<WikitextParagraph> Write() {
    while (at_ < text_.size()) {
      if (!shown_.empty() && at_ >= shown_.back().text_end) {
        at_ = std::max(at_, shown_.back().end);
        shown_.pop_back();
        continue;
      }
      while (next_ < spans_.size() && spans_[next_].begin < at_) ++next_;
      if (next_ < spans_.size() && spans_[next_].begin == at_) {
        At(spans_[next_++]);
        continue;
      }
      std::size_t end = shown_.empty() ? text_.size() : shown_.back().text_end;
      if (next_ < spans_.size()) end = std::min<std::size_t>(end, spans_[next_].begin);
      CopyText(end);
    }
    EndParagraph();
    return std::move(paragraphs_);
  }

 private:
  enum class LineKind { kNone, kText, kItem, kRow };
  /// Part of a construct that is shown, and where the construct ends.
  struct Shown {
    std::size_t text_end = 0;
    std::size_t end = 0;
  };

  void At(const MarkupSpan& span) {
    switch (span.kind) {
      case Kind::kHidden:
        return Hide(span);
      case Kind::kTag:
        at_ = span.end;
        return;
      case Kind::kBreak:
      case Kind::kItem:
        EndParagraph();
        if (span.kind == Kind::kItem) BeginParagraph(LineKind::kItem);
        at_ = span.end;
        return;
      case Kind::kLiteral:
        return CopyLiteral(span);
      case Kind::kTemplate:
        return Template(span);
      case Kind::kTable:
        return Hide(span);
      case Kind::kLink:
        return Link(span);
      case Kind::kExternalLink:
        return ExternalLink(span);
    }
  }

  /// Passes over the span; over what is not closed, to the end of its line or of what it stands in.
  void Hide(const MarkupSpan& span) {
    raw_ += kGap;
    if (span.closed()) {
      at_ = span.end;
      return;
    }
    at_ = std::min(text_.find('\n', at_), text_.size());
    if (!shown_.empty()) at_ = std::min(at_, shown_.back().text_end);
  }

  /// Shows `text` of the span and passes over the rest.
  void Show(const MarkupSpan& span, std::string_view text) {
    const auto begin = static_cast<std::size_t>(text.data() - text_.data());
    at_ = begin;
    if (span.closed()) shown_.push_back({begin + text.size(), span.end});
  }

  std::string_view Inside(const MarkupSpan& span) const {
    const std::size_t begin = span.begin + span.bracket;
    const std::size_t end = span.closed() ? span.end - span.bracket : text_.size();
    return text_.substr(begin, end - begin);
  }

  void Template(const MarkupSpan& span) {
    const std::string_view inside = Inside(span);
    const std::size_t name_end = std::min(inside.find_first_of("|[]{}<"), inside.size());
    const std::string_view name = inside.substr(0, name_end);
    const bool parameter = span.bracket > 2;
    if (!span.closed() || parameter || !HasProse(name)) return Hide(span);
    const auto prose = ProseOf(name, Arguments(inside.substr(name_end)));
    if (!prose) return Hide(span);
    BeginParagraph(LineKind::kText);
    raw_ += prose->words;
    Show(span, prose->wikitext.empty() ? inside.substr(inside.size()) : prose->wikitext);
  }

  /// What `text`, part of the page, has behind each "|" that is in no span of its own.
  std::vector<std::string_view> Arguments(std::string_view text) const {
    const auto page_begin = static_cast<std::size_t>(text.data() - text_.data());
    const std::size_t page_end = page_begin + text.size();
    std::vector<std::string_view> arguments;
    std::size_t begin = page_begin;  // of the argument
    for (std::size_t at = page_begin; at < page_end;) {
      const auto span = std::lower_bound(
          spans_.begin() + static_cast<std::ptrdiff_t>(next_), spans_.end(), at,
          [](const MarkupSpan& one, std::size_t offset) { return one.begin < offset; });
      const std::size_t end =
          span == spans_.end() ? page_end : std::min<std::size_t>(page_end, span->begin);
      const std::size_t bar = text_.substr(0, end).find('|', at);
      if (bar == std::string_view::npos) {
        at = end == page_end ? end : span->closed() ? span->end : end + span->bracket;
        if (at < page_end) continue;
      }
      const std::size_t argument_end = std::min(bar, page_end);
      if (begin > page_begin) arguments.push_back(text_.substr(begin, argument_end - begin));
      at = begin = argument_end + 1;
    }
    return arguments;
  }

  void Link(const MarkupSpan& span) {
    const std::string_view inside = Inside(span);
    const std::size_t target_end = std::min(inside.find_first_of("|[]{}<\n"), inside.size());
    const bool has_label = target_end < inside.size() && inside[target_end] == '|';
    std::string_view target = Trimmed(inside.substr(0, target_end));
    if (IsHidden(target, has_label)) return Hide(span);
    BeginParagraph(LineKind::kText);
    if (has_label) {
      const std::string_view label = inside.substr(target_end + 1);
      return Show(span, label.empty() ? PipeTrick(target) : label);
    }
    const std::size_t colon = inside.starts_with(':') ? 1 : 0;
    Show(span, inside.substr(colon));
  }

  bool IsHidden(std::string_view target, bool has_label) const {
    const std::size_t colon = target.find(':');
    if (colon == 0 || colon == std::string_view::npos) return false;
    const std::string_view prefix = Trimmed(target.substr(0, colon));
    if (!has_label && IsLanguagePrefix(prefix)) return true;
    if (options_.hidden_prefixes.contains(FoldedPrefix(prefix))) return true;
    const std::size_t dot = target.rfind('.');
    return dot != std::string_view::npos &&
           std::find(std::begin(kFileEndings), std::end(kFileEndings),
                     FoldedPrefix(target.substr(dot))) != std::end(kFileEndings);
  }

  void ExternalLink(const MarkupSpan& span) {
    const std::string_view inside = Inside(span);
    const std::size_t url_end = std::min(inside.find_first_of(" \t[]{}<\n"), inside.size());
    if (!span.closed()) {
      at_ = span.begin + span.bracket;
      return SkipUrl();
    }
    if (url_end == inside.size()) return Hide(span);
    BeginParagraph(LineKind::kText);
    Show(span, inside.substr(url_end));
  }

  void SkipUrl() {
    raw_ += kGap;
    at_ = std::min(text_.find_first_of(" \t\n[]{}|<>\"", at_), text_.size());
  }

  void CopyLiteral(const MarkupSpan& span) {
    while (at_ < span.end) {
      const std::size_t end = std::min<std::size_t>(text_.find('\n', at_), span.end);
      if (end > at_) BeginParagraph(LineKind::kText);
      raw_ += text_.substr(at_, end - at_);
      if (end < span.end) EndParagraph();
      at_ = std::min<std::size_t>(end + 1, span.end);
    }
  }

  /// Up to `end`, before which there is no span.
  void CopyText(std::size_t end) {
    const std::string_view text = text_.substr(0, end);
    while (at_ < end) {
      if (line_kind_ == LineKind::kNone && !BeginLine(text)) return;
      const std::size_t begin = at_;
      while (at_ < end && !IsMark(text[at_])) ++at_;
      raw_ += text.substr(begin, at_ - begin);
      if (at_ < end) CopyMark(text);
    }
  }

  static bool IsMark(char c) {
    return c == '\n' || c == '\'' || c == '_' || c == ':' || c == ']' || c == '}';
  }

  void CopyMark(std::string_view text) {
    const std::string_view rest = text.substr(at_);
    if (rest.front() == '\n') {
      ++at_;
      return EndParagraph();
    }
    if (rest.front() == '\'') return CopyQuotes(rest);
    if (rest.starts_with("]]") || rest.starts_with("}}")) {  // of nothing
      at_ += 2;
      return;
    }
    const std::size_t magic = MagicWord(rest);
    if (magic > 0) {
      raw_ += kGap;
      at_ += magic;
      return;
    }
    if (rest.starts_with("://")) {
      for (const std::string_view scheme : {"https", "http", "ftp"}) {
        if (!raw_.ends_with(scheme)) continue;
        raw_.resize(raw_.size() - scheme.size());
        return SkipUrl();
      }
    }
    raw_ += rest.front();
    ++at_;
  }

  /// Two apostrophes are italics, three bold, five both; one is an apostrophe. Of four the first is
  /// text, of more than five those beyond.
  void CopyQuotes(std::string_view text) {
    const std::size_t quotes = std::min(text.find_first_not_of('\''), text.size());
    raw_.append(quotes == 1 || quotes == 4 ? 1 : quotes > 5 ? quotes - 5 : 0, '\'');
    at_ += quotes;
  }

  /// The marks that a line begins with. False where `text` ends with them.
  bool BeginLine(std::string_view text) {
    at_ = std::min(text.find_first_not_of(kBlanks, at_), text.size());
    if (text.substr(at_).starts_with("----")) {
      at_ = std::min(text.find_first_not_of('-', at_), text.size());
    }
    if (at_ == text.size()) return false;
    const char first = text[at_];
    const bool item = kItemMarks.find(first) != std::string_view::npos;
    BeginParagraph(item ? LineKind::kItem : first == '|' ? LineKind::kRow : LineKind::kText);
    if (item) at_ = std::min(text.find_first_not_of(kItemMarks, at_), text.size());
    return true;
  }

  /// With the first thing that is shown in it.
  void BeginParagraph(LineKind kind) {
    if (line_kind_ != LineKind::kNone) return;
    line_kind_ = kind;
    const auto at = [this](std::size_t offset) {
      return text_.begin() + static_cast<std::ptrdiff_t>(offset);
    };
    line_ += static_cast<std::size_t>(std::count(at(line_counted_), at(at_), '\n'));
    line_counted_ = at_;
  }

  void EndParagraph() {
    const bool kept =
        line_kind_ == LineKind::kText || (line_kind_ == LineKind::kItem && options_.list_items);
    if (kept) {
      std::string text = TidyProse(DecodeEntities(raw_));
      const bool heading = text.size() > 2 && text.front() == '=' && text.back() == '=';
      if (heading) text = options_.headings ? WithoutHeadingMarks(text) : std::string();
      if (HasLetter(text)) paragraphs_.push_back({line_, std::move(text)});
    }
    raw_.clear();
    line_kind_ = LineKind::kNone;
  }

  std::string_view text_;
  const WikitextOptions& options_;
  std::vector<MarkupSpan> spans_;
  std::size_t next_ = 0;  ///< of spans_
  std::size_t at_ = 0;
  std::vector<Shown> shown_;  ///< what `at_` is within, innermost last
  std::string raw_;           ///< of this paragraph: text with entities and gaps
  LineKind line_kind_ = LineKind::kNone;
  std::size_t line_ = 1;  ///< of `line_counted_`
  std::size_t line_counted_ = 0;
  std::vector<WikitextParagraph> paragraphs_;
};

}  // namespace

std::vector<WikitextParagraph> WikitextParagraphs(std::string_view wikitext,
                                                  const WikitextOptions& options) {
  return ProseWriter(wikitext, options).Write();
}

std::string WikitextProse(std::string_view wikitext, const WikitextOptions& options) {
  std::string prose;
  for (const WikitextParagraph& paragraph : WikitextParagraphs(wikitext, options)) {
    if (!prose.empty()) prose += '\n';
    prose += paragraph.text;
  }
  return prose;
}

std::string FoldedPrefix(std::string_view prefix) {
  auto folded = icu::UnicodeString::fromUTF8(
      icu::StringPiece(prefix.data(), static_cast<std::int32_t>(prefix.size())));
  folded.foldCase().findAndReplace("_", " ");
  std::string out;
  return folded.toUTF8String(out);
}

bool IsRedirect(std::string_view wikitext) {
  constexpr std::string_view kRedirect = "#redirect";
  return FoldedPrefix(Trimmed(wikitext).substr(0, kRedirect.size())) == kRedirect;
}

}  // namespace repro
