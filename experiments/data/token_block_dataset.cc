#include "experiments/data/token_block_dataset.h"

#include <cstddef>

#include "core/base/check.h"

namespace repro {

TokenBlockDataset::TokenBlockDataset(const TokenShard& shard, std::int64_t tokens_per_sample)
    : shard_(&shard) {
  REPRO_CHECK(tokens_per_sample >= 2);
  const std::int64_t capacity = tokens_per_sample - 1;  // one less for <s>
  begins_.push_back(0);
  std::int64_t begin = 0;
  for (std::int64_t i = 0; i < shard.sentences(); ++i) {
    const std::int64_t sentence_begin = shard.SentenceBegin(i);
    const std::int64_t sentence_end = shard.SentenceEnd(i);
    if (sentence_end - begin > capacity && sentence_begin > begin) {
      begin = sentence_begin;
      begins_.push_back(begin);
    }
    while (sentence_end - begin > capacity) {
      begin += capacity;
      begins_.push_back(begin);
    }
  }
  if (shard.tokens() > begin) begins_.push_back(shard.tokens());
}

std::int64_t TokenBlockDataset::Length(std::int64_t i) const {
  REPRO_CHECK(i >= 0 && i < size());
  const auto at = static_cast<std::size_t>(i);
  return begins_[at + 1] - begins_[at] + 1;
}

std::vector<std::int64_t> TokenBlockDataset::Get(std::int64_t i) const {
  std::vector<std::int64_t> block;
  block.reserve(static_cast<std::size_t>(Length(i)));
  block.push_back(kBosId);
  const auto at = static_cast<std::size_t>(i);
  shard_->Append(begins_[at], begins_[at + 1], block);
  return block;
}

}  // namespace repro
