#include "experiments/corpus/source/wiki_dump_reader.h"

#include <algorithm>
#include <utility>

#include <expat.h>

#include "core/base/check.h"

namespace repro {
namespace {

constexpr std::string_view kPageBegin = "<page>";
constexpr std::string_view kPageEnd = "</page>";
constexpr std::string_view kFileKey = "6";
constexpr std::string_view kCategoryKey = "14";

/// What a page or the head of a dump says, by element.
class XmlFields {
 public:
  struct Page {
    std::string title;
    std::string name_space;
    std::string text;
    bool redirect = false;
    std::map<std::string, std::string> namespaces;  ///< of the head: name by key
  };

  /// Errors: kCorrupt with expat's words and the place in `xml`.
  static Result<Page> Parse(std::string_view xml) {
    const std::unique_ptr<XML_ParserStruct, decltype(&::XML_ParserFree)> parser(
        ::XML_ParserCreate("UTF-8"), &::XML_ParserFree);
    REPRO_CHECK(parser != nullptr);
    XmlFields fields;
    ::XML_SetUserData(parser.get(), &fields);
    ::XML_SetElementHandler(parser.get(), &Begin, &End);
    ::XML_SetCharacterDataHandler(parser.get(), &Text);
    if (::XML_Parse(parser.get(), xml.data(), static_cast<int>(xml.size()), XML_TRUE) !=
        XML_STATUS_OK) {
      return Fail(ErrorCode::kCorrupt, "{} (byte {} of the page)",
                  ::XML_ErrorString(::XML_GetErrorCode(parser.get())),
                  ::XML_GetCurrentByteIndex(parser.get()));
    }
    return std::move(fields.page_);
  }

 private:
  static void Begin(void* self, const XML_Char* name, const XML_Char** attributes) {
    auto& fields = *static_cast<XmlFields*>(self);
    const std::string_view element = name;
    fields.target_ = nullptr;
    if (element == "redirect") fields.page_.redirect = true;
    if (element == "title") fields.target_ = &fields.page_.title;
    if (element == "ns") fields.target_ = &fields.page_.name_space;
    if (element == "text") {
      fields.page_.text.clear();  // of several revisions the last one
      fields.target_ = &fields.page_.text;
    }
    if (element == "namespace") {
      for (const XML_Char** at = attributes; *at != nullptr; at += 2) {
        if (std::string_view(at[0]) == "key") fields.target_ = &fields.page_.namespaces[at[1]];
      }
    }
  }
  static void End(void* self, const XML_Char* /*name*/) {
    static_cast<XmlFields*>(self)->target_ = nullptr;
  }
  static void Text(void* self, const XML_Char* text, int length) {
    std::string* const target = static_cast<XmlFields*>(self)->target_;
    if (target != nullptr) target->append(text, static_cast<std::size_t>(length));
  }

  Page page_;
  std::string* target_ = nullptr;
};

}  // namespace

Result<std::unique_ptr<WikiDumpReader>> WikiDumpReader::Open(const std::filesystem::path& path,
                                                             WikitextOptions options,
                                                             ReadNotes& notes, Extent extent) {
  REPRO_ASSIGN_OR_RETURN(ByteSource source, ByteSource::Open(path, extent));
  return std::unique_ptr<WikiDumpReader>(
      new WikiDumpReader(TextWindow(std::move(source)), std::move(options), notes));
}

Status WikiDumpReader::Note(std::string_view reason, std::uint64_t offset,
                            std::string_view detail) {
  return notes_.Add(reason, window_.source().path(), offset, detail);
}

std::map<std::string, std::int64_t> WikiDumpReader::passed_over() const {
  std::map<std::string, std::int64_t> counts = {
      {"redirect", counts_.redirects},
      {"page of another namespace", counts_.other_namespaces},
      {"article without prose", counts_.without_prose}};
  std::erase_if(counts, [](const auto& entry) { return entry.second == 0; });
  return counts;
}

void WikiDumpReader::ReadHead(std::string_view head) {
  const std::size_t begin = head.find("<namespaces>");
  constexpr std::string_view kEnd = "</namespaces>";
  const std::size_t end = head.find(kEnd);
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin) return;
  const auto names = XmlFields::Parse(head.substr(begin, end + kEnd.size() - begin));
  if (!names) return;
  for (const auto& [key, name] : names->namespaces) {
    if (key == kFileKey || key == kCategoryKey) options_.hidden_prefixes.insert(FoldedPrefix(name));
  }
}

Result<std::string_view> WikiDumpReader::NextPage() {
  if (!head_read_) {
    constexpr std::size_t kLongestHead = 1 << 20;
    const std::size_t begin = window_.Find(kPageBegin, kLongestHead);
    if (begin != std::string_view::npos) ReadHead(window_.buffered().substr(0, begin));
    head_read_ = true;
  }
  for (;;) {
    if (window_.SkipTo(kPageBegin)) {
      any_page_ = true;
      const std::size_t end = window_.Find(kPageEnd, kLongestPage);
      const bool ends = end != std::string_view::npos;
      const std::string_view held =
          ends ? window_.buffered().substr(0, end + kPageEnd.size()) : window_.buffered();
      const std::size_t last_begin = held.rfind(kPageBegin);
      if (ends && last_begin == 0) return held;
      if (last_begin > 0) {
        REPRO_RETURN_IF_ERROR(
            Note("cut-page", window_.offset(), "another page begins before it ends"));
      } else if (held.size() > kLongestPage) {
        REPRO_RETURN_IF_ERROR(Note("long-page", window_.offset(),
                                   fmt::format("a page of more than {} bytes", kLongestPage)));
      } else if (!window_.damage() && window_.source().extent() == Extent::kWhole) {
        REPRO_RETURN_IF_ERROR(Note("cut-page", window_.offset(), "the file ends within a page"));
      }
      window_.Consume(last_begin > 0 ? last_begin : kPageBegin.size());
      continue;
    }
    if (!window_.damage()) break;
    const Error damage = *window_.damage();
    if (damage.code != ErrorCode::kCorrupt) return tl::unexpected(damage);
    REPRO_RETURN_IF_ERROR(Note("damaged", window_.offset(), damage.message));
    REPRO_ASSIGN_OR_RETURN(const bool goes_on, window_.Recover());
    if (!goes_on) return std::string_view();
  }
  if (!any_page_) {
    any_page_ = true;  // said once
    REPRO_RETURN_IF_ERROR(
        Note("no-page", 0, "no <page> in it; expected the XML of a MediaWiki export"));
  }
  return std::string_view();
}

Result<bool> WikiDumpReader::Next(TextDocument& document) {
  for (;;) {
    REPRO_ASSIGN_OR_RETURN(const std::string_view xml, NextPage());
    if (xml.empty()) return false;
    const std::uint64_t offset = window_.offset();
    auto page = XmlFields::Parse(xml);
    window_.Consume(xml.size());
    if (!page) {
      REPRO_RETURN_IF_ERROR(Note("xml", offset, page.error().message));
      continue;
    }
    if (!page->name_space.empty() && page->name_space != "0") {
      ++counts_.other_namespaces;
      continue;
    }
    if (page->redirect || IsRedirect(page->text)) {
      ++counts_.redirects;
      continue;
    }
    ++counts_.articles;
    document.text = WikitextProse(page->text, options_);
    if (document.text.empty()) {
      ++counts_.without_prose;
      continue;
    }
    document.title = page->title;
    document.id = std::move(page->title);
    document.language.clear();
    document.offset = offset;
    return true;
  }
}

}  // namespace repro
