#pragma once
/// Common Crawl's WET files: the plain text of web pages, as WARC records (ISO 28500) of type
/// "conversion", usually one gzip member each.
///
/// As CC-Net reads them (facebookresearch/cc_net, process_wet_file.py; anchors.md E1): lines are
/// trimmed, the first is the title and no part of the text, other types of records are passed over.
/// Unlike there, a record ends where its Content-Length says, and only where that does not lead to
/// the next record, before the line that begins the next one.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/io/text_window.h"
#include "experiments/corpus/source/document.h"
#include "experiments/corpus/source/read_notes.h"

namespace repro {

/// Notes: "not-a-record" (bytes where a record should begin), "content-length" (missing, no number
/// or above kLongestRecord: the record is passed over), "wrong-content-length" (the record is taken
/// up to the next one), "cut-record" (the input ends within it), "damaged" (the packed file;
/// reading goes on at the next gzip member behind that), "nul" and "utf-8" (a line with a NUL byte,
/// or bytes that are no UTF-8: left out).
class WetReader : public DocumentReader {
 public:
  static constexpr std::uint64_t kLongestRecord = 64 << 20;

  /// `notes` must outlive the reader. Errors: as ByteSource::Open.
  static Result<std::unique_ptr<WetReader>> Open(const std::filesystem::path& path,
                                                 ReadNotes& notes, Extent extent = Extent::kWhole);

  Result<bool> Next(TextDocument& document) override;
  std::uint64_t bytes_read() const override { return window_.source().file_offset(); }
  /// Records of other types than "conversion".
  std::map<std::string, std::int64_t> passed_over() const override;
  /// Records of all types so far, whole ones.
  std::int64_t records() const { return records_; }

 private:
  struct Header;
  WetReader(TextWindow window, ReadNotes& notes) : window_(std::move(window)), notes_(notes) {}

  Status Note(std::string_view reason, std::uint64_t offset, std::string_view detail);
  /// The header lines of the record at hand. Nothing where there is none before the end.
  Result<std::optional<Header>> NextHeader();
  /// To the start of the next line that begins a record, or to the end.
  void SkipToRecord();
  /// Bytes at hand before a line that begins a record; all up to the end, or kLongestRecord, where
  /// none comes.
  std::size_t FindRecord();
  /// What Content-Length says; nothing where it says nothing usable: the record is passed over.
  Result<std::optional<std::size_t>> RecordLength(const Header& header);
  /// What the record holds, at the front of the window; nothing where it is cut off: it is passed
  /// over.
  Result<std::optional<std::string_view>> RecordBody(const Header& header, std::size_t length);
  Result<bool> GoOnAfterDamage();
  /// Title and text of a page: trimmed lines, the first one apart. `offset`: of the page.
  Status SetText(std::string_view page, std::uint64_t offset, TextDocument& document);

  TextWindow window_;
  ReadNotes& notes_;
  std::int64_t records_ = 0;
  std::int64_t pages_ = 0;
  std::int64_t titles_ = 0;
};

}  // namespace repro
