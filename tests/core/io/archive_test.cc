#include "core/io/archive.h"

#include <algorithm>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "core/io/file.h"
#include "tests/core/archive_writer.h"
#include "tests/core/temp_folder.h"

namespace repro {
namespace {

namespace fs = std::filesystem;
using testing::ArchivedFile;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::WriteArchive;

class ArchiveTest : public ::testing::TestWithParam<std::string> {
 protected:
  Result<std::vector<std::string>> Unpack(const std::vector<ArchivedFile>& files) {
    const fs::path archive = folder_ / "archive";
    WriteArchive(archive, GetParam(), files);
    return UnpackArchive(archive, Kind(), into_);
  }
  ArchiveKind Kind() const { return GetParam() == "zip" ? ArchiveKind::kZip : ArchiveKind::kTar; }
  void ExpectRefused(const std::vector<ArchivedFile>& files, const std::string& why) {
    const auto unpacked = Unpack(files);
    ASSERT_FALSE(unpacked) << why;
    EXPECT_THAT(unpacked.error().message, HasSubstr(why));
    EXPECT_TRUE(!fs::exists(into_) || fs::is_empty(into_)) << "half an archive stayed";
  }

  TempFolder folder_;
  fs::path into_ = folder_ / "into";
};

INSTANTIATE_TEST_SUITE_P(Formats, ArchiveTest, ::testing::Values("zip", "tar", "tar.gz", "tar.xz"),
                         [](const auto& which) {
                           std::string name = which.param;
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

TEST_P(ArchiveTest, FilesAndFoldersComeOut) {
  const std::string large(3'000'000, 'x');
  const auto unpacked = Unpack({{"set/", "", AE_IFDIR},
                                {"set/b.txt", "two\n"},
                                {"./set/deep/er/\xd0\xb6.txt", large},
                                {"a.txt", ""}});
  ASSERT_TRUE(unpacked) << unpacked.error().message;
  EXPECT_THAT(*unpacked, ElementsAre("a.txt", "set/b.txt", "set/deep/er/\xd0\xb6.txt"));
  EXPECT_EQ(ReadFile(into_ / "set" / "b.txt").value(), "two\n");
  EXPECT_EQ(ReadFile(into_ / "set/deep/er/\xd0\xb6.txt").value(), large);
  struct stat status = {};
  ASSERT_EQ(::stat((into_ / "a.txt").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0111U, 0U) << "no file of others becomes a program";
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(into_)) names.insert(entry.path().filename());
  EXPECT_EQ(names, (std::set<std::string>{"a.txt", "set"})) << "nothing stays beside them";
}

TEST_P(ArchiveTest, TwiceIsTheSame) {
  ASSERT_TRUE(Unpack({{"a.txt", "one"}}));
  EXPECT_TRUE(Unpack({{"a.txt", "one"}, {"b.txt", "two"}})) << "the same file is no conflict";
  EXPECT_EQ(ReadFile(into_ / "b.txt").value(), "two");
}

TEST_P(ArchiveTest, NothingIsOverwritten) {
  ASSERT_TRUE(PutFile(into_ / "a.txt", "mine"));
  const auto unpacked = Unpack({{"0.txt", "new"}, {"a.txt", "ours"}});
  ASSERT_FALSE(unpacked);
  EXPECT_EQ(unpacked.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(unpacked.error().message, HasSubstr("`a.txt` would overwrite"));
  EXPECT_EQ(ReadFile(into_ / "a.txt").value(), "mine");
  EXPECT_FALSE(fs::exists(into_ / "0.txt"));
}

TEST_P(ArchiveTest, NamesThatLeadOutAreRefused) {
  for (const std::string name : {"../out.txt", "a/../../out.txt", "a/..", "b\\..\\out.txt"}) {
    ExpectRefused({{"good.txt", "x"}, {name, "evil"}}, "is no path below a folder");
  }
  const std::string absolute = (folder_ / "out.txt").string();
  ExpectRefused({{absolute, "evil"}}, "is no path below a folder");
  EXPECT_FALSE(fs::exists(folder_ / "out.txt"));
}

TEST_P(ArchiveTest, LinksAreLeftOutAndLeadNowhere) {
  ASSERT_TRUE(MakeDirectories(folder_ / "outside"));
  const std::string outside = (folder_ / "outside").string();
  const auto unpacked = Unpack({{"to", "", AE_IFLNK, outside},
                                {"to/file.txt", "evil"},
                                {"up", "", AE_IFLNK, "../outside"},
                                {"good.txt", "x"}});
  ASSERT_TRUE(unpacked) << unpacked.error().message;
  EXPECT_THAT(*unpacked, ElementsAre("good.txt", "to/file.txt"));
  EXPECT_TRUE(fs::is_empty(folder_ / "outside"));
  EXPECT_FALSE(fs::is_symlink(into_ / "to"));
  EXPECT_FALSE(fs::exists(fs::symlink_status(into_ / "up")));
}

TEST_P(ArchiveTest, ANameThatComesTwiceIsRefused) {
  ExpectRefused({{"a.txt", "one"}, {"./a.txt", "two"}}, "`./a.txt` comes twice");
}

TEST_P(ArchiveTest, ACutArchiveLeavesNothing) {
  const fs::path archive = folder_ / "archive";
  std::string content(300'000, '\0');
  unsigned int seed = 1;
  for (char& c : content) {
    seed = seed * 1664525U + 1013904223U;
    c = static_cast<char>(seed >> 24U);
  }
  WriteArchive(archive, GetParam(), {{"a.txt", "one"}, {"b.txt", content}});
  fs::resize_file(archive, fs::file_size(archive) / 2);
  const auto unpacked = UnpackArchive(archive, Kind(), into_);
  ASSERT_FALSE(unpacked);
  EXPECT_EQ(unpacked.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(unpacked.error().message, HasSubstr("archive: "));
  EXPECT_TRUE(fs::is_empty(into_));
}

TEST_P(ArchiveTest, StoppingLeavesNothing) {
  const fs::path archive = folder_ / "archive";
  WriteArchive(archive, GetParam(), {{"a.txt", std::string(100'000, 'x')}});
  UnpackOptions options;
  options.on_progress = [](std::int64_t) { return false; };
  const auto unpacked = UnpackArchive(archive, Kind(), into_, options);
  ASSERT_FALSE(unpacked);
  EXPECT_EQ(unpacked.error().code, ErrorCode::kInterrupted);
  EXPECT_TRUE(fs::is_empty(into_));
}

TEST(BadArchiveTest, HardLinksAreLeftOut) {
  TempFolder folder;
  ASSERT_TRUE(WriteFileAtomic(folder / "secret", "secret"));
  WriteArchive(folder / "archive", "tar",
               {{"good.txt", "x"}, {"stolen", "", AE_IFREG, "", (folder / "secret").string()}});
  const auto unpacked = UnpackArchive(folder / "archive", ArchiveKind::kTar, folder / "into");
  ASSERT_TRUE(unpacked) << unpacked.error().message;
  EXPECT_THAT(*unpacked, ElementsAre("good.txt"));
}

TEST(BadArchiveTest, DevicesAndPipesAreRefused) {
  TempFolder folder;
  for (const unsigned int type : {AE_IFCHR, AE_IFBLK, AE_IFIFO}) {
    WriteArchive(folder / "archive", "tar", {{"good.txt", "x"}, {"odd", "", type}});
    const auto unpacked = UnpackArchive(folder / "archive", ArchiveKind::kTar, folder / "into");
    ASSERT_FALSE(unpacked);
    EXPECT_EQ(unpacked.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(unpacked.error().message, HasSubstr("`odd` is no plain file"));
    EXPECT_TRUE(fs::is_empty(folder / "into"));
  }
}

TEST(BadArchiveTest, ASizeThatTheDiskHasNoRoomForIsRefusedBeforeAnyByte) {
  TempFolder folder;
  WriteArchive(folder / "archive", "tar", {{"a.txt", "one"}});
  std::string tar = ReadFile(folder / "archive").value();
  // POSIX ustar: the size, 11 octal digits at 124; the checksum, 6 at 148, over blanks in its
  // place.
  tar.replace(124, 11, "77777777777");
  tar.replace(148, 8, "        ");
  unsigned int sum = 0;
  for (int i = 0; i < 512; ++i) sum += static_cast<unsigned char>(tar[static_cast<std::size_t>(i)]);
  tar.replace(148, 7, fmt::format("{:06o}", sum) + '\0');
  ASSERT_TRUE(WriteFileAtomic(folder / "archive", tar));
  const auto unpacked = UnpackArchive(folder / "archive", ArchiveKind::kTar, folder / "into");
  ASSERT_FALSE(unpacked);
  // 8 GiB: refused where the disk is smaller, else the archive ends before.
  EXPECT_THAT(unpacked.error().message,
              ::testing::AnyOf(HasSubstr("more than the disk has room"), HasSubstr("runcated")));
  EXPECT_TRUE(fs::is_empty(folder / "into"));
}

TEST(BadArchiveTest, WhatIsNoArchiveIsSaid) {
  TempFolder folder;
  ASSERT_TRUE(WriteFileAtomic(folder / "archive", "<html>not found</html>"));
  for (const ArchiveKind kind : {ArchiveKind::kZip, ArchiveKind::kTar}) {
    const auto unpacked = UnpackArchive(folder / "archive", kind, folder / "into");
    ASSERT_FALSE(unpacked);
    EXPECT_EQ(unpacked.error().code, ErrorCode::kCorrupt);
  }
  EXPECT_EQ(UnpackArchive(folder / "none", ArchiveKind::kZip, folder / "into").error().code,
            ErrorCode::kNotFound);
}

}  // namespace
}  // namespace repro
