#include "experiments/corpus/clean/line_model.h"

#include <array>
#include <charconv>
#include <cmath>
#include <utility>
#include <vector>

#include "core/base/check.h"
#include "experiments/corpus/clean/line_normalizer.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

fs::path Named(const fs::path& folder, std::string_view language, std::string_view suffix) {
  return folder / std::string(language).append(suffix);
}

}  // namespace

fs::path PieceModelFile(const fs::path& folder, std::string_view language) {
  return Named(folder, language, ".sp.model");
}
fs::path BinaryModelFile(const fs::path& folder, std::string_view language) {
  return Named(folder, language, ".arpa.bin");
}
fs::path ArpaModelFile(const fs::path& folder, std::string_view language) {
  return Named(folder, language, ".arpa");
}
fs::path ModelNoteFile(const fs::path& folder, std::string_view language) {
  return Named(folder, language, ".lm.json");
}

Result<LineModel> LineModel::Load(const fs::path& pieces, const fs::path& ngrams) {
  REPRO_ASSIGN_OR_RETURN(Tokenizer tokenizer, Tokenizer::Load(pieces));
  REPRO_ASSIGN_OR_RETURN(NgramModel model, NgramModel::Load(ngrams));
  return LineModel(std::move(tokenizer), std::move(model));
}

Result<LineModel> LineModel::LoadFrom(const fs::path& folder, std::string_view language) {
  const fs::path binary = BinaryModelFile(folder, language);
  const fs::path arpa = ArpaModelFile(folder, language);
  std::error_code error;
  const bool has_binary = fs::exists(binary, error);
  if (!has_binary && !fs::exists(arpa, error)) {
    return Fail(ErrorCode::kNotFound, "{}: no language model for '{}': expected {} or {}",
                folder.string(), language, binary.filename().string(), arpa.filename().string());
  }
  return Load(PieceModelFile(folder, language), has_binary ? binary : arpa);
}

std::vector<std::string> PieceTexts(const Tokenizer& pieces, std::string_view normal) {
  std::vector<std::string> texts;
  for (Tokenizer::Piece& piece : pieces.EncodePieces(normal)) {
    texts.push_back(std::move(piece.text));
  }
  return texts;
}

LineScore LineModel::ScoreLine(std::string_view line) const {
  const std::string normal = NormalizeForLm(line);
  if (normal.empty()) return {};
  return ngrams_.ScoreLine(PieceTexts(pieces_, normal));
}

std::optional<double> LineModel::Perplexity(std::string_view text, ScoredUnit unit) const {
  double log10 = 0;
  std::int64_t tokens = 0;
  while (!text.empty()) {
    const std::string_view line =
        unit == ScoredUnit::kDocument ? text : text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const LineScore score = ScoreLine(line);
    log10 += score.log10;
    tokens += score.tokens;
  }
  if (tokens == 0) return {};
  return RoundToTenth(std::pow(10.0, -log10 / static_cast<double>(tokens)));
}

double RoundToTenth(double value) {
  std::array<char, 400> digits;  // the largest double has 309 before the point
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value,
                                          std::chars_format::fixed, 1);
  REPRO_CHECK(error == std::errc());
  double rounded = 0;
  std::from_chars(digits.data(), end, rounded);
  return rounded;
}

}  // namespace repro
