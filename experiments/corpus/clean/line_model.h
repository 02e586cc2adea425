#pragma once
/// How likely a text is in a language: CC-Net's measure of quality (Wenzek et al. 2020, arXiv
/// 1911.00359; cc_net/perplexity.py). A text is brought to its normal form (line_normalizer.h), cut
/// into SentencePiece's pieces and scored by an n-gram model over pieces.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "experiments/corpus/clean/ngram_model.h"
#include "experiments/text/tokenizer.h"

namespace repro {

/// Where <s> and </s> stand in a document.
enum class ScoredUnit {
  /// Around every line that is not empty, as the model saw it in training.
  kLine,
  /// Around the whole document. CC-Net's pipeline does this: its normal form of a whole document
  /// has lost the line breaks with the other control characters, so that the last word of a line
  /// and the first of the next are one.
  kDocument,
};

/// Immutable after `Load`; threads may share one object.
class LineModel {
 public:
  /// Errors: kNotFound, kIo; kCorrupt where SentencePiece or KenLM refuses its file.
  static Result<LineModel> Load(const std::filesystem::path& pieces,
                                const std::filesystem::path& ngrams);
  /// By CC-Net's names: LANGUAGE.sp.model with LANGUAGE.arpa.bin, or else LANGUAGE.arpa. Errors: as
  /// `Load`.
  static Result<LineModel> LoadFrom(const std::filesystem::path& folder, std::string_view language);

  /// 10^(-sum of log10 / tokens) over lines, each with its </s>, rounded to one decimal as Python
  /// rounds. Nothing for a text without any.
  std::optional<double> Perplexity(std::string_view text,
                                   ScoredUnit unit = ScoredUnit::kLine) const;
  /// The score of one line, which is brought to the normal form; no tokens where that is empty.
  LineScore ScoreLine(std::string_view line) const;

  const NgramModel& ngrams() const { return ngrams_; }

 private:
  LineModel(Tokenizer pieces, NgramModel ngrams)
      : pieces_(std::move(pieces)), ngrams_(std::move(ngrams)) {}

  Tokenizer pieces_;
  NgramModel ngrams_;
};

/// The file names of `LineModel::LoadFrom`, and of what the trainer tells of itself.
std::filesystem::path PieceModelFile(const std::filesystem::path& folder,
                                     std::string_view language);
std::filesystem::path BinaryModelFile(const std::filesystem::path& folder,
                                      std::string_view language);
std::filesystem::path ArpaModelFile(const std::filesystem::path& folder, std::string_view language);
std::filesystem::path ModelNoteFile(const std::filesystem::path& folder, std::string_view language);

/// The surfaces of a line's pieces, the tokens of the n-gram model: `normal` is in the normal form.
std::vector<std::string> PieceTexts(const Tokenizer& pieces, std::string_view normal);

/// To one decimal, the nearest to the number itself, not to ten times it; a tie to even.
double RoundToTenth(double value);

}  // namespace repro
