#pragma once
/// Chooses prediction targets and corrupts the input for masked language modelling.
/// Paper: XLM-R section 3 (masked language models); the 80/10/10 rule is BERT's, section 3.1;
/// details are those of fairseq's MaskTokensDataset: exactly floor(mask_prob * L + U) positions, U
/// uniform in [0, 1), without replacement, every position alike, so <s> and </s> can be chosen; a
/// random symbol is any id but the first four, <mask> and the original among them.

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/rng.h"

namespace repro {

/// No prediction at this position (`ignore_index` of the loss).
inline constexpr std::int64_t kIgnoreTarget = -1;

struct MaskOptions {
  double mask_prob = 0.15;
  double mask_token_prob = 0.8;
  double random_token_prob = 0.1;  ///< the rest keeps its token
};

/// tokens: L ids in [0, vocab_size), no padding; corrupted in place. targets: L entries, set to the
/// original id at the chosen positions and to kIgnoreTarget elsewhere. Returns the number of chosen
/// positions. Random: reads only `rng`; the same stream and tokens give the same
/// result.
std::int64_t MaskTokens(std::span<std::int64_t> tokens, std::span<std::int64_t> targets,
                        std::int64_t vocab_size, const MaskOptions& options, Rng& rng);

}  // namespace repro
