#include "experiments/corpus/clean/language_id.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <fasttext/fasttext.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/rng.h"
#include "core/io/json_io.h"
#include "tests/experiments/tiny_corpus.h"

namespace repro {
namespace {

using ::testing::HasSubstr;
using testing::TempFolder;

/// A word of two or three syllables.
std::string Word(const std::vector<std::string>& syllables, Rng& rng) {
  std::string word;
  for (std::uint64_t left = 2 + rng.Below(2); left > 0; --left) {
    word += syllables[rng.Below(syllables.size())];
  }
  return word;
}

/// Lines of three invented languages, one of them in another script.
std::string Lines(std::uint64_t seed, int count, bool labels) {
  static const std::vector<std::vector<std::string>> kSyllables = {
      {"ba", "lo", "ri", "men", "ta"}, {"nga", "mwe", "zi", "ku", "to"}, {"бо", "жи", "га", "лё"}};
  std::string lines;
  for (int i = 0; i < count; ++i) {
    Rng rng(seed, "lines", static_cast<std::uint64_t>(i));
    const std::size_t language = rng.Below(kSyllables.size());
    if (labels) lines += "__label__" + std::string(1, static_cast<char>('a' + language)) + " ";
    for (std::uint64_t left = 3 + rng.Below(9); left > 0; --left) {
      lines += Word(kSyllables[language], rng) + (left > 1 ? " " : "\n");
    }
  }
  return lines;
}

/// Classifiers of these languages: as trained, and with the features that quantising keeps.
class LanguageIdTest : public ::testing::Test {
 protected:
  static fasttext::Args Arguments(int word_ngrams) {
    fasttext::Args arguments;
    arguments.input = (*folder_ / "train.txt").string();
    arguments.model = fasttext::model_name::sup;
    arguments.loss = fasttext::loss_name::softmax;
    arguments.minCount = 3;
    arguments.minn = 2;
    arguments.maxn = 4;
    arguments.wordNgrams = word_ngrams;
    arguments.bucket = 5000;
    arguments.dim = 8;
    arguments.lr = 0.5;
    arguments.epoch = 5;
    arguments.thread = 1;
    arguments.verbose = 0;
    return arguments;
  }
  static void SetUpTestSuite() {
    folder_ = new TempFolder;
    std::ofstream(*folder_ / "train.txt") << Lines(1, 600, /*labels=*/true);
    for (const int word_ngrams : {1, 2}) {
      fasttext::FastText model;
      model.train(Arguments(word_ngrams));
      model.saveModel((*folder_ / (word_ngrams == 1 ? "plain.bin" : "pairs.bin")).string());
      if (word_ngrams > 1) continue;
      fasttext::Args smaller = Arguments(1);
      smaller.cutoff = 700;
      smaller.qnorm = true;
      model.quantize(smaller);
      model.saveModel((*folder_ / "small.ftz").string());
    }
  }
  static void TearDownTestSuite() {
    delete folder_;
    folder_ = nullptr;
  }
  static std::filesystem::path Model(const char* name) { return *folder_ / name; }

  static TempFolder* folder_;
};
TempFolder* LanguageIdTest::folder_ = nullptr;

/// What fastText's own predict says of a line.
std::vector<LanguageId::Guess> AskLibrary(const fasttext::FastText& model, const std::string& line,
                                          int count) {
  std::istringstream in(line + "\n");
  std::vector<std::pair<fasttext::real, std::string>> predictions;
  model.predictLine(in, predictions, count, 0);
  std::vector<LanguageId::Guess> guesses;
  for (const auto& [probability, label] : predictions) {
    guesses.push_back({label.substr(std::string("__label__").size()), probability});
  }
  return guesses;
}

void ExpectSame(const std::vector<LanguageId::Guess>& ours,
                const std::vector<LanguageId::Guess>& theirs, const std::string& line) {
  ASSERT_EQ(ours.size(), theirs.size()) << line;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    EXPECT_EQ(ours[i].language, theirs[i].language) << line;
    EXPECT_EQ(ours[i].probability, theirs[i].probability) << line;
  }
}

TEST_F(LanguageIdTest, SaysToTheLastBitWhatFastTextsOwnPredictSays) {
  std::vector<std::string> lines = {
      "",
      " ",
      "x",
      "balori",
      "ж",
      "balori\tmenta\vkuzi \r\f bo",
      std::string("balori\0menta", 12),
      "balori </s> нга zizi ku",
      "__label__a balori __label__unknown",
      "broken \xD0 \xFF\xFE bytes\x80\x80",
      "\u4E00\u4E8C\u4E09\u56DB \U0001F600!",
      std::string(5000, 'q'),
  };
  std::istringstream more(Lines(2, 200, /*labels=*/false));
  for (std::string line; std::getline(more, line);) lines.push_back(line);
  for (const char* name : {"plain.bin", "small.ftz"}) {
    fasttext::FastText library;
    library.loadModel(Model(name).string());
    ASSERT_EQ(library.isQuant(), std::string(name) == "small.ftz");
    const auto ours = LanguageId::Load(Model(name));
    ASSERT_TRUE(ours.has_value()) << ours.error().message;
    for (const std::string& line : lines) {
      ExpectSame(ours->Predict(line, 3), AskLibrary(library, line, 3), name + (": " + line));
    }
  }
}

TEST_F(LanguageIdTest, LineEndsAreTakenOutAsCcNetDoes) {
  const auto id = LanguageId::Load(Model("plain.bin"));
  ASSERT_TRUE(id.has_value());
  ExpectSame(id->Predict("balo\nri men\nta\n", 3), id->Predict("balori menta", 3), "joined");
}

TEST_F(LanguageIdTest, ThreadsShareOneObject) {
  const auto id = LanguageId::Load(Model("small.ftz"));
  ASSERT_TRUE(id.has_value());
  const auto alone = id->Predict("balori mentamen kuzi", 3);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int times = 0; times < 50; ++times) {
        ExpectSame(id->Predict("balori mentamen kuzi", 3), alone, "in a thread");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(LanguageIdTest, ModelsOfOtherKindsAreRefused) {
  const auto pairs = LanguageId::Load(Model("pairs.bin"));
  ASSERT_FALSE(pairs.has_value());
  EXPECT_EQ(pairs.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(pairs.error().message, HasSubstr("pairs.bin: expected a fastText classifier"));
  const auto text = LanguageId::Load(Model("train.txt"));
  ASSERT_FALSE(text.has_value());
  EXPECT_THAT(text.error().message, HasSubstr("fastText cannot load it"));
  EXPECT_EQ(LanguageId::Load(Model("nowhere.bin")).error().code, ErrorCode::kNotFound);
}

// What fastText 0.9.2 answered with lid.176.ftz (../shared/golden/README.md).
TEST(LanguageIdGolden, EqualsFastText) {
  const char* named = std::getenv("REPRO_SHARED");
  const std::filesystem::path shared(named != nullptr ? named : "../shared");
  const auto answers = shared / "golden/lid/lid176.jsonl";
  if (!std::filesystem::exists(answers)) {
    GTEST_SKIP() << answers << ": not here (REPRO_SHARED names another folder)";
  }
  const auto id = LanguageId::Load(shared / "data/models/lid.176.ftz");
  ASSERT_TRUE(id.has_value()) << id.error().message;
  int cases = 0;
  std::ifstream lines(answers);
  for (std::string line; std::getline(lines, line); ++cases) {
    const Json golden = Json::parse(line);
    const auto guesses = id->Predict(golden.at("text").get<std::string>(), 3);
    const Json& predicted = golden.at("predicted");
    ASSERT_EQ(guesses.size(), predicted.size()) << "line " << cases + 1;
    for (std::size_t i = 0; i < guesses.size(); ++i) {
      EXPECT_EQ(guesses[i].language, predicted[i][0].get<std::string>()) << "line " << cases + 1;
      EXPECT_NEAR(guesses[i].probability, predicted[i][1].get<float>(), 1e-4);
    }
  }
  EXPECT_GT(cases, 0);
}

TEST(LanguageIdCodeTest, IsWhatLid176CallsALanguage) {
  EXPECT_EQ(LanguageIdCode("en"), "en");
  EXPECT_EQ(LanguageIdCode("zh-Hant"), "zh");
  EXPECT_EQ(LanguageIdCode("bn_rom"), "bn");
  EXPECT_EQ(LanguageIdCode("ku-ckb"), "ckb");
  EXPECT_EQ(LanguageIdCode("pa-Arab"), "pnb");
}

}  // namespace
}  // namespace repro
