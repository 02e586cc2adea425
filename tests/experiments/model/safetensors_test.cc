#include "experiments/model/safetensors.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <limits>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/rng.h"
#include "core/io/file.h"
#include "tests/core/temp_folder.h"

namespace repro {
namespace {

using ::testing::HasSubstr;

class SafetensorsTest : public ::testing::Test {
 protected:
  // A file with this header and so many data bytes.
  std::filesystem::path Write(const std::string& header, std::size_t data_bytes) {
    const std::uint64_t size = header.size();
    std::string content(reinterpret_cast<const char*>(&size), 8);
    content += header;
    content += std::string(data_bytes, '\0');
    return WriteRaw(content);
  }
  std::filesystem::path WriteRaw(const std::string& content) {
    std::filesystem::path path = folder_ / "t.safetensors";
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }
  void ExpectCorrupt(const std::filesystem::path& path, const std::string& what) {
    const auto file = SafetensorsFile::Open(path);
    ASSERT_FALSE(file.has_value());
    EXPECT_EQ(file.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(file.error().message, HasSubstr(what));
    EXPECT_THAT(file.error().message, HasSubstr(path.string()));
  }
  // Two small tensors and metadata, as a valid file.
  std::filesystem::path WriteValid() {
    static const std::vector<float> kFloats = {1.5F, -2, 3, 4, 5, 6};
    static const std::vector<std::int64_t> kIds = {7, 8};
    std::filesystem::path path = folder_ / "valid.safetensors";
    EXPECT_TRUE(
        WriteSafetensors(path,
                         {{"weight", TensorType::kF32, {2, 3}, std::as_bytes(std::span(kFloats))},
                          {"ids", TensorType::kI64, {2}, std::as_bytes(std::span(kIds))},
                          {"none", TensorType::kF32, {0, 4}, {}}},
                         {{"update", "12"}}));
    return path;
  }

  TempFolder folder_;
};

TEST_F(SafetensorsTest, WhatWasWrittenIsReadBack) {
  const auto file = SafetensorsFile::Open(WriteValid());
  ASSERT_TRUE(file.has_value()) << file.error().message;
  ASSERT_EQ(file->tensors().size(), 3U);
  const TensorView* weight = file->Find("weight");
  ASSERT_NE(weight, nullptr);
  EXPECT_EQ(weight->shape, (std::vector<std::int64_t>{2, 3}));
  float first = 0;
  std::memcpy(&first, weight->bytes.data(), sizeof first);
  EXPECT_EQ(first, 1.5F);
  EXPECT_EQ(file->Find("ids")->bytes.size(), 16U);
  EXPECT_EQ(file->Find("none")->bytes.size(), 0U);
  EXPECT_EQ(file->Find("absent"), nullptr);
  EXPECT_EQ(file->metadata().at("update"), "12");
}

TEST_F(SafetensorsTest, SameTensorsGiveTheSameBytes) {
  const auto first = ReadFile(WriteValid());
  const auto second = ReadFile(WriteValid());
  EXPECT_EQ(first.value(), second.value());
}

TEST_F(SafetensorsTest, MissingFileIsNotFound) {
  const auto file = SafetensorsFile::Open(folder_ / "nothing");
  ASSERT_FALSE(file.has_value());
  EXPECT_EQ(file.error().code, ErrorCode::kNotFound);
}

TEST_F(SafetensorsTest, DamagedHeadersAreRefused) {
  ExpectCorrupt(WriteRaw(""), "too few");
  ExpectCorrupt(WriteRaw("1234567"), "too few");
  ExpectCorrupt(WriteRaw(std::string(8, '\xff') + "{}"), "claims");  // longer than any file
  ExpectCorrupt(WriteRaw(std::string("\0\xe1\xf5\x05\1\0\0\0{}", 10)), "claims");  // than 100 MB
  ExpectCorrupt(WriteRaw(std::string("\x40\0\0\0\0\0\0\0{}", 10)), "claims");      // cut short
  ExpectCorrupt(Write("{\"a\": ", 0), "not valid JSON");
  ExpectCorrupt(Write("{\xff", 0), "not valid JSON");                    // no text
  ExpectCorrupt(Write(std::string(100'000, '['), 0), "not valid JSON");  // deep nesting
  ExpectCorrupt(Write("[1]", 0), "no object");
  ExpectCorrupt(Write(R"({"__metadata__":{"a":1}})", 0), "metadata 'a'");
}

TEST_F(SafetensorsTest, ATensorThatIsThereTwiceIsRefused) {
  ExpectCorrupt(Write(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                      R"("a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
                      8),
                "'a' is there twice");
}

// Over several blocks of its reading, and not aligned to the elements.
TEST_F(SafetensorsTest, FindsTheFirstElementThatIsNotFinite) {
  constexpr std::size_t kCount = 5'000'000;
  std::string header =
      fmt::format(R"({{"a":{{"dtype":"F32","shape":[{}],"data_offsets":[0,{}]}}}})", kCount,
                  kCount * sizeof(float));
  while (header.size() % 4 != 1) header += ' ';
  const auto path = Write(header, kCount * sizeof(float));
  const auto set = [&](std::size_t i, float value) {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(8 + header.size() + i * sizeof value));
    file.write(reinterpret_cast<const char*>(&value), sizeof value);
  };
  const auto first = [&] {
    const auto file = SafetensorsFile::Open(path);
    return FirstNonFinite(file.value().tensors().front());
  };
  EXPECT_EQ(first(), std::nullopt);
  set(kCount - 1, std::numeric_limits<float>::infinity());
  EXPECT_EQ(first(), static_cast<std::int64_t>(kCount - 1));
  set(3'000'000, std::numeric_limits<float>::quiet_NaN());
  EXPECT_EQ(first(), 3'000'000);
}

TEST_F(SafetensorsTest, LyingHeadersAreRefused) {
  const auto header = [](const std::string& dtype, const std::string& shape,
                         const std::string& offsets) {
    return R"({"a":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" +
           offsets + "}}";
  };
  ExpectCorrupt(Write(header("F31", "[1]", "[0,4]"), 4), "unknown dtype 'F31'");
  ExpectCorrupt(Write(header("F32", "[2]", "[0,4]"), 4), "span 4 bytes, shape and dtype need 8");
  ExpectCorrupt(Write(header("F32", "[-1]", "[0,4]"), 4), "not a size");
  ExpectCorrupt(Write(header("F32", "[18446744073709551615]", "[0,4]"), 4), "not a size");
  ExpectCorrupt(Write(header("F32", "[1.5]", "[0,4]"), 4), "not a size");
  ExpectCorrupt(Write(header("F32", "[4611686018427387904,4]", "[0,0]"), 0), "too large");
  ExpectCorrupt(Write(header("F32", "[1]", "[0,8]"), 4), "outside");
  ExpectCorrupt(Write(header("F32", "[1]", "[4,0]"), 4), "outside");
  ExpectCorrupt(Write(header("F32", "[1]", "[0,18446744073709551615]"), 4), "outside");
  ExpectCorrupt(Write(header("F32", "[1]", "[-4,0]"), 4), "non-negative");
  ExpectCorrupt(Write(header("F32", "[1]", "[4,8]"), 8), "begins at 4");
  ExpectCorrupt(Write(header("F32", "[1]", "[0,4]"), 5), "1 bytes follow");
}

// With room for it: else the file is too short for what it claims.
TEST_F(SafetensorsTest, AHeaderBeyondTheFormatsLimitIsNamedAsThat) {
  const std::uint64_t header_bytes = 100'000'001;
  const auto path =
      WriteRaw(std::string(reinterpret_cast<const char*>(&header_bytes), sizeof header_bytes));
  ExpectCorrupt(path, "cut short");
  std::filesystem::resize_file(path, 8 + header_bytes);  // takes no space
  ExpectCorrupt(path, "claims 100000001 bytes, more than the 100000000 that the format allows");
}

TEST_F(SafetensorsTest, OverlappingTensorsAreRefused) {
  ExpectCorrupt(Write(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                      R"("b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
                      12),
                "tensor 'b' begins at 4, the one before ends at 8");
}

TEST_F(SafetensorsTest, EveryCutIsRefused) {
  const std::string whole = ReadFile(WriteValid()).value();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(SafetensorsFile::Open(WriteRaw(whole.substr(0, size))).has_value()) << size;
  }
}

// Refused, or (a letter of a name is not to be noticed) tensors that are the file's data one after
// the other.
TEST_F(SafetensorsTest, FlippedBytesOfTheHeaderNeverLeadOutsideTheFile) {
  const std::string whole = ReadFile(WriteValid()).value();
  const std::size_t header_end = whole.size() - 24 - 16;
  int opened = 0;
  const auto check = [&](const std::string& damaged) {
    const auto file = SafetensorsFile::Open(WriteRaw(damaged));
    if (!file) return;
    ++opened;
    std::uint64_t header_bytes = 0;
    std::memcpy(&header_bytes, damaged.data(), sizeof header_bytes);
    std::string data;
    for (const TensorView& tensor : file->tensors()) {
      data.append(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size());
    }
    EXPECT_EQ(data, damaged.substr(8 + header_bytes));
  };
  for (std::size_t i = 0; i < header_end; ++i) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    check(damaged);
  }
  EXPECT_GE(opened, 9);  // the letters of "weight" and "ids", at least
  Rng rng(7, "safetensors damage");
  for (int i = 0; i < 100; ++i) {
    std::string damaged = whole;
    for (int k = 0; k < 3; ++k) damaged[rng.Below(header_end)] = static_cast<char>(rng.Below(256));
    check(damaged);
  }
}

TEST_F(SafetensorsTest, WriterRefusesWhatItsReaderWould) {
  const std::vector<float> two = {1, 2};
  const auto bytes = std::as_bytes(std::span(two));
  const auto path = folder_ / "w.safetensors";
  EXPECT_FALSE(WriteSafetensors(path, {{"a", TensorType::kF32, {3}, bytes}}));
  EXPECT_FALSE(WriteSafetensors(
      path, {{"a", TensorType::kF32, {2}, bytes}, {"a", TensorType::kF32, {2}, bytes}}));
  EXPECT_FALSE(std::filesystem::exists(path));
  const Status nowhere =
      WriteSafetensors(folder_ / "no" / "w", {{"a", TensorType::kF32, {2}, bytes}});
  ASSERT_FALSE(nowhere);
  EXPECT_THAT(nowhere.error().message, HasSubstr((folder_ / "no" / "w").string()));
}

}  // namespace
}  // namespace repro
