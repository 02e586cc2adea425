#include "experiments/data/token_block_dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/experiments/tiny_corpus.h"

namespace repro {
namespace {

using ::testing::ElementsAre;

class TokenBlockDatasetTest : public ::testing::Test {
 protected:
  // A shard with sentences of these lengths, </s> included; tokens count up from 10.
  void MakeShard(const std::vector<int>& lengths) {
    auto writer = TokenShardWriter::Open(folder_ / "x.tok", 60'000);
    ASSERT_TRUE(writer);
    TokenId next = 10;
    for (const int length : lengths) {
      std::vector<TokenId> sentence;
      for (int i = 1; i < length; ++i) sentence.push_back(next++);
      sentence.push_back(kEosId);
      writer->Add(sentence);
    }
    ASSERT_TRUE(writer->Finish());
    auto shard = TokenShard::Open(folder_ / "x.tok");
    ASSERT_TRUE(shard);
    shard_ = std::make_unique<TokenShard>(std::move(*shard));
  }
  std::vector<std::int64_t> Lengths(std::int64_t tokens_per_sample) const {
    const TokenBlockDataset blocks(*shard_, tokens_per_sample);
    std::vector<std::int64_t> lengths;
    for (std::int64_t i = 0; i < blocks.size(); ++i) lengths.push_back(blocks.Length(i));
    return lengths;
  }
  testing::TempFolder folder_;
  std::unique_ptr<TokenShard> shard_;
};

// Expected lengths by hand from fairseq's rule: block_size = tokens_per_sample - 1; a sentence
// joins while the sum does not exceed it; <s> in front.
TEST_F(TokenBlockDatasetTest, TakesWholeSentencesWhileTheyFit) {
  MakeShard({3, 4, 2, 5, 1, 1});
  EXPECT_THAT(Lengths(10), ElementsAre(1 + 3 + 4 + 2, 1 + 5 + 1 + 1));
  EXPECT_THAT(Lengths(9), ElementsAre(1 + 3 + 4, 1 + 2 + 5 + 1, 1 + 1));
}

TEST_F(TokenBlockDatasetTest, BlockBeginsWithBosAndHoldsTheSentences) {
  MakeShard({3, 4, 2});
  const TokenBlockDataset blocks(*shard_, 8);
  ASSERT_EQ(blocks.size(), 2);
  EXPECT_THAT(blocks.Get(0), ElementsAre(kBosId, 10, 11, kEosId, 12, 13, 14, kEosId));
  EXPECT_THAT(blocks.Get(1), ElementsAre(kBosId, 15, kEosId));
}

TEST_F(TokenBlockDatasetTest, LongSentenceIsCutAndItsRestTakesFurtherSentences) {
  MakeShard({2, 12, 2, 4});
  EXPECT_THAT(Lengths(6), ElementsAre(1 + 2, 1 + 5, 1 + 5, 1 + 2 + 2, 1 + 4));
}

TEST_F(TokenBlockDatasetTest, EveryTokenIsInExactlyOneBlock) {
  MakeShard({3, 30, 7, 1, 1, 9, 16, 2, 4, 4, 4, 40, 1});
  for (const std::int64_t tokens_per_sample : {2, 3, 8, 9, 17, 64}) {
    const TokenBlockDataset blocks(*shard_, tokens_per_sample);
    std::vector<std::int64_t> joined, all;
    for (std::int64_t i = 0; i < blocks.size(); ++i) {
      const auto block = blocks.Get(i);
      EXPECT_LE(static_cast<std::int64_t>(block.size()), tokens_per_sample);
      EXPECT_GE(block.size(), 2U);
      joined.insert(joined.end(), block.begin() + 1, block.end());
    }
    shard_->Append(0, shard_->tokens(), all);
    EXPECT_EQ(joined, all) << tokens_per_sample;
  }
}

TEST_F(TokenBlockDatasetTest, EmptyShardHasNoBlocks) {
  MakeShard({});
  EXPECT_EQ(TokenBlockDataset(*shard_, 8).size(), 0);
}

}  // namespace
}  // namespace repro
