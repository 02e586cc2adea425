#include "experiments/tasks/evaluation_text/task.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <fmt/ranges.h>

#include "core/base/text.h"
#include "core/base/units.h"
#include "core/io/file.h"
#include "experiments/corpus/clean/line_marks.h"
#include "experiments/corpus/clean/line_normalizer.h"
#include "experiments/corpus/source/text_lines.h"
#include "experiments/datasets/layouts/read_examples.h"
#include "experiments/tasks/evaluation_text/spec.h"
#include "experiments/tasks/source_documents.h"

namespace repro {
namespace {

bool Holds(const std::vector<std::string_view>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

/// Words as prose writes them: "He ( Bob ) said : \" It 's mine . \"" is
/// "He (Bob) said: \"It's mine.\"".
std::string AsProse(const std::vector<std::string>& words) {
  static const std::vector<std::string_view> kClosing = {
      ".",  ",",  ";",  ":",  "!",  "?",   "...", "…",  ")",  "]",  "}",
      "%",  "''", "”",  "’",  "»",  "n't", "。",  "，", "、", "；", "：",
      "！", "？", "）", "」", "』", "》",  "।",   "،",  "؛",  "؟"};
  static const std::vector<std::string_view> kOpening = {"(", "[", "{", "$",  "``", "“",  "„", "‘",
                                                         "«", "¿", "¡", "（", "「", "『", "《"};
  std::string prose;
  bool attached = true;  // to what comes before
  bool quoted = false;
  for (const std::string& word : words) {
    const bool quote = word == "\"";
    const bool suffix = word.size() > 1 && (word.starts_with('\'') || word.starts_with("’"));
    if (!attached && !(quote && quoted) && !suffix && !Holds(kClosing, word)) prose += ' ';
    prose += word == "``" || word == "''" ? "\"" : word;
    if (quote) quoted = !quoted;
    attached = (quote && quoted) || Holds(kOpening, word);
  }
  return prose;
}

/// Hashes of all lines of the texts that it is given.
class LineCollector {
 public:
  explicit LineCollector(bool letters) : letters_(letters) {}
  void Add(std::string_view text) {
    while (!text.empty()) {
      const std::string_view line = TakeLine(text);
      if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
      ++size_;
      if (!letters_) {
        hashes_.push_back(DedupHash(line));
        continue;
      }
      for (const auto& hash : {LettersHash(line), TextHash(line)}) {
        if (hash) hashes_.push_back(*hash);
      }
    }
  }
  void operator()(const NliPair& pair) {
    Add(pair.premise);
    Add(pair.hypothesis);
  }
  /// As it stands, as scripts without spaces would have it, and as prose would.
  void operator()(const TaggedSentence& sentence) {
    Add(fmt::format("{}", fmt::join(sentence.words, " ")));
    Add(fmt::format("{}", fmt::join(sentence.words, "")));
    Add(AsProse(sentence.words));
  }
  void operator()(const QaQuestion& question) {
    Add(question.context);
    Add(question.question);
  }
  void operator()(const TextRow& row) {
    Add(row.text);
    Add(row.second);
  }

  /// Lines that were added.
  std::size_t size() const { return size_; }
  std::vector<std::uint64_t>& hashes() { return hashes_; }

 private:
  bool letters_;
  std::size_t size_ = 0;
  std::vector<std::uint64_t> hashes_;
};

/// What was passed over, by reason: the lines of it are not known, and so not kept out.
class PassedOver {
 public:
  explicit PassedOver(EventWriter& events) : events_(events) {}
  void Add(const SourceFile& file, std::int64_t count, std::string_view what,
           const std::vector<std::string>& examples) {
    count_ += count;
    events_.Message(
        "warning",
        fmt::format("{}/{}: {}, which nobody keeps out of the text{}{}", file.set, file.name, what,
                    examples.empty() ? "" : ", e.g. ", examples.empty() ? "" : examples.front()));
  }
  std::int64_t count() const { return count_; }

 private:
  EventWriter& events_;
  std::int64_t count_ = 0;
};

Status CollectExamples(const SourceFile& file, const StopFlag& stop, LineCollector& lines,
                       PassedOver& passed_over) {
  const LayoutFile layout_file{.path = file.path,
                               .layout = file.layout,
                               .language = file.language,
                               .encoding = file.encoding};
  const auto counts =
      ReadExamples({&layout_file, 1}, {.skip = true}, [&](LayoutExample&& example) -> Status {
        if (stop) return Fail(ErrorCode::kInterrupted, "asked to stop");
        std::visit(lines, example);
        return {};
      });
  if (!counts) return tl::unexpected<Error>(counts.error());
  for (const auto& [reason, fault] : *counts) {
    if (fault.kept) continue;  // so is its text
    passed_over.Add(file, fault.count,
                    fmt::format("{} left out for {}",
                                Plural(static_cast<std::size_t>(fault.count), "example"), reason),
                    fault.messages);
  }
  return {};
}

/// Errors: kCorrupt for a file of which nobody knows how much is missing.
Status CollectLines(const SourceFile& file, const StopFlag& stop, LineCollector& lines,
                    PassedOver& passed_over) {
  ReadNotes notes(/*strict=*/false, file.set + "/" + file.name);
  REPRO_ASSIGN_OR_RETURN(const auto documents, OpenDocuments(CorpusFileOf(file), notes));
  TextDocument document;
  for (;;) {
    if (stop) return Fail(ErrorCode::kInterrupted, "asked to stop");
    REPRO_ASSIGN_OR_RETURN(const bool more, documents->Next(document));
    if (!more) break;
    lines.Add(document.text);
  }
  if (const auto* const loss = notes.UnknownLoss()) {
    return Fail(ErrorCode::kCorrupt,
                "{} ({}): lines behind that cannot be kept out of the text; `repro data check {}` "
                "says whether the file is the published one",
                loss->second.examples.front(), loss->first, file.set);
  }
  for (const auto& [reason, note] : notes.reasons()) {
    passed_over.Add(file, note.count, fmt::format("{} {}", FormatCount(note.count), reason),
                    note.examples);
  }
  return {};
}

}  // namespace

Status RunEvaluationTextTask(TaskContext& context) {
  REPRO_ASSIGN_OR_RETURN(const auto spec, FromJson<EvaluationTextSpec>(context.task.spec));
  REPRO_ASSIGN_OR_RETURN(const auto files, SourceFilesOf(spec.files, context.task));
  REPRO_RETURN_IF_ERROR(VerifySourceFiles(files, context.task.resources.threads, context.stop));
  LineCollector lines(spec.letters);
  PassedOver passed_over(context.events);
  Json counts = Json::object();
  for (std::size_t i = 0; i < files.size(); ++i) {
    const SourceFile& file = files[i];
    context.events.Progress(static_cast<std::int64_t>(i), static_cast<std::int64_t>(files.size()),
                            "files", {{"doing", file.set}});
    const std::size_t before = lines.size();
    const auto collect = HoldsExamples(file.layout) ? &CollectExamples : &CollectLines;
    REPRO_RETURN_IF_ERROR(collect(file, context.stop, lines, passed_over));
    Json& count = counts[file.set];
    count = (count.is_null() ? 0 : count.get<std::size_t>()) + lines.size() - before;
  }
  const std::size_t all = lines.size();
  if (all == 0) {
    context.events.Message("warning",
                           "no test set is at hand, so no line of one is kept out of the text");
  }
  REPRO_RETURN_IF_ERROR(SaveHashes(std::move(lines.hashes()), context.out / "lines.hashes"));
  return WriteFileAtomic(context.out / "counts.json", Json({{"version", 1},
                                                            {"lines", all},
                                                            {"by_set", std::move(counts)},
                                                            {"passed_over", passed_over.count()}})
                                                              .dump(1) +
                                                          "\n");
}

}  // namespace repro
