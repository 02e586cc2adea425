#include "experiments/corpus/clean/line_normalizer.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/io/json_io.h"

namespace repro {
namespace {

std::string Dedup(std::string_view line) {
  std::string out;
  NormalizeForDedup(line, out);
  return out;
}

TEST(LineNormalizerTest, DedupFormIsTrimmedLowerWithZerosAndWithoutUnicodePunctuation) {
  EXPECT_EQ(Dedup("  Hello, World 1984!\r"), "hello, world 0000!");
  EXPECT_EQ(Dedup("\u3000\u00A0Été – “quoté”\u2028"), "été  quoté");
  EXPECT_EQ(Dedup("a\tb\x7F"), "ab");
  EXPECT_EQ(Dedup("٣٤ ４５"), "00 00");
  EXPECT_EQ(Dedup(" \r\n\t "), "");
}

TEST(LineNormalizerTest, ALineOfWhichNothingIsLeftTellsNothing) {
  EXPECT_FALSE(TextHash("\u2026"));
  EXPECT_FALSE(TextHash("\u201C\u00A0\u2014 \u201D"));
  EXPECT_EQ(TextHash("\u2014 One."), DedupHash("\u2014 one."));
  EXPECT_TRUE(TextHash("!"));
}

TEST(LineNormalizerTest, LowerCaseFollowsTheFullMappingWhereItDiffers) {
  EXPECT_EQ(Dedup("ΟΔΟΣ ΣΑΣ Σ"), "οδος σας σ");
  EXPECT_EQ(Dedup("İSTANBUL"), "i̇stanbul");
}

TEST(LineNormalizerTest, LmFormReplacesPunctuationAndTakesAccentsOff) {
  EXPECT_EQ(NormalizeForLm("Où — “là”… 7％"), "ou  -  \"la\"... 0%");
  EXPECT_EQ(NormalizeForLm("Où — “là”… 7％", true), "où  -  \"là\"... 0%");
  EXPECT_EQ(NormalizeForLm("\uD55C"), "\u1112\u1161\u11AB") << "decomposed, as in CC-Net";
}

TEST(LineNormalizerTest, BrokenUtf8GivesReplacementCharacters) {
  EXPECT_EQ(Dedup("a\xFF\xC3"), "a\uFFFD\uFFFD");
}

TEST(LineNormalizerTest, LettersAreWhatNobodyWouldCallAnotherSentence) {
  const auto letters = [](std::string_view line) {
    std::string out;
    NormalizeToLetters(line, out);
    return out;
  };
  const std::string plain = letters("Où est-ce que c'est, 12 ans?");
  for (const char* line :
       {"Ou\u0300 est-ce que c\u2019est, 12 ans ?", "OÙ EST-CE QUE C'EST 12 ANS",
        "“Où est-ce  que\u00A0c'est, 12 ans?”", "- Où est-ce que c'est,\t12 ans?",
        "\uFEFFOù est-ce que c'\u200Best, 1\u00AD2 ans?", "Où est-ce que c'est, ３４ ans?"}) {
    EXPECT_EQ(letters(line), plain) << line;
  }
  EXPECT_NE(letters("Ou est-ce que c'est, 12 ans?"), plain) << "an accent is no punctuation";
  EXPECT_EQ(letters("किताब।"), "किताब") << "vowel signs stay";
  // NFKC writes an accent that stands alone as a space and a mark.
  EXPECT_EQ(letters("Don\u00B4t"), "dont");
  EXPECT_EQ(letters("Don\u00B4t"), letters("don't"));
  EXPECT_EQ(letters("\u00A8\u1FBDa \u0301"), "a");
  EXPECT_EQ(letters("a\u0323\u0308"), "\u1EA1\u0308") << "marks of a letter stay";
  EXPECT_FALSE(LettersHash(" … — ")) << "nothing to tell it by";
}

// What cc_net's own normaliser answered (../shared/golden/README.md).
TEST(LineNormalizerGolden, EqualsCcNet) {
  const char* shared = std::getenv("REPRO_SHARED");
  const std::filesystem::path folder =
      std::filesystem::path(shared != nullptr ? shared : "../shared") / "golden" / "cc_net";
  if (!std::filesystem::exists(folder)) {
    GTEST_SKIP() << folder << ": not here (REPRO_SHARED names another folder)";
  }
  int cases = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    std::ifstream lines(file.path());
    for (std::string line; std::getline(lines, line); ++cases) {
      const Json golden = Json::parse(line);
      const std::string raw = golden.at("raw");
      EXPECT_EQ(Dedup(raw), golden.at("dedup").get<std::string>()) << raw;
      EXPECT_EQ(std::to_string(DedupHash(raw)), golden.at("hash").get<std::string>()) << raw;
      EXPECT_EQ(NormalizeForLm(raw), golden.at("lm").get<std::string>()) << raw;
      EXPECT_EQ(NormalizeForLm(raw, true), golden.at("lm_keep_accent").get<std::string>()) << raw;
    }
  }
  EXPECT_GT(cases, 0);
}

}  // namespace
}  // namespace repro
