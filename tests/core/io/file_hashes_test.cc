#include "core/io/file_hashes.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "core/base/hash.h"
#include "tests/core/temp_folder.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

class FileHashesTest : public ::testing::Test {
 protected:
  /// The same size, and the same time unless `later`.
  void Change(bool later) const {
    const auto time = fs::last_write_time(file_);
    ASSERT_TRUE(WriteFileAtomic(file_, "two"));
    fs::last_write_time(file_, later ? time + std::chrono::seconds(5) : time);
  }

  TempFolder folder_;
  const fs::path file_ = folder_ / "file";
  const fs::path memory_ = folder_ / "hashes.json";
};

TEST_F(FileHashesTest, AFileIsReadAgainWhenItsTimeIsAnother) {
  ASSERT_TRUE(PutFile(file_, "one"));
  FileHashes hashes = FileHashes::Load(memory_);
  EXPECT_FALSE(hashes.Knows(file_));
  EXPECT_EQ(hashes.Sha256Of(file_).value(), Sha256Hex("one"));
  hashes.Save();
  Change(/*later=*/false);
  FileHashes again = FileHashes::Load(memory_);
  EXPECT_TRUE(again.Knows(file_));
  EXPECT_EQ(again.Sha256Of(file_).value(), Sha256Hex("one")) << "by its size and time";
  again.Forget(file_);
  EXPECT_FALSE(again.Knows(file_));
  EXPECT_EQ(again.Sha256Of(file_).value(), Sha256Hex("two"));
}

TEST_F(FileHashesTest, WhatSomebodyKnowsIsNotRead) {
  ASSERT_TRUE(PutFile(file_, "one"));
  FileHashes hashes = FileHashes::Load(memory_);
  hashes.Remember(file_, "of the writer");
  hashes.Remember(folder_ / "none", "x");
  EXPECT_FALSE(hashes.Knows(folder_ / "none"));
  hashes.Save();
  EXPECT_EQ(FileHashes::Load(memory_).Sha256Of(file_).value(), "of the writer");
  Change(/*later=*/true);
  EXPECT_EQ(FileHashes::Load(memory_).Sha256Of(file_).value(), Sha256Hex("two"));
}

}  // namespace
}  // namespace repro
