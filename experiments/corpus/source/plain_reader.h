#pragma once
/// Files of lines: plain text, JSON lines and tab-separated columns, packed or not.

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "core/io/text_window.h"
#include "experiments/corpus/source/document.h"
#include "experiments/corpus/source/read_notes.h"

namespace repro {

struct PlainLayout {
  enum class Kind {
    kText,  ///< a paragraph a line; a blank line ends a document, as in OSCAR and CC-100
    /// As text, without comments, which begin a line; a heading, one to six "#" and a blank, names
    /// the content of what follows.
    kMarkdown,
    kJsonl,  ///< an object a line, one document each
    kTsv,    ///< a record a line, one document each
  };
  Kind kind = Kind::kText;
  /// The field of a JSON object that holds the text; the column's name in the first line of a TSV
  /// file, or its number from 1 where the file has no such line. Not used by text and
  /// Markdown.
  std::string field = "text";
  /// As `field`, of what names the content in every language; empty: nothing does.
  std::string id_field;
  /// Stands before that, and before the headings of Markdown: whose ids these are.
  std::string content;
};

/// Notes: "long-line" (cut after kLongestLine bytes: the line is passed over), "json" (no object,
/// or without the field as a string), "header" (a TSV file without a column of the name: all of it
/// is passed over), "column" (too few columns), "damaged" (the packed file), "nul" and "utf-8" (a
/// line with a NUL byte, or bytes that are no UTF-8: passed over), "utf-16" (all of the file),
/// "open-comment" (a comment of Markdown without an end: the rest of the file is passed over).
class PlainReader : public DocumentReader {
 public:
  static constexpr std::size_t kLongestLine = 16 << 20;
  /// A document of text is cut before the line that would make it longer.
  static constexpr std::size_t kLongestDocument = 32 << 10;

  /// `notes` must outlive the reader. Errors: as ByteSource::Open; kCorrupt for a TSV file without
  /// the column that the layout names, when notes are strict.
  static Result<std::unique_ptr<PlainReader>> Open(const std::filesystem::path& path,
                                                   PlainLayout layout, ReadNotes& notes,
                                                   Extent extent = Extent::kWhole);

  Result<bool> Next(TextDocument& document) override;
  std::uint64_t bytes_read() const override { return window_.source().file_offset(); }
  std::map<std::string, std::int64_t> passed_over() const override;

 private:
  PlainReader(TextWindow window, PlainLayout layout, ReadNotes& notes)
      : window_(std::move(window)), layout_(std::move(layout)), notes_(notes) {}

  /// The two columns of a TSV file.
  Status FindColumns();
  /// The next line that can be used; false at the end.
  Result<bool> NextLine(TextWindow::Line& line);
  Result<bool> NextText(TextDocument& document);
  /// Takes comments off the beginning of a line of Markdown. True where it is nothing else, or a
  /// heading, which is in `heading_` then.
  bool TakesMarkup(TextWindow::Line& line);
  /// False where the record cannot be used, which is noted.
  Result<bool> SetFromColumns(const TextWindow::Line& line, TextDocument& document);
  Result<bool> SetFromJson(const TextWindow::Line& line, TextDocument& document);
  void SetContent(std::string_view id, TextDocument& document) const;
  Status Note(std::string_view reason, std::uint64_t offset, std::string_view detail);

  TextWindow window_;
  PlainLayout layout_;
  ReadNotes& notes_;
  std::size_t column_ = 0;
  std::size_t id_column_ = 0;
  std::string next_line_;  ///< read, of the document after this one
  std::uint64_t next_line_offset_ = 0;
  bool has_next_line_ = false;
  bool in_comment_ = false;
  std::uint64_t comment_offset_ = 0;
  std::string heading_;  // of what comes
  std::int64_t markup_ = 0;
  bool ended_ = false;
  bool columns_known_ = true;
  std::int64_t blank_ = 0;  // records without text
};

}  // namespace repro
