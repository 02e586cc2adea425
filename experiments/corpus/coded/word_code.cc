#include "experiments/corpus/coded/word_code.h"

#include <numeric>

#include "core/base/rng.h"
#include "experiments/corpus/coded/characters.h"
#include "experiments/corpus/coded/frequency_bands.h"

namespace repro {
namespace {

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kPunctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

}  // namespace

WordCode::WordCode(const CodedSettings& settings, std::shared_ptr<const TypeInventory> inventory,
                   std::uint64_t key, std::int64_t language)
    : inventory_(std::move(inventory)),
      alphabet_(settings.script == "own", key, language),
      anchors_(ChooseAnchors(*inventory_, settings)) {
  PermuteTypes(settings, key);
  std::iota(encode_symbol_.begin(), encode_symbol_.end(), '\0');
  decode_symbol_ = encode_symbol_;
  if (!settings.keep_symbols) PermuteSymbols(key);
}

void WordCode::PermuteTypes(const CodedSettings& settings, std::uint64_t key) {
  const std::size_t types = inventory_->types().size();
  encode_.resize(types);
  std::iota(encode_.begin(), encode_.end(), std::size_t{0});
  std::vector<std::size_t> band_types, images;
  for (const FrequencyBand& band : FrequencyBands(types, settings.band_ratio)) {
    band_types.clear();
    for (std::size_t rank = band.begin; rank < band.end; ++rank) {
      if (!anchors_[rank]) band_types.push_back(rank);
    }
    images = band_types;
    Rng rng(key, "types", band.begin);
    rng.Shuffle(images);
    for (std::size_t i = 0; i < images.size(); ++i) encode_[band_types[i]] = images[i];
  }
  decode_.resize(types);
  for (std::size_t rank = 0; rank < types; ++rank) decode_[encode_[rank]] = rank;

  coded_.resize(types);
  for (std::size_t rank = 0; rank < types; ++rank) {
    CaselessWord word{.letters = inventory_->types()[rank].word};
    if (!anchors_[rank]) Walk(word, CodeDirection::kEncode);
    coded_[rank] = std::move(word.letters);
  }
}

void WordCode::PermuteSymbols(std::uint64_t key) {
  for (const std::string_view kind : {kDigits, kPunctuation}) {
    std::string image(kind);
    Rng rng(key, "symbols", kind.size());
    rng.Shuffle(image);
    for (std::size_t i = 0; i < kind.size(); ++i) {
      encode_symbol_[static_cast<unsigned char>(kind[i])] = image[i];
      decode_symbol_[static_cast<unsigned char>(image[i])] = kind[i];
    }
  }
}

bool WordCode::IsAnchor(std::string_view letters) const {
  const auto rank = inventory_->Find(letters);
  return rank && anchors_[*rank];
}

void WordCode::Step(std::string& letters, CodeDirection direction) const {
  if (direction == CodeDirection::kDecode) alphabet_.Respell(letters, direction);
  if (const auto rank = inventory_->Find(letters)) {
    const auto& permutation = direction == CodeDirection::kEncode ? encode_ : decode_;
    letters = inventory_->types()[permutation[*rank]].word;
  }
  if (direction == CodeDirection::kEncode) alphabet_.Respell(letters, direction);
}

// Ends: `Step` is a bijection and finitely many words are barred, so a path that begins outside
// them leaves them.
void WordCode::Walk(CaselessWord& word, CodeDirection direction) const {
  do {
    Step(word.letters, direction);
  } while (IsAnchor(word.letters) ||
           (word.pattern == CasePattern::kUpper && word.letters.size() == 1));
}

void WordCode::RecodeWord(std::string_view word, CodeDirection direction, CaselessWord& buffer,
                          std::string& out) const {
  if (!alphabet_.Read(word, buffer)) {
    alphabet_.RespellEach(word, direction, out);
    return;
  }
  const auto rank = inventory_->Find(buffer.letters);
  if (rank && anchors_[*rank]) {
    out += word;
    return;
  }
  const bool known = rank && direction == CodeDirection::kEncode &&
                     (buffer.pattern != CasePattern::kUpper || coded_[*rank].size() > 1);
  if (known) {
    buffer.letters = coded_[*rank];
  } else {
    Walk(buffer, direction);
  }
  alphabet_.Write(buffer, out);
}

void WordCode::Recode(std::string_view text, CodeDirection direction, std::string& out) const {
  const auto& symbols = direction == CodeDirection::kEncode ? encode_symbol_ : decode_symbol_;
  CaselessWord buffer;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = WordEnd(text, at);
    if (end > at) {
      RecodeWord(text.substr(at, end - at), direction, buffer, out);
      at = end;
      continue;
    }
    if (const auto byte = static_cast<unsigned char>(text[at]); byte < symbols.size()) {
      out += symbols[byte];
      ++at;
    } else {
      const std::size_t bytes = CharacterAt(text, at).bytes;
      out += text.substr(at, bytes);
      at += bytes;
    }
  }
}

}  // namespace repro
