#include "experiments/tasks/evaluation_text/task.h"

#include <string_view>
#include <variant>
#include <vector>

#include <fmt/ranges.h>

#include "core/io/file.h"
#include "experiments/corpus/clean/line_marks.h"
#include "experiments/corpus/clean/line_normalizer.h"
#include "experiments/corpus/source/text_lines.h"
#include "experiments/datasets/layouts/read_examples.h"
#include "experiments/tasks/evaluation_text/spec.h"
#include "experiments/tasks/source_documents.h"

namespace repro {
namespace {

/// Hashes of all lines of the texts that it is given.
class LineCollector {
 public:
  void Add(std::string_view text) {
    while (!text.empty()) {
      const std::string_view line = TakeLine(text);
      if (line.find_first_not_of(" \t\r") != std::string_view::npos) {
        hashes_.push_back(DedupHash(line));
      }
    }
  }
  void operator()(const NliPair& pair) {
    Add(pair.premise);
    Add(pair.hypothesis);
  }
  /// As prose would have it, and as scripts without spaces would.
  void operator()(const TaggedSentence& sentence) {
    Add(fmt::format("{}", fmt::join(sentence.words, " ")));
    Add(fmt::format("{}", fmt::join(sentence.words, "")));
  }
  void operator()(const QaQuestion& question) {
    Add(question.context);
    Add(question.question);
  }
  void operator()(const TextRow& row) {
    Add(row.text);
    Add(row.second);
  }

  std::size_t size() const { return hashes_.size(); }
  std::vector<std::uint64_t>& hashes() { return hashes_; }

 private:
  std::vector<std::uint64_t> hashes_;
};

Status CollectExamples(const SourceFile& file, LineCollector& lines) {
  const LayoutFile layout_file{.path = file.path,
                               .layout = file.layout,
                               .language = file.language,
                               .encoding = file.encoding};
  // Faulty examples are skipped: what cannot be read can be evaluated with by nobody.
  const auto counts =
      ReadExamples({&layout_file, 1}, {.skip = true}, [&](LayoutExample&& example) -> Status {
        std::visit(lines, example);
        return {};
      });
  return counts ? Status() : tl::unexpected<Error>(counts.error());
}

Status CollectLines(const SourceFile& file, LineCollector& lines) {
  ReadNotes notes;
  REPRO_ASSIGN_OR_RETURN(const auto documents, OpenDocuments(CorpusFileOf(file), notes));
  TextDocument document;
  for (;;) {
    REPRO_ASSIGN_OR_RETURN(const bool more, documents->Next(document));
    if (!more) return {};
    lines.Add(document.text);
  }
}

}  // namespace

Status RunEvaluationTextTask(TaskContext& context) {
  REPRO_ASSIGN_OR_RETURN(const auto spec, FromJson<EvaluationTextSpec>(context.task.spec));
  REPRO_ASSIGN_OR_RETURN(const auto files, SourceFilesOf(spec.files, context.task));
  REPRO_RETURN_IF_ERROR(VerifySourceFiles(files, context.task.resources.threads, context.stop));
  LineCollector lines;
  Json counts = Json::object();
  for (std::size_t i = 0; i < files.size(); ++i) {
    const SourceFile& file = files[i];
    if (context.stop) return Fail(ErrorCode::kInterrupted, "asked to stop");
    context.events.Progress(static_cast<std::int64_t>(i), static_cast<std::int64_t>(files.size()),
                            "files", {{"doing", file.set}});
    const std::size_t before = lines.size();
    REPRO_RETURN_IF_ERROR(HoldsExamples(file.layout) ? CollectExamples(file, lines)
                                                     : CollectLines(file, lines));
    Json& count = counts[file.set];
    count = (count.is_null() ? 0 : count.get<std::size_t>()) + lines.size() - before;
  }
  const std::size_t all = lines.size();
  REPRO_RETURN_IF_ERROR(SaveHashes(std::move(lines.hashes()), context.out / "lines.hashes"));
  return WriteFileAtomic(
      context.out / "counts.json",
      Json({{"version", 1}, {"lines", all}, {"by_set", std::move(counts)}}).dump(1) + "\n");
}

}  // namespace repro
