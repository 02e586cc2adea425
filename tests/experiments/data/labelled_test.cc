#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "experiments/data/json_line.h"
#include "experiments/data/labelled_encoder.h"
#include "experiments/data/labelled_reader.h"
#include "experiments/text/vocab_trainer.h"
#include "tests/core/temp_folder.h"
#include "tests/experiments/tiny_corpus.h"

namespace repro {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class LabelledReaderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Write(
        "labels.json",
        R"({"xnli": ["contradiction", "neutral", "entailment"], "topic": ["a", "b"], "tags": ["O", "B-PER", "I-PER"]})");
  }
  void Write(const std::string& name, const std::string& content) {
    ASSERT_TRUE(PutFile(folder_ / name, content));
  }
  Result<std::vector<LabelledExample>> Read(const std::string& task) {
    auto labels = ReadLabelNames(folder_.path(), task);
    EXPECT_TRUE(labels) << labels.error().message;
    return ReadLabelled(folder_.path(), task, "dev", *labels);
  }
  testing::TempFolder folder_;
};

TEST_F(LabelledReaderTest, ReadsEachTask) {
  Write("xnli.dev.jsonl", R"({"id": "x1", "premise": "A b.", "hypothesis": "C.", "label": 2})"
                          "\n");
  Write("topic.dev.jsonl", R"({"id": "t1", "text": "A b.", "label": 1})"
                           "\n");
  Write("tags.dev.jsonl", R"({"id": "g1", "words": ["Ada", "is"], "tags": ["B-PER", "O"]})"
                          "\n");
  Write("parallel.jsonl", R"({"id": "p1", "text": "A."})"
                          "\n"
                          R"({"id": "p2", "text": "B."})"
                          "\n");
  const auto pairs = Read("xnli");
  ASSERT_TRUE(pairs);
  EXPECT_EQ(pairs->at(0).second, "C.");
  EXPECT_EQ(pairs->at(0).label, 2);
  const auto topics = Read("topic");
  ASSERT_TRUE(topics);
  EXPECT_EQ(topics->at(0).label, 1);
  const auto tags = Read("tags");
  ASSERT_TRUE(tags);
  EXPECT_THAT(tags->at(0).tags, ElementsAre(1, 0));
  const auto parallel = ReadParallel(folder_.path());
  ASSERT_TRUE(parallel);
  EXPECT_EQ(parallel->at(1).text, "B.");
}

TEST_F(LabelledReaderTest, EveryFaultyLineIsNamedAtOnce) {
  Write("xnli.dev.jsonl",
        R"({"id": "1", "premise": "A", "hypothesis": "B", "label": 3})"
        "\n"
        R"({"id": "2", "premise": "A", "hypothesis": "B", "label": "neutral"})"
        "\n"
        R"({"id": "3", "premise": "A", "hypotesis": "B", "label": 0})"
        "\n"
        R"({"id": "4", "premise": "A", )"
        "\n"
        R"({"id": "5", "premise": "", "label": 0})"
        "\n"
        R"({"id": "6", "premise": "A", "hypothesis": "B", "label": 0})"
        "\n"
        "[1]\n"
        "{\"id\": \"8\", \"premise\": \"\xff\", \"hypothesis\": \"B\", \"label\": 0}\n");
  const auto examples = Read("xnli");
  ASSERT_FALSE(examples);
  EXPECT_EQ(examples.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(
      examples.error().message,
      AllOf(HasSubstr("xnli.dev.jsonl:1:57: `label` is 3, expected 0 to 2"),
            HasSubstr("xnli.dev.jsonl:2:57: `label` is string, expected an integer"),
            HasSubstr(":3:29: no key `hypothesis`, expected a string; is `hypotesis` a misspelling "
                      "of it?"),
            HasSubstr(":4:29: not valid JSON: unexpected end of input, expected string literal"),
            HasSubstr(":5:24: `premise` is empty, expected text\n"),
            HasSubstr(":5:1: no key `hypothesis`, expected a string\n"), Not(HasSubstr("jsonl:6:")),
            HasSubstr(":7:1: found array, expected a JSON object"),
            HasSubstr(":8:25: not valid JSON: invalid string: ill-formed UTF-8 byte")));
}

TEST_F(LabelledReaderTest, MisspeltTagGetsASuggestion) {
  Write("tags.dev.jsonl", R"({"id": "1", "words": ["Ada", "is"], "tags": ["B-PRE", "O"]})"
                          "\n"
                          R"({"id": "2", "words": ["Ada", "is"], "tags": ["O"]})"
                          "\n");
  const auto examples = Read("tags");
  ASSERT_FALSE(examples);
  EXPECT_THAT(examples.error().message,
              AllOf(HasSubstr(":1:46: `tags`, entry 1: unknown tag `B-PRE`, expected `O`, `B-PER` "
                              "or `I-PER`; did you mean `B-PER`?"),
                    HasSubstr(":2:45: 2 words and 1 tags, expected as many of each")));
}

TEST_F(LabelledReaderTest, LongListsOfErrorsAreCutAndCounted) {
  std::string lines;
  for (int i = 0; i < 50; ++i) lines += "{}\n";
  Write("topic.dev.jsonl", lines);
  const auto examples = Read("topic");
  ASSERT_FALSE(examples);
  EXPECT_THAT(examples.error().message, HasSubstr("\n... and 130 more"));  // 50 times 3 keys
}

TEST_F(LabelledReaderTest, EmptyFileMissingFileUnknownTaskAndBadLabelsAreErrors) {
  Write("topic.dev.jsonl", "");
  EXPECT_THAT(Read("topic").error().message, HasSubstr("topic.dev.jsonl: no example"));
  EXPECT_EQ(Read("xnli").error().code, ErrorCode::kNotFound);
  EXPECT_THAT(ReadLabelled(folder_.path(), "nli", "dev", {"a"}).error().message,
              HasSubstr("unknown task `nli`"));
  Write("labels.json", R"({"xnli": ["only"]})");
  EXPECT_THAT(ReadLabelNames(folder_.path(), "xnli").error().message,
              HasSubstr("`xnli`: expected an array of at least two names"));
}

// Columns count characters, not bytes; keys and strings may be escaped, values nested.
TEST(JsonLineTest, FindsMembersAndEntries) {
  const std::string line =
      R"( {"é\"}": {"x": ["}", 1]}, "\u0061":[ "b,]" , [2, {}],3 ] , "last" : true})";
  ASSERT_TRUE(ParseJsonLine(line, "f:1"));
  const auto column = [&](std::size_t byte) { return ColumnAt(line, byte); };
  EXPECT_EQ(column(FindMember(line, "é\"}").key), 3);
  EXPECT_EQ(column(FindMember(line, "é\"}").value), 11);
  const MemberPlace escaped = FindMember(line, "a");
  EXPECT_EQ(line.substr(escaped.key, 8), "\"\\u0061\"");
  EXPECT_EQ(line[escaped.value], '[');
  EXPECT_EQ(line.substr(FindEntry(line, escaped.value, 0), 5), "\"b,]\"");
  EXPECT_EQ(line.substr(FindEntry(line, escaped.value, 1), 2), "[2");
  EXPECT_EQ(line[FindEntry(line, escaped.value, 2)], '3');
  EXPECT_EQ(line.substr(FindMember(line, "last").value, 4), "true");
  EXPECT_EQ(FindMember(line, "x").key, std::string::npos);  // not at the top
  EXPECT_EQ(FindMember("{}", "x").key, std::string::npos);
  EXPECT_EQ(FindMember(R"({"k": 1, "k": 2})", "k").key, 9U);
}

class LabelledEncoderTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    testing::TempFolder folder;
    ASSERT_TRUE(PutFile(folder / "text.txt", testing::TinyText("aa", 400)));
    auto vocab =
        TrainVocabulary({{"aa", folder / "text.txt", 1.0}}, {.size = 120, .sample_sentences = 400});
    ASSERT_TRUE(vocab) << vocab.error().message;
    auto tokenizer = Tokenizer::FromBytes(vocab->model, "model");
    ASSERT_TRUE(tokenizer);
    tokenizer_ = new Tokenizer(std::move(*tokenizer));
  }
  static void TearDownTestSuite() { delete tokenizer_; }
  static std::vector<std::int64_t> Ids(const std::string& text) {
    const auto ids = tokenizer_->Encode(text);
    return {ids.begin(), ids.end()};
  }
  static inline Tokenizer* tokenizer_ = nullptr;
};

std::vector<std::int64_t> Join(std::initializer_list<std::vector<std::int64_t>> parts) {
  std::vector<std::int64_t> joined;
  for (const auto& part : parts) joined.insert(joined.end(), part.begin(), part.end());
  return joined;
}

TEST_F(LabelledEncoderTest, PairHasFairseqsFormat) {
  LabelledExample example;
  example.text = "bako mite.";
  example.second = "ruzu.";
  example.label = 1;
  const auto encoded = EncodeExamples({example}, LabelledTask::kPair, *tokenizer_, 64)[0];
  EXPECT_EQ(encoded.tokens,
            Join({{kBosId}, Ids("bako mite."), {kEosId, kEosId}, Ids("ruzu."), {kEosId}}));
  EXPECT_THAT(encoded.positions, ElementsAre(0));
  EXPECT_THAT(encoded.labels, ElementsAre(1));
}

TEST_F(LabelledEncoderTest, LongerSentenceOfAPairIsCutFirst) {
  LabelledExample example;
  example.text = testing::TinySentence("aa", 1) + " " + testing::TinySentence("aa", 2);
  example.second = "ba";
  std::int64_t cut = 0;
  const auto encoded = EncodeExamples({example}, LabelledTask::kPair, *tokenizer_, 16, &cut)[0];
  EXPECT_EQ(cut, 1);
  EXPECT_EQ(encoded.tokens.size(), 16U);
  const auto second = Ids("ba");
  ASSERT_LT(second.size(), 5U);
  EXPECT_EQ(Join({{kEosId, kEosId}, second, {kEosId}}),
            std::vector<std::int64_t>(
                encoded.tokens.end() - static_cast<std::ptrdiff_t>(second.size()) - 3,
                encoded.tokens.end()));
}

TEST_F(LabelledEncoderTest, WordsAreTaggedAtTheirFirstPiece) {
  LabelledExample example;
  example.words = {"bakomite", "ru", "zu"};
  example.tags = {1, 0, 2};
  const auto encoded = EncodeExamples({example}, LabelledTask::kTags, *tokenizer_, 64)[0];
  EXPECT_EQ(encoded.tokens, Join({{kBosId}, Ids("bakomite"), Ids("ru"), Ids("zu"), {kEosId}}));
  const auto first = static_cast<std::int64_t>(Ids("bakomite").size());
  const auto second = static_cast<std::int64_t>(Ids("ru").size());
  ASSERT_GT(first, 1);
  EXPECT_THAT(encoded.positions, ElementsAre(1, 1 + first, 1 + first + second));
  EXPECT_THAT(encoded.labels, ElementsAre(1, 0, 2));
}

TEST_F(LabelledEncoderTest, WordsThatDoNotFitHaveNoPosition) {
  LabelledExample example;
  for (int i = 0; i < 12; ++i) example.words.push_back("bakomiteruzu");
  example.tags.assign(12, 0);
  std::int64_t cut = 0;
  const auto encoded = EncodeExamples({example}, LabelledTask::kTags, *tokenizer_, 16, &cut)[0];
  EXPECT_EQ(cut, 1);
  EXPECT_EQ(encoded.tokens.size(), 16U);
  EXPECT_EQ(encoded.tokens.back(), kEosId);
  ASSERT_EQ(encoded.positions.size(), 12U);
  EXPECT_EQ(encoded.positions.front(), 1);
  EXPECT_EQ(encoded.positions.back(), -1);
  for (const std::int64_t position : encoded.positions) EXPECT_LT(position, 15);
}

TEST_F(LabelledEncoderTest, SentenceIsCutBehind) {
  const std::string text = testing::TinySentence("aa", 1);
  const auto whole = EncodeSentence(text, *tokenizer_, 200);
  EXPECT_EQ(whole, Join({{kBosId}, Ids(text), {kEosId}}));
  const auto cut = EncodeSentence(text, *tokenizer_, 8);
  EXPECT_EQ(cut.size(), 8U);
  EXPECT_EQ(cut.back(), kEosId);
  EXPECT_EQ(cut[6], whole[6]);
}

}  // namespace
}  // namespace repro
