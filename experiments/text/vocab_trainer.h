#pragma once
/// Learns a SentencePiece unigram model (Kudo 2018) on an alpha-smoothed sample of the languages
/// (XLM-R section 3.1: the vocabulary is learnt on text sampled with the same kind of smoothing as
/// the training data).
///
/// A language's part of the sample is q_i * sample_sentences. A language with fewer sentences than
/// its part gives each one several times (whole passes, then a draw without replacement), so the
/// shares hold. The text is streamed, never held.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/base/result.h"

namespace repro {

struct VocabText {
  std::string language;
  std::filesystem::path text;  ///< a sentence a line; empty lines part documents and are skipped
  double nominal_units = 0;    ///< n_i of the smoothing
};

struct VocabTrainerOptions {
  std::int64_t size = 32'000;  ///< embedding rows; SentencePiece learns size - 2 pieces
  double alpha = 0.3;
  std::int64_t sample_sentences = 200'000;
  double character_coverage = 0.9995;
  std::int64_t threads = 1;  ///< SentencePiece's result depends on it
  std::uint64_t seed = 1;
};

struct VocabSample {
  std::string language;
  std::int64_t available = 0;  ///< sentences in the text
  std::int64_t drawn = 0;      ///< sentences in the sample; more than `available` where they repeat
};

struct TrainedVocab {
  std::string model;  ///< bytes of sp.model
  std::vector<VocabSample> sample;
};

/// One training a process: SentencePiece keeps process-wide state. The result depends on the texts
/// and options only. Errors: kInvalidArgument when the sample is too small for the size (it says
/// the largest size that fits) or the size too small for the alphabet; kNotFound, kIo.
Result<TrainedVocab> TrainVocabulary(const std::vector<VocabText>& texts,
                                     const VocabTrainerOptions& options);

}  // namespace repro
