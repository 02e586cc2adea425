#include "experiments/tasks/line_model/task.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "core/base/units.h"
#include "core/io/zstd_writer.h"
#include "experiments/corpus/clean/line_model_trainer.h"
#include "experiments/tasks/line_model/spec.h"
#include "experiments/tasks/source_documents.h"

namespace repro {
namespace {

/// The text of all files, a paragraph a line, no more than the model takes.
Status GatherText(const std::vector<SourceFile>& files, std::int64_t max_lines,
                  TaskContext& context, const std::filesystem::path& path) {
  REPRO_ASSIGN_OR_RETURN(ZstdWriter writer, ZstdWriter::Open(path));
  std::int64_t lines = 0;
  for (const SourceFile& file : files) {
    ReadNotes notes(/*strict=*/false, file.set + "/" + file.name);
    REPRO_ASSIGN_OR_RETURN(const auto documents, OpenDocuments(CorpusFileOf(file), notes));
    TextDocument document;
    while (lines < max_lines) {
      if (context.stop) return Fail(ErrorCode::kInterrupted, "asked to stop");
      REPRO_ASSIGN_OR_RETURN(const bool more, documents->Next(document));
      if (!more) break;
      document.text += '\n';
      lines += std::count(document.text.begin(), document.text.end(), '\n');
      REPRO_RETURN_IF_ERROR(writer.Write(document.text));
    }
    for (const auto& [reason, note] : notes.reasons()) {
      context.events.Message(
          "warning", fmt::format("{} in the text: {}, e.g. {}", reason, FormatCount(note.count),
                                 note.examples.front()));
    }
  }
  return writer.Finish();
}

}  // namespace

Status RunLineModelTask(TaskContext& context) {
  REPRO_ASSIGN_OR_RETURN(const auto spec, FromJson<LineModelSpec>(context.task.spec));
  REPRO_ASSIGN_OR_RETURN(const auto files, SourceFilesOf(spec.files, context.task));
  REPRO_RETURN_IF_ERROR(VerifySourceFiles(files, 1, context.stop));
  context.events.Progress(0, 2, "steps", {{"doing", "reading the text"}});
  const std::filesystem::path text = context.scratch / "text.zst";
  REPRO_RETURN_IF_ERROR(GatherText(files, spec.max_lines, context, text));
  context.events.Progress(1, 2, "steps", {{"doing", "training"}});
  LineModelOptions options;
  options.pieces = spec.pieces;
  options.max_lines = spec.max_lines;
  options.ngrams.programs = std::filesystem::canonical("/proc/self/exe").parent_path();
  options.ngrams.memory = "1G";  // of the task's 4; the model is the same
  options.ngrams.stop = &context.stop;
  REPRO_ASSIGN_OR_RETURN(const TrainedLineModel model,
                         TrainLineModel(text, spec.language, context.out, options));
  context.events.Message("info", fmt::format("{}: {} lines, {} tokens, {} pieces", spec.language,
                                             FormatCount(model.lines), FormatCount(model.tokens),
                                             FormatCount(model.pieces)));
  context.events.Progress(2, 2, "steps");
  return context.events.status();
}

}  // namespace repro
