#include "experiments/text/vocab_trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/hash.h"
#include "experiments/text/smoothing.h"
#include "experiments/text/tokenizer.h"
#include "tests/core/temp_folder.h"
#include "tests/experiments/tiny_corpus.h"

namespace repro {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(SmoothingTest, FollowsTheFormula) {
  // By hand: n = 16, 1; alpha 0.5: sqrt(16) : sqrt(1) = 4 : 1.
  const auto shares = SmoothedShares({16, 1}, 0.5);
  EXPECT_NEAR(shares[0], 0.8, 1e-12);
  EXPECT_NEAR(shares[1], 0.2, 1e-12);
}

TEST(SmoothingTest, AlphaOneKeepsProportionsAndZeroLevelsThem) {
  EXPECT_NEAR(SmoothedShares({3, 1}, 1)[0], 0.75, 1e-12);
  EXPECT_NEAR(SmoothedShares({300, 1}, 0)[0], 0.5, 1e-12);
}

class VocabTrainerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(PutFile(folder_ / "aa.txt", testing::TinyText("aa", 600)));
    ASSERT_TRUE(PutFile(folder_ / "bb.txt", testing::TinyText("bb", 40)));
  }
  std::vector<VocabText> Texts() const {
    return {{"aa", folder_ / "aa.txt", 16}, {"bb", folder_ / "bb.txt", 1}};
  }
  testing::TempFolder folder_;
};

TEST_F(VocabTrainerTest, SampleHasTheSmoothedSharesAndRepeatsSmallLanguages) {
  const auto vocab = TrainVocabulary(Texts(), {.size = 150, .alpha = 0.5, .sample_sentences = 500});
  ASSERT_TRUE(vocab) << vocab.error().message;
  ASSERT_EQ(vocab->sample.size(), 2U);
  EXPECT_EQ(vocab->sample[0].available, 600);
  EXPECT_EQ(vocab->sample[0].drawn, 400);  // 4 : 1, see SmoothingTest
  EXPECT_EQ(vocab->sample[1].available, 40);
  EXPECT_EQ(vocab->sample[1].drawn, 100);
}

TEST_F(VocabTrainerTest, SizeIsAllEmbeddingRows) {
  const auto vocab = TrainVocabulary(Texts(), {.size = 150, .sample_sentences = 500});
  ASSERT_TRUE(vocab);
  const auto tokenizer = Tokenizer::FromBytes(vocab->model, "model");
  ASSERT_TRUE(tokenizer);
  EXPECT_EQ(tokenizer->vocab_size(), 150);
}

TEST_F(VocabTrainerTest, SameTextsAndOptionsGiveTheSameBytes) {
  const VocabTrainerOptions options{.size = 150, .sample_sentences = 500};
  const auto first = TrainVocabulary(Texts(), options);
  const auto second = TrainVocabulary(Texts(), options);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(Sha256Hex(first->model), Sha256Hex(second->model));
  auto other_seed = options;
  other_seed.seed = 2;
  const auto third = TrainVocabulary(Texts(), other_seed);
  ASSERT_TRUE(third);
  EXPECT_NE(Sha256Hex(first->model), Sha256Hex(third->model));
}

TEST_F(VocabTrainerTest, SizeAboveWhatTheTextGivesSaysTheLimitAndTheLimitWorks) {
  const auto vocab = TrainVocabulary(Texts(), {.size = 50'000, .sample_sentences = 500});
  ASSERT_FALSE(vocab);
  EXPECT_EQ(vocab.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(vocab.error().message,
              AllOf(HasSubstr("vocab.size = 50000: a sample of 500 sentences gives at most "),
                    HasSubstr("vocab.sample_sentences")));
  const std::string text = vocab.error().message;
  const std::string marker = "gives at most ";
  const long limit = std::stol(text.substr(text.find(marker) + marker.size()));
  const auto fits = TrainVocabulary(Texts(), {.size = limit, .sample_sentences = 500});
  EXPECT_TRUE(fits) << fits.error().message;
}

TEST_F(VocabTrainerTest, SizeBelowTheAlphabetIsExplained) {
  const auto vocab = TrainVocabulary(Texts(), {.size = 10, .sample_sentences = 500});
  ASSERT_FALSE(vocab);
  EXPECT_EQ(vocab.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(vocab.error().message, HasSubstr("the alphabet of the sample alone takes"));
}

TEST_F(VocabTrainerTest, EmptyOrMissingTextIsNamed) {
  ASSERT_TRUE(PutFile(folder_ / "empty.txt", "\n\n"));
  const auto empty = TrainVocabulary({{"xx", folder_ / "empty.txt", 1}}, {});
  ASSERT_FALSE(empty);
  EXPECT_THAT(empty.error().message, HasSubstr("no sentence in the corpus of 'xx'"));
  const auto missing = TrainVocabulary({{"xx", folder_ / "missing.txt", 1}}, {});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace repro
