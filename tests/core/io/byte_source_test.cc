#include "core/io/byte_source.h"

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include <bzlib.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include "core/io/file.h"
#include "core/io/text_window.h"
#include "tests/core/packed_text.h"
#include "tests/core/temp_folder.h"

namespace repro {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::Packed;

/// Lines that no packer makes small.
std::string Text(int lines, unsigned int seed = 1) {
  std::string text;
  for (int i = 0; i < lines; ++i) {
    for (int k = 0; k < 8; ++k) {
      seed = seed * 1664525U + 1013904223U;
      text += std::to_string(seed >> 8U) + ' ';
    }
    text.back() = '\n';
  }
  return text;
}

class ByteSourceTest : public ::testing::TestWithParam<Packing> {
 protected:
  fs::path Write(const std::string& bytes) {
    EXPECT_TRUE(WriteFileAtomic(folder_ / "file", bytes));
    return folder_ / "file";
  }
  /// All of a file in pieces of `piece` bytes, and the error it ends with, if any.
  std::pair<std::string, std::optional<Error>> ReadAll(const fs::path& path, std::size_t piece,
                                                       Extent extent = Extent::kWhole) {
    auto source = ByteSource::Open(path, extent);
    EXPECT_TRUE(source) << source.error().message;
    std::string all;
    std::string buffer(piece, '\0');
    for (;;) {
      const auto got = source->Read(buffer);
      if (!got) return {all, got.error()};
      if (*got == 0) return {all, std::nullopt};
      all.append(buffer, 0, *got);
    }
  }
  TempFolder folder_;
};

INSTANTIATE_TEST_SUITE_P(All, ByteSourceTest,
                         ::testing::Values(Packing::kNone, Packing::kGzip, Packing::kZstd,
                                           Packing::kBzip2, Packing::kXz),
                         [](const auto& which) { return std::string(PackingName(which.param)); });

TEST_P(ByteSourceTest, GivesTheBytesThatWerePackedWhateverThePiecesAndTheName) {
  for (const std::string& text : {std::string("a"), std::string("\0\r\n", 3), Text(20'000)}) {
    const fs::path path = Write(Packed(GetParam(), text));
    EXPECT_EQ(ByteSource::Open(path)->packing(), GetParam());
    for (const std::size_t piece : {1U, 7U, 4096U, 1U << 20U}) {
      if (piece == 1 && text.size() > 1000) continue;
      const auto [read, error] = ReadAll(path, piece);
      EXPECT_FALSE(error) << error->message;
      EXPECT_TRUE(read == text) << read.size() << " bytes of " << text.size();
    }
  }
}

TEST_P(ByteSourceTest, MembersFollowOneAnother) {
  if (GetParam() == Packing::kNone) return;
  const std::string first = Text(3'000, 1);
  const std::string second = Text(10, 2);
  const std::string empty;
  const auto [read, error] = ReadAll(
      Write(Packed(GetParam(), first) + Packed(GetParam(), empty) + Packed(GetParam(), second)),
      1000);
  EXPECT_FALSE(error) << error->message;
  EXPECT_TRUE(read == first + second);
}

TEST_P(ByteSourceTest, ACutFileGivesWhatIsThereAndSaysWhereItEnds) {
  if (GetParam() == Packing::kNone) return;
  const std::string text = Text(40'000);
  const std::string packed = Packed(GetParam(), text);
  const auto [read, error] = ReadAll(Write(packed.substr(0, packed.size() / 2)), 5000);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::kCorrupt);
  EXPECT_THAT(error->message,
              HasSubstr(fmt::format("file: damaged at byte {} of the file", packed.size() / 2)));
  EXPECT_GT(read.size(), text.size() / 4);
  EXPECT_TRUE(text.starts_with(read));
}

TEST_P(ByteSourceTest, OfAFileCutOnPurposeItGivesWhatIsThere) {
  const std::string text = Text(15'000);
  const std::string one = Packed(GetParam(), text);
  const std::string packed = one + one;
  for (const std::size_t bytes : {packed.size() / 4, packed.size() / 2, packed.size() / 2 + 3,
                                  packed.size() * 3 / 4, packed.size()}) {
    const auto [read, error] = ReadAll(Write(packed.substr(0, bytes)), 5000, Extent::kPrefix);
    EXPECT_FALSE(error) << bytes << ": " << error->message;
    EXPECT_GT(read.size() + 1'000'000, 2 * text.size() * bytes / packed.size()) << "but a block";
    EXPECT_TRUE((text + text).starts_with(read));
  }
}

TEST_P(ByteSourceTest, AChangedByteOfAPrefixIsDamageStill) {
  if (GetParam() == Packing::kNone || GetParam() == Packing::kZstd) return;  // checked at its end
  const std::string packed = Packed(GetParam(), Text(4'000));
  const std::string changed = packed.substr(0, packed.size() - 1) + "x" + packed;
  const auto [read, error] = ReadAll(Write(changed), 5000, Extent::kPrefix);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::kCorrupt);
}

TEST_P(ByteSourceTest, AChangedByteIsNoticed) {
  if (GetParam() == Packing::kNone) return;
  const std::string text = Text(4'000);
  const std::string packed = Packed(GetParam(), text);
  for (std::size_t at = 20; at < packed.size(); at += packed.size() / 23) {
    std::string changed = packed;
    changed[at] = static_cast<char>(changed[at] ^ 0x10);
    const auto [read, error] = ReadAll(Write(changed), 5000);
    EXPECT_TRUE(error || read == text) << "byte " << at;
  }
}

TEST(GzipSourceTest, AfterDamageTheNextMemberIsFoundEvenWhereTheDamageAteIt) {
  TempFolder folder;
  const std::string first = Text(100, 1);
  const std::string second = Text(2'000, 2);
  const std::string third = Text(5, 3);
  const std::string half =
      Packed(Packing::kGzip, second).substr(0, Packed(Packing::kGzip, second).size() / 2);
  ASSERT_TRUE(WriteFileAtomic(
      folder / "f", Packed(Packing::kGzip, first) + half + Packed(Packing::kGzip, third)));
  auto source = ByteSource::Open(folder / "f");
  ASSERT_TRUE(source);
  std::string all;
  std::string buffer(1000, '\0');
  int damaged = 0;
  for (;;) {
    const auto got = source->Read(buffer);
    if (!got) {
      ++damaged;
      ASSERT_LT(damaged, 10);
      EXPECT_EQ(source->Read(buffer).error().message, got.error().message) << "until it is mended";
      ASSERT_TRUE(source->Recover().value());
      continue;
    }
    if (*got == 0) break;
    all.append(buffer, 0, *got);
  }
  EXPECT_GE(damaged, 1);
  EXPECT_TRUE(all.starts_with(first));
  EXPECT_TRUE(all.ends_with(third));
}

TEST(PlainSourceTest, TextThatBeginsLikeAPackedFileStaysText) {
  TempFolder folder;
  for (const std::string text : {"BZh is no bzip2", "BZh9", "", "\x1f\x8b"}) {
    ASSERT_TRUE(WriteFileAtomic(folder / "f", text));
    auto source = ByteSource::Open(folder / "f");
    ASSERT_TRUE(source);
    EXPECT_EQ(source->packing(), Packing::kNone);
    std::string buffer(100, '\0');
    EXPECT_EQ(source->Read(buffer).value(), text.size());
    EXPECT_EQ(source->file_offset(), text.size());
  }
}

class TextWindowTest : public ::testing::Test {
 protected:
  TextWindow Window(const std::string& bytes) {
    EXPECT_TRUE(WriteFileAtomic(folder_ / "file", bytes));
    return TextWindow(ByteSource::Open(folder_ / "file").value());
  }
  TempFolder folder_;
};

TEST_F(TextWindowTest, LinesAreWhatABufferOfTheWholeTextWouldGive) {
  TextWindow window = Window("one\r\n\n\rtwo\nlast");
  const auto expect = [&](const std::string& text, std::uint64_t offset, std::uint64_t bytes) {
    const auto line = window.NextLine(100);
    ASSERT_TRUE(line);
    EXPECT_EQ(line->text, text);
    EXPECT_EQ(line->offset, offset);
    EXPECT_EQ(line->bytes, bytes);
    EXPECT_FALSE(line->cut);
  };
  expect("one", 0, 5);
  expect("", 5, 1);
  expect("\rtwo", 6, 5);
  expect("last", 11, 4);
  EXPECT_FALSE(window.NextLine(100));
  EXPECT_FALSE(window.damage());
}

TEST_F(TextWindowTest, ALongLineIsCutAndTheNextOneIsWhole) {
  for (const std::size_t length : {9U, 10U, 11U, 12U, 3U << 20U}) {
    for (const char* end : {"\n", "\r\n"}) {
      TextWindow window = Window(std::string(length, 'x') + end + "next\n");
      const auto line = window.NextLine(10);
      ASSERT_TRUE(line);
      EXPECT_EQ(line->text, std::string(std::min<std::size_t>(length, 10), 'x'));
      EXPECT_EQ(line->cut, length > 10) << length;
      EXPECT_EQ(line->bytes, length + std::string(end).size());
      EXPECT_EQ(window.NextLine(10)->text, "next");
    }
  }
}

TEST_F(TextWindowTest, HalfALineBeforeDamageIsNone) {
  const std::string text = Text(40'000);
  const std::string packed = Packed(Packing::kGzip, text);
  TextWindow window = Window(packed.substr(0, packed.size() / 2));
  std::string read;
  while (const auto line = window.NextLine(1000)) read += std::string(line->text) + '\n';
  ASSERT_TRUE(window.damage());
  EXPECT_TRUE(text.starts_with(read));
  EXPECT_GT(read.size(), text.size() / 4);
  EXPECT_FALSE(window.Recover().value()) << "nothing comes behind it";
}

TEST_F(TextWindowTest, HalfALineAtTheEndOfAPrefixIsNone) {
  for (const std::size_t limit : {100U, 2U}) {
    ASSERT_TRUE(WriteFileAtomic(folder_ / "file", "one\ntwo\nthr"));
    TextWindow window(ByteSource::Open(folder_ / "file", Extent::kPrefix).value());
    EXPECT_TRUE(window.NextLine(limit));
    EXPECT_TRUE(window.NextLine(limit));
    EXPECT_FALSE(window.NextLine(limit));
    EXPECT_FALSE(window.damage());
  }
}

TEST_F(TextWindowTest, WhatWasLookedAtIsThereUntilItIsTaken) {
  const std::string text = Text(200'000);
  TextWindow window = Window(text);
  EXPECT_GE(window.Fill(5 << 20).size(), std::size_t{5} << 20);
  EXPECT_EQ(window.offset(), 0U);
  EXPECT_EQ(window.Skip(6 << 20), std::uint64_t{6} << 20);
  EXPECT_EQ(window.Fill(10).substr(0, 10), std::string_view(text).substr(6 << 20, 10));
  EXPECT_EQ(window.Skip(text.size()), text.size() - (6 << 20));
  EXPECT_TRUE(window.Fill(1).empty());
}

}  // namespace
}  // namespace repro
