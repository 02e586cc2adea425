#include "experiments/text/tokenizer.h"

#include <exception>
#include <utility>

#include <sentencepiece_processor.h>

#include "core/io/file.h"

namespace repro {

struct Tokenizer::Impl {
  sentencepiece::SentencePieceProcessor processor;
  std::int64_t vocab_size = 0;
};

Tokenizer::Tokenizer(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

Result<Tokenizer> Tokenizer::Load(const std::filesystem::path& model) {
  REPRO_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(model));
  return FromBytes(bytes, model.string());
}

Result<Tokenizer> Tokenizer::FromBytes(std::string_view bytes, std::string_view where) {
  auto impl = std::make_shared<Impl>();
  bool loaded = false;
  try {
    loaded = impl->processor.LoadFromSerializedProto(bytes).ok();
  } catch (const std::exception&) {  // as a status that is not ok: it names lines of the library
  }
  if (!loaded) {
    return Fail(ErrorCode::kCorrupt,
                "{}: not a SentencePiece model: its {} bytes are damaged, cut short, or another "
                "kind of file; expected what SentencePiece's trainer wrote",
                where, bytes.size());
  }
  const auto& processor = impl->processor;
  if (processor.unk_id() != 0 || processor.bos_id() != 1 || processor.eos_id() != 2) {
    return Fail(ErrorCode::kCorrupt,
                "{}: expected pieces <unk> 0, <s> 1, </s> 2, found them at {}, {}, {}", where,
                processor.unk_id(), processor.bos_id(), processor.eos_id());
  }
  impl->vocab_size = VocabSize(processor.GetPieceSize());
  return Tokenizer(std::move(impl));
}

Tokenizer Tokenizer::After(std::shared_ptr<const WordTokenizer> words) const {
  Tokenizer tokenizer = *this;
  tokenizer.words_ = std::move(words);
  return tokenizer;
}

std::vector<TokenId> Tokenizer::Encode(std::string_view text) const {
  std::vector<int> ids =
      impl_->processor.EncodeAsIds(words_ ? std::string_view(words_->Join(text)) : text);
  for (int& id : ids) id = FromPieceId(id);
  return ids;
}

std::vector<Tokenizer::Piece> Tokenizer::EncodePieces(std::string_view text) const {
  std::vector<std::string> texts =
      impl_->processor.EncodeAsPieces(words_ ? std::string_view(words_->Join(text)) : text);
  std::vector<Piece> pieces(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    pieces[i].id = FromPieceId(impl_->processor.PieceToId(texts[i]));
    pieces[i].text = std::move(texts[i]);
  }
  return pieces;
}

std::string Tokenizer::Decode(const std::vector<TokenId>& ids) const {
  std::vector<int> pieces;
  pieces.reserve(ids.size());
  for (const TokenId id : ids) {
    const int piece = ToPieceId(id, impl_->vocab_size);
    if (piece >= 0) pieces.push_back(piece);
  }
  return impl_->processor.DecodeIds(pieces);
}

std::vector<Tokenizer::Entry> Tokenizer::Entries() const {
  std::vector<Entry> entries(static_cast<std::size_t>(impl_->processor.GetPieceSize()));
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const int id = static_cast<int>(i);
    entries[i] = {impl_->processor.IdToPiece(id),
                  impl_->processor.IsUnknown(id) || impl_->processor.IsControl(id)};
  }
  return entries;
}

std::int64_t Tokenizer::vocab_size() const {
  return impl_->vocab_size;
}

}  // namespace repro
