#include "experiments/corpus/clean/ngram_trainer.h"

#include <chrono>
#include <cmath>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "experiments/corpus/clean/ngram_model.h"
#include "tests/core/temp_folder.h"
#include "tests/experiments/corpus/clean/arpa_reference.h"
#include "tests/experiments/tiny_corpus.h"

namespace repro {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using testing::ArpaReference;
using ::testing::HasSubstr;

/// lmplz fills the memory that it is given, whatever the text.
NgramTrainerOptions Options(int order = 5) {
  return {.programs = REPRO_PROGRAMS, .order = order, .memory = "40M"};
}

class NgramTrainerTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(PutFile(Text(), testing::TinyText("aa", 300))); }
  fs::path Text() const { return folder_ / "text.txt"; }
  /// The names in the folder beside the text.
  std::vector<std::string> Made() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_.path())) {
      if (entry.path() != Text()) names.push_back(entry.path().filename());
    }
    return names;
  }
  std::string Failure(const fs::path& text, const NgramTrainerOptions& options,
                      ErrorCode code) const {
    const auto trained =
        TrainNgramModel(text, folder_ / "failed.arpa", NgramFormat::kArpa, options);
    EXPECT_FALSE(trained);
    if (trained) return {};
    EXPECT_EQ(trained.error().code, code) << trained.error().message;
    EXPECT_THAT(Made(), ::testing::IsEmpty());
    return trained.error().message;
  }
  TempFolder folder_;
};

TEST_F(NgramTrainerTest, EveryHistorysProbabilitiesAddUpToOne) {
  const auto trained = TrainNgramModel(Text(), folder_ / "3.arpa", NgramFormat::kArpa, Options(3));
  ASSERT_TRUE(trained) << trained.error().message;
  EXPECT_THAT(Made(), ::testing::ElementsAre("3.arpa"));
  const ArpaReference reference(*ReadFile(folder_ / "3.arpa"));
  ASSERT_EQ(trained->counts.size(), 3U);
  EXPECT_EQ(trained->counts[0], static_cast<std::int64_t>(reference.vocabulary().size()));
  std::int64_t ngrams = 0;
  int histories = 0;
  for (const ArpaReference::Words& ngram : reference.ngrams()) {
    ++ngrams;
    if (ngram.size() > 2 || ngram.back() == "</s>" || ngrams % 10 != 0) continue;
    ++histories;
    double sum = 0;
    for (const std::string& word : reference.vocabulary()) {
      if (word != "<s>") sum += std::pow(10, reference.Log10(word, ngram));
    }
    EXPECT_NEAR(sum, 1, 1e-4) << ::testing::PrintToString(ngram);
  }
  EXPECT_GT(histories, 50);
  EXPECT_EQ(ngrams, trained->counts[0] + trained->counts[1] + trained->counts[2]);
}

TEST_F(NgramTrainerTest, BinaryAndArpaScoreAlike) {
  ASSERT_TRUE(TrainNgramModel(Text(), folder_ / "5.arpa", NgramFormat::kArpa, Options()));
  ASSERT_TRUE(TrainNgramModel(Text(), folder_ / "5.bin", NgramFormat::kBinary, Options()));
  const auto arpa = NgramModel::Load(folder_ / "5.arpa");
  const auto binary = NgramModel::Load(folder_ / "5.bin");
  ASSERT_TRUE(arpa) << arpa.error().message;
  ASSERT_TRUE(binary) << binary.error().message;
  EXPECT_EQ(binary->order(), 5);
  const ArpaReference reference(*ReadFile(folder_ / "5.arpa"));
  for (std::uint64_t i = 250; i < 350; ++i) {  // seen and unseen
    std::istringstream words(testing::TinySentence("aa", i));
    std::vector<std::string> line;
    for (std::string word; words >> word;) line.push_back(word);
    const LineScore score = binary->ScoreLine(line);
    EXPECT_EQ(arpa->ScoreLine(line).log10, score.log10);
    EXPECT_NEAR(score.log10, reference.Line(line), 1e-4);
  }
}

TEST_F(NgramTrainerTest, SameTextSameBytesWithAnyMemory) {
  std::vector<std::string> models;
  for (const char* memory : {"40M", "40M", "200M"}) {
    NgramTrainerOptions options = Options();
    options.memory = memory;
    ASSERT_TRUE(TrainNgramModel(Text(), folder_ / "a.bin", NgramFormat::kBinary, options));
    models.push_back(*ReadFile(folder_ / "a.bin"));
  }
  EXPECT_TRUE(models[0] == models[1]);
  EXPECT_TRUE(models[0] == models[2]);
}

TEST_F(NgramTrainerTest, SentenceMarksInTheTextArePassedOver) {
  ASSERT_TRUE(PutFile(folder_ / "plain.txt", "a b\nb c\n"));
  ASSERT_TRUE(PutFile(folder_ / "marked.txt", "<s> a b </s>\nb <unk> c\n"));
  for (const char* name : {"plain", "marked"}) {
    ASSERT_TRUE(TrainNgramModel((folder_ / name).concat(".txt"), (folder_ / name).concat(".arpa"),
                                NgramFormat::kArpa, Options(2)));
  }
  EXPECT_EQ(*ReadFile(folder_ / "plain.arpa"), *ReadFile(folder_ / "marked.arpa"));
}

TEST_F(NgramTrainerTest, FailuresSayWhatKenlmSays) {
  NgramTrainerOptions options = Options();
  options.memory = "12 pounds";
  EXPECT_THAT(Failure(Text(), options, ErrorCode::kFailed),
              AllOf(HasSubstr("lmplz failed: "), HasSubstr("12 pounds")));
  options.memory = "1M";
  EXPECT_THAT(Failure(Text(), options, ErrorCode::kFailed), HasSubstr("exceeds total memory"));
}

TEST_F(NgramTrainerTest, WithoutFallbackARepetitiveTextIsRefused) {
  ASSERT_TRUE(PutFile(Text(), "a b a b\na b a b\n"));
  NgramTrainerOptions options = Options();
  ASSERT_TRUE(TrainNgramModel(Text(), folder_ / "a.arpa", NgramFormat::kArpa, options));
  fs::remove(folder_ / "a.arpa");
  options.discount_fallback = false;
  EXPECT_THAT(Failure(Text(), options, ErrorCode::kFailed),
              HasSubstr("Could not calculate Kneser-Ney discounts"));
}

TEST_F(NgramTrainerTest, WhatCannotBeTrainedOnIsRefusedBeforeAnythingRuns) {
  EXPECT_THAT(Failure(Text(), Options(7), ErrorCode::kInvalidArgument),
              HasSubstr("order 7: expected 2 to 6"));
  EXPECT_THAT(Failure(folder_ / "none.txt", Options(), ErrorCode::kNotFound),
              HasSubstr("none.txt"));
  NgramTrainerOptions options = Options();
  options.programs = folder_ / "bin";
  EXPECT_THAT(Failure(Text(), options, ErrorCode::kNotFound), HasSubstr("bin/lmplz"));
  ASSERT_TRUE(PutFile(Text(), " \n\n \n"));
  EXPECT_THAT(Failure(Text(), Options(), ErrorCode::kInvalidArgument),
              HasSubstr("text.txt: no token in it"));
}

TEST_F(NgramTrainerTest, AStopLeavesNothingBehind) {
  std::atomic<bool> stop = true;
  NgramTrainerOptions options = Options();
  options.stop = &stop;
  Failure(Text(), options, ErrorCode::kInterrupted);
}

}  // namespace
}  // namespace repro
