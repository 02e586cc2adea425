#include "experiments/corpus/clean/ngram_model.h"

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "experiments/corpus/clean/kenlm_message.h"
#include "tests/core/temp_folder.h"
#include "tests/experiments/corpus/clean/arpa_reference.h"

namespace repro {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using testing::ArpaReference;
using ::testing::HasSubstr;
using ::testing::Not;

/// Back-offs of all kinds: of histories with and without a weight, over <s>, and into <unk>.
constexpr std::string_view kArpa = R"(\data\
ngram 1=6
ngram 2=5
ngram 3=2

\1-grams:
-1.5	<unk>	-0.25
0	<s>	-0.5
-0.75	</s>
-0.625	a	-0.125
-1.125	b	-0.375
-2.25	c

\2-grams:
-0.25	<s> a	-0.0625
-0.5	a b	-0.75
-0.875	b a
-1.375	b </s>
-0.125	b <unk>

\3-grams:
-0.03125	<s> a b
-0.4375	a b a

\end\
)";

/// Compares each line's score with the definition's.
void ExpectScores(const NgramModel& model, const ArpaReference& reference,
                  const std::vector<ArpaReference::Words>& lines) {
  for (const ArpaReference::Words& line : lines) {
    const double expected = reference.Line(line);
    const LineScore score = model.ScoreLine(line);
    // KenLM adds up in single precision.
    ASSERT_NEAR(score.log10, expected, 2e-6 * std::abs(expected) + 1e-6)
        << ::testing::PrintToString(line);
    ASSERT_EQ(score.tokens, static_cast<std::int64_t>(line.size()) + 1);
  }
}

/// All lines of up to `longest` words of the vocabulary and one unknown word; and each n-gram of
/// the file alone, and before and behind each word.
std::vector<ArpaReference::Words> Lines(const ArpaReference& reference, std::size_t longest) {
  ArpaReference::Words words = {"out-of-vocabulary"};
  for (const std::string& word : reference.vocabulary()) {
    if (word != "<s>" && word != "</s>") words.push_back(word);
  }
  std::vector<ArpaReference::Words> lines = {{}};
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].size() == longest) break;
    for (const std::string& word : words) {
      lines.push_back(lines[i]);
      lines.back().push_back(word);
    }
  }
  for (ArpaReference::Words ngram : reference.ngrams()) {
    if (ngram.front() == "<s>") ngram.erase(ngram.begin());
    if (!ngram.empty() && ngram.back() == "</s>") ngram.pop_back();
    if (ngram.empty() || ngram.front() == "</s>") continue;
    lines.push_back(ngram);
    for (const std::string& word : words) {
      lines.push_back(ngram);
      lines.back().push_back(word);
      lines.push_back(ngram);
      lines.back().insert(lines.back().begin(), word);
    }
  }
  return lines;
}

TEST(NgramModelTest, ScoresFollowTheDefinitionOfBackOff) {
  const TempFolder folder;
  ASSERT_TRUE(PutFile(folder / "toy.arpa", kArpa));
  const auto model = NgramModel::Load(folder / "toy.arpa");
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->order(), 3);
  EXPECT_EQ(model->remarks(), "");
  // By hand: <s> a b -> -0.25 and -0.03125; </s> after "a b": -0.75 and "b </s>" -1.375.
  EXPECT_DOUBLE_EQ(model->ScoreLine(std::vector<std::string>{"a", "b"}).log10, -2.40625);
  const ArpaReference reference{std::string(kArpa)};
  EXPECT_DOUBLE_EQ(reference.Line({"a", "b"}), -2.40625);
  ExpectScores(*model, reference, Lines(reference, 5));
}

TEST(NgramModelTest, CountsUnknownTokens) {
  const TempFolder folder;
  ASSERT_TRUE(PutFile(folder / "toy.arpa", kArpa));
  const auto model = NgramModel::Load(folder / "toy.arpa");
  ASSERT_TRUE(model);
  const LineScore score = model->ScoreLine(std::vector<std::string>{"a", "x", "", "b"});
  EXPECT_EQ(score.tokens, 5);
  EXPECT_EQ(score.unknown, 2);
  EXPECT_EQ(model->ScoreLine({}).tokens, 1);
}

TEST(NgramModelTest, AModelWithoutUnkIsTakenAndSaidToBe) {
  std::string arpa(kArpa);
  arpa.erase(arpa.find("-1.5\t<unk>"), std::string_view("-1.5\t<unk>\t-0.25\n").size());
  arpa.erase(arpa.find("-0.125\tb <unk>\n"), std::string_view("-0.125\tb <unk>\n").size());
  arpa.replace(arpa.find("1=6"), 3, "1=5").replace(arpa.find("2=5"), 3, "2=4");
  const TempFolder folder;
  ASSERT_TRUE(PutFile(folder / "no-unk.arpa", arpa));
  const auto model = NgramModel::Load(folder / "no-unk.arpa");
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_THAT(model->remarks(), AllOf(HasSubstr("missing <unk>"), HasSubstr("-100")));
  const ArpaReference reference(arpa);
  ExpectScores(*model, reference, Lines(reference, 4));
}

TEST(NgramModelTest, WhatIsNoModelIsRefusedInOneLine) {
  const TempFolder folder;
  const auto refusal = [&](const std::string& name, std::string_view content) {
    EXPECT_TRUE(PutFile(folder / name, content));
    const auto model = NgramModel::Load(folder / name);
    EXPECT_FALSE(model) << name;
    if (model) return std::string();
    EXPECT_EQ(model.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(model.error().message, AllOf(HasSubstr("/" + name + ": KenLM cannot load it: "),
                                             Not(HasSubstr("\n")), Not(HasSubstr(" threw "))));
    return model.error().message;
  };
  EXPECT_THAT(refusal("text", "just text\n"), HasSubstr("first non-empty line was \"just text\""));
  EXPECT_THAT(refusal("empty", ""), HasSubstr("End of file"));
  EXPECT_THAT(refusal("unigrams", "\\data\\\nngram 1=2\n\n\\1-grams:\n-1\t<unk>\n-1\ta\n\n\\end\\"),
              HasSubstr("at least a bigram model"));
  EXPECT_THAT(refusal("high",
                      "\\data\\\nngram 1=1\nngram 2=1\nngram 3=1\nngram 4=1\nngram 5=1\n"
                      "ngram 6=1\nngram 7=1\n\n"),
              HasSubstr("order 7"));
  EXPECT_THAT(refusal("binary", "mmap lm http://kheafield.com/code format version 5\n"),
              HasSubstr("KenLM"));
  EXPECT_EQ(NgramModel::Load(folder / "missing").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(NgramModel::Load(folder.path()).error().code, ErrorCode::kIo);
}

TEST(NgramModelTest, DamageNeverCrashesAndIsNeverASilentEnd) {
  const TempFolder folder;
  const fs::path file = folder / "damaged.arpa";
  const auto write = [&](std::string_view bytes) {  // thousands of times, so without fsync
    std::ofstream(file, std::ios::binary) << bytes;
  };
  for (std::size_t at = 0; at < kArpa.find("\\end\\"); ++at) {
    write(kArpa.substr(0, at));
    const auto cut = NgramModel::Load(file);
    ASSERT_FALSE(cut) << "cut at byte " << at;
    ASSERT_EQ(cut.error().code, ErrorCode::kCorrupt);
    ASSERT_THAT(cut.error().message, Not(HasSubstr("\n")));
    if (at % 4 != 0) continue;
    for (const char byte : {'\0', '\n', 'x'}) {
      std::string changed(kArpa);
      changed[at] = byte;
      write(changed);
      const auto model = NgramModel::Load(file);  // some still are models, of other words
      if (model) model->ScoreLine(std::vector<std::string>{"a", "b", "a", "x"});
    }
  }
}

TEST(KenlmReasonTest, IsWhatFollowsTheLastThrow) {
  EXPECT_EQ(KenlmReason("step 1\nlm/a.cc:7 in f threw X.\nNo room\nTry less\n"),
            "No room Try less");
  EXPECT_EQ(KenlmReason("a.cc:7 in f threw X because `y'.\nNo such file \nERROR\n"),
            "No such file");
  EXPECT_EQ(KenlmReason("one\ntwo\n"), "two");
  EXPECT_EQ(KenlmReason(""), "it does not say why");
}

// KenLM's own test files and one of another tool (../shared/data/README.md).
TEST(NgramModelGolden, EveryModelOfTheSharedFolderScoresByTheDefinition) {
  const char* shared = std::getenv("REPRO_SHARED");
  const fs::path folder =
      fs::path(shared != nullptr ? shared : "../shared") / "data" / "models" / "kenlm";
  if (!fs::exists(folder)) {
    GTEST_SKIP() << folder << ": not here (REPRO_SHARED names another folder)";
  }
  int files = 0;
  for (const auto& file : fs::directory_iterator(folder)) {
    ++files;
    const auto model = NgramModel::Load(file.path());
    ASSERT_TRUE(model) << model.error().message;
    const auto text = ReadFile(file.path());
    ASSERT_TRUE(text);
    const ArpaReference reference(*text);
    const bool small = reference.vocabulary().size() < 10;
    ExpectScores(*model, reference, Lines(reference, small ? 6 : 3));
    const bool has_unk = text->find("\t<unk>") != std::string::npos;
    EXPECT_EQ(model->remarks().empty(), has_unk) << file.path();
  }
  EXPECT_GT(files, 0);
}

}  // namespace
}  // namespace repro
