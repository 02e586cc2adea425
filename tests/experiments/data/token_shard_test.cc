#include "experiments/data/token_shard.h"

#include <cstring>
#include <functional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/core/temp_folder.h"
#include "tests/experiments/tiny_corpus.h"

namespace repro {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TokenShardTest : public ::testing::TestWithParam<std::int64_t> {
 protected:
  std::filesystem::path Write(std::int64_t vocab_size,
                              const std::vector<std::vector<TokenId>>& sentences) {
    auto writer = TokenShardWriter::Open(folder_ / "x.tok", vocab_size);
    EXPECT_TRUE(writer);
    for (const auto& sentence : sentences) writer->Add(sentence);
    EXPECT_TRUE(writer->Finish());
    return folder_ / "x.tok";
  }
  // Opens the shard after `change` was made to its bytes.
  Result<TokenShard> OpenChanged(const std::function<void(std::string&)>& change) {
    auto bytes = ReadFile(folder_ / "x.tok");
    EXPECT_TRUE(bytes);
    change(*bytes);
    EXPECT_TRUE(PutFile(folder_ / "changed.tok", *bytes));
    return TokenShard::Open(folder_ / "changed.tok");
  }
  testing::TempFolder folder_;
};

TEST_P(TokenShardTest, SentencesComeBack) {
  const std::int64_t vocab_size = GetParam();
  const auto last = static_cast<TokenId>(vocab_size - 1);
  const auto path = Write(vocab_size, {{5, 6, last, kEosId}, {kEosId}, {7, kEosId}});
  const auto shard = TokenShard::Open(path);
  ASSERT_TRUE(shard) << shard.error().message;
  EXPECT_EQ(shard->vocab_size(), vocab_size);
  EXPECT_EQ(shard->sentences(), 3);
  EXPECT_EQ(shard->tokens(), 7);
  std::vector<std::int64_t> first, third;
  shard->Append(shard->SentenceBegin(0), shard->SentenceEnd(0), first);
  shard->Append(shard->SentenceBegin(2), shard->SentenceEnd(2), third);
  EXPECT_THAT(first, ElementsAre(5, 6, last, kEosId));
  EXPECT_THAT(third, ElementsAre(7, kEosId));
  std::vector<std::int64_t> counts(static_cast<std::size_t>(vocab_size), 0);
  shard->Count(counts);
  EXPECT_EQ(counts[kEosId], 3);
  EXPECT_EQ(counts[static_cast<std::size_t>(last)], 1);
}
// Ids of 2 bytes up to 65,536 rows, else of 4.
INSTANTIATE_TEST_SUITE_P(Widths, TokenShardTest, ::testing::Values(100, 65'536, 65'537, 250'002));

using TokenShardFileTest = TokenShardTest;

TEST_P(TokenShardFileTest, DamageIsFoundAndNamed) {
  Write(GetParam(), {{5, 6, 7, kEosId}, {8, 9, kEosId}});
  const auto flipped = OpenChanged([](std::string& bytes) { bytes[66] ^= 1; });
  ASSERT_FALSE(flipped);
  EXPECT_EQ(flipped.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(flipped.error().message, HasSubstr("does not match its SHA-256"));

  const auto truncated = OpenChanged([](std::string& bytes) { bytes.resize(bytes.size() - 9); });
  ASSERT_FALSE(truncated);
  EXPECT_THAT(truncated.error().message, HasSubstr("truncated"));

  const auto longer = OpenChanged([](std::string& bytes) { bytes += "x"; });
  ASSERT_FALSE(longer);
  EXPECT_THAT(longer.error().message, HasSubstr("something was appended"));

  const auto stub = OpenChanged([](std::string& bytes) { bytes.resize(10); });
  ASSERT_FALSE(stub);
  EXPECT_THAT(stub.error().message, HasSubstr("10 bytes are too few"));

  const auto version = OpenChanged([](std::string& bytes) { bytes[8] = 9; });
  ASSERT_FALSE(version);
  EXPECT_THAT(version.error().message, HasSubstr("token shard version 9, this build reads 1"));

  const auto other = OpenChanged([](std::string& bytes) { bytes[0] = 'x'; });
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().message, HasSubstr("not a token shard"));

  const auto count = OpenChanged([](std::string& bytes) { bytes[31] = '\x7f'; });
  ASSERT_FALSE(count);
  EXPECT_THAT(count.error().message, HasSubstr("damaged header"));
}

// A digest that fits is no proof: who wrote the counts wrote it too.
TEST_P(TokenShardFileTest, LyingContentWithAFittingDigestIsRefused) {
  const std::int64_t vocab_size = GetParam();
  const std::size_t width = vocab_size <= 65'536 ? 2 : 4;
  Write(vocab_size, {{5, 6, 7, kEosId}, {8, 9, kEosId}});
  const std::size_t ends = 64 + (7 * width + 7) / 8 * 8;
  const auto put = [](std::string& bytes, std::size_t at, std::uint64_t value, std::size_t count) {
    std::memcpy(bytes.data() + at, &value, count);
  };
  const auto error = [&](const std::function<void(std::string&)>& change) {
    const auto shard = OpenChanged([&](std::string& bytes) {
      change(bytes);
      bytes.resize(bytes.size() - 64);
      Sha256 digest;
      digest.Update(std::string_view(bytes).substr(64));
      digest.Update(std::string_view(bytes).substr(0, 64));
      bytes += digest.HexDigest();
    });
    EXPECT_FALSE(shard);
    if (shard) return std::string();
    EXPECT_EQ(shard.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(shard.error().message, HasSubstr("changed.tok: "));
    return shard.error().message;
  };
  EXPECT_THAT(error([&](auto& b) { put(b, ends, 9, 8); }),
              HasSubstr("sentence 0 ends at token 9, expected 1 to 7"));
  EXPECT_THAT(error([&](auto& b) { put(b, ends, ~std::uint64_t{0}, 8); }),
              HasSubstr("sentence 0 ends at token -1"));
  EXPECT_THAT(error([&](auto& b) { put(b, ends + 8, 4, 8); }),
              HasSubstr("sentence 1 ends at token 4, expected 5 to 7"));
  EXPECT_THAT(error([&](auto& b) { put(b, ends + 8, 6, 8); }),
              HasSubstr("the last sentence ends at token 6, expected 7"));
  EXPECT_THAT(error([&](auto& b) {
                put(b, 64 + 2 * width, static_cast<std::uint64_t>(vocab_size), width);
              }),
              HasSubstr("token 2 has id " + std::to_string(vocab_size) + ", expected 0 to"));
  EXPECT_THAT(error([&](auto& b) { put(b, 16, 4, 8); }), HasSubstr("damaged header"));
  EXPECT_THAT(error([&](auto& b) { put(b, 16, std::uint64_t{1} << 40U, 8); }),
              HasSubstr("vocabulary of 1099511627776"));
  EXPECT_THAT(error([&](auto& b) { put(b, 24, 3, 8); }), HasSubstr("truncated"));
  EXPECT_THAT(error([&](auto& b) { put(b, 32, 1, 8); }), HasSubstr("something was appended"));
  EXPECT_THAT(error([&](auto& b) { put(b, 12, 3, 4); }), HasSubstr("damaged header"));
}
INSTANTIATE_TEST_SUITE_P(Widths, TokenShardFileTest, ::testing::Values(100, 250'002));

TEST(TokenShardWriterTest, UnfinishedFileIsNoShard) {
  testing::TempFolder folder;
  {
    auto writer = TokenShardWriter::Open(folder / "x.tok", 100);
    ASSERT_TRUE(writer);
    for (int i = 0; i < 100; ++i) writer->Add(std::vector<TokenId>{5, kEosId});
  }
  const auto shard = TokenShard::Open(folder / "x.tok");
  ASSERT_FALSE(shard);
  EXPECT_THAT(shard.error().message, HasSubstr("whose writing never finished"));
}

TEST(TokenShardWriterTest, FullDiskIsAnError) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full";
  auto writer = TokenShardWriter::Open("/dev/full", 100);
  ASSERT_TRUE(writer);
  writer->Add(std::vector<TokenId>{5, kEosId});
  const auto status = writer->Finish();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kIo);
  EXPECT_THAT(status.error().message, HasSubstr("/dev/full"));
}

TEST(TokenShardWriterTest, MissingShardIsNotFound) {
  const auto shard = TokenShard::Open("/nowhere/x.tok");
  ASSERT_FALSE(shard);
  EXPECT_EQ(shard.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace repro
