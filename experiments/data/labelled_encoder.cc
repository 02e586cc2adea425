#include "experiments/data/labelled_encoder.h"

#include <algorithm>
#include <cstddef>

#include "core/base/check.h"

namespace repro {
namespace {

void Append(const std::vector<TokenId>& ids, std::vector<std::int64_t>& tokens) {
  tokens.insert(tokens.end(), ids.begin(), ids.end());
}

// Returns whether something was cut off.
bool EncodePair(const LabelledExample& example, const Tokenizer& tokenizer, std::size_t max_tokens,
                std::vector<std::int64_t>& tokens) {
  std::vector<TokenId> first = tokenizer.Encode(example.text);
  std::vector<TokenId> second = tokenizer.Encode(example.second);
  bool cut = false;
  while (first.size() + second.size() + 4 > max_tokens) {
    (first.size() >= second.size() ? first : second).pop_back();
    cut = true;
  }
  tokens = {kBosId};
  Append(first, tokens);
  tokens.insert(tokens.end(), {kEosId, kEosId});
  Append(second, tokens);
  tokens.push_back(kEosId);
  return cut;
}

bool EncodeText(const std::string& text, const Tokenizer& tokenizer, std::size_t max_tokens,
                std::vector<std::int64_t>& tokens) {
  std::vector<TokenId> ids = tokenizer.Encode(text);
  const bool cut = ids.size() + 2 > max_tokens;
  if (cut) ids.resize(max_tokens - 2);
  tokens = {kBosId};
  Append(ids, tokens);
  tokens.push_back(kEosId);
  return cut;
}

bool EncodeWords(const LabelledExample& example, const Tokenizer& tokenizer, std::size_t max_tokens,
                 EncodedExample& encoded) {
  encoded.tokens = {kBosId};
  bool cut = false;
  for (const std::string& word : example.words) {
    const std::vector<TokenId> ids = tokenizer.Encode(word);
    const std::size_t room = max_tokens - 1 - encoded.tokens.size();
    encoded.positions.push_back(
        ids.empty() || room == 0 ? -1 : static_cast<std::int64_t>(encoded.tokens.size()));
    cut |= ids.size() > room;
    const auto taken = static_cast<std::ptrdiff_t>(std::min(room, ids.size()));
    encoded.tokens.insert(encoded.tokens.end(), ids.begin(), ids.begin() + taken);
  }
  encoded.tokens.push_back(kEosId);
  encoded.labels = example.tags;
  return cut;
}

bool Encode(const LabelledExample& example, LabelledTask task, const Tokenizer& tokenizer,
            std::int64_t max_tokens, EncodedExample& encoded) {
  REPRO_CHECK(max_tokens >= 8);
  const auto most = static_cast<std::size_t>(max_tokens);
  encoded.id = example.id;
  if (task == LabelledTask::kTags) return EncodeWords(example, tokenizer, most, encoded);
  encoded.positions = {0};
  encoded.labels = {example.label};
  return task == LabelledTask::kPair ? EncodePair(example, tokenizer, most, encoded.tokens)
                                     : EncodeText(example.text, tokenizer, most, encoded.tokens);
}

}  // namespace

std::vector<EncodedExample> EncodeExamples(const std::vector<LabelledExample>& examples,
                                           LabelledTask task, const Tokenizer& tokenizer,
                                           std::int64_t max_tokens, std::int64_t* cut) {
  std::vector<EncodedExample> encoded(examples.size());
  std::int64_t cut_count = 0;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    cut_count += Encode(examples[i], task, tokenizer, max_tokens, encoded[i]) ? 1 : 0;
  }
  if (cut != nullptr) *cut = cut_count;
  return encoded;
}

std::vector<std::int64_t> EncodeSentence(const std::string& text, const Tokenizer& tokenizer,
                                         std::int64_t max_tokens) {
  REPRO_CHECK(max_tokens >= 8);
  std::vector<std::int64_t> tokens;
  EncodeText(text, tokenizer, static_cast<std::size_t>(max_tokens), tokens);
  return tokens;
}

}  // namespace repro
