#include "experiments/text/piece_words.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_set>

namespace repro {
namespace {

// What the pieces spell, with spaces for word marks; `begins`: where each piece's text begins in
// it.
std::string Spell(const std::vector<Tokenizer::Piece>& pieces, std::vector<std::size_t>& begins) {
  std::string text;
  for (const Tokenizer::Piece& piece : pieces) {
    const std::size_t begin = text.size();
    for (std::string_view rest = piece.text; !rest.empty();) {
      const bool mark = rest.starts_with(kWordMark);
      text += mark ? ' ' : rest.front();
      rest.remove_prefix(mark ? kWordMark.size() : 1);
    }
    begins.push_back(begin + (piece.text.starts_with(kWordMark) ? 1 : 0));
  }
  return text;
}

}  // namespace

std::vector<std::int64_t> WordOfPieces(const std::vector<Tokenizer::Piece>& pieces,
                                       const WordBreaker* breaker) {
  std::vector<std::size_t> begins;
  const std::string text = Spell(pieces, begins);
  std::unordered_set<std::size_t> starts;
  if (breaker != nullptr) {
    for (const TextSpan& word : breaker->Words(text)) starts.insert(word.begin);
  }
  std::vector<std::int64_t> words;
  std::int64_t word = -1;
  bool lone_mark = false;  // the piece before is the mark alone: its word begins, and goes on here
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const bool marked = pieces[i].text.starts_with(kWordMark);
    if (i == 0 || marked || (starts.contains(begins[i]) && !lone_mark)) ++word;
    lone_mark = pieces[i].text == kWordMark;
    words.push_back(word);
  }
  return words;
}

}  // namespace repro
