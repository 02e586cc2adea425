#pragma once
/// The one way to the examples of a published test set: files in, examples out.
///
/// Files are read once and in order, packed or not (core/io/byte_source.h); memory does not depend
/// on their size. What is wrong with examples is collected over all files (example_problems.h).

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/result.h"
#include "experiments/datasets/layouts/example_problems.h"
#include "experiments/datasets/layouts/examples.h"
#include "experiments/datasets/layouts/tag_scheme.h"

namespace repro {

struct LayoutFile {
  std::filesystem::path path;
  std::string layout;    ///< one of `ExampleLayouts`
  std::string language;  ///< where the file does not say it
  std::string encoding = "utf-8";
};

struct ReadRules {
  bool skip = false;          ///< faulty examples are left out and counted: no error
  std::int64_t shown = 20;    ///< problems that an error shows before "... and N more"
  bool needs_labels = false;  ///< an unlabelled file is an error
  bool to_iob2 = true;        ///< tags in IOB1, and stray ones, become IOB2
};

/// Takes an example; an error ends the reading.
using ExampleSink = std::function<Status(LayoutExample&&)>;

/// Layouts that hold examples:
/// - NliPair: "xnli" (XNLI 1.0, TSV or JSON lines), "xnli-translate-test" (XNLI-MT's dev and test,
///   the same with English text), "xnli-mt" (its multinli.train), "xtreme-xnli",
///   "myxnli-translated" and "myxnli-original" (the two halves of myXNLI's rows), "mnli", "snli"
///   (GLUE's TSV, the publishers' own, or JSON lines), "sick", "nli" (premise, hypothesis, label,
///   with a header or without);
/// - TaggedSentence: "conll" (2 to 5 columns), "wikineural", "panx", "masakhaner";
/// - QaQuestion: "squad" (SQuAD 1.1 and 2.0, XQuAD, TyDiQA-GoldP, CMRC 2018), "mlqa" (the same; the
///   file's name says both languages);
/// - TextRow: "glue-cola", "glue-sst2", "glue-mrpc", "glue-stsb", "glue-qqp", "glue-qnli",
///   "glue-rte", "glue-wnli", with a header or without, labelled or not.
const std::vector<std::string>& ExampleLayouts();
bool HoldsExamples(std::string_view layout);

/// Names of the labels by index: {"contradiction", "neutral", "entailment"}; empty for a layout
/// without labels of that kind.
std::vector<std::string> LabelNames(std::string_view layout);

/// Gives every good example to `sink`, in the files' order. Errors: kInvalidArgument for an unknown
/// layout or encoding; kNotFound and kIo for a file; the sink's; at the end kCorrupt with all that
/// is wrong in all files, or, with `rules.skip`, what is wrong with files as a whole. A file
/// without any example is such a problem; the message says why its examples were left out.
Result<FaultCounts> ReadExamples(std::span<const LayoutFile> files, const ReadRules& rules,
                                 const ExampleSink& sink);

/// All examples of files of one layout, which gives T. Errors: as `ReadExamples`.
template <class T>
Result<std::vector<T>> ReadAllExamples(std::span<const LayoutFile> files, const ReadRules& rules) {
  std::vector<T> examples;
  const auto counts = ReadExamples(files, rules, [&](LayoutExample&& example) -> Status {
    T* const one = std::get_if<T>(&example);
    if (one == nullptr) {
      return Fail(ErrorCode::kInvalidArgument, "{}: layout `{}` gives examples of another kind",
                  files.front().path.string(), files.front().layout);
    }
    examples.push_back(std::move(*one));
    return {};
  });
  if (!counts) return tl::unexpected(counts.error());
  return examples;
}

struct ExampleCounts {
  std::int64_t examples = 0;
  std::int64_t sentences = 0;  ///< texts: two of a pair; of a question itself, not its context
  std::int64_t words = 0;      ///< of these; as the file divides them, else at spaces
  /// By the label's name, phrases by their type, questions as "answerable" and "impossible",
  /// scores by whole number ("score 3": 3 <= score < 4); "(unlabelled)".
  std::map<std::string, std::int64_t> by_label;
  std::map<std::string, std::int64_t> by_language;  ///< "(not said)" where it is not known
  TagSchemeCounts tags;                             ///< as the files write them
  FaultCounts faults;

  /// Adds all but what is wrong.
  ExampleCounts& operator+=(const ExampleCounts& other);
};

/// Errors: as `ReadExamples`.
Result<ExampleCounts> CountExamples(std::span<const LayoutFile> files, const ReadRules& rules);

/// The same by language ("(not said)" where it is not known). What is wrong with examples, whose
/// language nobody may know, is not in the counts, but in what is returned.
Result<FaultCounts> CountExamplesByLanguage(std::span<const LayoutFile> files,
                                            const ReadRules& rules,
                                            std::map<std::string, ExampleCounts>& counts);

}  // namespace repro
