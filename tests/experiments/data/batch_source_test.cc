#include "experiments/data/batch_source.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/rng.h"
#include "experiments/data/encoded_corpus.h"
#include "experiments/data/mask_tokens.h"
#include "experiments/data/plateau.h"
#include "experiments/data/token_shard.h"
#include "tests/experiments/tiny_corpus.h"

namespace repro {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::int64_t kVocabSize = 40;

class BatchSourceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    EncodedCorpus corpus;
    corpus.vocab_size = kVocabSize;
    AddLanguage(corpus, "aa", 16, 300, 4);
    AddLanguage(corpus, "bb", 1, 40, 20);
    ASSERT_TRUE(corpus.Save(folder_.path()));
  }
  // Words of language aa are the ids from 4 on, those of bb the ids from 20 on.
  void AddLanguage(EncodedCorpus& corpus, const std::string& code, double units, int sentences,
                   TokenId first) {
    for (const bool train : {true, false}) {
      auto writer =
          TokenShardWriter::Open(train ? EncodedCorpus::TrainShard(folder_.path(), code)
                                       : EncodedCorpus::HeldoutShard(folder_.path(), code),
                                 kVocabSize);
      ASSERT_TRUE(writer);
      for (int i = 0; i < (train ? sentences : 30); ++i) {
        Rng rng(train ? 1 : 2, "sentence." + code, static_cast<std::uint64_t>(i));
        std::vector<TokenId> sentence;
        const std::uint64_t words = 2 + rng.Below(8);
        for (std::uint64_t w = 0; w < words; ++w) {
          sentence.push_back(first + static_cast<TokenId>(rng.Below(15)));
        }
        sentence.push_back(kEosId);
        writer->Add(sentence);
      }
      ASSERT_TRUE(writer->Finish());
      ShardCounts& counts = train ? corpus.languages[code].train : corpus.languages[code].heldout;
      counts.sentences = writer->sentences();
      counts.tokens = writer->tokens();
    }
    corpus.languages[code].nominal_units = units;
  }
  BatchSource Open(BatchSourceOptions options = {}) {
    options.languages = {"aa", "bb"};
    options.tokens_per_sample = 16;
    options.sequences_per_update = 8;
    options.valid_blocks = 6;
    options.alpha = 0.5;
    auto source = BatchSource::Open(folder_.path(), options);
    EXPECT_TRUE(source) << source.error().message;
    return std::move(*source);
  }
  testing::TempFolder folder_;
};

TEST_F(BatchSourceTest, BatchIsPaddedSortedAndConsistent) {
  const BatchSource source = Open();
  for (const std::int64_t update : {0, 7, 100}) {
    const MaskedBatch batch = source.Get(update);
    ASSERT_EQ(batch.rows, 8);
    ASSERT_EQ(batch.columns, batch.lengths.front());
    EXPECT_LE(batch.columns, 16);
    EXPECT_TRUE(std::is_sorted(batch.lengths.rbegin(), batch.lengths.rend()));
    std::int64_t tokens = 0, predicted = 0;
    for (std::int64_t row = 0; row < batch.rows; ++row) {
      const std::int64_t length = batch.lengths[static_cast<std::size_t>(row)];
      tokens += length;
      for (std::int64_t column = 0; column < batch.columns; ++column) {
        const auto at = static_cast<std::size_t>(row * batch.columns + column);
        EXPECT_EQ(batch.inputs[at] == kPadId, column >= length);
        if (batch.targets[at] == kIgnoreTarget) continue;
        EXPECT_LT(column, length);
        ++predicted;
        const std::int64_t target = batch.targets[at];
        const bool word_of_bb = target >= 20;
        if (target >= kSpecialCount) {
          EXPECT_EQ(word_of_bb, batch.languages[static_cast<std::size_t>(row)] == 1);
        }
      }
    }
    EXPECT_EQ(batch.tokens, tokens);
    EXPECT_EQ(batch.predicted, predicted);
    EXPECT_GT(predicted, 0);
  }
}

TEST_F(BatchSourceTest, UpdateAloneDecidesTheBatch) {
  const BatchSource source = Open();
  for (std::int64_t update = 0; update < 30; ++update) (void)source.Get(update);
  const MaskedBatch later = source.Get(12);
  const MaskedBatch fresh = Open().Get(12);
  EXPECT_EQ(later.inputs, fresh.inputs);
  EXPECT_EQ(later.targets, fresh.targets);
  EXPECT_EQ(later.languages, fresh.languages);
  EXPECT_NE(fresh.inputs, Open({.seed = 2}).Get(12).inputs);
}

TEST_F(BatchSourceTest, PartsHoldTheSameMaskedSequencesAsTheWhole) {
  const BatchSource source = Open();
  const auto rows = [](const MaskedBatch& batch) {
    std::map<std::int64_t, std::vector<std::int64_t>> found;  // by sample: language, ids, targets
    for (std::int64_t row = 0; row < batch.rows; ++row) {
      const auto at = static_cast<std::size_t>(row);
      std::vector<std::int64_t>& values = found[batch.samples[at]];
      values = {batch.languages[at]};
      for (const auto* block : {&batch.inputs, &batch.targets}) {
        const auto begin = block->begin() + row * batch.columns;
        values.insert(values.end(), begin, begin + batch.lengths[at]);
      }
    }
    return found;
  };
  for (const std::int64_t size : {2, 3}) {
    std::map<std::int64_t, std::vector<std::int64_t>> together;
    std::int64_t predicted = 0;
    for (std::int64_t rank = 0; rank < size; ++rank) {
      const MaskedBatch part = source.Get(5, {.rank = rank, .size = size});
      predicted += part.predicted;
      together.merge(rows(part));
    }
    EXPECT_EQ(together, rows(source.Get(5)));
    EXPECT_EQ(predicted, source.Get(5).predicted);
  }
}

TEST_F(BatchSourceTest, ThreadsInAnyOrderDrawTheSameBatches) {
  constexpr std::int64_t kUpdates = 60;
  constexpr std::int64_t kThreads = 4;
  std::vector<MaskedBatch> serial;
  const BatchSource reference = Open();
  for (std::int64_t update = 0; update < kUpdates; ++update) {
    serial.push_back(reference.Get(update));
  }
  const BatchSource shared = Open();
  std::vector<MaskedBatch> drawn(kUpdates);
  std::vector<std::thread> threads;
  for (std::int64_t worker = 0; worker < kThreads; ++worker) {
    threads.emplace_back([&, worker] {
      // Each its own share, one forwards and the next backwards.
      for (std::int64_t k = 0; k < kUpdates / kThreads; ++k) {
        const std::int64_t step = worker % 2 == 0 ? k : kUpdates / kThreads - 1 - k;
        const std::int64_t update = worker + kThreads * step;
        drawn[static_cast<std::size_t>(update)] = shared.Get(update);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t update = 0; update < kUpdates; ++update) {
    EXPECT_EQ(drawn[update].inputs, serial[update].inputs) << update;
    EXPECT_EQ(drawn[update].targets, serial[update].targets) << update;
    EXPECT_EQ(drawn[update].languages, serial[update].languages) << update;
  }
}

// Masking is dynamic: each time that a block is seen, other positions are masked; and another seed
// masks it otherwise.
TEST_F(BatchSourceTest, ABlockIsMaskedAnewEachTimeItIsSeen) {
  std::map<std::vector<std::int64_t>, std::vector<std::vector<std::int64_t>>> maskings;
  for (const std::uint64_t seed : {1, 2}) {
    const BatchSource source = Open({.seed = seed});
    for (std::int64_t update = 0; update * 8 < 3 * source.blocks_per_epoch(); ++update) {
      const MaskedBatch batch = source.Get(update);
      for (std::int64_t row = 0; row < batch.rows; ++row) {
        const auto begin = static_cast<std::ptrdiff_t>(row * batch.columns);
        const auto length =
            static_cast<std::ptrdiff_t>(batch.lengths[static_cast<std::size_t>(row)]);
        if (length < 14) continue;
        const std::vector<std::int64_t> targets(batch.targets.begin() + begin,
                                                batch.targets.begin() + begin + length);
        std::vector<std::int64_t> block(batch.inputs.begin() + begin,
                                        batch.inputs.begin() + begin + length);
        for (std::size_t i = 0; i < block.size(); ++i) {
          if (targets[i] != kIgnoreTarget) block[i] = targets[i];
        }
        maskings[block].push_back(targets);
      }
    }
  }
  double pairs = 0, equal = 0;
  std::size_t most = 0;
  for (const auto& [block, seen] : maskings) {
    most = std::max(most, seen.size());
    for (std::size_t i = 0; i < seen.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        pairs += 1;
        equal += seen[i] == seen[j];
      }
    }
  }
  EXPECT_GE(most, 6U);  // three epochs of two seeds
  ASSERT_GT(pairs, 500);
  // Two of 14 or more positions can be chosen in 91 ways, three in 364; 0.15 x 14 = 2.1.
  EXPECT_LT(equal / pairs, 2.0 / 91);
}

TEST_F(BatchSourceTest, StreamHasTheSharesAndSaysHowOftenTextRepeats) {
  const BatchSource source = Open();
  const auto& shares = source.shares();
  EXPECT_NEAR(shares[0].probability, 0.8, 1e-12);  // sqrt(16) : sqrt(1)
  EXPECT_NEAR(shares[1].probability, 0.2, 1e-12);
  const std::int64_t updates = source.blocks_per_epoch();  // 8 epochs, whole
  std::int64_t of_bb = 0;
  for (std::int64_t update = 0; update < updates; ++update) {
    const MaskedBatch batch = source.Get(update);
    of_bb += std::count(batch.languages.begin(), batch.languages.end(), 1);
  }
  EXPECT_EQ(of_bb, 8 * shares[1].blocks_per_epoch);
  EXPECT_NEAR(source.Repeats(1, updates),
              static_cast<double>(of_bb) / static_cast<double>(shares[1].blocks), 1e-9);
  EXPECT_GT(source.Repeats(1, updates), source.Repeats(0, updates));
}

TEST_F(BatchSourceTest, BlocksAsUnitIgnoreNominalSizes) {
  const BatchSource source = Open({.unit = "blocks"});
  const auto& shares = source.shares();
  const double a = std::sqrt(static_cast<double>(shares[0].blocks));
  const double b = std::sqrt(static_cast<double>(shares[1].blocks));
  EXPECT_NEAR(shares[0].probability, a / (a + b), 1e-12);
}

TEST_F(BatchSourceTest, ValidationIsTheSameForEverySeed) {
  const BatchSource one = Open(), two = Open({.seed = 2});
  for (std::size_t language = 0; language < 2; ++language) {
    const MaskedBatch& batch = one.Validation(language);
    EXPECT_EQ(batch.rows, 6);
    EXPECT_EQ(batch.inputs, two.Validation(language).inputs);
    EXPECT_EQ(batch.targets, two.Validation(language).targets);
    for (const std::int64_t row : batch.languages) {
      EXPECT_EQ(row, static_cast<std::int64_t>(language));
    }
  }
}

TEST_F(BatchSourceTest, PlateauIsTheUnigramLossOfTheStream) {
  BatchSource source = Open({.mask_prob = 0.5});
  // Counted over what training really draws, eight whole epochs.
  std::vector<double> counts(kVocabSize, 0.5);
  for (std::int64_t update = 0; update < source.blocks_per_epoch(); ++update) {
    const MaskedBatch batch = source.Get(update);
    for (const std::int64_t target : batch.targets) {
      if (target != kIgnoreTarget) counts[static_cast<std::size_t>(target)] += 1;
    }
  }
  double total = 0;
  for (const double count : counts) total += count;
  for (std::size_t language = 0; language < 2; ++language) {
    double loss = 0;
    std::int64_t predicted = 0;
    for (const std::int64_t target : source.Validation(language).targets) {
      if (target == kIgnoreTarget) continue;
      loss -= std::log(counts[static_cast<std::size_t>(target)] / total);
      ++predicted;
    }
    loss /= static_cast<double>(predicted);
    const PlateauLoss plateau = source.ValidationPlateau(language);
    EXPECT_NEAR(plateau.unigram, loss, 0.03 * loss);
    EXPECT_LT(plateau.context_free, plateau.unigram);
  }
}

TEST_F(BatchSourceTest, MissingLanguageAndEmptyHeldOutTextAreExplained) {
  auto missing = BatchSource::Open(folder_.path(), {.languages = {"cc"}});
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("no language 'cc'"));
  auto writer =
      TokenShardWriter::Open(EncodedCorpus::HeldoutShard(folder_.path(), "bb"), kVocabSize);
  ASSERT_TRUE(writer && writer->Finish());
  auto empty = BatchSource::Open(folder_.path(), {.languages = {"bb"}, .tokens_per_sample = 16});
  ASSERT_FALSE(empty);
  EXPECT_THAT(empty.error().message, AllOf(HasSubstr("language 'bb' has"),
                                           HasSubstr("and 0 held-out blocks of 16 tokens")));
}

TEST_F(BatchSourceTest, SlicesPartitionTheBatch) {
  const MaskedBatch batch = Open().Get(3);
  const MaskedBatch head = Slice(batch, 0, 3), tail = Slice(batch, 3, 8);
  EXPECT_EQ(head.tokens + tail.tokens, batch.tokens);
  EXPECT_EQ(head.predicted + tail.predicted, batch.predicted);
  EXPECT_EQ(tail.columns, tail.lengths.front());
  EXPECT_EQ(tail.inputs[0], batch.inputs[static_cast<std::size_t>(3 * batch.columns)]);
  EXPECT_EQ(static_cast<std::int64_t>(tail.inputs.size()), tail.rows * tail.columns);
}

// The posterior behind ContextFreeLoss, by simulation: the empirical conditional distribution of
// the original given the visible input reaches the same loss.
TEST(PlateauTest, ContextFreeLossIsThatOfTheBestPredictorWithoutContext) {
  constexpr std::int64_t kSize = 8;  // ids 4, 5, 6 are words, 7 is <mask>
  const std::vector<double> counts = {0, 0, 0, 0, 6, 3, 1, 0};
  std::vector<double> scaled = counts;
  for (double& count : scaled) count *= 1e9;  // smoothing vanishes
  const UnigramDistribution unigram(scaled);
  const MaskOptions options{.mask_prob = 0.5, .mask_token_prob = 0.6, .random_token_prob = 0.2};
  std::vector<std::int64_t> inputs, targets;
  Rng text(1, "text");
  for (std::uint64_t i = 0; i < 4'000; ++i) {
    std::vector<std::int64_t> tokens(50), row(50);
    for (auto& token : tokens) {
      const std::uint64_t draw = text.Below(10);
      token = draw < 6 ? 4 : draw < 9 ? 5 : 6;
    }
    Rng rng(2, "mask", i);
    MaskTokens(tokens, row, kSize, options, rng);
    inputs.insert(inputs.end(), tokens.begin(), tokens.end());
    targets.insert(targets.end(), row.begin(), row.end());
  }
  std::vector<std::vector<double>> joint(kSize, std::vector<double>(kSize, 0));
  double predicted = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (targets[i] == kIgnoreTarget) continue;
    joint[static_cast<std::size_t>(inputs[i])][static_cast<std::size_t>(targets[i])] += 1;
    predicted += 1;
  }
  double entropy =
      0;  // of the original given the input: the least loss that any such predictor can have
  for (const auto& row : joint) {
    double sum = 0;
    for (const double count : row) sum += count;
    for (const double count : row) {
      if (count > 0) entropy -= count / predicted * std::log(count / sum);
    }
  }
  EXPECT_NEAR(unigram.ContextFreeLoss(inputs, targets, options), entropy, 1e-3);
  EXPECT_GT(unigram.Loss(targets), entropy + 0.05);
}

}  // namespace
}  // namespace repro
