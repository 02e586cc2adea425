#include "core/io/file.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/core/temp_folder.h"

namespace repro {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class FileTest : public testing::Test {
 protected:
  const TempFolder temp_;
  const fs::path folder_ = temp_.path();
};

TEST_F(FileTest, ReadsBackExactlyWhatWasWritten) {
  std::string bytes(300'000, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i % 256);
  for (const std::string& content : {std::string(), std::string("a\0\r\n", 4), bytes}) {
    ASSERT_TRUE(WriteFileAtomic(folder_ / "x", content));
    EXPECT_EQ(ReadFile(folder_ / "x").value(), content);
  }
}

TEST_F(FileTest, AFolderThatIsGoneIsNotMadeAgainByWhatIsWrittenInIt) {
  const fs::path gone = folder_ / "gone";
  for (const Status& status : {WriteFileAtomic(gone / "x", "content"), MakeDirectory(gone / "y")}) {
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::kIo);
    EXPECT_THAT(status.error().message,
                AllOf(HasSubstr(gone.string()), HasSubstr("No such file or directory")));
  }
  EXPECT_FALSE(fs::exists(gone));
  EXPECT_TRUE(MakeDirectory(gone));
  EXPECT_TRUE(MakeDirectory(gone)) << "it is there";
}

TEST_F(FileTest, WritingLeavesNothingBesideTheFile) {
  ASSERT_TRUE(WriteFileAtomic(folder_ / "x", "old"));
  ASSERT_TRUE(WriteFileAtomic(folder_ / "x", "new"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
}

TEST_F(FileTest, AReaderSeesTheOldContentOrTheNewNeverAMixture) {
  const std::string old_content(200'000, 'o');
  const std::string new_content(200'000, 'n');
  ASSERT_TRUE(WriteFileAtomic(folder_ / "x", old_content));
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (int i = 0; i < 30; ++i) {
      EXPECT_TRUE(WriteFileAtomic(folder_ / "x", i % 2 == 0 ? new_content : old_content));
    }
    done = true;
  });
  while (!done) {
    const std::string seen = ReadFile(folder_ / "x").value();
    EXPECT_TRUE(seen == old_content || seen == new_content);
  }
  writer.join();
}

TEST_F(FileTest, AFailedWriteKeepsTheOldContentAndNamesThePath) {
  // The rename fails: a folder that is not empty stands where the file should go.
  ASSERT_TRUE(MakeDirectory(folder_ / "x"));
  ASSERT_TRUE(WriteFileAtomic(folder_ / "x" / "inside", "old"));
  const Status status = WriteFileAtomic(folder_ / "x", "new");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kIo);
  EXPECT_THAT(status.error().message, HasSubstr((folder_ / "x").string()));
  EXPECT_EQ(ReadFile(folder_ / "x" / "inside").value(), "old");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
}

TEST_F(FileTest, MissingFileIsNotFound) {
  const auto missing = ReadFile(folder_ / "missing");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(missing.error().message, (folder_ / "missing").string() + ": no such file");
}

TEST_F(FileTest, AFolderIsNoFile) {
  const auto folder = ReadFile(folder_);
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().code, ErrorCode::kIo);
  EXPECT_THAT(folder.error().message, HasSubstr("is a folder, expected a file"));
}

// Nobody ever writes into it, so a read that opened it would wait for ever.
TEST_F(FileTest, AFifoIsNoFileAndNeverWaitedFor) {
  ASSERT_EQ(::mkfifo((folder_ / "fifo").c_str(), 0600), 0);
  fs::create_symlink("fifo", folder_ / "link");
  for (const char* name : {"fifo", "link"}) {
    const auto fifo = ReadFile(folder_ / name);
    ASSERT_FALSE(fifo);
    EXPECT_EQ(fifo.error().code, ErrorCode::kIo);
    EXPECT_EQ(fifo.error().message,
              (folder_ / name).string() + ": is a FIFO (a named pipe), expected a file");
  }
  EXPECT_THAT(ReadFile("/dev/zero").error().message, HasSubstr("is a device, expected a file"));
  EXPECT_TRUE(CheckPlainFile("/proc/self/status"));
}

// The first page of an address space is never mapped: reading it there fails with EIO, as a bad
// disk does.
TEST_F(FileTest, AReadErrorIsNotTakenForTheEndOfTheFile) {
  const auto broken = ReadFile("/proc/self/mem");
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, ErrorCode::kIo);
  EXPECT_EQ(broken.error().message, "/proc/self/mem: cannot read: Input/output error");
}

TEST_F(FileTest, AFileInTheWayOfAFolderIsNamed) {
  ASSERT_TRUE(WriteFileAtomic(folder_ / "x", "content"));
  for (const Status& status :
       {MakeDirectories(folder_ / "x" / "y"), WriteFileAtomic(folder_ / "x" / "y" / "z", "")}) {
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::kIo);
    EXPECT_THAT(status.error().message, HasSubstr((folder_ / "x" / "y").string()));
  }
}

TEST_F(FileTest, FoldersAreMadeFromAnyStartAndMakingThemAgainIsFine) {
  for (const fs::path& path : {folder_ / "a" / "b" / "c", folder_ / "a" / "d" / "", folder_}) {
    EXPECT_TRUE(MakeSyncedDirectories(path));
    EXPECT_TRUE(fs::is_directory(path));
    EXPECT_TRUE(MakeSyncedDirectories(path));
  }
  const fs::path before = fs::current_path();
  fs::current_path(folder_);
  EXPECT_TRUE(MakeSyncedDirectories("relative/x"));
  fs::current_path(before);
  EXPECT_TRUE(fs::is_directory(folder_ / "relative" / "x"));
}

TEST_F(FileTest, SyncTreeReportsWhatIsMissingAndFollowsNoLink) {
  ASSERT_TRUE(MakeDirectory(folder_ / "a"));
  ASSERT_TRUE(WriteFileAtomic(folder_ / "a" / "b", "1"));
  ASSERT_TRUE(WriteFileAtomic(folder_ / "c", "2"));
  fs::create_symlink("nowhere", folder_ / "dangling");
  EXPECT_TRUE(SyncTree(folder_));
  const Status missing = SyncTree(folder_ / "missing");
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr((folder_ / "missing").string()));
}

}  // namespace
}  // namespace repro
