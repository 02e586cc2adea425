#include "experiments/datasets/dataset_state.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/hash.h"
#include "tests/core/packed_text.h"
#include "tests/core/temp_folder.h"

namespace repro {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class DatasetStateTest : public ::testing::Test {
 protected:
  DatasetStateTest() {
    manifest_.id = "set";
    manifest_.parts.push_back({.name = "train", .layout = "text", .files = {"**/train.txt"}});
    manifest_.parts.push_back({.name = "test",
                               .layout = "text",
                               .files = {"test.txt"},
                               .stand_in = {"half.txt"},
                               .stand_in_note = "half of it"});
  }
  DatasetState Look() { return LookAt(manifest_, ListFolder(folder_.path()).value()); }
  /// "part|path|what" of each problem.
  std::vector<std::string> Problems(const MirrorIndex& index = {}) {
    const auto check = CheckDataset(manifest_, Look(), index);
    EXPECT_TRUE(check) << check.error().message;
    std::vector<std::string> problems;
    for (const DatasetProblem& problem : check->problems) {
      problems.push_back(problem.part + "|" + problem.path + "|" + problem.what);
    }
    return problems;
  }

  DatasetManifest manifest_;
  TempFolder folder_;
};

TEST_F(DatasetStateTest, SaysHowMuchIsAtHand) {
  EXPECT_EQ(Look().at_hand, AtHand::kNothing);
  ASSERT_TRUE(PutFile(folder_ / "train.txt", "train"));
  EXPECT_EQ(Look().at_hand, AtHand::kPart);
  ASSERT_TRUE(PutFile(folder_ / "half.txt", "half"));
  EXPECT_EQ(Look().at_hand, AtHand::kStandIn);
  EXPECT_EQ(Look().bytes, 9);
  ASSERT_TRUE(PutFile(folder_ / "test.txt", "test!"));
  EXPECT_EQ(Look().at_hand, AtHand::kWhole);
  EXPECT_EQ(Look().bytes, 10) << "the stand-in is not taken any more";
}

TEST_F(DatasetStateTest, MissingPathsAreProblemsAndStandInsAreNone) {
  ASSERT_TRUE(PutFile(folder_ / "half.txt", "half"));
  EXPECT_THAT(Problems(), ElementsAre("train|**/train.txt|no such file"));
  ASSERT_TRUE(PutFile(folder_ / "train.txt", "train"));
  EXPECT_THAT(Problems(), IsEmpty());
}

TEST_F(DatasetStateTest, SizesAndChecksumsAreThoseOfWhatWasPublished) {
  const std::string text = "the text as published\n";
  PublishedFile file;
  file.path = "train.txt";
  file.bytes = static_cast<std::int64_t>(text.size());
  file.sha256 = Sha256Hex(text);
  manifest_.files = {file};
  manifest_.parts.pop_back();
  for (const Packing packing : {Packing::kNone, Packing::kZstd, Packing::kXz}) {
    const std::string name = packing == Packing::kNone   ? "sub/train.txt"
                             : packing == Packing::kZstd ? "sub/train.txt.zst"
                                                         : "sub/train.txt.xz";
    ASSERT_TRUE(PutFile(folder_ / name, testing::Packed(packing, text)));
    EXPECT_THAT(Problems(), IsEmpty()) << name;
    EXPECT_EQ(CheckDataset(manifest_, Look(), {})->as_published, 1);
    std::string other = text;
    other[0] = 'T';
    ASSERT_TRUE(PutFile(folder_ / name, testing::Packed(packing, other)));
    EXPECT_THAT(Problems(), ElementsAre("|" + name + "|SHA-256 is " + Sha256Hex(other) +
                                        ", expected " + file.sha256));
    ASSERT_TRUE(PutFile(folder_ / name, testing::Packed(packing, text + "more")));
    EXPECT_THAT(Problems(), ElementsAre("|" + name + "|has 26 bytes, expected 22"));
    std::filesystem::remove(folder_ / name);
  }
}

TEST_F(DatasetStateTest, APublishedFileThatIsNotThereIsAProblemAndTheSetNotWhole) {
  manifest_.files.push_back({.path = "LICENCE.txt"});
  manifest_.files.push_back({.path = "other/train.txt"});
  manifest_.files.push_back({.path = "train.zip", .unpack = "zip"});
  manifest_.files.push_back({.path = "half.txt"});
  ASSERT_TRUE(PutFile(folder_ / "sub/train.txt", "train"));
  ASSERT_TRUE(PutFile(folder_ / "test.txt", "test"));
  EXPECT_EQ(Look().at_hand, AtHand::kPart);
  EXPECT_THAT(Problems(), ElementsAre("|LICENCE.txt|no such file"))
      << "train.txt is there in another folder, and a part whole without archive or stand-in";
  ASSERT_TRUE(PutFile(folder_ / "LICENCE.txt.part", "12345"));
  EXPECT_THAT(Problems(),
              ElementsAre("|LICENCE.txt|no such file, but 5 bytes of it in LICENCE.txt.part"));
  ASSERT_TRUE(PutFile(folder_ / "LICENCE.txt", "free"));
  EXPECT_EQ(Look().at_hand, AtHand::kWhole);
  EXPECT_THAT(Problems(), IsEmpty());
}

TEST_F(DatasetStateTest, OneOfManyFilesOfAWildcardIsMissedByItsName) {
  manifest_.parts = {{.name = "text", .layout = "text", .files = {"{language}/train.txt"}}};
  manifest_.files.push_back({.path = "en/train.txt"});
  manifest_.files.push_back({.path = "sw/train.txt"});
  EXPECT_THAT(Problems(), ElementsAre("text|{language}/train.txt|no such file"))
      << "what a part lacks is said once";
  ASSERT_TRUE(PutFile(folder_ / "en/train.txt.zst", "packed"));
  EXPECT_THAT(Problems(), ElementsAre("|sw/train.txt|no such file"));
  EXPECT_EQ(Look().at_hand, AtHand::kPart);
  ASSERT_TRUE(PutFile(folder_ / "sw/train.txt", "maji"));
  EXPECT_EQ(Look().at_hand, AtHand::kWhole);
}

TEST_F(DatasetStateTest, AFileThatWasFetchedAndIsGoneIsMissedAmongMany) {
  manifest_.parts = {{.name = "text", .layout = "text", .files = {"**/*.txt"}}};
  const MirrorIndex index = {{"en/a.txt.zst", {2, Sha256Hex("en")}},
                             {"sw/a.txt.zst", {2, Sha256Hex("sw")}},
                             {"README.md", {2, Sha256Hex("of")}}};
  EXPECT_THAT(Problems(index), ElementsAre("text|**/*.txt|no such file"));
  ASSERT_TRUE(PutFile(folder_ / "en/a.txt.zst", "en"));
  EXPECT_THAT(Problems(index), ElementsAre("text|sw/a.txt.zst|no such file, but it was here"));
  ASSERT_TRUE(PutFile(folder_ / "sw/a.txt", "unpacked"));
  EXPECT_THAT(Problems(index), IsEmpty());
}

TEST_F(DatasetStateTest, WhatStandsInNeedsNoPublishedFile) {
  manifest_.files.push_back({.path = "test.txt"});
  ASSERT_TRUE(PutFile(folder_ / "train.txt", "train"));
  ASSERT_TRUE(PutFile(folder_ / "half.txt", "half"));
  EXPECT_EQ(Look().at_hand, AtHand::kStandIn);
  EXPECT_THAT(Problems(), IsEmpty());
}

TEST_F(DatasetStateTest, AFileIsCountedAsPublishedOrAsIndexedNotTwice) {
  manifest_.parts[1].stand_in.clear();
  manifest_.files.push_back({.path = "train.txt", .sha256 = Sha256Hex("train")});
  ASSERT_TRUE(PutFile(folder_ / "train.txt", "train"));
  ASSERT_TRUE(PutFile(folder_ / "test.txt", "test"));
  const MirrorIndex index = {{"train.txt", {5, Sha256Hex("train")}},
                             {"test.txt", {4, Sha256Hex("test")}}};
  const auto check = CheckDataset(manifest_, Look(), index);
  ASSERT_TRUE(check);
  EXPECT_EQ(check->as_published, 1);
  EXPECT_EQ(check->as_indexed, 1);
  EXPECT_EQ(check->files, 2);
}

TEST_F(DatasetStateTest, AFileThatIsAsPublishedMayBeAnotherThanWasFetched) {
  manifest_.parts.push_back({.name = "again", .layout = "text", .files = {"**/train.txt"}});
  manifest_.files.push_back({.path = "train.txt", .sha256 = Sha256Hex("train")});
  ASSERT_TRUE(PutFile(folder_ / "train.txt", "train"));
  ASSERT_TRUE(PutFile(folder_ / "test.txt", "test"));
  const MirrorIndex fetched = {{"train.txt", {5, Sha256Hex("TRAIN")}}};
  EXPECT_THAT(Problems(fetched), IsEmpty()) << "a person has put in what is published";
  EXPECT_EQ(CheckDataset(manifest_, Look(), fetched)->as_published, 1);
}

TEST_F(DatasetStateTest, WhatNoPartReadsIsHeldAgainstTheIndex) {
  manifest_.files.push_back({.path = "set.zip", .unpack = "zip"});
  ASSERT_TRUE(PutFile(folder_ / "train.txt", "train"));
  ASSERT_TRUE(PutFile(folder_ / "test.txt", "test"));
  ASSERT_TRUE(PutFile(folder_ / "set.zip", "archive"));
  const MirrorIndex fetched = {{"set.zip", {7, Sha256Hex("archive")}}};
  const auto check = CheckDataset(manifest_, Look(), fetched);
  ASSERT_TRUE(check);
  EXPECT_THAT(check->problems, IsEmpty());
  EXPECT_EQ(check->as_indexed, 1);
  ASSERT_TRUE(PutFile(folder_ / "set.zip", "Archive"));
  EXPECT_THAT(Problems(fetched), ElementsAre("|set.zip|SHA-256 is " + Sha256Hex("Archive") +
                                             ", expected " + Sha256Hex("archive")));
}

TEST_F(DatasetStateTest, AFileOfItsNameElsewhereIsInTheFilesPlace) {
  manifest_.files.push_back({.path = "one/train.txt"});
  manifest_.files.push_back({.path = "two/train.txt"});
  ASSERT_TRUE(PutFile(folder_ / "one/train.txt", "train"));
  EXPECT_EQ(Look().published[1].elsewhere, std::nullopt) << "that is another published file";
  ASSERT_TRUE(PutFile(folder_ / "texts/train.txt.zst", "packed"));
  EXPECT_EQ(Look().published[0].elsewhere, std::nullopt);
  EXPECT_EQ(Look().published[1].elsewhere, "texts/train.txt.zst");
}

TEST_F(DatasetStateTest, ADamagedFileIsAProblemNoError) {
  manifest_.files.push_back({.path = "train.txt", .bytes = 30'000});
  manifest_.parts.pop_back();
  const std::string packed = testing::Packed(Packing::kGzip, std::string(30'000, 'x'));
  ASSERT_TRUE(PutFile(folder_ / "train.txt.gz", packed.substr(0, packed.size() / 2)));
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("train.txt.gz: damaged at byte")));
}

TEST_F(DatasetStateTest, AMirrorsIndexIsHeldAgainstItsFiles) {
  ASSERT_TRUE(PutFile(folder_ / "train.txt", "train"));
  ASSERT_TRUE(PutFile(folder_ / "test.txt", "test"));
  ASSERT_TRUE(PutFile(folder_ / "MANIFEST.tsv",
                      "path\tbytes\tuncompressed_bytes\tlines\tsha256\n"
                      "train.txt\t5\t5\t1\t" +
                          Sha256Hex("train") +
                          "\n"
                          "test.txt\t4\t4\t\t" +
                          Sha256Hex("other") + "\n"));
  const auto index = LoadMirrorIndex(folder_.path());
  ASSERT_TRUE(index) << index.error().message;
  EXPECT_EQ(index->size(), 2U);
  EXPECT_THAT(Problems(*index), ElementsAre("test|test.txt|SHA-256 is " + Sha256Hex("test") +
                                            ", expected " + Sha256Hex("other")));
  ASSERT_TRUE(PutFile(folder_ / "train.txt", "longer"));
  EXPECT_THAT(Problems(*index), ::testing::Contains("train|train.txt|has 6 bytes, expected 5"));
}

TEST_F(DatasetStateTest, ABadIndexIsSaidWithItsLine) {
  EXPECT_TRUE(LoadMirrorIndex(folder_.path())->empty());
  ASSERT_TRUE(PutFile(folder_ / "MANIFEST.tsv", "path\tsha256\n"));
  EXPECT_THAT(LoadMirrorIndex(folder_.path()).error().message,
              HasSubstr("MANIFEST.tsv:1: no column `bytes`"));
  ASSERT_TRUE(PutFile(folder_ / "MANIFEST.tsv", "path\tbytes\tbytes\tsha256\nx\t5\t5\n"));
  EXPECT_THAT(LoadMirrorIndex(folder_.path()).error().message,
              HasSubstr("MANIFEST.tsv:1: column `bytes` twice, expected each name once"));
  ASSERT_TRUE(PutFile(folder_ / "MANIFEST.tsv", "path\tbytes\tsha256\na\t1\tx\nb\tmany\tx\n"));
  EXPECT_THAT(LoadMirrorIndex(folder_.path()).error().message,
              HasSubstr("MANIFEST.tsv:3: `b many x`, expected 3 columns with a number in `bytes`"));
}

}  // namespace
}  // namespace repro
