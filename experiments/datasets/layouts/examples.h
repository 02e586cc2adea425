#pragma once
/// What the files of the published test sets hold, whatever layout they are in.
///
/// All text is UTF-8 without NUL; nothing is trimmed, normalised or taken out of quotes.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace repro {

/// Natural language inference.
struct NliPair {
  std::string id;  ///< the publisher's (pairID), else the row's number, from 1
  std::string premise;
  std::string hypothesis;
  /// Index into `LabelNames`: contradiction 0, neutral 1, entailment 2, XLM's order
  /// (facebookresearch/XLM, xlm/evaluation/xnli.py). None in an unlabelled test file.
  std::optional<int> label;
  std::string language;         ///< of the text; empty: not known
  std::string translated_from;  ///< TRANSLATE-TEST: the language whose test this is
};

/// Named entity recognition.
struct TaggedSentence {
  std::string id;  ///< the sentence's number in its file, from 1
  std::vector<std::string> words;
  std::vector<std::string> tags;  ///< one a word: "O", "B-PER", "I-PER"
  std::string language;
  bool begins_document = false;  ///< -DOCSTART- stands before it
};

struct QaAnswer {
  std::string text;
  /// In code points of the context. None where what the file states is not where the text is.
  std::optional<std::int64_t> start;
};

/// Extractive question answering.
struct QaQuestion {
  std::string id;
  std::string title;
  std::string context;
  std::string question;
  std::vector<QaAnswer> answers;  ///< all count as right; none when `impossible`
  bool impossible = false;        ///< SQuAD 2.0: the context does not say it
  std::string language;           ///< of context and answers, by which MLQA scores
  std::string question_language;
};

/// GLUE: one text or two, with a label or a score.
struct TextRow {
  std::string id;  ///< the publisher's, else the row's number, from 1
  std::string text;
  std::string second;           ///< empty: the task has one text
  std::optional<int> label;     ///< index into `LabelNames`; none in a test file
  std::optional<double> score;  ///< STS-B, 0 to 5; none in a test file
  std::string language;
};

using LayoutExample = std::variant<NliPair, TaggedSentence, QaQuestion, TextRow>;

}  // namespace repro
