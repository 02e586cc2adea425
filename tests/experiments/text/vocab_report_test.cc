#include "experiments/text/vocab_report.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "experiments/text/vocab_trainer.h"
#include "tests/core/temp_folder.h"
#include "tests/experiments/tiny_corpus.h"

namespace repro {
namespace {

using ::testing::Contains;
using ::testing::Pair;

class VocabReportTest : public ::testing::Test {
 protected:
  static Tokenizer Learn(const std::string& language, const std::string& more = "") {
    testing::TempFolder folder;
    const std::string text = testing::TinyText(language, 400) + more;
    REPRO_CHECK(PutFile(folder / "text.txt", text).has_value());
    auto vocab = TrainVocabulary({{language, folder / "text.txt", 1.0}},
                                 {.size = 120, .sample_sentences = 400, .character_coverage = 1});
    return Tokenizer::FromBytes(vocab.value().model, "model").value();
  }
  static VocabFit Measure(const Tokenizer& tokenizer, const std::string& language,
                          const std::vector<std::string>& sentences) {
    auto meter = VocabMeter::Open(tokenizer, language);
    REPRO_CHECK(meter.has_value());
    for (const std::string& sentence : sentences) meter->Add(sentence);
    return meter->Finish();
  }
};

TEST_F(VocabReportTest, RatiosFollowTheirDefinitions) {
  const Tokenizer tokenizer = Learn("aa");
  const VocabFit fit = Measure(tokenizer, "aa", {"bako mite.", "ba\u4F60\u597D"});
  const auto pieces = static_cast<double>(tokenizer.Encode("bako mite.").size() +
                                          tokenizer.Encode("ba\u4F60\u597D").size());
  EXPECT_EQ(fit.sentences, 2);
  EXPECT_EQ(fit.words, 3);
  EXPECT_EQ(fit.characters, 9 + 4);
  EXPECT_DOUBLE_EQ(fit.TokensPerWord(), pieces / 3);
  EXPECT_DOUBLE_EQ(fit.CharactersPerPiece(), 13 / pieces);
  EXPECT_DOUBLE_EQ(fit.Coverage(), 1 - 2.0 / 13);
  EXPECT_DOUBLE_EQ(fit.UnknownRate(), 1 / pieces);
  std::set<TokenId> distinct;
  for (const char* text : {"bako mite.", "ba\u4F60\u597D"}) {
    for (const TokenId id : tokenizer.Encode(text)) distinct.insert(id);
  }
  distinct.erase(kUnkId);
  EXPECT_DOUBLE_EQ(fit.UsedShare(), static_cast<double>(distinct.size()) / (120 - 5));
}

TEST_F(VocabReportTest, WordsAreIcusWhereTheTextHasNoSpaces) {
  const Tokenizer tokenizer = Learn("aa");
  const std::string chinese = "我们今天去学校，我们今天去学校。";  // 8 words and two marks
  EXPECT_EQ(Measure(tokenizer, "zh", {chinese}).words, 8);
  EXPECT_TRUE(Measure(tokenizer, "zh", {chinese}).icu_words);
  EXPECT_EQ(Measure(tokenizer, "de", {chinese}).words, 1);
  EXPECT_EQ(Measure(tokenizer, "zh", {"我们 今天 去 学校"}).words, 4);
  // Decided on the first thousand sentences, and the same for all behind them.
  const VocabFit many = Measure(tokenizer, "zh", std::vector<std::string>(1'500, chinese));
  EXPECT_EQ(many.sentences, 1'500);
  EXPECT_EQ(many.words, 8 * 1'500);
}

TEST_F(VocabReportTest, ContentCountsEachPieceOnce) {
  const Tokenizer tokenizer = Learn("aa", "жук жук\n");
  const VocabContent content = DescribePieces(tokenizer);
  EXPECT_EQ(content.rows, 120);
  EXPECT_EQ(content.specials, 5);
  EXPECT_EQ(content.pieces, 115);
  std::int64_t sum = 0;
  for (const auto& [script, count] : content.by_script) sum += count;
  EXPECT_EQ(sum, 115);
  EXPECT_THAT(content.by_script, Contains(Pair("Cyrl", ::testing::Ge(3))));
  EXPECT_THAT(content.by_script, Contains(Pair("Zyyy", ::testing::Ge(2))));  // the mark, "."
  EXPECT_EQ(content.longest.size(), 10U);
  EXPECT_GE(content.longest.front().size(), content.longest.back().size());
  EXPECT_GT(content.word_starts, 10);
  EXPECT_GT(content.characters, 10);
}

TEST_F(VocabReportTest, SharedPiecesAreThoseOfBoth) {
  const Tokenizer a = Learn("aa"), b = Learn("bb");
  EXPECT_EQ(SharedPieces(a, a), 115);
  const std::int64_t shared = SharedPieces(a, b);
  EXPECT_EQ(shared, SharedPieces(b, a));
  std::set<std::string> ours;
  for (const auto& entry : a.Entries()) ours.insert(entry.text);
  std::int64_t expected = -3;  // <unk>, <s>, </s>
  for (const auto& entry : b.Entries()) expected += ours.contains(entry.text) ? 1 : 0;
  EXPECT_EQ(shared, expected);
}

}  // namespace
}  // namespace repro
