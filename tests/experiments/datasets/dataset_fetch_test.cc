#include "experiments/datasets/dataset_fetch.h"

#include <chrono>
#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/hash.h"
#include "core/io/file_lock.h"
#include "core/io/json_io.h"
#include "tests/core/archive_writer.h"
#include "tests/core/http_server.h"
#include "tests/core/packed_text.h"
#include "tests/core/temp_folder.h"

namespace repro {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::HttpRequest;
using testing::HttpServer;

class DatasetFetchTest : public ::testing::Test {
 protected:
  DatasetFetchTest() {
    testing::WriteArchive(folder_ / "archive", "zip",
                          {{"set-1.0/train.txt", "train\n"}, {"set-1.0/LICENSE", "free\n"}});
    pages_["/set.zip"] = ReadFile(folder_ / "archive").value();
    pages_["/test.txt"] = "test\n";
    pages_["/long.txt"] = std::string(10'000, 'x');
    manifest_.id = "set";
    manifest_.title = "A set";
    manifest_.licence = "CC0";
    AddFile("set.zip", "/set.zip").unpack = "zip";
    AddFile("sub/test.txt", "/test.txt").sha256 = Sha256Hex("test\n");
    AddFile("long.txt", "/long.txt").first_bytes = 100;
    manifest_.parts.push_back(
        {.name = "train", .layout = "text", .files = {"**/train.txt"}, .language = "en"});
    manifest_.parts.push_back({.name = "test", .layout = "text", .files = {"**/test.txt"}});
  }
  PublishedFile& AddFile(const std::string& path, const std::string& page) {
    PublishedFile& file = manifest_.files.emplace_back();
    file.path = path;
    file.url = server_.Url(page);
    return file;
  }
  Result<FetchOutcome> Fetch(bool verify = false) {
    plan_ = PlanFetch(manifest_, folder_ / "workspace", verify).value();
    FetchOptions options;
    options.retries = 1;
    options.first_wait_seconds = 0.01;
    return RunFetch(plan_, options);
  }
  /// As a person does, some time later.
  void Change(const std::string& name, const std::string& content) const {
    ASSERT_TRUE(WriteFileAtomic(At(name), content));
    fs::last_write_time(At(name), fs::last_write_time(At(name)) + std::chrono::seconds(5));
  }
  std::size_t Asked() const { return server_.requests().size(); }
  fs::path At(const std::string& name) const { return folder_ / "workspace/data/set" / name; }
  std::string Read(const std::string& name) const { return ReadFile(At(name)).value_or("(none)"); }

  TempFolder folder_;
  std::map<std::string, std::string> pages_;
  HttpServer server_{[this](const HttpRequest& request) {
    const auto page = pages_.find(request.path);
    return page == pages_.end() ? HttpServer::Respond(404, "", "none")
                                : HttpServer::RespondFile(request, page->second, "\"1\"");
  }};
  DatasetManifest manifest_;
  FetchPlan plan_;
};

TEST_F(DatasetFetchTest, FilesComeAndArchivesAreUnpacked) {
  const auto outcome = Fetch();
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->fetched, 3);
  EXPECT_EQ(outcome->unpacked, 2);
  EXPECT_EQ(Read("set-1.0/train.txt"), "train\n");
  EXPECT_EQ(Read("sub/test.txt"), "test\n");
  EXPECT_EQ(Read("long.txt"), std::string(100, 'x'));
  const Json record = LoadJson(At(".fetched.json")).value();
  EXPECT_EQ(record.at("files").at("sub/test.txt").at("sha256"), Sha256Hex("test\n"));
  EXPECT_EQ(record.at("files").at("sub/test.txt").at("url"), server_.Url("/test.txt"));
  EXPECT_EQ(record.at("files").at("sub/test.txt").at("etag"), "\"1\"");
  const DatasetState state = LookAt(manifest_, ListFolder(At("")).value());
  EXPECT_EQ(state.at_hand, AtHand::kWhole);
}

TEST_F(DatasetFetchTest, WhatIsThereIsNotFetchedAgain) {
  ASSERT_TRUE(Fetch());
  const std::size_t asked = Asked();
  fs::remove(At("sub/test.txt"));
  const auto again = Fetch();
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->fetched, 1);
  EXPECT_EQ(again->there, 2);
  EXPECT_EQ(again->unpacked, 0);
  EXPECT_EQ(Asked(), asked + 1);
}

TEST_F(DatasetFetchTest, WhatHasChangedIsTakenAgain) {
  manifest_.files[1].sha256.clear();  // nobody publishes it: what came is what is expected
  ASSERT_TRUE(Fetch());
  Change("sub/test.txt", "TEST\n");
  Change("long.txt", "short");
  const auto again = Fetch();
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->fetched, 2);
  EXPECT_TRUE(plan_.items[1].differs);
  EXPECT_EQ(Read("sub/test.txt"), "test\n");
  EXPECT_EQ(Read("long.txt"), std::string(100, 'x'));
  EXPECT_EQ(Fetch()->fetched, 0);
}

TEST_F(DatasetFetchTest, WhatIsUnchangedByItsTimeIsReadOnRequestAlone) {
  ASSERT_TRUE(Fetch());
  const auto time = fs::last_write_time(At("sub/test.txt"));
  ASSERT_TRUE(WriteFileAtomic(At("sub/test.txt"), "TEST\n"));
  fs::last_write_time(At("sub/test.txt"), time);
  EXPECT_EQ(Fetch()->fetched, 0) << "as large and as old as it was";
  EXPECT_EQ(Fetch(/*verify=*/true)->fetched, 1);
  EXPECT_EQ(Read("sub/test.txt"), "test\n");
  EXPECT_EQ(Fetch(/*verify=*/true)->fetched, 0);
}

TEST_F(DatasetFetchTest, WhatNothingIsRememberedOfIsTakenAsItIs) {
  ASSERT_TRUE(Fetch());
  fs::remove(folder_ / "workspace/data/hashes.json");
  Change("sub/test.txt", "TEST\n");
  EXPECT_EQ(Fetch()->fetched, 0) << "of its size: a large set is not read without need";
  EXPECT_EQ(Fetch(/*verify=*/true)->fetched, 1);
}

TEST_F(DatasetFetchTest, ADamagedArchiveIsTakenAndUnpackedAgain) {
  ASSERT_TRUE(Fetch());
  std::string damaged = pages_["/set.zip"];
  damaged[damaged.size() / 2] ^= 1;
  Change("set.zip", damaged);
  Change("set-1.0/train.txt", "other\n");
  const auto refused = Fetch();
  ASSERT_FALSE(refused) << "what is in its place may be somebody's work";
  EXPECT_THAT(refused.error().message, HasSubstr("train.txt, which is another file; move that"));
  const auto again = Fetch();
  ASSERT_FALSE(again) << "the archive is there now, but what is in it is not";
  EXPECT_EQ(again.error().message, refused.error().message);
  fs::remove(At("set-1.0/train.txt"));
  ASSERT_TRUE(Fetch(/*verify=*/true));
  EXPECT_EQ(Read("set-1.0/train.txt"), "train\n");
}

TEST_F(DatasetFetchTest, WhatWasUnpackedIsRememberedWithItsDigest) {
  ASSERT_TRUE(Fetch());
  const Json marker = LoadJson(At(".set.zip.unpacked")).value();
  EXPECT_EQ(marker.at("files").at("set-1.0/train.txt"),
            Json({{"bytes", 6}, {"sha256", Sha256Hex("train\n")}}));
  EXPECT_EQ(FetchedIndex(manifest_, At("")).at("set-1.0/train.txt").sha256, Sha256Hex("train\n"));
  Change("set-1.0/train.txt", "TRAIN\n");
  const DatasetState state = LookAt(manifest_, ListFolder(At("")).value());
  const auto check = CheckDataset(manifest_, state, FetchedIndex(manifest_, At("")));
  ASSERT_TRUE(check);
  ASSERT_EQ(check->problems.size(), 1U);
  EXPECT_EQ(check->problems[0].path, "set-1.0/train.txt");
  EXPECT_EQ(Fetch()->unpacked, 0) << "as large as it was";
  const auto verified = Fetch(/*verify=*/true);
  ASSERT_FALSE(verified);
  EXPECT_THAT(verified.error().message, HasSubstr("train.txt, which is another file; move that"));
}

TEST_F(DatasetFetchTest, AnUnpackedFileOfAnotherSizeIsSeenWithoutReadingIt) {
  ASSERT_TRUE(Fetch());
  Change("set-1.0/train.txt", "longer than it was\n");
  const auto outcome = Fetch();
  ASSERT_FALSE(outcome);
  EXPECT_THAT(outcome.error().message, HasSubstr("train.txt, which is another file; move that"));
}

TEST_F(DatasetFetchTest, AMarkerOfNamesAloneIsRead) {
  ASSERT_TRUE(Fetch());
  Json marker = LoadJson(At(".set.zip.unpacked")).value();
  marker["files"] = Json::array({"set-1.0/LICENSE", "set-1.0/train.txt"});
  ASSERT_TRUE(WriteFileAtomic(At(".set.zip.unpacked"), marker.dump()));
  EXPECT_EQ(Fetch(/*verify=*/true)->unpacked, 0);
  EXPECT_FALSE(FetchedIndex(manifest_, At("")).contains("set-1.0/train.txt"));
  fs::remove(At("set-1.0/train.txt"));
  EXPECT_EQ(Fetch()->unpacked, 2);
}

TEST_F(DatasetFetchTest, AnArchiveOfAnotherSizeThanPublishedIsNotTheOneThatWasUnpacked) {
  ASSERT_TRUE(Fetch());
  fs::remove(At("set.zip"));
  manifest_.files[0].bytes = static_cast<std::int64_t>(pages_["/set.zip"].size());
  EXPECT_EQ(Fetch()->fetched, 0);
  ++manifest_.files[0].bytes;
  const FetchPlan plan = PlanFetch(manifest_, folder_ / "workspace").value();
  EXPECT_FALSE(plan.items[0].there);
}

TEST_F(DatasetFetchTest, AFileOfItsNameWithOtherContentIsLeftAlone) {
  ASSERT_TRUE(PutFile(At("mine/test.txt"), "mine\n"));
  ASSERT_TRUE(Fetch());
  EXPECT_EQ(Read("sub/test.txt"), "test\n");
  EXPECT_EQ(Read("mine/test.txt"), "mine\n");
}

TEST_F(DatasetFetchTest, AnArchiveThatWasUnpackedMayBeThrownAway) {
  ASSERT_TRUE(Fetch());
  fs::remove(At("set.zip"));
  EXPECT_EQ(Fetch()->fetched, 0);
  fs::remove(At("set-1.0/train.txt"));
  const auto again = Fetch();
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->fetched, 1) << "its files are gone: it is needed";
  EXPECT_EQ(Read("set-1.0/train.txt"), "train\n");
}

TEST_F(DatasetFetchTest, AFileThatIsGoneFromItsPublisherIsNamed) {
  pages_.erase("/test.txt");
  const auto outcome = Fetch();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kIo);
  EXPECT_THAT(outcome.error().message, HasSubstr("/test.txt: HTTP status 404"));
  EXPECT_EQ(Read("set-1.0/train.txt"), "train\n") << "what came before stays";
}

TEST_F(DatasetFetchTest, AHostileArchiveIsRefused) {
  testing::WriteArchive(folder_ / "archive", "zip", {{"../../../evil.txt", "evil"}});
  pages_["/set.zip"] = ReadFile(folder_ / "archive").value();
  const auto outcome = Fetch();
  ASSERT_FALSE(outcome);
  EXPECT_THAT(outcome.error().message, HasSubstr("`../../../evil.txt` is no path below a folder"));
  EXPECT_FALSE(fs::exists(folder_ / "evil.txt"));
}

TEST_F(DatasetFetchTest, TwoAtOnceDoNotMix) {
  ASSERT_TRUE(MakeDirectories(At("")));
  const auto lock = FileLock::TryLock(At(".lock"));
  ASSERT_TRUE(lock);
  const auto outcome = Fetch();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kBusy);
  EXPECT_EQ(outcome.error().message, "set: another process fetches it");
  EXPECT_EQ(Asked(), 0U);
}

TEST_F(DatasetFetchTest, WhatAPersonMustGetIsAskedForWithItsLayout) {
  manifest_.files.clear();
  manifest_.how_to_get = "Sign the agreement of its publisher.";
  const auto plan = PlanFetch(manifest_, folder_ / "workspace");
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(plan.error().message,
            "set (A set) cannot be fetched from here. Sign the agreement of its publisher.\n"
            "Then `repro data fetch set --mirror DIR` takes it from DIR, or put the files below " +
                (folder_ / "workspace/data/set").string() +
                ":\n  train (text): **/train.txt\n  test (text): **/test.txt");
}

TEST_F(DatasetFetchTest, MixturesAndFoldersOfOnesOwnHaveNothingToFetch) {
  manifest_.folder = "texts";
  manifest_.path = folder_ / "mine.toml";
  EXPECT_THAT(PlanFetch(manifest_, folder_.path()).error().message,
              HasSubstr("set lies in " + (folder_ / "texts").string() + " already"));
  manifest_.folder.clear();
  manifest_.takes.push_back({.set = "bible"});
  EXPECT_THAT(PlanFetch(manifest_, folder_.path()).error().message,
              HasSubstr("set is a mixture: fetch what it takes: bible"));
}

class MirrorTest : public DatasetFetchTest {
 protected:
  MirrorTest() {
    EXPECT_TRUE(PutFile(folder_ / "mirror/texts/train.txt.zst", "packed"));
    EXPECT_TRUE(PutFile(folder_ / "mirror/texts/test.txt", "test\n"));
    EXPECT_TRUE(PutFile(folder_ / "mirror/other/dev.txt", "no part of it"));
  }
  Result<FetchOutcome> Copy() {
    const FolderListing mirror = ListFolder(folder_ / "mirror").value();
    FetchOptions options;
    options.index = LoadMirrorIndex(folder_ / "mirror").value();
    plan_ = PlanCopy(manifest_, folder_ / "workspace", mirror, options.index).value();
    return RunFetch(plan_, options);
  }
};

TEST_F(MirrorTest, ItsFilesAreCopiedWithTheirPaths) {
  const auto outcome = Copy();
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->fetched, 2);
  EXPECT_EQ(Read("texts/train.txt.zst"), "packed");
  EXPECT_EQ(Read("texts/test.txt"), "test\n");
  EXPECT_FALSE(fs::exists(At("other")));
  EXPECT_EQ(Asked(), 0U) << "nothing goes over the network";
  EXPECT_EQ(Copy()->fetched, 0) << "a second time there is nothing to do";
}

TEST_F(MirrorTest, WhatAMirrorBroughtIsNotFetchedBesideIt) {
  ASSERT_TRUE(Copy());
  const auto outcome = Fetch(/*verify=*/true);
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->fetched, 1) << "long.txt, which the mirror has not";
  EXPECT_EQ(Asked(), 1U);
  EXPECT_EQ(plan_.items[1].name, "texts/test.txt");
  EXPECT_FALSE(fs::exists(At("sub/test.txt")));
  EXPECT_FALSE(fs::exists(At("set-1.0"))) << "the archive's texts are there packed";
}

TEST_F(MirrorTest, WhatAMirrorBroughtAndIsDamagedIsReplaced) {
  ASSERT_TRUE(Copy());
  Change("texts/test.txt", "TEST\n");
  const auto outcome = Fetch();
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_TRUE(plan_.items[1].differs);
  EXPECT_EQ(plan_.items[1].replaces, "texts/test.txt");
  EXPECT_EQ(Read("sub/test.txt"), "test\n");
  EXPECT_FALSE(fs::exists(At("texts/test.txt"))) << "it would be read, too";
  EXPECT_FALSE(LoadJson(At(".fetched.json")).value().at("files").contains("texts/test.txt"));
}

TEST_F(MirrorTest, WhatWasFetchedIsNotCopiedBesideIt) {
  ASSERT_TRUE(Fetch());
  const auto outcome = Copy();
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->fetched, 0);
  EXPECT_EQ(outcome->there, 2);
  EXPECT_FALSE(fs::exists(At("texts")));
}

TEST_F(MirrorTest, APublishedFileThatAMirrorPackedIsOneFile) {
  manifest_.files[1].path = "test.txt";
  const std::string packed = testing::Packed(Packing::kZstd, "test\n");
  fs::remove(folder_ / "mirror/texts/test.txt");
  ASSERT_TRUE(PutFile(folder_ / "mirror/texts/test.txt.zst", packed));
  ASSERT_TRUE(Copy());
  ASSERT_TRUE(Fetch(/*verify=*/true));
  EXPECT_FALSE(fs::exists(At("test.txt")));
  EXPECT_EQ(Read("texts/test.txt.zst"), packed);
  // What was copied was not what is published: only unpacking it tells.
  ASSERT_TRUE(PutFile(folder_ / "mirror/texts/test.txt.zst",
                      testing::Packed(Packing::kZstd, "TEST, and more\n")));
  ASSERT_TRUE(Copy());
  EXPECT_FALSE(PlanFetch(manifest_, folder_ / "workspace").value().items[1].differs);
  ASSERT_TRUE(Fetch(/*verify=*/true));
  EXPECT_EQ(Read("test.txt"), "test\n");
  EXPECT_FALSE(fs::exists(At("texts/test.txt.zst")));
}

TEST_F(MirrorTest, ATextThatIsThereUnpackedIsNotCopiedPacked) {
  manifest_.files.clear();
  ASSERT_TRUE(PutFile(At("texts/train.txt"), "by hand"));
  const auto outcome = Copy();
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->there, 1);
  EXPECT_FALSE(fs::exists(At("texts/train.txt.zst")));
}

TEST_F(MirrorTest, ACopyThatHasChangedIsCopiedAgain) {
  ASSERT_TRUE(Copy());
  Change("texts/test.txt", "TEST\n");
  EXPECT_EQ(Copy()->fetched, 1);
  EXPECT_EQ(Read("texts/test.txt"), "test\n");
}

TEST_F(MirrorTest, ItsArchivesAreUnpacked) {
  ASSERT_TRUE(PutFile(folder_ / "mirror/set.zip", pages_["/set.zip"]));
  fs::remove(folder_ / "mirror/texts/train.txt.zst");
  ASSERT_TRUE(Copy());
  EXPECT_EQ(Read("set-1.0/train.txt"), "train\n");
}

TEST_F(MirrorTest, ACopyThatIsNotWhatTheIndexSaysIsNoCopy) {
  ASSERT_TRUE(
      PutFile(folder_ / "mirror/MANIFEST.tsv",
              "path\tbytes\tsha256\ntexts/train.txt.zst\t6\t" + Sha256Hex("other!") + "\n"));
  const auto outcome = Copy();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(outcome.error().message, HasSubstr("train.txt.zst: SHA-256 is "));
  EXPECT_THAT(outcome.error().message, HasSubstr("its MANIFEST.tsv says " + Sha256Hex("other!")));
  EXPECT_FALSE(fs::exists(At("texts/train.txt.zst")));
  EXPECT_FALSE(fs::exists(At("texts/train.txt.zst.part")));
}

TEST_F(MirrorTest, ACopyThatIsNotWhatWasPublishedIsNoCopy) {
  ASSERT_TRUE(PutFile(folder_ / "mirror/texts/test.txt", "tests"));
  manifest_.files[1].path = "test.txt";
  const auto outcome = Copy();
  ASSERT_FALSE(outcome);
  EXPECT_THAT(outcome.error().message, HasSubstr("the manifest says " + Sha256Hex("test\n")));
}

TEST_F(MirrorTest, AMirrorWithoutTheSetIsAnError) {
  const auto plan = PlanCopy(manifest_, folder_ / "workspace", {folder_ / "mirror", {"x"}});
  ASSERT_FALSE(plan);
  EXPECT_THAT(plan.error().message, HasSubstr("belongs to it; expected\n  train (text): "));
}

}  // namespace
}  // namespace repro
