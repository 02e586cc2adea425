#include "experiments/text/vocab_report.h"

#include <algorithm>
#include <cstddef>
#include <iterator>

#include <unicode/uscript.h>

#include "core/base/text.h"

namespace repro {
namespace {

// Enough to see whether a text has spaces.
constexpr std::size_t kSentencesToDecide = 1'000;
constexpr std::size_t kLongestPieces = 10;

// Code points, the word mark left out.
std::int64_t CountCharacters(std::string_view piece) {
  std::int64_t characters = CountCodePoints(piece);
  for (auto at = piece.find(kWordMark); at != std::string_view::npos;
       at = piece.find(kWordMark, at + kWordMark.size())) {
    --characters;
  }
  return characters;
}

// Of the first character that belongs to one script alone.
std::string ScriptOf(std::string_view piece) {
  while (!piece.empty()) {
    UErrorCode status = U_ZERO_ERROR;
    const UScriptCode script =
        uscript_getScript(static_cast<UChar32>(TakeCodePoint(piece)), &status);
    if (U_FAILURE(status) || script == USCRIPT_COMMON || script == USCRIPT_INHERITED) continue;
    return uscript_getShortName(script);
  }
  return uscript_getShortName(USCRIPT_COMMON);
}

std::vector<std::string> SortedPieces(const Tokenizer& tokenizer) {
  std::vector<std::string> pieces;
  for (Tokenizer::Entry& entry : tokenizer.Entries()) {
    if (!entry.special) pieces.push_back(std::move(entry.text));
  }
  std::sort(pieces.begin(), pieces.end());
  return pieces;
}

double Ratio(std::int64_t part, std::int64_t whole, double otherwise) {
  return whole == 0 ? otherwise : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

double VocabFit::TokensPerWord() const {
  return Ratio(pieces, words, 0);
}
double VocabFit::CharactersPerPiece() const {
  return Ratio(characters, pieces, 0);
}
double VocabFit::Coverage() const {
  return 1 - Ratio(unknown_characters, characters, 0);
}
double VocabFit::UnknownRate() const {
  return Ratio(unknown_pieces, pieces, 0);
}
double VocabFit::UsedShare() const {
  const auto rows = static_cast<std::int64_t>(used.size());
  return Ratio(std::count(used.begin(), used.end(), true), rows - kSpecialCount - 1, 0);
}

Result<VocabMeter> VocabMeter::Open(Tokenizer tokenizer, const std::string& language) {
  VocabMeter meter(std::move(tokenizer), language);
  meter.fit_.used.assign(static_cast<std::size_t>(meter.tokenizer_.vocab_size()), false);
  if (MayLackSpaces(language)) {
    REPRO_ASSIGN_OR_RETURN(meter.breaker_, WordBreaker::Open(language));
    meter.decided_ = false;
  }
  return meter;
}

void VocabMeter::Add(std::string_view sentence) {
  if (decided_) return Count(sentence);
  spacing_.Add(sentence);
  waiting_.emplace_back(sentence);
  if (waiting_.size() == kSentencesToDecide) Decide();
}

VocabFit VocabMeter::Finish() {
  if (!decided_) Decide();
  return std::move(fit_);
}

void VocabMeter::Decide() {
  decided_ = true;
  fit_.icu_words = spacing_.LacksSpaces(language_);
  for (const std::string& sentence : waiting_) Count(sentence);
  waiting_.clear();
}

void VocabMeter::Count(std::string_view sentence) {
  ++fit_.sentences;
  if (fit_.icu_words) {
    const std::vector<TextSpan> words = breaker_->Words(sentence);
    fit_.words += std::count_if(words.begin(), words.end(),
                                [](const TextSpan& word) { return word.lexical; });
  } else {
    fit_.words += CountWords(sentence, " \t\r\n");
  }
  for (const Tokenizer::Piece& piece : tokenizer_.EncodePieces(sentence)) {
    const std::int64_t count = CountCharacters(piece.text);
    const bool unknown = piece.id == kUnkId;
    ++fit_.pieces;
    fit_.characters += count;
    fit_.unknown_pieces += unknown ? 1 : 0;
    fit_.unknown_characters += unknown ? count : 0;
    if (!unknown) fit_.used[static_cast<std::size_t>(piece.id)] = true;
  }
}

VocabContent DescribePieces(const Tokenizer& tokenizer) {
  VocabContent content;
  content.rows = tokenizer.vocab_size();
  std::vector<std::pair<std::int64_t, std::string>> by_length;
  for (std::string& piece : SortedPieces(tokenizer)) {
    const std::int64_t characters = CountCharacters(piece);
    ++content.pieces;
    content.word_starts += piece.starts_with(kWordMark) ? 1 : 0;
    content.characters += characters == 1 ? 1 : 0;
    ++content.by_script[ScriptOf(piece)];
    by_length.emplace_back(-characters, std::move(piece));
  }
  content.specials = content.rows - content.pieces;
  const std::size_t shown = std::min(by_length.size(), kLongestPieces);
  std::partial_sort(by_length.begin(), by_length.begin() + static_cast<std::ptrdiff_t>(shown),
                    by_length.end());
  for (std::size_t i = 0; i < shown; ++i) content.longest.push_back(std::move(by_length[i].second));
  return content;
}

std::int64_t SharedPieces(const Tokenizer& a, const Tokenizer& b) {
  const std::vector<std::string> ours = SortedPieces(a), theirs = SortedPieces(b);
  std::vector<std::string> shared;
  std::set_intersection(ours.begin(), ours.end(), theirs.begin(), theirs.end(),
                        std::back_inserter(shared));
  return static_cast<std::int64_t>(shared.size());
}

}  // namespace repro
