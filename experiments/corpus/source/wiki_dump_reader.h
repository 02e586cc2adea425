#pragma once
/// Wikipedia's pages-articles dumps (MediaWiki export XML, 0.10 and its like), packed or not.
///
/// Each page is cut out of the stream and parsed by itself, so that what is broken, or made to hurt
/// (entities, depth), costs one page; the file is never held. A document type, which no dump has,
/// is not read: an entity that one declares is unknown in the pages. Articles are pages of
/// namespace 0 that are no redirects.

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/io/text_window.h"
#include "experiments/corpus/source/document.h"
#include "experiments/corpus/source/read_notes.h"
#include "experiments/corpus/source/wikitext.h"

namespace repro {

/// Notes: "xml" (a page that expat refuses: not well-formed, unknown entities, NULs, no UTF-8),
/// "long-page" (above kLongestPage; MediaWiki's own limit for a text is 2 MiB), "cut-page" (the
/// input ends within it, or another page begins there), "no-page" (in the whole file), "damaged"
/// (the packed file; what comes behind is lost, but for gzip members).
class WikiDumpReader : public DocumentReader {
 public:
  static constexpr std::size_t kLongestPage = 16 << 20;

  struct Counts {
    std::int64_t articles = 0;
    std::int64_t redirects = 0;
    std::int64_t other_namespaces = 0;
    std::int64_t without_prose = 0;  ///< of the articles
  };

  /// `notes` must outlive the reader. Errors: as ByteSource::Open.
  static Result<std::unique_ptr<WikiDumpReader>> Open(const std::filesystem::path& path,
                                                      WikitextOptions options, ReadNotes& notes,
                                                      Extent extent = Extent::kWhole);

  /// An article with prose: its title is id and title, `WikitextProse` its text.
  Result<bool> Next(TextDocument& document) override;
  std::uint64_t bytes_read() const override { return window_.source().file_offset(); }
  const Counts& counts() const { return counts_; }
  std::map<std::string, std::int64_t> passed_over() const override;

 private:
  WikiDumpReader(TextWindow window, WikitextOptions options, ReadNotes& notes)
      : window_(std::move(window)), options_(std::move(options)), notes_(notes) {}

  Status Note(std::string_view reason, std::uint64_t offset, std::string_view detail);
  /// From "<page" to "</page>", at hand, not taken; empty at the end. The head before the first
  /// page is read for the names of namespaces.
  Result<std::string_view> NextPage();
  void ReadHead(std::string_view head);

  TextWindow window_;
  WikitextOptions options_;
  ReadNotes& notes_;
  Counts counts_;
  bool head_read_ = false;
  bool any_page_ = false;
};

}  // namespace repro
