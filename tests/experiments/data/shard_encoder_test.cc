#include "experiments/data/shard_encoder.h"

#include <algorithm>
#include <optional>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/hash.h"
#include "experiments/data/token_shard.h"
#include "experiments/text/vocab_trainer.h"
#include "tests/core/temp_folder.h"
#include "tests/experiments/tiny_corpus.h"

namespace repro {
namespace {

using ::testing::HasSubstr;

class ShardEncoderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(PutFile(folder_ / "learn.txt", testing::TinyText("aa", 400)));
    const auto vocab = TrainVocabulary({{"aa", folder_ / "learn.txt", 1.0}},
                                       {.size = 120, .sample_sentences = 400});
    ASSERT_TRUE(vocab) << vocab.error().message;
    tokenizer_.emplace(Tokenizer::FromBytes(vocab->model, "model").value());
  }
  ShardJob Job(const std::string& text, const std::string& shard) const {
    return {folder_ / text, folder_ / shard, *tokenizer_};
  }
  Result<std::vector<ShardCounts>> Encode(const std::vector<ShardJob>& jobs, int threads = 1) {
    return EncodeShards(jobs, threads, stop_, [](std::int64_t) {});
  }
  // What the header says of a text, line by line.
  void ExpectShard(const std::string& text, const ShardCounts& counts, const std::string& name) {
    std::vector<std::int64_t> tokens;
    std::int64_t sentences = 0, documents = 0;
    bool inside = false;
    const auto end = [&] {
      if (inside) {
        tokens.push_back(kEosId);
        ++documents;
      }
      inside = false;
    };
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      const auto ids = tokenizer_->Encode(line);
      if (ids.empty()) {
        end();
        continue;
      }
      tokens.insert(tokens.end(), ids.begin(), ids.end());
      tokens.push_back(kEosId);
      ++sentences;
      inside = true;
    }
    end();
    EXPECT_EQ(counts.sentences, sentences);
    EXPECT_EQ(counts.documents, documents);
    EXPECT_EQ(counts.tokens, static_cast<std::int64_t>(tokens.size()));
    EXPECT_EQ(counts.unknown, std::count(tokens.begin(), tokens.end(), kUnkId));
    const auto shard = TokenShard::Open(folder_ / name);
    ASSERT_TRUE(shard) << shard.error().message;
    std::vector<std::int64_t> found;
    shard->Append(0, shard->tokens(), found);
    EXPECT_EQ(found, tokens);
  }
  testing::TempFolder folder_;
  std::optional<Tokenizer> tokenizer_;
  std::atomic<bool> stop_ = false;
};

// Larger than a few chunks, with documents that end where chunks do not.
std::string LargeText() {
  const std::string part = testing::TinyText("aa", 1'000) + "\n\n \n";
  std::string text;
  while (text.size() < 800'000) text += part + testing::TinySentence("bb", text.size()) + "\n";
  return text;
}

TEST_F(ShardEncoderTest, OneLargeTextIsTheSameForAnyNumberOfThreads) {
  const std::string text = LargeText();
  ASSERT_TRUE(PutFile(folder_ / "large.txt", text));
  ASSERT_TRUE(PutFile(folder_ / "small.txt", "bako mite.\n"));
  std::vector<std::string> digests;
  for (const int threads : {1, 2, 5}) {
    const auto counts =
        Encode({Job("large.txt", "large.tok"), Job("small.txt", "small.tok")}, threads);
    ASSERT_TRUE(counts) << counts.error().message;
    ASSERT_EQ(counts->size(), 2U);
    if (threads == 1) ExpectShard(text, counts->front(), "large.tok");
    EXPECT_EQ(counts->back().sentences, 1);
    digests.push_back(Sha256File(folder_ / "large.tok").value() +
                      Sha256File(folder_ / "small.tok").value());
  }
  EXPECT_EQ(digests[0], digests[1]);
  EXPECT_EQ(digests[0], digests[2]);
}

TEST_F(ShardEncoderTest, EdgesOfATextAreLines) {
  std::string long_line;
  while (long_line.size() < 300'000) long_line += "bako ";
  for (const std::string& text :
       {std::string(), std::string("\n"), std::string("\n\nbako"), std::string("bako\n\n"),
        std::string("bako \xE4\xBD\xA0\nruzu\n\nmite"), long_line, long_line + "\n" + long_line,
        std::string(1 << 18, '\n') + "bako", std::string((1 << 18) - 5, ' ') + "bako\nruzu\n"}) {
    ASSERT_TRUE(PutFile(folder_ / "edge.txt", text));
    const auto counts = Encode({Job("edge.txt", "edge.tok")}, 2);
    ASSERT_TRUE(counts) << counts.error().message;
    ExpectShard(text, counts->front(), "edge.tok");
  }
  ASSERT_TRUE(PutFile(folder_ / "crlf.txt", "bako\r\n\r\nruzu\r\n"));
  const auto counts = Encode({Job("crlf.txt", "crlf.tok")});
  ASSERT_TRUE(counts);
  ExpectShard("bako\n\nruzu\n", counts->front(), "crlf.tok");
}

TEST_F(ShardEncoderTest, ALimitTakesWholeDocumentsAndSmallerIsTheBeginningOfLarger) {
  ASSERT_TRUE(PutFile(folder_ / "large.txt", LargeText()));
  ASSERT_TRUE(PutFile(folder_ / "small.txt", "bako mite.\n"));
  const auto tokens = [&](const std::string& name) {
    const auto shard = TokenShard::Open(folder_ / name);
    EXPECT_TRUE(shard) << shard.error().message;
    std::vector<std::int64_t> found;
    shard->Append(0, shard->tokens(), found);
    return found;
  };
  ASSERT_TRUE(Encode({Job("large.txt", "all.tok")}));
  const auto all = tokens("all.tok");
  ASSERT_GT(all.size(), 150'000U);
  std::vector<std::int64_t> before;
  for (const std::int64_t limit : {200, 5'000, 60'000, 1'000'000'000}) {
    SCOPED_TRACE(limit);
    std::vector<ShardCounts> first;
    for (const int threads : {1, 3}) {
      std::vector<ShardJob> jobs = {Job("large.txt", "large.tok"), Job("small.txt", "small.tok")};
      jobs[0].max_tokens = limit;
      const auto counts = Encode(jobs, threads);
      ASSERT_TRUE(counts) << counts.error().message;
      if (threads == 1) first = *counts;
      EXPECT_EQ(*counts, first);
      EXPECT_EQ(counts->back().documents, 1) << "the next job is not touched by it";
      EXPECT_EQ(counts->back().sentences, 1);
    }
    const auto some = tokens("large.tok");
    EXPECT_EQ(first[0].tokens, static_cast<std::int64_t>(some.size()));
    EXPECT_LE(first[0].tokens, limit);
    EXPECT_GT(first[0].tokens, std::min<std::int64_t>(limit, std::ssize(all)) - 200);
    ASSERT_TRUE(std::equal(some.begin(), some.end(), all.begin()));
    EXPECT_EQ(some[some.size() - 2], kEosId) << "the last sentence's, then the document's";
    EXPECT_EQ(some.back(), kEosId);
    EXPECT_EQ(first[0].unknown, std::count(some.begin(), some.end(), kUnkId));
    ASSERT_TRUE(std::equal(before.begin(), before.end(), some.begin()));
    before = some;
  }
  EXPECT_EQ(before, all);
  std::vector<ShardJob> none = {Job("large.txt", "none.tok")};
  none[0].max_tokens = 3;
  const auto refused = Encode(none);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.error().message, HasSubstr("large.txt: its first document has "));
}

TEST_F(ShardEncoderTest, FailuresEndAllThreadsAndAreNamed) {
  ASSERT_TRUE(PutFile(folder_ / "large.txt", LargeText()));
  const auto missing =
      Encode({Job("large.txt", "large.tok"), Job("missing.txt", "missing.tok")}, 3);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(missing.error().message, HasSubstr("missing.txt: no such file"));
  EXPECT_FALSE(Encode({Job("large.txt", "no/such/folder.tok")}, 3));
  stop_ = true;
  const auto stopped = Encode({Job("large.txt", "large.tok")}, 3);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, ErrorCode::kInterrupted);
}

}  // namespace
}  // namespace repro
