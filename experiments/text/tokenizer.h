#pragma once
/// SentencePiece behind fairseq's ids (vocabulary.h). Encodes one sentence; adds no <s> or </s>:
/// where they stand is a matter of the input's format (blocks, single sentences, pairs). The
/// vocabulary of an artifact is loaded by vocab_files.h, which knows what its text was cut by.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "experiments/text/vocabulary.h"
#include "experiments/text/word_tokenizer.h"

namespace repro {

/// SentencePiece's mark of a space, in front of a word: U+2581.
inline constexpr std::string_view kWordMark = "\xE2\x96\x81";

/// Immutable after `Load`; the const members may be called from several threads. Copies share the
/// model.
class Tokenizer {
 public:
  /// A SentencePiece model file. Errors: kNotFound, kCorrupt when SentencePiece cannot read it or
  /// its first pieces are not <unk>, <s>, </s>.
  static Result<Tokenizer> Load(const std::filesystem::path& model);
  /// The same from the file's bytes; `where` names them in messages.
  static Result<Tokenizer> FromBytes(std::string_view bytes, std::string_view where);
  /// The same model for text that is cut into words first, as the text was that it is learnt from.
  Tokenizer After(std::shared_ptr<const WordTokenizer> words) const;

  /// Ids of the sentence's pieces. Neighbouring unknown characters are one <unk>.
  std::vector<TokenId> Encode(std::string_view text) const;
  /// The surface of each piece, beside its id.
  struct Piece {
    std::string text;  ///< with kWordMark; the surface itself where the piece is unknown
    TokenId id = kUnkId;
  };
  std::vector<Piece> EncodePieces(std::string_view text) const;
  /// Text of the ids; <s>, <pad>, </s> and <mask> give nothing, <unk> gives SentencePiece's "
  /// \u2047 ".
  std::string Decode(const std::vector<TokenId>& ids) const;

  /// What SentencePiece knows of a piece.
  struct Entry {
    std::string text;
    bool special = false;  ///< <unk>, <s>, </s>: stands for no text
  };
  /// All pieces in the order of their SentencePiece ids.
  std::vector<Entry> Entries() const;

  /// Embedding rows, specials and <mask> included.
  std::int64_t vocab_size() const;
  TokenId mask_id() const { return MaskId(vocab_size()); }

 private:
  struct Impl;
  explicit Tokenizer(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
  std::shared_ptr<const WordTokenizer> words_{};  // null: raw text
};

}  // namespace repro
