#pragma once
/// Pseudo-bits: how well a masked language model predicts text, by the word-l2r
/// pseudo-log-likelihood of Kauf & Ivanova (2023, arXiv 2305.10588): each piece is predicted with
/// itself and all later pieces of its word masked, so that a word of several pieces is not given
/// away by its own rest (which a plain pseudo-log-likelihood does, in favour of vocabularies that
/// split words). <s> and </s> are context and never predicted.
///
/// Bits per character compare models within a language; bits per parallel sentence compare
/// languages, since the content is the same.

#include <cstdint>
#include <string>
#include <vector>

#include "experiments/eval/length_batches.h"
#include "experiments/model/heads.h"
#include "experiments/text/tokenizer.h"
#include "experiments/text/word_breaker.h"

namespace repro {

struct PseudoBits {
  double bits = 0;  ///< summed over all sentences
  std::int64_t sentences = 0;
  std::int64_t characters = 0;  ///< code points of the text, spaces included; of a cut sentence,
                                ///< those of the pieces that are left
  std::int64_t pieces = 0;      ///< predicted
  std::int64_t unknown_pieces =
      0;  ///< <unk> among them: cheap to predict, so a share well above 0 flatters the model
  std::int64_t cut = 0;  ///< sentences cut to max_tokens

  double PerCharacter() const;
  double PerSentence() const;
};

/// Words begin where SentencePiece marks a space, and, with a `breaker` (text without spaces),
/// where ICU begins one. One model row a piece, in batches of like lengths; smaller ones where
/// memory runs out, which `warn` is told (length_batches.h). Errors: kFailed when not even one row
/// fits.
Result<PseudoBits> ComputePseudoBits(const MlmModel& model, const Tokenizer& tokenizer,
                                     const WordBreaker* breaker,
                                     const std::vector<std::string>& sentences,
                                     std::int64_t max_tokens, const WarningSink& warn);

}  // namespace repro
