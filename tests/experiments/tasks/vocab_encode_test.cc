#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/hash.h"
#include "experiments/data/batch_source.h"
#include "experiments/data/encoded_corpus.h"
#include "experiments/data/token_shard.h"
#include "experiments/tasks/encode/spec.h"
#include "experiments/tasks/encode/task.h"
#include "experiments/tasks/vocab/spec.h"
#include "experiments/tasks/vocab/task.h"
#include "experiments/text/tokenizer.h"
#include "tests/core/temp_folder.h"
#include "tests/experiments/task_fixture.h"

namespace repro {
namespace {

using ::testing::HasSubstr;

class VocabEncodeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    testing::WriteTinyCorpus(root_ / "aa", "aa", 300, 16);
    testing::WriteTinyCorpus(root_ / "bb", "bb", 50, 1);
  }
  VocabSpec Spec() const {
    VocabSpec spec;
    spec.languages = {"aa", "bb"};
    spec.settings.size = 160;
    spec.settings.sample_sentences = 400;
    return spec;
  }
  Status LearnVocab(testing::TaskFixture& vocab) {
    vocab.inputs = {{"aa", root_ / "aa"}, {"bb", root_ / "bb"}};
    return vocab.Run(&RunVocabTask, Spec());
  }
  testing::TempFolder root_;
};

TEST_F(VocabEncodeTest, VocabLeavesAModelAndItsFitByLanguage) {
  testing::TaskFixture vocab(root_ / "vocab");
  const Status status = LearnVocab(vocab);
  ASSERT_TRUE(status) << status.error().message;
  const auto tokenizer = Tokenizer::Load(vocab.out() / "sp.model");
  ASSERT_TRUE(tokenizer);
  EXPECT_EQ(tokenizer->vocab_size(), 160);
  const auto summary = LoadJson(vocab.out() / "vocab.json");
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->at("size"), 160);
  EXPECT_EQ(summary->at("mask_id"), 159);

  // The metric by its definition, counted here over the held-out text.
  std::istringstream text(*ReadFile(root_ / "bb/heldout.txt"));
  double words = 0, pieces = 0;
  for (std::string line; std::getline(text, line);) {
    std::istringstream split(line);
    for (std::string word; split >> word;) words += 1;
    pieces += static_cast<double>(tokenizer->Encode(line).size());
  }
  EXPECT_NEAR(vocab.MetricValue("vocab.tokens_per_word", "bb").value(), pieces / words, 1e-9);
  EXPECT_EQ(vocab.MetricValue("vocab.coverage", "aa").value(), 1);
  EXPECT_EQ(vocab.MetricValue("vocab.unknown_rate", "aa").value(), 0);
}

TEST_F(VocabEncodeTest, UncoveredCharactersLowerCoverage) {
  // Held-out text of bb: one word of known letters, one of an unknown script, as many characters
  // each.
  ASSERT_TRUE(
      PutFile(root_ / "bb/heldout.txt", "bako \xE4\xBD\xA0\xE5\xA5\xBD\xE5\x90\x97\xE5\x95\x8A\n"));
  testing::TaskFixture vocab(root_ / "vocab");
  ASSERT_TRUE(LearnVocab(vocab));
  EXPECT_DOUBLE_EQ(vocab.MetricValue("vocab.coverage", "bb").value(), 0.5);
  EXPECT_GT(vocab.MetricValue("vocab.unknown_rate", "bb").value(), 0);
}

TEST_F(VocabEncodeTest, ShardsHoldTheTextAndFeedTraining) {
  testing::TaskFixture vocab(root_ / "vocab");
  ASSERT_TRUE(LearnVocab(vocab));
  testing::TaskFixture encode(root_ / "encode");
  encode.inputs = vocab.inputs;
  encode.inputs["vocab"] = vocab.out();
  const Status status = encode.Run(&RunEncodeTask, EncodeSpec{{"aa", "bb"}});
  ASSERT_TRUE(status) << status.error().message;

  const auto corpus = EncodedCorpus::Load(encode.out());
  ASSERT_TRUE(corpus) << corpus.error().message;
  EXPECT_EQ(corpus->vocab_size, 160);
  EXPECT_EQ(corpus->languages.at("aa").train.sentences, 300);
  EXPECT_EQ(corpus->languages.at("aa").train.documents, 60);  // of five sentences
  EXPECT_EQ(corpus->languages.at("bb").heldout.sentences, 60);
  EXPECT_EQ(corpus->languages.at("bb").nominal_units, 1);

  const auto tokenizer = Tokenizer::Load(vocab.out() / "sp.model");
  const auto shard = TokenShard::Open(EncodedCorpus::TrainShard(encode.out(), "bb"));
  ASSERT_TRUE(tokenizer && shard);
  EXPECT_EQ(shard->sentences(), 50 + 10);  // and a lone </s> after each document
  std::vector<std::int64_t> sentence;
  shard->Append(shard->SentenceBegin(6), shard->SentenceEnd(6), sentence);  // the sixth of the text
  EXPECT_EQ(sentence.back(), kEosId);
  sentence.pop_back();
  EXPECT_EQ(tokenizer->Decode({sentence.begin(), sentence.end()}), testing::TinySentence("bb", 5));
  EXPECT_EQ(shard->SentenceEnd(5) - shard->SentenceBegin(5), 1);

  auto source = BatchSource::Open(
      encode.out(),
      {.languages = {"aa", "bb"}, .tokens_per_sample = 32, .sequences_per_update = 4});
  ASSERT_TRUE(source) << source.error().message;
  EXPECT_EQ(source->Get(0).rows, 4);
}

TEST_F(VocabEncodeTest, ThreadsChangeNothing) {
  testing::TaskFixture vocab(root_ / "vocab");
  ASSERT_TRUE(LearnVocab(vocab));
  std::vector<std::string> digests;
  for (const int threads : {1, 3}) {
    testing::TaskFixture encode(root_ / ("encode" + std::to_string(threads)));
    encode.task.resources.threads = threads;
    encode.inputs = vocab.inputs;
    encode.inputs["vocab"] = vocab.out();
    ASSERT_TRUE(encode.Run(&RunEncodeTask, EncodeSpec{{"aa", "bb"}}));
    std::string all;
    for (const char* file : {"aa.train.tok", "aa.heldout.tok", "bb.train.tok", "meta.json"}) {
      all += Sha256File(encode.out() / file).value();
    }
    digests.push_back(all);
  }
  EXPECT_EQ(digests[0], digests[1]);
}

TEST_F(VocabEncodeTest, ALimitOfTokensIsOfEachLanguageAndNotOfWhatIsHeldOut) {
  testing::TaskFixture vocab(root_ / "vocab");
  ASSERT_TRUE(LearnVocab(vocab));
  const auto encode_with = [&](std::int64_t max_tokens) {
    testing::TaskFixture encode(root_ / fmt::format("encode-{}", max_tokens));
    encode.inputs = vocab.inputs;
    encode.inputs["vocab"] = vocab.out();
    const Status status =
        encode.Run(&RunEncodeTask, EncodeSpec{.languages = {"aa", "bb"}, .max_tokens = max_tokens});
    EXPECT_TRUE(status) << status.error().message;
    return EncodedCorpus::Load(encode.out()).value();
  };
  const EncodedCorpus all = encode_with(0);
  const std::int64_t limit = all.languages.at("bb").train.tokens + 100;
  const EncodedCorpus some = encode_with(limit);
  const EncodedLanguage& aa = some.languages.at("aa");
  EXPECT_LE(aa.train.tokens, limit);
  EXPECT_LT(aa.train.tokens, all.languages.at("aa").train.tokens);
  EXPECT_EQ(aa.nominal_units, static_cast<double>(aa.train.sentences));
  EXPECT_EQ(aa.heldout, all.languages.at("aa").heldout);
  EXPECT_EQ(some.languages.at("bb").train, all.languages.at("bb").train);
}

// A key that was made before a field was there is still the same work's key.
TEST(EncodeSpecTest, WithoutALimitItIsWhatItWas) {
  const EncodeSpec spec{.languages = {"en", "sw"}};
  EXPECT_EQ(CanonicalJson(ToJson(spec)), R"({"languages":["en","sw"]})");
  EXPECT_EQ(FromJson<EncodeSpec>(ToJson(spec))->max_tokens, 0);
  Task task;
  task.kind = "encode";
  task.version = kEncodeVersion;
  task.spec = ToJson(spec);
  task.inputs = {{"en", "1"}, {"sw", "2"}, {"vocab", "3"}};
  EXPECT_EQ(ComputeTaskKey(task),
            "20ec08c862f76979c9debfba38dd91fba3ae164ef39e5621ac94160ed561efc1");
  const EncodeSpec limited{.languages = {"en"}, .max_tokens = 5};
  EXPECT_EQ(CanonicalJson(ToJson(limited)), R"({"languages":["en"],"max_tokens":5})");
  EXPECT_EQ(FromJson<EncodeSpec>(ToJson(limited))->max_tokens, 5);
}

TEST_F(VocabEncodeTest, TheSampleIsSaidBeforeAnythingIsLearnt) {
  testing::TaskFixture vocab(root_ / "vocab");
  ASSERT_TRUE(LearnVocab(vocab));
  const auto messages = vocab.Events("message");
  ASSERT_FALSE(messages.empty());
  EXPECT_THAT(messages.front().at("text").get<std::string>(),
              HasSubstr("learning a vocabulary of 160 (unigram) from 400 sentences"));
  const auto summary = LoadJson(vocab.out() / "vocab.json");
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->at("languages").at("aa").at("lines_too_long"), 0);
  EXPECT_FALSE(summary->contains("pre_tokenization"));
}

TEST_F(VocabEncodeTest, BpeIsLearntAndUsedOnWords) {
  testing::TaskFixture vocab(root_ / "vocab");
  vocab.inputs = {{"aa", root_ / "aa"}, {"bb", root_ / "bb"}};
  VocabSpec spec = Spec();
  spec.settings.model = "bpe";
  const Status status = vocab.Run(&RunVocabTask, spec);
  ASSERT_TRUE(status) << status.error().message;
  const auto summary = LoadJson(vocab.out() / "vocab.json");
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->at("model"), "bpe");
  EXPECT_EQ(summary->at("pre_tokenization").at("rules").at("aa"), "moses-like-1");
  EXPECT_THAT(summary->at("pre_tokenization").at("note").get<std::string>(),
              HasSubstr("a stand-in for XLM's tools"));

  testing::TaskFixture encode(root_ / "encode");
  encode.inputs = vocab.inputs;
  encode.inputs["vocab"] = vocab.out();
  ASSERT_TRUE(encode.Run(&RunEncodeTask, EncodeSpec{{"aa", "bb"}}));
  const auto plain = Tokenizer::Load(vocab.out() / "sp.model");
  const auto shard = TokenShard::Open(EncodedCorpus::TrainShard(encode.out(), "aa"));
  ASSERT_TRUE(plain && shard);
  std::istringstream text(*ReadFile(root_ / "aa/text.txt"));
  std::string line;
  ASSERT_TRUE(std::getline(text, line));
  ASSERT_TRUE(line.ends_with('.'));
  line.insert(line.size() - 1, " ");  // the full stop is a word
  std::vector<std::int64_t> expected;
  for (const TokenId id : plain->Encode(line)) expected.push_back(id);
  expected.push_back(kEosId);
  std::vector<std::int64_t> first;
  shard->Append(0, shard->SentenceEnd(0), first);
  EXPECT_EQ(first, expected);
}

TEST_F(VocabEncodeTest, StopFlagInterrupts) {
  testing::TaskFixture vocab(root_ / "vocab");
  ASSERT_TRUE(LearnVocab(vocab));
  testing::TaskFixture encode(root_ / "encode");
  encode.inputs = vocab.inputs;
  encode.inputs["vocab"] = vocab.out();
  encode.stop = true;
  const Status status = encode.Run(&RunEncodeTask, EncodeSpec{{"aa", "bb"}});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kInterrupted);
}

TEST_F(VocabEncodeTest, MissingAndDamagedInputsAreNamed) {
  testing::TaskFixture vocab(root_ / "vocab");
  vocab.inputs = {{"aa", root_ / "aa"}};
  Status status = vocab.Run(&RunVocabTask, Spec());
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("no input 'bb'"));
  ASSERT_TRUE(PutFile(root_ / "bb/stats.json", "{}"));
  status = LearnVocab(vocab);
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message,
              HasSubstr("bb/stats.json: nominal_units: expected a number above 0"));
}

}  // namespace
}  // namespace repro
