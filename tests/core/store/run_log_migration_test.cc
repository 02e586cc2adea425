// A log of schema version 1, as an older build would have left it, opened by this one.
#include <map>
#include <set>

#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/store/run_log.h"
#include "core/store/schema.h"
#include "tests/core/store/workspace_fixture.h"

namespace repro {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Key;

class MigrationTest : public testing::WorkspaceTest {
 protected:
  void MakeOldLog(const std::string& file = "run_log_v1.sql") {
    std::ifstream in(std::string(REPRO_TESTDATA) + "/store/" + file);
    ASSERT_TRUE(in.good());
    const std::string sql{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    SQLite::Database(LogPath().string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE).exec(sql);
  }

  /// Table -> "column type notnull pk", and the names of the indices.
  static std::map<std::string, std::set<std::string>> Shape(const std::filesystem::path& path) {
    std::map<std::string, std::set<std::string>> shape;
    SQLite::Database database(path.string());
    SQLite::Statement columns(
        database,
        "SELECT m.name, c.name || ' ' || c.type || ' ' || c.\"notnull\" || ' ' || "
        "c.pk || ' ' || coalesce(c.dflt_value, '-') FROM sqlite_master m, "
        "pragma_table_info(m.name) c WHERE m.type = 'table'");
    while (columns.executeStep()) {
      shape[columns.getColumn(0).getString()].insert(columns.getColumn(1).getString());
    }
    SQLite::Statement indices(
        database,
        "SELECT tbl_name, sql FROM sqlite_master WHERE type = 'index' AND sql "
        "IS NOT NULL");
    while (indices.executeStep()) {
      shape[indices.getColumn(0).getString()].insert(indices.getColumn(1).getString());
    }
    return shape;
  }
};

TEST_F(MigrationTest, TheContentOfVersion1IsIntact) {
  MakeOldLog();
  const RunLog log = OpenLog();
  const auto runs = log.Runs().value();
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[1].id, 1);
  EXPECT_EQ(runs[1].point, "xlm7");
  EXPECT_THAT(runs[1].tags, ElementsAre("baseline", "v0"));
  EXPECT_EQ(runs[1].config["model"]["layers"], 2);
  EXPECT_EQ(runs[1].state, "done");
  EXPECT_TRUE(runs[0].tags.empty());
  const auto task = log.FindTask(Key('a')).value();
  ASSERT_TRUE(task.has_value());
  EXPECT_EQ(task->label, "pretrain xlm7 seed 1");
  EXPECT_EQ(task->attempts, 2);
  const auto attempts = log.Attempts(Key('a')).value();
  ASSERT_EQ(attempts.size(), 2u);
  EXPECT_EQ(attempts[0].reason, "killed by signal 9");
  EXPECT_TRUE(attempts[0].progress.is_null());
  EXPECT_EQ(attempts[1].damaged_lines, 0);
  const auto metrics = log.Metrics({.task_keys = {Key('a')}}).value();
  ASSERT_EQ(metrics.size(), 2u);
  EXPECT_EQ(metrics[1].value, 3.5);
  EXPECT_EQ(log.Events(Key('a')).value().at(0)["text"], "hello");
  EXPECT_EQ(log.Invocations(0).value().at(0).command_line, "repro run fig2");
  EXPECT_TRUE(log.CheckIntegrity().value().empty());
}

TEST_F(MigrationTest, AMigratedLogHasTheShapeOfANewOne) {
  MakeOldLog();
  OpenLog();
  const auto migrated = Shape(LogPath());
  const auto fresh = workspace_ / "fresh.sqlite";
  ASSERT_OK(RunLog::Open(fresh, RunLog::Mode::kWrite));
  EXPECT_EQ(migrated, Shape(fresh));
  EXPECT_EQ(RunLog::FileVersion(LogPath()).value(), kSchemaVersion);
}

TEST_F(MigrationTest, AReaderDoesNotMigrateAndSaysWhoDoes) {
  MakeOldLog();
  const auto log = RunLog::Open(LogPath(), RunLog::Mode::kRead);
  ASSERT_FALSE(log.has_value());
  EXPECT_EQ(log.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(log.error().message, HasSubstr("schema version 1"));
  EXPECT_EQ(RunLog::FileVersion(LogPath()).value(), 1);
}

TEST_F(MigrationTest, AMigrationThatFailsLeavesVersion1AsItWas) {
  MakeOldLog();
  // A table in the way of the step.
  SQLite::Database(LogPath().string(), SQLite::OPEN_READWRITE).exec("CREATE TABLE tags (x TEXT)");
  const auto log = RunLog::Open(LogPath(), RunLog::Mode::kWrite);
  ASSERT_FALSE(log.has_value());
  EXPECT_EQ(RunLog::FileVersion(LogPath()).value(), 1);
  SQLite::Database database(LogPath().string());
  EXPECT_EQ(database.execAndGet("SELECT tags FROM runs WHERE id = 1").getString(),
            "[\"baseline\",\"v0\"]");
}

}  // namespace
}  // namespace repro
