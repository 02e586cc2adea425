#include "experiments/text/tokenizer.h"

#include <cstdlib>
#include <fstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sentencepiece_processor.h>

#include "core/io/json_io.h"
#include "experiments/text/vocab_trainer.h"
#include "tests/core/temp_folder.h"
#include "tests/experiments/tiny_corpus.h"

namespace repro {
namespace {

using ::testing::HasSubstr;

TEST(VocabularyTest, LayoutIsFairseqs) {
  // XLM-R: 250,000 pieces make 250,002 rows with <mask> at 250,001.
  EXPECT_EQ(VocabSize(250'000), 250'002);
  EXPECT_EQ(PieceCount(250'002), 250'000);
  EXPECT_EQ(MaskId(250'002), 250'001);
  EXPECT_EQ(FromPieceId(0), kUnkId);
  EXPECT_EQ(FromPieceId(3), 4);
  EXPECT_EQ(FromPieceId(249'999), 250'000);
  EXPECT_EQ(ToPieceId(kUnkId, 250'002), 0);
  EXPECT_EQ(ToPieceId(4, 250'002), 3);
  EXPECT_EQ(ToPieceId(250'000, 250'002), 249'999);
  for (const TokenId special : {kBosId, kPadId, kEosId, MaskId(250'002)}) {
    EXPECT_EQ(ToPieceId(special, 250'002), -1) << special;
  }
}

class TokenizerTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    testing::TempFolder folder;
    ASSERT_TRUE(PutFile(folder / "text.txt", testing::TinyText("aa", 400)));
    auto vocab =
        TrainVocabulary({{"aa", folder / "text.txt", 1.0}}, {.size = 120, .sample_sentences = 400});
    ASSERT_TRUE(vocab) << vocab.error().message;
    model_ = new std::string(vocab->model);
  }
  static void TearDownTestSuite() { delete model_; }
  static inline std::string* model_ = nullptr;
};

TEST_F(TokenizerTest, TextComesBackFromItsIds) {
  const auto tokenizer = Tokenizer::FromBytes(*model_, "model");
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_EQ(tokenizer->vocab_size(), 120);
  for (std::uint64_t i = 500; i < 520; ++i) {
    const std::string sentence = testing::TinySentence("aa", i);
    const auto ids = tokenizer->Encode(sentence);
    EXPECT_EQ(tokenizer->Decode(ids), sentence);
    for (const TokenId id : ids) {
      EXPECT_GE(id, kSpecialCount);
      EXPECT_LT(id, tokenizer->mask_id());
    }
  }
}

TEST_F(TokenizerTest, SpecialsDecodeToNothingAndUnknownsAreOneToken) {
  const auto tokenizer = Tokenizer::FromBytes(*model_, "model");
  ASSERT_TRUE(tokenizer);
  auto ids = tokenizer->Encode("bako");
  const std::string plain = tokenizer->Decode(ids);
  ids.insert(ids.begin(), kBosId);
  ids.insert(ids.end(), {kEosId, kPadId, tokenizer->mask_id()});
  EXPECT_EQ(tokenizer->Decode(ids), plain);
  const auto unknown = tokenizer->Encode("ba \xE4\xBD\xA0\xE5\xA5\xBD");  // two Chinese characters
  EXPECT_EQ(std::count(unknown.begin(), unknown.end(), kUnkId), 1);
}

TEST_F(TokenizerTest, WordStartsAreMarkedAndPiecesJoinToTheText) {
  const auto tokenizer = Tokenizer::FromBytes(*model_, "model");
  ASSERT_TRUE(tokenizer);
  int starts = 0;
  std::string joined;
  for (const auto& piece : tokenizer->EncodePieces("bakomite ruzu.")) {
    starts += piece.text.starts_with(kWordMark) ? 1 : 0;
    joined += piece.text;
  }
  EXPECT_EQ(starts, 2);
  EXPECT_EQ(joined,
            "\xE2\x96\x81"
            "bakomite\xE2\x96\x81"
            "ruzu.");
}

TEST_F(TokenizerTest, DamagedAndMissingModelsAreNamed) {
  const auto damaged = Tokenizer::FromBytes(model_->substr(0, 50), "here/sp.model");
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(
      damaged.error().message,
      HasSubstr("here/sp.model: not a SentencePiece model: its 50 bytes are damaged, cut short"));
  const auto missing = Tokenizer::Load("/nowhere/sp.model");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
}

// Answers of SentencePiece beside the checkout, $REPRO_SHARED/golden/sentencepiece/NAME.jsonl for
// NAME.model there or among the data's models; golden/README.md there says how they were made.
// Where releases break a tie differently, the answer of 0.1.97, which we link, is a field of its
// own.
std::filesystem::path Shared() {
  const char* shared = std::getenv("REPRO_SHARED");
  return shared != nullptr ? shared : REPRO_TESTDATA "/../../../shared";
}

void CheckGolden(const std::filesystem::path& model, const std::filesystem::path& answers) {
  const auto tokenizer = Tokenizer::Load(model);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  sentencepiece::SentencePieceProcessor processor;  // what the tokenizer wraps
  ASSERT_TRUE(processor.Load(model.string()).ok());
  std::ifstream in(answers);
  std::string line;
  int lines = 0;
  while (std::getline(in, line)) {
    const auto parsed = ParseJson(line, answers.string());
    ASSERT_TRUE(parsed) << parsed.error().message;
    const Json& answer = *parsed;
    const auto text = answer.at("text").get<std::string>();
    const std::string where =
        fmt::format("{}:{}: {}", answers.filename().string(), ++lines, text.substr(0, 200));
    const auto field = [&](const char* name) -> const Json& {
      const std::string own = std::string(name) + "_0.1.97";
      return answer.contains(own) ? answer.at(own) : answer.at(name);
    };
    std::vector<TokenId> framed = {kBosId};
    const std::vector<TokenId> ids = tokenizer->Encode(text);
    framed.insert(framed.end(), ids.begin(), ids.end());
    framed.push_back(kEosId);
    EXPECT_EQ(framed, field("fairseq_ids").get<std::vector<TokenId>>()) << where;
    std::vector<int> own_ids;
    own_ids.reserve(ids.size());
    for (const TokenId id : ids) own_ids.push_back(ToPieceId(id, tokenizer->vocab_size()));
    EXPECT_EQ(own_ids, field("ids").get<std::vector<int>>()) << where;
    std::vector<std::string> pieces;
    std::vector<TokenId> piece_ids;
    std::string joined;
    for (const auto& piece : tokenizer->EncodePieces(text)) {
      pieces.push_back(piece.text);
      piece_ids.push_back(piece.id);
      joined += piece.text;
    }
    EXPECT_EQ(pieces, field("pieces").get<std::vector<std::string>>()) << where;
    EXPECT_EQ(piece_ids, ids) << where;
    EXPECT_EQ(joined, answer.at("normalized").get<std::string>()) << where;
    EXPECT_EQ(tokenizer->Decode(framed), answer.at("decoded_ids").get<std::string>()) << where;
    EXPECT_EQ(processor.DecodePieces(pieces), answer.at("decoded_pieces").get<std::string>())
        << where;
  }
  EXPECT_GT(lines, 0) << answers;
}

TEST(TokenizerGoldenTest, EveryLineOfEverySetEqualsSentencePiece) {
  const std::filesystem::path folder = Shared() / "golden/sentencepiece";
  std::error_code error;
  int sets = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() != ".jsonl") continue;
    const std::string name = entry.path().stem().string() + ".model";
    const std::filesystem::path beside = folder / name;
    CheckGolden(
        std::filesystem::exists(beside) ? beside : Shared() / "data/models/sentencepiece" / name,
        entry.path());
    ++sets;
  }
  if (sets == 0) GTEST_SKIP() << "no " << folder << "/*.jsonl (set REPRO_SHARED)";
}

}  // namespace
}  // namespace repro
