#include "experiments/text/vocab_report.h"

#include <algorithm>

#include "core/base/text.h"

namespace repro {
namespace {

std::int64_t CountWords(std::string_view text) {
  std::int64_t words = 0;
  bool inside = false;
  for (const char c : text) {
    const bool space = c == ' ' || c == '\t' || c == '\r' || c == '\n';
    words += !space && !inside ? 1 : 0;
    inside = !space;
  }
  return words;
}

// Code points, the word mark left out.
std::int64_t CountCharacters(std::string_view piece) {
  std::int64_t characters = CountCodePoints(piece);
  for (auto at = piece.find(kWordMark); at != std::string_view::npos;
       at = piece.find(kWordMark, at + kWordMark.size())) {
    --characters;
  }
  return characters;
}

double Ratio(std::int64_t part, std::int64_t whole, double otherwise) {
  return whole == 0 ? otherwise : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

void VocabFit::Add(const Tokenizer& tokenizer, std::string_view sentence) {
  ++sentences;
  words += CountWords(sentence);
  for (const Tokenizer::Piece& piece : tokenizer.EncodePieces(sentence)) {
    const std::int64_t count = CountCharacters(piece.text);
    const bool unknown = piece.id == kUnkId;
    ++pieces;
    characters += count;
    unknown_pieces += unknown ? 1 : 0;
    unknown_characters += unknown ? count : 0;
  }
}

double VocabFit::TokensPerWord() const {
  return Ratio(pieces, words, 0);
}
double VocabFit::Coverage() const {
  return 1 - Ratio(unknown_characters, characters, 0);
}
double VocabFit::UnknownRate() const {
  return Ratio(unknown_pieces, pieces, 0);
}

}  // namespace repro
