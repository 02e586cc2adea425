#include "experiments/eval/pseudo_bits.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include <ATen/core/grad_mode.h>

#include "core/base/text.h"
#include "experiments/data/batcher.h"
#include "experiments/text/piece_words.h"
#include "experiments/text/vocabulary.h"

namespace repro {
namespace {

// Of the text that these pieces spell: a word mark is a space, but for the one in front of all.
std::int64_t CharactersOf(const std::vector<Tokenizer::Piece>& pieces) {
  std::int64_t characters = 0;
  for (const auto& piece : pieces) characters += CountCodePoints(piece.text);
  return characters - (!pieces.empty() && pieces.front().text.starts_with(kWordMark) ? 1 : 0);
}

// A sentence with one piece to predict.
struct Row {
  std::vector<std::int64_t> tokens;
  std::int64_t position = 0;
  std::int64_t target = 0;
};

// A row for each piece of `pieces`: it and what follows of its word are masked.
void AddRows(const std::vector<Tokenizer::Piece>& pieces, const WordBreaker* breaker, TokenId mask,
             std::vector<Row>& rows) {
  const std::vector<std::int64_t> words = WordOfPieces(pieces, breaker);
  std::vector<std::int64_t> plain = {kBosId};
  for (const auto& piece : pieces) plain.push_back(piece.id);
  plain.push_back(kEosId);
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    Row row{plain, static_cast<std::int64_t>(i) + 1, pieces[i].id};
    row.tokens[i + 1] = mask;
    for (std::size_t k = i + 1; k < pieces.size() && words[k] == words[i]; ++k) {
      row.tokens[k + 1] = mask;
    }
    rows.push_back(std::move(row));
  }
}

// Summed -log2 p(target) of a batch of rows.
double BatchBits(const MlmModel& model, const std::vector<Row>& rows,
                 const std::vector<std::size_t>& batch) {
  std::vector<std::vector<std::int64_t>> tokens;
  std::vector<std::int64_t> places, targets;
  for (const std::size_t i : batch) tokens.push_back(rows[i].tokens);
  const PaddedRows padded = PadRows(tokens, kPadId);
  for (std::size_t row = 0; row < batch.size(); ++row) {
    places.push_back(static_cast<std::int64_t>(row) * padded.columns + rows[batch[row]].position);
    targets.push_back(rows[batch[row]].target);
  }
  const at::Device device = model.encoder.word_embeddings_VC.device();
  const auto on_device = [&](const std::vector<std::int64_t>& values) {
    return at::tensor(values, at::TensorOptions(at::kLong)).to(device);
  };
  const at::Tensor hidden_MC =
      EncodeAt(model.encoder, on_device(padded.values).view({padded.rows, padded.columns}),
               on_device(places));
  const at::Tensor nats = at::cross_entropy_loss(MlmLogits(model, hidden_MC), on_device(targets),
                                                 {}, at::Reduction::None);
  return nats.to(at::kDouble).sum().item<double>() / std::log(2.0);
}

}  // namespace

double PseudoBits::PerCharacter() const {
  return characters == 0 ? 0 : bits / static_cast<double>(characters);
}
double PseudoBits::PerSentence() const {
  return sentences == 0 ? 0 : bits / static_cast<double>(sentences);
}

Result<PseudoBits> ComputePseudoBits(const MlmModel& model, const Tokenizer& tokenizer,
                                     const WordBreaker* breaker,
                                     const std::vector<std::string>& sentences,
                                     std::int64_t max_tokens, const WarningSink& warn) {
  const at::NoGradGuard no_grad;
  PseudoBits result;
  std::vector<Row> rows;
  for (const std::string& sentence : sentences) {
    auto pieces = tokenizer.EncodePieces(sentence);
    ++result.sentences;
    if (static_cast<std::int64_t>(pieces.size()) > max_tokens - 2) {
      pieces.resize(static_cast<std::size_t>(max_tokens - 2));
      ++result.cut;
      result.characters += CharactersOf(pieces);
    } else {
      result.characters += CountCodePoints(sentence);
    }
    result.pieces += static_cast<std::int64_t>(pieces.size());
    result.unknown_pieces += std::count_if(pieces.begin(), pieces.end(),
                                           [](const auto& piece) { return piece.id == kUnkId; });
    AddRows(pieces, breaker, tokenizer.mask_id(), rows);
  }
  std::vector<std::int64_t> lengths;
  for (const Row& row : rows) lengths.push_back(static_cast<std::int64_t>(row.tokens.size()));
  const auto add = [&](const std::vector<std::size_t>& batch) {
    result.bits += BatchBits(model, rows, batch);
  };
  REPRO_RETURN_IF_ERROR(ForLengthBatches(lengths, "sentence", warn, add));
  return result;
}

}  // namespace repro
