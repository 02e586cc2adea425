#include "experiments/text/vocab_trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/hash.h"
#include "experiments/text/smoothing.h"
#include "experiments/text/tokenizer.h"
#include "experiments/text/vocab_memory.h"
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

TEST_F(VocabTrainerTest, PlanSaysWhatTheSampleIsBeforeAnythingIsLearnt) {
  const auto plan = PlanVocabulary(Texts(), {.size = 150, .alpha = 0.5, .sample_sentences = 500});
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->sentences(), 500);
  EXPECT_FALSE(plan->pre_tokenization);
  // The whole of aa has 600 sentences, of bb 40: 400 and 100 are drawn.
  const auto bytes = [](const char* language, std::uint64_t sentences) {
    double sum = 0;
    for (std::uint64_t i = 0; i < sentences; ++i) {
      sum += static_cast<double>(testing::TinySentence(language, i).size());
    }
    return sum;
  };
  EXPECT_NEAR(plan->bytes(), bytes("aa", 600) * 400 / 600 + bytes("bb", 40) * 100 / 40, 1e-6);
  EXPECT_NEAR(plan->characters(), plan->bytes(), 1e-6);  // ASCII
  EXPECT_EQ(plan->memory_bytes, EstimateVocabMemory("unigram", plan->bytes(), plan->characters()));
  EXPECT_THAT(plan->Text(), AllOf(HasSubstr("a vocabulary of 150 (unigram) from 500 sentences of 2 "
                                            "languages"),
                                  HasSubstr("of memory")));
}

TEST_F(VocabTrainerTest, LinesThatSentencePieceWouldLeaveOutAreCountedAndNotDrawn) {
  const std::string longest(static_cast<std::size_t>(kMaxSentenceBytes), 'a');
  std::string text = testing::TinyText("aa", 600);
  text += longest + "\n" + longest + "b\n" + "ba \xE2\x96\x85 ko\n";
  ASSERT_TRUE(PutFile(folder_ / "aa.txt", text));
  const auto plan = PlanVocabulary(Texts(), {.size = 150, .sample_sentences = 500});
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->sample[0].available, 601);
  EXPECT_EQ(plan->sample[0].too_long, 1);
  EXPECT_EQ(plan->sample[0].reserved, 1);
  EXPECT_THAT(plan->Text(), AllOf(HasSubstr("1 lines left out: longer than 16,384 bytes"),
                                  HasSubstr("1 lines left out: with U+2585")));
  ASSERT_TRUE(PutFile(folder_ / "aa.txt", longest + "b\n"));
  const auto none = PlanVocabulary(Texts(), {});
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message,
              HasSubstr("of its 1 lines all have more than 16384 bytes or hold U+2585"));
}

TEST_F(VocabTrainerTest, MoreCharactersThanSentencePieceIndexesAreRefusedBeforeItStarts) {
  const auto plan = PlanVocabulary(Texts(), {.sample_sentences = 100'000'000});
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(plan.error().message, AllOf(HasSubstr("vocab.sample_sentences = 100000000"),
                                          HasSubstr("indexes at most 2147483647: lower it to ")));
}

TEST_F(VocabTrainerTest, BpeIsLearntFromWords) {
  ASSERT_TRUE(PutFile(folder_ / "zh.txt", "我们今天去学校我们今天去学校。\n"));
  std::vector<VocabText> texts = Texts();
  texts.push_back({"zh", folder_ / "zh.txt", 1});
  const VocabTrainerOptions options{.model = "bpe", .size = 150, .sample_sentences = 500};
  const auto plan = PlanVocabulary(texts, options);
  ASSERT_TRUE(plan) << plan.error().message;
  ASSERT_TRUE(plan->pre_tokenization);
  EXPECT_EQ(plan->pre_tokenization->rules.at("aa"), kWordRules);
  EXPECT_EQ(plan->pre_tokenization->rules.at("zh"), kIcuWords);
  const auto vocab = TrainVocabulary(*plan);
  ASSERT_TRUE(vocab) << vocab.error().message;
  const auto again = TrainVocabulary(texts, options);
  ASSERT_TRUE(again);
  EXPECT_EQ(Sha256Hex(vocab->model), Sha256Hex(again->model));

  // Every sentence ends with a full stop, which no piece can have swallowed.
  const auto tokenizer = Tokenizer::FromBytes(vocab->model, "model");
  ASSERT_TRUE(tokenizer);
  EXPECT_EQ(tokenizer->vocab_size(), 150);
  for (const auto& entry : tokenizer->Entries()) {
    if (entry.text.ends_with('.')) {
      EXPECT_THAT(entry.text, ::testing::AnyOf(".", "\xE2\x96\x81."));
    }
  }
}

TEST_F(VocabTrainerTest, LimitsOfBpeAreExplainedToo) {
  const auto large =
      TrainVocabulary(Texts(), {.model = "bpe", .size = 50'000, .sample_sentences = 500});
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(large.error().message,
              AllOf(HasSubstr("vocab.size = 50000: a sample of 500 sentences gives at most "),
                    HasSubstr("vocab.sample_sentences")));
  const auto small =
      TrainVocabulary(Texts(), {.model = "bpe", .size = 10, .sample_sentences = 500});
  ASSERT_FALSE(small);
  EXPECT_EQ(small.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(small.error().message, HasSubstr("the alphabet of the sample alone takes"));
}

}  // namespace
}  // namespace repro
