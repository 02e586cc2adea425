#include "experiments/corpus/clean/line_model.h"

#include <cmath>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/hash.h"
#include "core/base/rng.h"
#include "core/io/json_io.h"
#include "experiments/corpus/clean/line_model_trainer.h"
#include "experiments/corpus/clean/line_normalizer.h"
#include "tests/core/packed_text.h"
#include "tests/core/temp_folder.h"
#include "tests/experiments/corpus/clean/arpa_reference.h"
#include "tests/experiments/tiny_corpus.h"

namespace repro {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using testing::ArpaReference;
using ::testing::HasSubstr;

LineModelOptions Options() {
  LineModelOptions options;
  options.ngrams.programs = REPRO_PROGRAMS;
  options.ngrams.memory = "40M";
  return options;
}

/// One model for all tests, of a text too small for 40,000 pieces.
class LineModelTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TempFolder;
    ASSERT_TRUE(PutFile(*folder_ / "text.txt", testing::TinyText("aa", 1500)));
    const auto trained = TrainLineModel(*folder_ / "text.txt", "aa", folder_->path(), Options());
    ASSERT_TRUE(trained) << trained.error().message;
    trained_ = new TrainedLineModel(*trained);
  }
  static void TearDownTestSuite() {
    delete trained_;
    delete folder_;
  }
  static LineModel Load() {
    auto model = LineModel::LoadFrom(folder_->path(), "aa");
    REPRO_CHECK(model.has_value());
    return std::move(*model);
  }
  static inline TempFolder* folder_ = nullptr;
  static inline TrainedLineModel* trained_ = nullptr;
};

TEST_F(LineModelTest, TrainingTellsOfItself) {
  EXPECT_EQ(trained_->lines, 1500);
  EXPECT_GT(trained_->pieces, 50);
  EXPECT_LT(trained_->pieces, 40'000);
  ASSERT_EQ(trained_->ngrams.size(), 5U);
  const auto note = LoadJson(*folder_ / "aa.lm.json");
  ASSERT_TRUE(note) << note.error().message;
  EXPECT_EQ(note->at("language"), "aa");
  EXPECT_EQ(note->at("tokens"), trained_->tokens);
  EXPECT_EQ(note->at("pieces"), trained_->pieces);
  EXPECT_EQ(note->at("ngrams"), Json(trained_->ngrams));
  EXPECT_EQ(note->at("options").at("order"), 5);
  for (const char* file : {"aa.sp.model", "aa.arpa.bin"}) {
    EXPECT_EQ(note->at("sha256").at(file), *Sha256File(*folder_ / file));
  }
  int files = 0;  // and nothing else is left in the folder
  for (const auto& entry : fs::directory_iterator(folder_->path())) {
    files += entry.path().filename() != "text.txt" ? 1 : 0;
  }
  EXPECT_EQ(files, 3);
}

TEST_F(LineModelTest, SameTextSameBytesAlsoPacked) {
  const TempFolder other;
  const std::string text = "\n\n" + testing::TinyText("aa", 1500);
  ASSERT_TRUE(PutFile(other / "text.gz", testing::Packed(Packing::kGzip, text)));
  ASSERT_TRUE(TrainLineModel(other / "text.gz", "aa", other.path(), Options()));
  for (const char* file : {"aa.sp.model", "aa.arpa.bin", "aa.lm.json"}) {
    EXPECT_TRUE(*ReadFile(other / file) == *ReadFile(*folder_ / file)) << file;
  }
}

// The definition, from the pieces and an ARPA file of the same text.
TEST_F(LineModelTest, PerplexityIsThatOfCcNetsFormula) {
  const LineModel model = Load();
  const auto tokenizer = Tokenizer::Load(*folder_ / "aa.sp.model");
  ASSERT_TRUE(tokenizer);
  const TempFolder other;
  std::string pieces;
  for (std::uint64_t i = 0; i < 1500; ++i) {
    for (const auto& piece : PieceTexts(*tokenizer, testing::TinySentence("aa", i))) {
      pieces += piece + " ";
    }
    pieces += "\n";
  }
  ASSERT_TRUE(PutFile(other / "pieces.txt", pieces));
  ASSERT_TRUE(TrainNgramModel(other / "pieces.txt", other / "aa.arpa", NgramFormat::kArpa,
                              Options().ngrams));
  const ArpaReference reference(*ReadFile(other / "aa.arpa"));

  for (std::uint64_t document = 0; document < 40; ++document) {
    const std::string text = "\n" + testing::TinyText("aa", 7, 1490 + 7 * document) + "7 QÀ\r\n \n";
    double log10 = 0;
    double tokens = 0;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      const std::string normal = NormalizeForLm(line);
      if (normal.empty()) continue;
      const ArpaReference::Words words = PieceTexts(*tokenizer, normal);
      log10 += reference.Line(words);
      tokens += static_cast<double>(words.size()) + 1;
    }
    const auto perplexity = model.Perplexity(text);
    ASSERT_TRUE(perplexity);
    EXPECT_NEAR(*perplexity, std::pow(10, -log10 / tokens), 0.0501);
    EXPECT_EQ(*perplexity, RoundToTenth(*perplexity));

    const std::string joined = NormalizeForLm(text);
    const ArpaReference::Words words = PieceTexts(*tokenizer, joined);
    EXPECT_EQ(joined.find('\n'), std::string::npos);
    EXPECT_NEAR(*model.Perplexity(text, ScoredUnit::kDocument),
                std::pow(10, -reference.Line(words) / (static_cast<double>(words.size()) + 1)),
                0.0501);
  }
}

TEST_F(LineModelTest, OtherTextIsMorePerplexing) {
  const LineModel model = Load();
  const double same = *model.Perplexity(testing::TinyText("aa", 100, 9000));
  const double other = *model.Perplexity(testing::TinyText("bb", 100, 9000));
  std::string shuffled = testing::TinyText("aa", 100, 9000);
  Rng rng(1, "shuffle");
  rng.Shuffle(shuffled);
  EXPECT_GT(other, 1.5 * same);
  EXPECT_GT(*model.Perplexity(shuffled), 1.5 * same);
  EXPECT_EQ(model.Perplexity("SAME text, 1984"), model.Perplexity("same TEXT, 2024"));
}

TEST_F(LineModelTest, ATextWithoutAnyHasNoPerplexity) {
  const LineModel model = Load();
  EXPECT_FALSE(model.Perplexity(""));
  EXPECT_FALSE(model.Perplexity("\n \n\x01\n"));
  EXPECT_FALSE(model.Perplexity(" \n ", ScoredUnit::kDocument));
  EXPECT_EQ(model.ScoreLine("\t").tokens, 0);
}

TEST_F(LineModelTest, ModelsMadeElsewhereLoadByCcNetsNames) {
  const TempFolder other;
  fs::copy(*folder_ / "aa.sp.model", other / "xx.sp.model");
  ASSERT_TRUE(PutFile(other / "xx.arpa",
                      "\\data\\\nngram 1=3\nngram 2=1\n\n\\1-grams:\n-1\t<unk>\n0\t<s>\t-1\n"
                      "-1\t</s>\n\n\\2-grams:\n-2\t<s> </s>\n\n\\end\\\n"));
  const auto arpa = LineModel::LoadFrom(other.path(), "xx");
  ASSERT_TRUE(arpa) << arpa.error().message;
  EXPECT_EQ(arpa->ngrams().order(), 2);
  fs::copy(*folder_ / "aa.arpa.bin", other / "xx.arpa.bin");
  EXPECT_EQ(LineModel::LoadFrom(other.path(), "xx")->ngrams().order(), 5) << "the binary first";

  const auto none = LineModel::LoadFrom(other.path(), "yy");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(none.error().message, AllOf(HasSubstr("yy.arpa.bin"), HasSubstr("yy.arpa")));
  ASSERT_TRUE(PutFile(other / "xx.sp.model", "no model"));
  EXPECT_EQ(LineModel::LoadFrom(other.path(), "xx").error().code, ErrorCode::kCorrupt);
}

TEST_F(LineModelTest, WhatCannotBeTrainedOnIsRefused) {
  const TempFolder other;
  ASSERT_TRUE(PutFile(other / "blank.txt", "\n \n\t\n"));
  const auto blank = TrainLineModel(other / "blank.txt", "xx", other.path(), Options());
  ASSERT_FALSE(blank);
  EXPECT_EQ(blank.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(blank.error().message, HasSubstr("blank.txt: no text in it"));
  EXPECT_EQ(TrainLineModel(other / "none", "xx", other.path(), Options()).error().code,
            ErrorCode::kNotFound);
  fs::remove(other / "blank.txt");
  EXPECT_TRUE(fs::is_empty(other.path())) << "nothing is left of it";
}

TEST(RoundToTenthTest, RoundsAsPythonDoes) {
  // Of Python 3.11: [round(v, 1) for v in ...].
  EXPECT_EQ(RoundToTenth(0.25), 0.2);
  EXPECT_EQ(RoundToTenth(0.35), 0.3);
  EXPECT_EQ(RoundToTenth(2.65), 2.6);
  EXPECT_EQ(RoundToTenth(123.45), 123.5);
  EXPECT_EQ(RoundToTenth(99.95), 100.0);
  EXPECT_EQ(RoundToTenth(0.05), 0.1);
  EXPECT_EQ(RoundToTenth(1e22 / 3), 3.3333333333333335e+21);
  EXPECT_EQ(RoundToTenth(std::numeric_limits<double>::infinity()),
            std::numeric_limits<double>::infinity());
}

}  // namespace
}  // namespace repro
