#pragma once
/// Learns a SentencePiece model on an alpha-smoothed sample of the languages (XLM-R section 3.1:
/// the vocabulary is learnt on text sampled with the same kind of smoothing as the training data):
/// unigram (Kudo 2018) from raw text, or, for the comparison of Figure 7, BPE (Sennrich et al.
/// 2016) from text that is cut into words first (word_tokenizer.h).
///
/// A language's part of the sample is q_i * sample_sentences. A language with fewer sentences than
/// its part gives each one several times (whole passes, then a draw without replacement), so the
/// shares hold. The text is streamed here; SentencePiece holds the sample (vocab_memory.h).
///
/// Lines that SentencePiece would leave out without a word are counted and never drawn: those of
/// more than kMaxSentenceBytes (its own limit, 4,192, drops whole paragraphs of scripts with 3-byte
/// letters) and those with U+2585, which it keeps for itself.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "experiments/text/vocab_files.h"

namespace repro {

inline constexpr std::int64_t kMaxSentenceBytes = 16'384;

struct VocabText {
  std::string language;
  std::filesystem::path text;  ///< a sentence a line; empty lines part documents and are skipped
  double nominal_units = 0;    ///< n_i of the smoothing
};

struct VocabTrainerOptions {
  std::string model = "unigram";  ///< or "bpe"
  std::int64_t size = 32'000;     ///< embedding rows; SentencePiece learns size - 2 pieces
  bool hard_limit = true;         ///< false: a sample too small for `size` gives what it can
  double alpha = 0.3;
  std::int64_t sample_sentences = 200'000;
  double character_coverage = 0.9995;
  std::int64_t threads = 1;  ///< SentencePiece's result depends on it
  std::uint64_t seed = 1;
};

struct VocabSample {
  std::string language;
  std::int64_t available = 0;  ///< sentences in the text that can be drawn
  std::int64_t too_long = 0;   ///< beside them: more than kMaxSentenceBytes
  std::int64_t reserved = 0;   ///< beside them: with U+2585
  std::int64_t drawn = 0;      ///< sentences in the sample; more than `available` where they repeat
  double bytes = 0;            ///< of those drawn, expected
  double characters = 0;
};

/// What a training will read and take, known before it starts.
struct VocabPlan {
  VocabTrainerOptions options;
  std::vector<VocabText> texts;
  std::vector<VocabSample> sample;  ///< in the order of `texts`
  std::optional<PreTokenization> pre_tokenization;
  std::int64_t memory_bytes = 0;  ///< EstimateVocabMemory of the sample

  std::int64_t sentences() const;
  double bytes() const;
  double characters() const;
  /// One line for a person: sentences, text, memory.
  std::string Text() const;
};

/// Reads the texts once. Errors: kInvalidArgument when a text has no sentence to draw or the sample
/// more characters than SentencePiece can index; kNotFound, kIo.
Result<VocabPlan> PlanVocabulary(const std::vector<VocabText>& texts,
                                 const VocabTrainerOptions& options);

struct TrainedVocab {
  std::string model;  ///< bytes of sp.model
  std::vector<VocabSample> sample;
};

/// One training a process: SentencePiece keeps process-wide state. The result depends on the texts
/// and options only (with "bpe", on ICU's release too). Errors: kInvalidArgument when the sample is
/// too small for the size (it says the largest size that fits) or the size too small for the
/// alphabet; kFailed, out of memory included.
Result<TrainedVocab> TrainVocabulary(const VocabPlan& plan);
/// Plans and trains. Errors: those of both.
Result<TrainedVocab> TrainVocabulary(const std::vector<VocabText>& texts,
                                     const VocabTrainerOptions& options);

}  // namespace repro
