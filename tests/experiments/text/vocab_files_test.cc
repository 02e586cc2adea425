#include "experiments/text/vocab_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "experiments/text/vocab_trainer.h"
#include "tests/core/temp_folder.h"
#include "tests/experiments/tiny_corpus.h"

namespace repro {
namespace {

using ::testing::HasSubstr;

class VocabFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(PutFile(folder_ / "text.txt", testing::TinyText("aa", 400)));
    const auto vocab = TrainVocabulary({{"aa", folder_ / "text.txt", 1.0}},
                                       {.size = 120, .sample_sentences = 400});
    ASSERT_TRUE(vocab) << vocab.error().message;
    ASSERT_TRUE(PutFile(folder_ / "sp.model", vocab->model));
  }
  void PutSummary(const Json& pre_tokenization) const {
    const Json summary = {{"pre_tokenization", pre_tokenization}};
    ASSERT_TRUE(PutFile(folder_ / "vocab.json", summary.dump()));
  }
  std::vector<TokenId> Encode(const std::string& language, const std::string& text) const {
    const auto files = VocabFiles::Load(folder_.path());
    const auto tokenizer = files ? files->For(language) : tl::unexpected<Error>(files.error());
    return tokenizer ? tokenizer->Encode(text) : std::vector<TokenId>{};
  }
  testing::TempFolder folder_;
};

TEST_F(VocabFilesTest, WithoutARecordTextIsEncodedAsItIs) {
  const auto plain = Tokenizer::Load(folder_ / "sp.model");
  ASSERT_TRUE(plain);
  EXPECT_EQ(Encode("en", "bako's ruzu."), plain->Encode("bako's ruzu."));
  ASSERT_TRUE(PutFile(folder_ / "vocab.json", R"({"version": 1})"));
  EXPECT_EQ(Encode("en", "bako's ruzu."), plain->Encode("bako's ruzu."));
}

TEST_F(VocabFilesTest, WithOneItIsCutIntoWordsFirstByTheRulesOfItsLanguage) {
  const auto plain = Tokenizer::Load(folder_ / "sp.model");
  ASSERT_TRUE(plain);
  PutSummary({{"rules", {{"en", kWordRules}, {"th", kWordRules}}}, {"icu", "72.1"}});
  EXPECT_EQ(Encode("en", "bako's ruzu."), plain->Encode("bako 's ruzu ."));
  EXPECT_EQ(Encode("fr", "bako's ruzu."), plain->Encode("bako' s ruzu ."));  // not in the record
  EXPECT_EQ(Encode("th", "bakoวันนี้"), plain->Encode("bakoวันนี้"));
  EXPECT_EQ(Encode("zh", "bako,我们"), plain->Encode("bako , 我们"));

  const auto files = VocabFiles::Load(folder_.path());
  ASSERT_TRUE(files && files->pre_tokenization());
  std::string joined;
  for (const auto& piece : files->For("en")->EncodePieces("bako.")) joined += piece.text;
  EXPECT_EQ(joined, "▁bako▁.");
}

TEST_F(VocabFilesTest, ARecordComesBackAsItWasWritten) {
  const PreTokenization record{{{"en", std::string(kWordRules)}, {"zh", std::string(kIcuWords)}},
                               IcuVersion()};
  PutSummary(record.ToJson());
  const auto files = VocabFiles::Load(folder_.path());
  ASSERT_TRUE(files) << files.error().message;
  EXPECT_EQ(files->pre_tokenization()->rules, record.rules);
  EXPECT_EQ(files->pre_tokenization()->icu, record.icu);
  EXPECT_THAT(record.ToJson().at("note").get<std::string>(), HasSubstr("a stand-in for XLM's"));
}

TEST_F(VocabFilesTest, RecordsOfAnotherBuildAndDamagedOnesAreNamed) {
  PutSummary({{"rules", {{"en", "moses-like-9"}}}, {"icu", "72.1"}});
  auto files = VocabFiles::Load(folder_.path());
  ASSERT_FALSE(files);
  EXPECT_EQ(files.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(files.error().message,
              HasSubstr("vocab.json: pre_tokenization of 'en': 'moses-like-9': unknown rules"));
  PutSummary({{"rules", 3}});
  files = VocabFiles::Load(folder_.path());
  ASSERT_FALSE(files);
  EXPECT_THAT(files.error().message, HasSubstr("vocab.json: pre_tokenization: "));
}

}  // namespace
}  // namespace repro
