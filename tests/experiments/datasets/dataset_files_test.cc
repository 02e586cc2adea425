#include "experiments/datasets/dataset_files.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/core/temp_folder.h"

namespace repro {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class DatasetFilesTest : public ::testing::Test {
 protected:
  DatasetFilesTest() {
    manifest_.id = "set";
    manifest_.parts.push_back({.name = "text", .layout = "text"});
  }
  DatasetPart& part() { return manifest_.parts.front(); }

  /// "name language code" of what the part finds among these names.
  std::vector<std::string> Found(const std::vector<std::string>& patterns,
                                 std::vector<std::string> names) {
    part().files = patterns;
    std::sort(names.begin(), names.end());
    std::vector<std::string> found;
    for (const DatasetFileAt& file : MatchFiles(manifest_, part(), {"/data", names})) {
      found.push_back(file.name + (file.language.empty() ? "" : " " + file.language) +
                      (file.code == file.language ? "" : " " + file.code));
    }
    return found;
  }

  DatasetManifest manifest_;
  TempFolder folder_;
};

TEST_F(DatasetFilesTest, AStarStaysWithinAName) {
  EXPECT_THAT(Found({"a/*.txt"}, {"a/x.txt", "a/b/x.txt", "x.txt", "a/.txt", "a/x.txtx"}),
              ElementsAre("a/.txt", "a/x.txt"));
}

TEST_F(DatasetFilesTest, TwoStarsAreAnyFolders) {
  EXPECT_THAT(Found({"**/b/x.txt"}, {"b/x.txt", "a/b/x.txt", "a/c/b/x.txt", "ab/x.txt", "x.txt"}),
              ElementsAre("a/b/x.txt", "a/c/b/x.txt", "b/x.txt"));
}

TEST_F(DatasetFilesTest, PackedFilesAreFoundByTheirPlainNames) {
  EXPECT_THAT(Found({"x.tsv"}, {"x.tsv", "x.tsv.gz", "x.tsv.zst", "x.tsv.bz2", "x.tsv.xz",
                                "x.tsv.zip", "x.tsv.gz.gz"}),
              ElementsAre("x.tsv", "x.tsv.bz2", "x.tsv.gz", "x.tsv.xz", "x.tsv.zst"));
  EXPECT_THAT(Found({"x.gz"}, {"x", "x.gz"}), ElementsAre("x.gz"));
}

TEST_F(DatasetFilesTest, APathSaysTheLanguage) {
  part().aliases = {"deu=de", "zh-CN=zh"};
  EXPECT_THAT(Found({"{language}.txt"}, {"deu.txt", "fr.txt", "zh-CN.txt.zst", "x.y.txt", ".txt"}),
              ElementsAre("deu.txt de", "fr.txt fr", "zh-CN.txt.zst zh"));
  EXPECT_THAT(Found({"{language}_*.txt"}, {"af_part_1.txt"}), ElementsAre("af_part_1.txt af"));
  EXPECT_THAT(Found({"q/{language}.*.txt"}, {"q/en.one-two.txt"}),
              ElementsAre("q/en.one-two.txt en"));
}

TEST_F(DatasetFilesTest, ACodeIsTheSameWhereverItStands) {
  EXPECT_THAT(Found({"t.{language}-eng.{language}"}, {"t.deu-eng.deu", "t.deu-eng.eng"}),
              ElementsAre("t.deu-eng.deu deu"));
  part().language = "en";
  EXPECT_THAT(Found({"t.{language}-eng.eng"}, {"t.deu-eng.deu", "t.deu-eng.eng"}),
              ElementsAre("t.deu-eng.eng en deu"))
      << "the part says the language, and the code whose translation it is";
}

TEST_F(DatasetFilesTest, OnlyTheLanguagesOfThePartAreTaken) {
  part().languages = {"de"};
  part().aliases = {"deu=de"};
  EXPECT_THAT(Found({"{language}.txt"}, {"deu.txt", "fra.txt"}), ElementsAre("deu.txt de"));
  EXPECT_THAT(Found({"all.txt"}, {"all.txt"}), ElementsAre("all.txt"))
      << "where paths say no language, the list says what is inside";
}

TEST_F(DatasetFilesTest, AStandInIsTakenWhereNothingElseIsThere) {
  part().files = {"whole.txt"};
  part().stand_in = {"half.txt"};
  const auto half = MatchFiles(manifest_, part(), {"/data", {"half.txt"}});
  ASSERT_EQ(half.size(), 1U);
  EXPECT_TRUE(half[0].stand_in);
  const auto whole = MatchFiles(manifest_, part(), {"/data", {"half.txt", "whole.txt"}});
  ASSERT_EQ(whole.size(), 1U);
  EXPECT_EQ(whole[0].name, "whole.txt");
  EXPECT_FALSE(whole[0].stand_in);
}

TEST_F(DatasetFilesTest, ASetIsAtHandWhereSomePartHasAFile) {
  part().files = {"{language}.txt"};
  EXPECT_TRUE(AnyAtHand(manifest_, {"/data", {"README", "en.txt"}}));
  EXPECT_FALSE(AnyAtHand(manifest_, {"/data", {"README"}}));
}

TEST_F(DatasetFilesTest, WhatIsCutOnPurposeIsMarked) {
  part().files = {"{language}.txt.xz"};
  manifest_.files.push_back({.path = "sw.txt.xz", .first_bytes = 1000});
  const auto files = MatchFiles(manifest_, part(), {"/data", {"en.txt.xz", "sw.txt.xz"}});
  ASSERT_EQ(files.size(), 2U);
  EXPECT_FALSE(files[0].prefix);
  EXPECT_TRUE(files[1].prefix);
}

TEST_F(DatasetFilesTest, MissingLanguagesAreNamed) {
  part().files = {"{language}.train", "notes"};
  part().languages = {"de", "en", "fr"};
  const auto some = MatchFiles(manifest_, part(), {"/data", {"en.train"}});
  EXPECT_THAT(MissingPaths(part(), some), ElementsAre("{language}.train (de, fr)", "notes"));
  EXPECT_THAT(MissingPaths(part(), {}), ElementsAre("{language}.train", "notes"));
  part().files = {"{language}.train"};
  const auto all =
      MatchFiles(manifest_, part(), {"/data", {"de.train", "en.train", "fr.train.zst"}});
  EXPECT_THAT(MissingPaths(part(), all), IsEmpty());
}

TEST_F(DatasetFilesTest, APublishedFileIsFoundWhereAPartFindsIt) {
  part().files = {"**/train.json"};
  manifest_.files.push_back({.path = "train.json"});
  const auto find = [&](const std::vector<std::string>& names) {
    return FindPublished(manifest_, manifest_.files[0], {"/data", names}).value_or("(none)");
  };
  EXPECT_EQ(find({"train.json"}), "train.json");
  EXPECT_EQ(find({"set/train.json"}), "set/train.json");
  EXPECT_EQ(find({"qa/squad/train.json.zst"}), "qa/squad/train.json.zst");
  EXPECT_EQ(find({"qa/x-train.json"}), "(none)");
  EXPECT_TRUE(PackedOnTop("qa/train.json.zst", "train.json"));
  EXPECT_FALSE(PackedOnTop("qa/train.json", "train.json"));
  EXPECT_FALSE(PackedOnTop("sw.txt.xz", "sw.txt.xz"));
  EXPECT_EQ(WithoutPacking("qa/train.json.zst"), "qa/train.json");
  EXPECT_EQ(WithoutPacking("qa/train.json"), "qa/train.json");
  manifest_.files.push_back({.path = "other/train.json"});
  EXPECT_EQ(find({"other/train.json"}), "(none)") << "that is another published file";
}

TEST_F(DatasetFilesTest, AFolderIsListedWithoutWhatIsNoData) {
  for (const char* name : {"b/x.txt", "a.txt", ".hidden", ".git/config", "a.txt.part", "b/.lock"}) {
    ASSERT_TRUE(PutFile(folder_ / name, "x"));
  }
  fs::create_directory_symlink(folder_.path(), folder_ / "b" / "up");
  fs::create_directory_symlink("b", folder_ / "linked");
  const auto listing = ListFolder(folder_.path());
  ASSERT_TRUE(listing) << listing.error().message;
  EXPECT_THAT(listing->names, ElementsAre("a.txt", "b/x.txt", "linked/x.txt"));
  EXPECT_THAT(ListFolder(folder_ / "none")->names, IsEmpty());
}

TEST_F(DatasetFilesTest, NoFileAtAllIsAnErrorThatSaysWhatToDo) {
  part().files = {"a.txt", "b.txt"};
  const auto none = FilesOfPart(manifest_, part(), ListFolder(folder_.path()).value());
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(none.error().message, HasSubstr("set, part `text`: no file in "));
  EXPECT_THAT(none.error().message,
              HasSubstr("is one of a.txt, b.txt; get it with `repro data fetch set`"));
  manifest_.how_to_get = "Ask its publisher.";
  EXPECT_THAT(FilesOfPart(manifest_, part(), ListFolder(folder_.path()).value()).error().message,
              HasSubstr("; Ask its publisher."));
}

}  // namespace
}  // namespace repro
