#include "core/store/artifact_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/hash.h"
#include "core/io/file.h"
#include "core/io/json_io.h"
#include "tests/core/store/workspace_fixture.h"

namespace repro {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::Key;

class ArtifactStoreTest : public testing::WorkspaceTest {
 protected:
  fs::path Stage(char digit, int attempt, std::string_view text = "pieces") const {
    const fs::path staging = store_.StagingFolder(Key(digit), attempt);
    WriteText(staging / "model.bin", text);
    WriteText(staging / "sub" / "vocab.txt", "a\nb\n");
    return staging;
  }

  static CompletionRecord Record(char digit) {
    CompletionRecord record;
    record.task = {{"kind", "vocab"}, {"key", Key(digit)},        {"version", 1},
                   {"spec", {}},      {"inputs", Json::object()}, {"label", "vocab"}};
    record.build = "build-1";
    record.wall_seconds = 2.5;
    record.peak_rss_bytes = 1000;
    return record;
  }

  void Published(char digit) { ASSERT_OK(store_.Publish(Stage(digit, 1), Record(digit))); }

  ArtifactStore store_{workspace_};
};

TEST_F(ArtifactStoreTest, WhatIsPublishedIsFoundWithSizesAndHashes) {
  const auto record = store_.Publish(Stage('a', 1), Record('a'));
  ASSERT_OK(record);
  EXPECT_FALSE(fs::exists(store_.StagingFolder(Key('a'), 1)));
  const auto found = store_.Find("vocab", Key('a')).value();
  ASSERT_TRUE(found.has_value());
  ASSERT_EQ(found->files.size(), 2u);
  EXPECT_EQ(found->files[0].path, "model.bin");
  EXPECT_EQ(found->files[0].bytes, 6);
  EXPECT_EQ(found->files[0].sha256, Sha256Hex("pieces"));
  EXPECT_EQ(found->files[1].path, "sub/vocab.txt");
  EXPECT_EQ(found->TotalBytes(), 10);
  EXPECT_EQ(found->build, "build-1");
  EXPECT_GT(found->finished_ms, 0);
  EXPECT_FALSE(found->host.empty());
  EXPECT_EQ(found->ToJson(), record->ToJson());
  ASSERT_OK(store_.Verify("vocab", Key('a')));
}

TEST_F(ArtifactStoreTest, WhatIsNotThereIsNotAnError) {
  EXPECT_FALSE(store_.Find("vocab", Key('a')).value().has_value());
  EXPECT_TRUE(store_.List().value().empty());
  ASSERT_OK(store_.Remove("vocab", Key('a')));
}

TEST_F(ArtifactStoreTest, AHalfWrittenFolderIsNeverTakenAsWhole) {
  const fs::path folder = store_.Folder("vocab", Key('a'));
  WriteText(folder / "model.bin", "pie");
  EXPECT_FALSE(store_.Find("vocab", Key('a')).value().has_value());
  WriteText(folder / "completion.json", "{\"format\":1,\"task\":");
  EXPECT_EQ(store_.Find("vocab", Key('a')).error().code, ErrorCode::kCorrupt);
  const auto listed = store_.List().value();
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_FALSE(listed[0].record.has_value());
  EXPECT_THAT(listed[0].problem, HasSubstr("completion.json"));
}

TEST_F(ArtifactStoreTest, AMissingOrCutFileIsFoundWithoutReadingIt) {
  Published('a');
  const fs::path file = store_.Folder("vocab", Key('a')) / "model.bin";
  WriteText(file, "pie");
  auto found = store_.Find("vocab", Key('a'));
  EXPECT_EQ(found.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(found.error().message, HasSubstr("3 bytes, expected 6"));
  fs::remove(file);
  found = store_.Find("vocab", Key('a'));
  EXPECT_EQ(found.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(found.error().message, HasSubstr("model.bin"));
}

TEST_F(ArtifactStoreTest, AFlippedByteIsFoundByVerifyOnly) {
  Published('a');
  WriteText(store_.Folder("vocab", Key('a')) / "model.bin", "pieceS");
  ASSERT_OK(store_.Find("vocab", Key('a')));
  const Status status = store_.Verify("vocab", Key('a'));
  EXPECT_EQ(status.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(status.error().message, HasSubstr("'model.bin'"));
}

TEST_F(ArtifactStoreTest, TheFirstWholeArtifactStandsAndTheSecondIsDropped) {
  Published('a');
  const auto second = store_.Publish(Stage('a', 2, "other!"), Record('a'));
  ASSERT_OK(second);
  EXPECT_EQ(second->files[0].sha256, Sha256Hex("pieces"));
  EXPECT_FALSE(fs::exists(store_.StagingFolder(Key('a'), 2)));
  ASSERT_OK(store_.Verify("vocab", Key('a')));
}

TEST_F(ArtifactStoreTest, ADamagedArtifactIsReplaced) {
  Published('a');
  WriteText(store_.Folder("vocab", Key('a')) / "model.bin", "");
  ASSERT_OK(store_.Publish(Stage('a', 2), Record('a')));
  ASSERT_OK(store_.Verify("vocab", Key('a')));
  // Nothing of the damaged one is left anywhere.
  EXPECT_TRUE(fs::is_empty(workspace_ / "staging"));
}

TEST_F(ArtifactStoreTest, AnEmptyFolderAtTheTargetDoesNoHarm) {
  fs::create_directories(store_.Folder("vocab", Key('a')));
  Published('a');
  ASSERT_OK(store_.Verify("vocab", Key('a')));
}

TEST_F(ArtifactStoreTest, ARecordOfAnotherTaskIsRefused) {
  Published('a');
  fs::rename(store_.Folder("vocab", Key('a')), store_.Folder("vocab", Key('b')));
  const auto found = store_.Find("vocab", Key('b'));
  EXPECT_EQ(found.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(found.error().message, HasSubstr("another task"));
}

TEST_F(ArtifactStoreTest, LinksAreNotPublished) {
  const fs::path staging = Stage('a', 1);
  fs::create_symlink("/etc/passwd", staging / "link");
  const auto record = store_.Publish(staging, Record('a'));
  EXPECT_EQ(record.error().code, ErrorCode::kInvalidArgument);
  EXPECT_FALSE(store_.Find("vocab", Key('a')).value().has_value());
}

TEST_F(ArtifactStoreTest, ARecordMayNotNameFilesOutsideItsFolder) {
  Json json = Record('a').ToJson();
  json["finished_ms"] = 1;
  for (const char* path : {"../secret", "/etc/passwd", "a/../../b", ""}) {
    json["files"] = Json::array({{{"path", path}, {"bytes", 1}, {"sha256", Key('0')}}});
    EXPECT_EQ(CompletionRecord::FromJson(json, "here").error().code, ErrorCode::kCorrupt) << path;
  }
  EXPECT_EQ(store_.Find("..", Key('a')).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(ArtifactStoreTest, ListSeesEveryArtifactInOrder) {
  Published('b');
  Published('a');
  const auto listed = store_.List().value();
  ASSERT_EQ(listed.size(), 2u);
  EXPECT_EQ(listed[0].key, Key('a'));
  EXPECT_EQ(listed[1].key, Key('b'));
  ASSERT_OK(store_.Remove("vocab", Key('a')));
  EXPECT_EQ(store_.List().value().size(), 1u);
}

TEST_F(ArtifactStoreTest, ARunnerKilledAtAnyMomentLeavesAllOrNothing) {
  // A child publishes artifact after artifact; it is killed in the midst, at another moment each
  // time.
  for (int round = 0; round < 5; ++round) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      for (int i = 0; i < 16; ++i) {
        const char digit = "0123456789abcdef"[i];
        if (!store_.Publish(Stage(digit, 1), Record(digit))) ::_exit(1);
      }
      ::_exit(0);
    }
    ::usleep(static_cast<useconds_t>(500 + round * 1700));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    const auto listed = store_.List().value();
    for (const StoredArtifact& artifact : listed) {
      EXPECT_TRUE(artifact.record.has_value()) << artifact.problem;
      EXPECT_TRUE(store_.Verify(artifact.kind, artifact.key).has_value());
    }
  }
  // What the killed ones left stands in nobody's way.
  for (const char digit : std::string_view("0123456789abcdef")) Published(digit);
  EXPECT_EQ(store_.List().value().size(), 16u);
}

TEST_F(ArtifactStoreTest, AnArtifactThatCannotBeLookedAtIsNotTakenAway) {
  Published('a');
  const fs::path folder = store_.Folder("vocab", Key('a'));
  // A loop of links: neither missing nor damaged, as a folder that may not be entered (which root
  // may).
  const fs::path file = folder / "completion.json";
  fs::rename(file, folder / "aside");
  fs::create_symlink("completion.json", file);
  EXPECT_EQ(store_.Publish(Stage('a', 2, "other!"), Record('a')).error().code, ErrorCode::kIo);
  fs::rename(folder / "aside", file);
  ASSERT_OK(store_.Verify("vocab", Key('a')));
}

TEST_F(ArtifactStoreTest, WhatIsNoFolderIsNotListed) {
  Published('a');
  WriteText(workspace_ / "artifacts" / "note.txt", "x");
  fs::create_symlink("nowhere", workspace_ / "artifacts" / "link");
  fs::create_symlink("nowhere", workspace_ / "artifacts" / "vocab" / "link");
  EXPECT_EQ(store_.List().value().size(), 1u);
}

}  // namespace
}  // namespace repro
