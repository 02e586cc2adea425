#pragma once
/// The id layout of fairseq's XLM-R, in one place: <s> 0, <pad> 1, </s> 2, <unk> 3, then the
/// SentencePiece pieces, and <mask> last. A piece's id is its SentencePiece id + 1 (SentencePiece
/// puts <unk> 0, <s> 1, </s> 2 in front), so a model of n pieces makes n + 2 embedding rows: one
/// for the shift, one for <mask>.

#include <cstdint>

namespace repro {

/// A token id in fairseq's layout.
using TokenId = std::int32_t;

inline constexpr TokenId kBosId = 0;
inline constexpr TokenId kPadId = 1;
inline constexpr TokenId kEosId = 2;
inline constexpr TokenId kUnkId = 3;
/// The random symbols of masking are drawn from [kSpecialCount, vocab size): fairseq leaves out
/// these four only.
inline constexpr TokenId kSpecialCount = 4;

/// Embedding rows for a SentencePiece model of `pieces` pieces, and back.
constexpr std::int64_t VocabSize(std::int64_t pieces) {
  return pieces + 2;
}
constexpr std::int64_t PieceCount(std::int64_t vocab_size) {
  return vocab_size - 2;
}
/// <mask> is the last row.
constexpr TokenId MaskId(std::int64_t vocab_size) {
  return static_cast<TokenId>(vocab_size - 1);
}

/// fairseq id of a SentencePiece id. <s> and </s> never occur inside a sentence, so only <unk>
/// moves out of line.
constexpr TokenId FromPieceId(int piece) {
  return piece == 0 ? kUnkId : piece + 1;
}
/// SentencePiece id of a fairseq id; -1 for the specials and <mask>, which have no piece.
constexpr int ToPieceId(TokenId id, std::int64_t vocab_size) {
  if (id == kUnkId) return 0;
  return id < kSpecialCount || id >= MaskId(vocab_size) ? -1 : id - 1;
}

}  // namespace repro
