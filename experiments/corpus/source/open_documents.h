#pragma once
/// The reader that a file's layout asks for.

#include <filesystem>
#include <memory>
#include <string>

#include "core/base/result.h"
#include "core/io/byte_source.h"
#include "experiments/corpus/source/document.h"
#include "experiments/corpus/source/read_notes.h"

namespace repro {

/// A file of a corpus and how it is read: what a part of a data set says of it.
struct CorpusFile {
  std::filesystem::path path;
  std::string name;      ///< relative to the data set's folder
  std::string set;       ///< the data set's id
  std::string language;  ///< of all of it; empty: not said
  std::string layout;    ///< "text", "markdown", "jsonl", "tsv", "wet" or "wikipedia"
  std::string field;
  std::string id_field;
  std::string content;
  Extent extent = Extent::kWhole;  ///< kPrefix: only its beginning was fetched
};

/// Goes up when a reader gives other documents of a file than before.
inline constexpr int kReadersVersion = 2;

/// `notes` must outlive the reader. Errors: as the reader's own Open; kInvalidArgument for a layout
/// that is no corpus.
Result<std::unique_ptr<DocumentReader>> OpenDocuments(const CorpusFile& file, ReadNotes& notes);

}  // namespace repro
