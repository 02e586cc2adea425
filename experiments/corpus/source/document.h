#pragma once
/// A document on its way from a source of text to the shards of a language, and where it came from.

#include <cstdint>
#include <map>
#include <string>

#include "core/base/result.h"

namespace repro {

/// One web page, article, or file. Paragraphs are the lines of `text`.
struct TextDocument {
  std::string id;        ///< what the source calls it: a URL, the title of an article, a file
  std::string title;     ///< its first line or its name; not part of `text`
  std::string text;      ///< UTF-8 without NUL; lines end with "\n", the last one without
  std::string language;  ///< what the source says of it, if it does
  /// What it says whatever its language: "quran 114"; empty where nobody knows. Equal ones are
  /// translations of each other.
  std::string content;
  std::uint64_t offset = 0;  ///< unpacked bytes of the file before it
};

/// A file of documents. One object, one pass, one thread.
class DocumentReader {
 public:
  DocumentReader() = default;
  DocumentReader(const DocumentReader&) = delete;
  DocumentReader& operator=(const DocumentReader&) = delete;
  virtual ~DocumentReader() = default;

  /// The next document; false at the end. What is wrong with the input is noted (ReadNotes) and
  /// passed over. Errors: kIo; kCorrupt, when notes are strict.
  virtual Result<bool> Next(TextDocument& document) = 0;
  /// Bytes of the file, as it is stored, that are read so far: what progress is counted in.
  virtual std::uint64_t bytes_read() const = 0;
  /// What is in the file and no document of it, by kind: "redirect", "request record". That is
  /// nothing wrong.
  virtual std::map<std::string, std::int64_t> passed_over() const { return {}; }
};

}  // namespace repro
