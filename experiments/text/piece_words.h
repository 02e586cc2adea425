#pragma once
/// Which word each piece of a sentence belongs to: what word-l2r pseudo-bits mask together.

#include <cstdint>
#include <vector>

#include "experiments/text/tokenizer.h"
#include "experiments/text/word_breaker.h"

namespace repro {

/// The index of each piece's word, from 0. A word begins at a piece that begins with a space, and,
/// with a `breaker` (text without spaces), at one that begins where ICU begins a word or a
/// punctuation mark. A piece that reaches into the next word stays with the word that it begins in.
std::vector<std::int64_t> WordOfPieces(const std::vector<Tokenizer::Piece>& pieces,
                                       const WordBreaker* breaker = nullptr);

}  // namespace repro
