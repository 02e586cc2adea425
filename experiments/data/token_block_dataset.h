#pragma once
/// Cuts a shard into training blocks as fairseq's TokenBlockDataset does with break mode
/// `complete`: as many whole sentences as fit into `tokens_per_sample`, <s> in front included;
/// documents are crossed. fairseq lets a sentence that is longer than a block make an oversized
/// one, which training then rejects; here it is cut into full blocks and a rest that takes further
/// sentences, so no token is lost.

#include <cstdint>
#include <vector>

#include "experiments/data/token_shard.h"

namespace repro {

/// size() + Get(i). Borrows the shard, which must outlive it.
class TokenBlockDataset {
 public:
  /// tokens_per_sample >= 2.
  TokenBlockDataset(const TokenShard& shard, std::int64_t tokens_per_sample);

  std::int64_t size() const { return static_cast<std::int64_t>(begins_.size()) - 1; }
  /// Tokens of block `i`, <s> included.
  std::int64_t Length(std::int64_t i) const;
  /// <s> and the tokens of block `i`.
  std::vector<std::int64_t> Get(std::int64_t i) const;

 private:
  const TokenShard* shard_;
  std::vector<std::int64_t> begins_;  ///< token offset of each block, and the end of the last
};

}  // namespace repro
