#include "experiments/corpus/source/open_documents.h"

#include <utility>

#include "experiments/corpus/source/plain_reader.h"
#include "experiments/corpus/source/wet_reader.h"
#include "experiments/corpus/source/wiki_dump_reader.h"

namespace repro {
namespace {

template <class Reader>
Result<std::unique_ptr<DocumentReader>> AsDocuments(Result<std::unique_ptr<Reader>> reader) {
  if (!reader) return tl::unexpected<Error>(std::move(reader).error());
  return std::unique_ptr<DocumentReader>(std::move(*reader));
}

}  // namespace

Result<std::unique_ptr<DocumentReader>> OpenDocuments(const CorpusFile& file, ReadNotes& notes) {
  if (file.layout == "wet") return AsDocuments(WetReader::Open(file.path, notes, file.extent));
  if (file.layout == "wikipedia") {
    return AsDocuments(WikiDumpReader::Open(file.path, WikitextOptions{}, notes, file.extent));
  }
  PlainLayout layout;
  if (!file.field.empty()) layout.field = file.field;
  layout.id_field = file.id_field;
  layout.content = file.content.empty() ? file.set : file.content;
  if (file.layout == "text") {
    layout.kind = PlainLayout::Kind::kText;
  } else if (file.layout == "markdown") {
    layout.kind = PlainLayout::Kind::kMarkdown;
  } else if (file.layout == "jsonl") {
    layout.kind = PlainLayout::Kind::kJsonl;
  } else if (file.layout == "tsv") {
    layout.kind = PlainLayout::Kind::kTsv;
  } else {
    return Fail(
        ErrorCode::kInvalidArgument,
        "{}: layout \"{}\" is no corpus; expected text, markdown, jsonl, tsv, wet or wikipedia",
        file.path.string(), file.layout);
  }
  return AsDocuments(PlainReader::Open(file.path, std::move(layout), notes, file.extent));
}

}  // namespace repro
