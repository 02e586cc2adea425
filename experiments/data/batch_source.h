#pragma once
/// Masked batches for pretraining, by update number: the same update gives the same batch whatever
/// ran before it, so a resume needs the update number only. Reads an `encode` artifact. No
/// LibTorch.
///
/// The stream is fairseq's (multilingual masked LM): blocks of whole sentences, each epoch
/// resamples every language to its share q_i ~ p_i^alpha and shuffles; masking is keyed by (seed,
/// epoch, index). Update u takes the samples [u * B, (u + 1) * B) of the endless concatenation of
/// epochs; a batch may span two epochs (fairseq ends an epoch with a short batch).

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "experiments/data/mask_tokens.h"

namespace repro {

/// rows x columns, row-major; rows are sorted by length, longest first, and padded with kPadId.
struct MaskedBatch {
  std::int64_t rows = 0;
  std::int64_t columns = 0;          ///< the longest row, at most tokens_per_sample
  std::vector<std::int64_t> inputs;  ///< ids after masking
  std::vector<std::int64_t>
      targets;  ///< the original id where a prediction is asked for, else kIgnoreTarget
  std::vector<std::int64_t> lengths;    ///< tokens a row, <s> and </s> included
  std::vector<std::int64_t> languages;  ///< a row: index into BatchSource::languages()
  std::vector<std::int64_t>
      samples;                 ///< a row: its number in the update, 0 .. sequences_per_update
  std::int64_t tokens = 0;     ///< sum of lengths
  std::int64_t predicted = 0;  ///< targets that are not kIgnoreTarget
};

/// A share of every update's sequences: those whose number leaves `rank` when divided by `size`.
struct BatchPart {
  std::int64_t rank = 0;
  std::int64_t size = 1;
};

struct BatchSourceOptions {
  std::vector<std::string> languages{};  ///< codes; each must be in the artifact
  double alpha = 0.3;
  std::string unit =
      "sentences";  ///< p_i by the corpora's nominal units ("sentences") or by blocks ("blocks")
  std::int64_t tokens_per_sample = 512;
  std::int64_t sequences_per_update = 2048;
  double mask_prob = 0.15;
  double mask_token_prob = 0.8;
  double random_token_prob = 0.1;
  std::int64_t valid_blocks = 64;  ///< held-out blocks a language, or all that there are
  std::uint64_t seed = 1;
};

/// What a language gives to the stream.
struct LanguageShare {
  std::string code;
  std::int64_t blocks = 0;            ///< unique training blocks
  std::int64_t tokens = 0;            ///< in those blocks, <s> included
  double probability = 0;             ///< q_i
  std::int64_t blocks_per_epoch = 0;  ///< ceil(q_i * all blocks)
};

/// Mean negative log likelihood, nats a token, of the validation targets of one language under
/// predictors that see no context: what a model on the early plateau has learnt.
struct PlateauLoss {
  /// Unigram distribution of the whole training stream under sampling.
  double unigram = 0;
  /// The best predictor without context: the language's own unigram distribution where the input is
  /// <mask>; where it is a visible token, the posterior of "kept" against "random". The stricter
  /// bound: a model that only tells languages apart and copies visible tokens reaches it.
  double context_free = 0;
};

/// Movable. Batches may be drawn from several threads; `ValidationPlateau` counts on its first call
/// and may not.
class BatchSource {
 public:
  /// `folder`: the `encode` artifact. Verifies the shards' checksums. Errors: kNotFound, kCorrupt,
  /// kInvalidArgument (a language without training or held-out blocks).
  static Result<BatchSource> Open(const std::filesystem::path& folder,
                                  const BatchSourceOptions& options);
  BatchSource(BatchSource&&) noexcept;
  BatchSource& operator=(BatchSource&&) noexcept;
  ~BatchSource();

  /// The batch of update `update`, counted from 0, or a part of it. Depends on the artifact, the
  /// options and the arguments only; the parts of any division hold the same masked sequences.
  MaskedBatch Get(std::int64_t update, BatchPart part = {}) const;

  /// The held-out blocks of a language with a masking that depends on neither seed nor update, so
  /// that every seed and every step is measured on the same targets.
  const MaskedBatch& Validation(std::size_t language) const;
  /// Counts the training tokens on the first call (one pass over the shards).
  PlateauLoss ValidationPlateau(std::size_t language);

  const std::vector<std::string>& languages() const;
  const std::vector<LanguageShare>& shares() const;
  std::int64_t vocab_size() const;
  std::int64_t blocks_per_epoch() const;
  /// How often a training block of `language` is seen on average in `updates` updates.
  double Repeats(std::size_t language, std::int64_t updates) const;

 private:
  struct Impl;
  explicit BatchSource(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// rows [begin, end) of a batch, cut to their longest row: a micro-batch.
MaskedBatch Slice(const MaskedBatch& batch, std::int64_t begin, std::int64_t end);

}  // namespace repro
