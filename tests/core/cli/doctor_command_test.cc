#include "core/cli/doctor_command.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/hash.h"
#include "core/io/file.h"
#include "core/io/file_lock.h"
#include "core/store/lease.h"
#include "tests/core/cli/log_fixture.h"

namespace repro {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::Key;
using ::testing::Not;
using testing::Outcome;

class DoctorTest : public testing::LogCommandTest {
 protected:
  DoctorTest() { FillLog(); }

  Outcome Doctor(std::vector<std::string> arguments = {}, bool json = false) const {
    return RunCommand(MakeDoctorCommand(), std::move(arguments), json);
  }
  fs::path Artifact(char digit, const char* kind = "pretrain") const {
    return ArtifactStore(workspace_).Folder(kind, Key(digit));
  }
};

TEST_F(DoctorTest, AHealthyWorkspaceIsWell) {
  const Outcome outcome = Doctor();
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("all is well"), HasSubstr("3 whole artifacts")));
  const Json json = Doctor({}, true).json();
  EXPECT_EQ(json["ok"], true);
  EXPECT_EQ(json["bytes"], 3000);
}

TEST_F(DoctorTest, AFlippedByteIsFoundByItsHashAndMended) {
  WriteText(Artifact('2') / "data.bin", std::string(999, '2') + "X");
  EXPECT_EQ(Doctor({"--quick"}).code, 0) << "sizes alone cannot see it";
  const Outcome found = Doctor();
  EXPECT_EQ(found.code, 1);
  EXPECT_THAT(found.out, AllOf(HasSubstr("'data.bin'"), HasSubstr("--fix")));
  const Outcome mended = Doctor({"--fix"});
  EXPECT_EQ(mended.code, 0);
  EXPECT_FALSE(fs::exists(Artifact('2')));
  EXPECT_TRUE(fs::exists(Artifact('3')));
}

// Of the task '5' only results are here, a kept file among them.
TEST_F(DoctorTest, AFlippedByteOfImportedResultsIsFoundByItsHashAndMended) {
  const ArtifactStore store(workspace_);
  const fs::path staging = store.StagingFolder(Key('5'), 0);
  WriteText(staging / "counts.json", "{\"lines\":12}");
  CompletionRecord record;
  record.task = {{"kind", "evaluation_text"}, {"key", Key('5')}};
  record.files = {{"counts.json", 12, Sha256Hex("{\"lines\":12}")},
                  {"lines.bin", 5000, Sha256Hex("elsewhere")}};
  record.imported = {{"machine", "box"}, {"kept", {"counts.json"}}};
  REPRO_CHECK(store.PublishResults(staging, record).has_value());
  EXPECT_THAT(Doctor().out, HasSubstr("all is well"));

  const fs::path folder = store.ResultsFolder("evaluation_text", Key('5'));
  WriteText(folder / "counts.json", "{\"lines\":21}");
  EXPECT_EQ(Doctor({"--quick"}).code, 0) << "sizes alone cannot see it";
  const Outcome found = Doctor();
  EXPECT_EQ(found.code, 1);
  EXPECT_THAT(found.out, AllOf(HasSubstr("'counts.json'"), HasSubstr("--fix"),
                               HasSubstr("then import the results again")));
  EXPECT_EQ(Doctor({"--fix"}).code, 0);
  EXPECT_FALSE(fs::exists(folder));
}

TEST_F(DoctorTest, AMissingFileAndAMissingArtifactAreDamage) {
  fs::remove(Artifact('2') / "data.bin");
  fs::remove_all(Artifact('3'));
  const Json json = Doctor({"--quick"}, true).json();
  EXPECT_EQ(json["ok"], false);
  ASSERT_EQ(json["findings"].size(), 2u);
  EXPECT_THAT(json["findings"][0]["detail"].get<std::string>(), HasSubstr("data.bin"));
  EXPECT_THAT(json["findings"][1]["detail"].get<std::string>(), HasSubstr("is gone"));
}

TEST_F(DoctorTest, AFolderWithoutARecordIsDamage) {
  fs::remove(Artifact('2') / "completion.json");
  const Json json = Doctor({}, true).json();
  ASSERT_EQ(json["findings"].size(), 1u);
  EXPECT_EQ(json["findings"][0]["severity"], "damage");
  EXPECT_THAT(json["findings"][0]["detail"].get<std::string>(), HasSubstr("no completion record"));
}

TEST_F(DoctorTest, LeftoversAreNamedButNoDamage) {
  WriteText(workspace_ / "staging" / (Key('4') + ".2") / "half", "x");
  WriteText(workspace_ / "work" / Key('2') / "scratch" / "checkpoint", "x");
  WriteText(workspace_ / "lease",
            R"({"pid":1,"host":"box","user":"ada","command":"repro run fig2","since_ms":1000})");
  WriteText(workspace_ / "requests" / "bad" / "1.json", "x");
  const Json json = Doctor({}, true).json();
  EXPECT_EQ(json["ok"], true);
  std::map<std::string, int> what;
  for (const Json& finding : json["findings"]) {
    EXPECT_EQ(finding["severity"], "leftover");
    EXPECT_FALSE(finding["mend"].get<std::string>().empty());
    ++what[finding["what"].get<std::string>()];
  }
  EXPECT_EQ(what, (std::map<std::string, int>{
                      {"lease", 1}, {"request", 1}, {"scratch", 1}, {"staging", 1}}));
  EXPECT_EQ(Doctor({"--fix"}).code, 0);
  EXPECT_FALSE(fs::exists(workspace_ / "staging" / (Key('4') + ".2")));
  EXPECT_FALSE(fs::exists(workspace_ / "work" / Key('2') / "scratch"));
  EXPECT_THAT(Doctor().out, HasSubstr("all is well"));
}

TEST_F(DoctorTest, CheckpointsOfAnUnfinishedTaskAreKept) {
  const fs::path checkpoint = workspace_ / "work" / Key('4') / "scratch" / "checkpoint";
  WriteText(checkpoint, "x");
  EXPECT_EQ(Doctor({"--fix"}).code, 0);
  EXPECT_TRUE(fs::exists(checkpoint));
}

TEST_F(DoctorTest, NothingIsMendedUnderSomebodyElsesLease) {
  const auto lease = Lease::Acquire(workspace_, "repro run fig2").value();
  EXPECT_EQ(Doctor({"--fix"}).error.code, ErrorCode::kBusy);
  EXPECT_EQ(Doctor().code, 0) << "looking is allowed";
}

TEST_F(DoctorTest, ADamagedLogIsMovedAsideAndNeverTouched) {
  const auto size = fs::file_size(LogPath());
  {
    std::fstream file(LogPath(), std::ios::in | std::ios::out | std::ios::binary);
    for (std::uintmax_t page = 1; page < size / 4096; ++page) {
      file.seekp(static_cast<std::streamoff>(page * 4096));
      file << std::string(4096, '\xAB');
    }
  }
  const Outcome outcome = Doctor();
  EXPECT_EQ(outcome.code, 1);
  const fs::path aside = LogPath().string() + ".damaged";
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("damage"), HasSubstr("repro doctor --fix"), HasSubstr(aside.string()),
                    HasSubstr("lost are tags"), Not(HasSubstr("all is well"))));
  EXPECT_FALSE(fs::exists(aside)) << "without --fix nothing is changed";

  WriteText(aside, "of an earlier accident");
  const Outcome mended = Doctor({"--fix"});
  EXPECT_EQ(mended.code, 0);
  EXPECT_THAT(mended.out, AllOf(HasSubstr("mended"), HasSubstr("moved to"), HasSubstr("repro run"),
                                HasSubstr("lost are tags")));
  EXPECT_FALSE(fs::exists(LogPath()));
  EXPECT_EQ(ReadFile(aside).value(), "of an earlier accident");
  EXPECT_EQ(fs::file_size(aside.string() + ".2"), size);
  EXPECT_TRUE(fs::exists(Artifact('2')));
  EXPECT_EQ(Doctor().code, 0);
}

TEST_F(DoctorTest, AFileThatIsNoDatabaseIsMovedAsideToo) {
  for (const char* end : {"", "-wal", "-shm"}) fs::remove(LogPath().string() + end);
  const std::string text =
      "not a database, though long enough to hold the header of one: " + std::string(200, 'x');
  WriteText(LogPath(), text);
  EXPECT_EQ(Doctor().code, 1);
  EXPECT_EQ(Doctor({"--fix"}).code, 0);
  EXPECT_FALSE(fs::exists(LogPath()));
  EXPECT_EQ(ReadFile(LogPath().string() + ".damaged").value(), text);
}

TEST_F(DoctorTest, TheLogOfALivingTaskStaysWhereItIs) {
  for (const char* end : {"", "-wal", "-shm"}) fs::remove(LogPath().string() + end);
  WriteText(LogPath(), std::string(300, 'x'));
  const fs::path attempt = workspace_ / "work" / Key('4') / "attempts" / "1";
  fs::create_directories(attempt);
  const auto lock = FileLock::TryLock(attempt / "lock").value();
  EXPECT_EQ(Doctor({"--fix"}).code, 1);
  EXPECT_TRUE(fs::exists(LogPath()));
}

TEST_F(DoctorTest, ALogThatNeverHeldAnythingIsNoDamage) {
  for (const char* end : {"", "-wal", "-shm"}) fs::remove(LogPath().string() + end);
  WriteText(LogPath(), "");  // a full disk leaves such a one
  const Outcome outcome = Doctor();
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("leftover"), HasSubstr("is empty")));
}

TEST_F(DoctorTest, ARowThatRefersToNothingIsDamage) {
  {
    SQLite::Database database(LogPath().string(), SQLite::OPEN_READWRITE);
    database.exec("PRAGMA foreign_keys = OFF");
    database.exec("DELETE FROM configs");
  }
  const Outcome outcome = Doctor();
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.out, HasSubstr("configs"));
}

}  // namespace
}  // namespace repro
