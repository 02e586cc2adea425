#pragma once
/// Trains the language model of one language as CC-Net does (Makefile, target lm): SentencePiece
/// pieces and n-grams over them, both from the same text in its normal form.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "experiments/corpus/clean/ngram_trainer.h"

namespace repro {

struct LineModelOptions {
  std::int64_t pieces = 65'536;
  /// Where the text gives fewer: at most so many, and fewer again if it must be. CC-Net stops
  /// there; the text of a small language would then give no model.
  std::int64_t fallback_pieces = 40'000;
  double character_coverage = 0.9995;
  std::int64_t max_lines = 1'000'000;  ///< the first ones that are not empty
  std::int64_t threads = 1;            ///< SentencePiece's result depends on it
  NgramTrainerOptions ngrams;
};

struct TrainedLineModel {
  std::int64_t lines = 0;
  std::int64_t tokens = 0;           ///< pieces in the text, without </s>
  std::int64_t pieces = 0;           ///< learnt, with <unk>, <s> and </s>
  std::vector<std::int64_t> ngrams;  ///< of order 1, 2, ...
};

/// `text`: a paragraph a line, packed or not (byte_source.h); a line longer than 16 MiB is passed
/// over. Writes LANGUAGE.sp.model, LANGUAGE.arpa.bin and last LANGUAGE.lm.json (docs/formats.md)
/// into `folder`, which must be there. Same text and options, same bytes. One training a process at
/// a time, as in vocab_trainer.h. Errors: kNotFound, kIo; kCorrupt for a damaged packed file;
/// kInvalidArgument for a text without a line; as TrainVocabulary and TrainNgramModel.
Result<TrainedLineModel> TrainLineModel(const std::filesystem::path& text,
                                        std::string_view language,
                                        const std::filesystem::path& folder,
                                        const LineModelOptions& options);

}  // namespace repro
