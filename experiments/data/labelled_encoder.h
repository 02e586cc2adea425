#pragma once
/// Labelled examples as the model reads them. Input formats are fairseq's (RoBERTa, XLM-R):
///   sentence  <s> A </s>
///   pair      <s> A </s></s> B </s>          no segment ids
///   tags      <s> pieces of each word </s>   a word is tagged at its first piece

#include <cstdint>
#include <string>
#include <vector>

#include "experiments/data/labelled_reader.h"
#include "experiments/text/tokenizer.h"

namespace repro {

struct EncodedExample {
  std::string id;
  std::vector<std::int64_t> tokens;
  /// Pair, sentence: {0} (read at <s>). Tags: where each word's first piece is; -1 when the word
  /// was cut off or is nothing to the tokenizer.
  std::vector<std::int64_t> positions;
  std::vector<std::int64_t> labels;  ///< one a position
};

/// In order. Cuts to `max_tokens` (>= 8), specials included: the end of the sentence; of a pair,
/// piece by piece, the end of the longer sentence. `cut`, if not null, counts what was cut.
std::vector<EncodedExample> EncodeExamples(const std::vector<LabelledExample>& examples,
                                           LabelledTask task, const Tokenizer& tokenizer,
                                           std::int64_t max_tokens, std::int64_t* cut = nullptr);

/// The pieces of one sentence cut to `max_tokens`: <s> A </s>.
std::vector<std::int64_t> EncodeSentence(const std::string& text, const Tokenizer& tokenizer,
                                         std::int64_t max_tokens);

}  // namespace repro
