#pragma once
/// A task's file as the readers of corpora take it.

#include "experiments/corpus/source/open_documents.h"
#include "experiments/tasks/source_files.h"

namespace repro {

inline CorpusFile CorpusFileOf(const SourceFile& file) {
  return {.path = file.path,
          .name = file.name,
          .set = file.set,
          .language = file.language,
          .layout = file.layout == "parallel" ? "text" : file.layout,  // a sentence a line
          .field = file.field,
          .id_field = file.id_field,
          .content = file.content,
          .extent = file.prefix ? Extent::kPrefix : Extent::kWhole};
}

}  // namespace repro
