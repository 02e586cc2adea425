#include "experiments/data/batch_source.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "core/base/check.h"
#include "core/base/rng.h"
#include "experiments/data/batcher.h"
#include "experiments/data/encoded_corpus.h"
#include "experiments/data/language_sampler.h"
#include "experiments/data/plateau.h"
#include "experiments/data/token_block_dataset.h"
#include "experiments/data/token_shard.h"
#include "experiments/text/vocabulary.h"

namespace repro {
namespace {

// Held-out blocks are masked alike for every seed.
constexpr std::uint64_t kValidationSeed = 0;

struct Row {
  std::vector<std::int64_t> tokens;
  std::vector<std::int64_t> targets;
  std::int64_t predicted = 0;
  std::int64_t language = 0;
  std::int64_t sample = 0;
};

Row MaskRow(std::vector<std::int64_t> tokens, std::int64_t vocab_size, std::size_t language,
            const MaskOptions& options, Rng rng) {
  Row row;
  row.tokens = std::move(tokens);
  row.targets.resize(row.tokens.size());
  row.language = static_cast<std::int64_t>(language);
  row.predicted = MaskTokens(row.tokens, row.targets, vocab_size, options, rng);
  return row;
}

MaskedBatch Collate(std::vector<Row> rows) {
  std::vector<std::int64_t> lengths;
  for (const Row& row : rows) lengths.push_back(static_cast<std::int64_t>(row.tokens.size()));
  MaskedBatch batch;
  std::vector<std::vector<std::int64_t>> tokens, targets;
  for (const std::size_t i : OrderByLength(lengths)) {
    batch.tokens += lengths[i];
    batch.predicted += rows[i].predicted;
    batch.languages.push_back(rows[i].language);
    batch.samples.push_back(rows[i].sample);
    tokens.push_back(std::move(rows[i].tokens));
    targets.push_back(std::move(rows[i].targets));
  }
  PaddedRows inputs = PadRows(tokens, kPadId);
  batch.rows = inputs.rows;
  batch.columns = inputs.columns;
  batch.inputs = std::move(inputs.values);
  batch.lengths = std::move(inputs.lengths);
  batch.targets = PadRows(targets, kIgnoreTarget).values;
  return batch;
}

}  // namespace

struct BatchSource::Impl {
  BatchSourceOptions options;
  MaskOptions mask;
  std::int64_t vocab_size = 0;
  std::vector<TokenShard> shards;         // by language
  std::vector<TokenBlockDataset> blocks;  // borrow the shards
  std::optional<LanguageSampler> sampler;
  std::vector<LanguageShare> shares;
  std::vector<MaskedBatch> validation;
  std::vector<UnigramDistribution> own_unigrams;  // filled on first use
  std::optional<UnigramDistribution> stream_unigram;

  void CountUnigrams();
};

// A draw of language i adds its mean block to the stream: counts / blocks, and one <s>.
void BatchSource::Impl::CountUnigrams() {
  std::vector<double> stream(static_cast<std::size_t>(vocab_size), 0.0);
  for (std::size_t i = 0; i < shards.size(); ++i) {
    std::vector<std::int64_t> counts(static_cast<std::size_t>(vocab_size), 0);
    shards[i].Count(counts);
    counts[kBosId] += blocks[i].size();
    own_unigrams.emplace_back(std::vector<double>(counts.begin(), counts.end()));
    const double weight =
        static_cast<double>(sampler->Draws(i)) / static_cast<double>(blocks[i].size());
    for (std::size_t id = 0; id < counts.size(); ++id) {
      stream[id] += weight * static_cast<double>(counts[id]);
    }
  }
  stream_unigram.emplace(stream);
}

BatchSource::BatchSource(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
BatchSource::BatchSource(BatchSource&&) noexcept = default;
BatchSource& BatchSource::operator=(BatchSource&&) noexcept = default;
BatchSource::~BatchSource() = default;

Result<BatchSource> BatchSource::Open(const std::filesystem::path& folder,
                                      const BatchSourceOptions& options) {
  if (options.languages.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "pretraining data: no languages");
  }
  REPRO_ASSIGN_OR_RETURN(const EncodedCorpus corpus, EncodedCorpus::Load(folder));
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  impl->mask = {options.mask_prob, options.mask_token_prob, options.random_token_prob};
  impl->vocab_size = corpus.vocab_size;
  impl->shards.reserve(options.languages.size());  // blocks borrow them: they must not move
  std::vector<double> units;
  std::vector<std::int64_t> block_counts;
  for (std::size_t i = 0; i < options.languages.size(); ++i) {
    const std::string& code = options.languages[i];
    const auto found = corpus.languages.find(code);
    if (found == corpus.languages.end()) {
      return Fail(ErrorCode::kInvalidArgument, "{}: no language '{}'", folder.string(), code);
    }
    REPRO_ASSIGN_OR_RETURN(TokenShard train,
                           TokenShard::Open(EncodedCorpus::TrainShard(folder, code)));
    REPRO_ASSIGN_OR_RETURN(const TokenShard heldout,
                           TokenShard::Open(EncodedCorpus::HeldoutShard(folder, code)));
    for (const TokenShard* shard : {static_cast<const TokenShard*>(&train), &heldout}) {
      if (shard->vocab_size() != corpus.vocab_size) {
        return Fail(ErrorCode::kCorrupt, "{}: shard of '{}' has vocabulary size {}, meta.json {}",
                    folder.string(), code, shard->vocab_size(), corpus.vocab_size);
      }
    }
    impl->shards.push_back(std::move(train));
    impl->blocks.emplace_back(impl->shards.back(), options.tokens_per_sample);
    const TokenBlockDataset heldout_blocks(heldout, options.tokens_per_sample);
    const std::int64_t blocks = impl->blocks.back().size();
    if (blocks == 0 || heldout_blocks.size() == 0) {
      return Fail(ErrorCode::kInvalidArgument,
                  "{}: language '{}' has {} training and {} held-out "
                  "blocks of {} tokens, at least one of each is needed",
                  folder.string(), code, blocks, heldout_blocks.size(), options.tokens_per_sample);
    }

    // Held-out blocks spread evenly over the text.
    const std::int64_t wanted = std::min(options.valid_blocks, heldout_blocks.size());
    std::vector<Row> rows;
    for (std::int64_t k = 0; k < wanted; ++k) {
      const std::int64_t block = k * heldout_blocks.size() / wanted;
      rows.push_back(MaskRow(
          heldout_blocks.Get(block), corpus.vocab_size, i, impl->mask,
          Rng(kValidationSeed, "mask.validation." + code, static_cast<std::uint64_t>(block))));
    }
    impl->validation.push_back(Collate(std::move(rows)));

    const double nominal = found->second.nominal_units;
    units.push_back(options.unit == "blocks" ? static_cast<double>(blocks) : nominal);
    if (!(units.back() > 0)) {
      return Fail(ErrorCode::kCorrupt, "{}: nominal_units of '{}' is {}, must be > 0",
                  folder.string(), code, nominal);
    }
    block_counts.push_back(blocks);
    LanguageShare share;
    share.code = code;
    share.blocks = blocks;
    share.tokens = impl->shards.back().tokens() + blocks;
    impl->shares.push_back(std::move(share));
  }
  impl->sampler.emplace(units, block_counts, options.alpha, options.seed);
  for (std::size_t i = 0; i < impl->shares.size(); ++i) {
    impl->shares[i].probability = impl->sampler->probabilities()[i];
    impl->shares[i].blocks_per_epoch = impl->sampler->Draws(i);
  }
  return BatchSource(std::move(impl));
}

MaskedBatch BatchSource::Get(std::int64_t update, BatchPart part) const {
  REPRO_CHECK(update >= 0 && 0 <= part.rank && part.rank < part.size);
  const std::int64_t rows_wanted = impl_->options.sequences_per_update;
  const std::int64_t per_epoch = impl_->sampler->blocks_per_epoch();
  std::vector<Row> rows;
  rows.reserve(static_cast<std::size_t>(rows_wanted / part.size + 1));
  for (std::int64_t sample = part.rank; sample < rows_wanted; sample += part.size) {
    const std::int64_t i = update * rows_wanted + sample;
    const std::int64_t epoch = i / per_epoch;
    const std::int64_t index = i % per_epoch;
    const auto drawn = impl_->sampler->Get(epoch, index);
    const std::uint64_t seed =
        MixSeed(impl_->options.seed, "mask", static_cast<std::uint64_t>(epoch));
    rows.push_back(MaskRow(impl_->blocks[drawn.language].Get(drawn.block), impl_->vocab_size,
                           drawn.language, impl_->mask,
                           Rng(seed, "mask", static_cast<std::uint64_t>(index))));
    rows.back().sample = sample;
  }
  return Collate(std::move(rows));
}

const MaskedBatch& BatchSource::Validation(std::size_t language) const {
  return impl_->validation.at(language);
}

PlateauLoss BatchSource::ValidationPlateau(std::size_t language) {
  if (!impl_->stream_unigram) impl_->CountUnigrams();
  const MaskedBatch& batch = impl_->validation.at(language);
  return {impl_->stream_unigram->Loss(batch.targets),
          impl_->own_unigrams[language].ContextFreeLoss(batch.inputs, batch.targets, impl_->mask)};
}

const std::vector<std::string>& BatchSource::languages() const {
  return impl_->options.languages;
}
const std::vector<LanguageShare>& BatchSource::shares() const {
  return impl_->shares;
}
std::int64_t BatchSource::vocab_size() const {
  return impl_->vocab_size;
}
std::int64_t BatchSource::blocks_per_epoch() const {
  return impl_->sampler->blocks_per_epoch();
}

double BatchSource::Repeats(std::size_t language, std::int64_t updates) const {
  return impl_->sampler->Repeats(language, updates * impl_->options.sequences_per_update);
}

MaskedBatch Slice(const MaskedBatch& batch, std::int64_t begin, std::int64_t end) {
  REPRO_CHECK(0 <= begin && begin < end && end <= batch.rows);
  MaskedBatch part;
  part.rows = end - begin;
  part.lengths.assign(batch.lengths.begin() + begin, batch.lengths.begin() + end);
  part.languages.assign(batch.languages.begin() + begin, batch.languages.begin() + end);
  part.samples.assign(batch.samples.begin() + begin, batch.samples.begin() + end);
  part.columns = *std::max_element(part.lengths.begin(), part.lengths.end());
  for (std::int64_t row = begin; row < end; ++row) {
    const auto from = row * batch.columns;
    const auto to = from + part.columns;
    part.inputs.insert(part.inputs.end(), batch.inputs.begin() + from, batch.inputs.begin() + to);
    part.targets.insert(part.targets.end(), batch.targets.begin() + from,
                        batch.targets.begin() + to);
  }
  for (const std::int64_t length : part.lengths) part.tokens += length;
  part.predicted = part.rows * part.columns -
                   std::count(part.targets.begin(), part.targets.end(), kIgnoreTarget);
  return part;
}

}  // namespace repro
