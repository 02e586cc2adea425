// One attempt from its task.json to its exit code, in this process. Killed and interrupted
// processes are the subject of tests/core/scheduler.
#include "core/graph/task_runner.h"

#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/check.h"
#include "core/io/file.h"
#include "core/io/file_lock.h"
#include "core/store/artifact_store.h"
#include "tests/core/temp_folder.h"

namespace repro {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

Status Work(TaskContext& context) {
  const auto source = context.Input("source");
  if (!source) return tl::unexpected<Error>(source.error());
  if (!fs::is_empty(context.out)) return Fail(ErrorCode::kFailed, "`out` is not empty");
  context.events.Write({.name = "lines", .value = 3});
  REPRO_RETURN_IF_ERROR(PutFile(context.scratch / "checkpoint", "half"));
  REPRO_ASSIGN_OR_RETURN(const std::string text, ReadFile(*source / "text"));
  return PutFile(context.out / "copy", text);
}

Status Throw(TaskContext&) {
  throw std::runtime_error("out of luck");
}

Status FailAs(TaskContext& context) {
  return Fail(static_cast<ErrorCode>(context.task.spec.at("code").get<int>()), "as asked");
}

constexpr TaskKind kKinds[] = {{"work", Work}, {"throw", Throw}, {"fail", FailAs}};

class TaskRunnerTest : public testing::Test {
 protected:
  TaskRunnerTest() {
    const fs::path staging = store_.StagingFolder(SourceKey(), 1);
    REPRO_CHECK(PutFile(staging / "text", "one\ntwo\n").has_value());
    CompletionRecord record;
    record.task = {{"kind", "source"}, {"key", SourceKey()}};
    REPRO_CHECK(store_.Publish(staging, record).has_value());
  }

  static std::string SourceKey() { return std::string(64, 'a'); }
  fs::path Source() const { return store_.Folder("source", SourceKey()); }

  AttemptDescription Describe(const std::string& kind, Json spec = Json::object()) const {
    AttemptDescription attempt;
    attempt.task.kind = kind;
    attempt.task.spec = std::move(spec);
    attempt.task.label = kind + " it";
    attempt.task.inputs = {{"source", SourceKey()}};
    attempt.task.key = ComputeTaskKey(attempt.task);
    attempt.inputs = {{"source", Source()}};
    attempt.staging = store_.StagingFolder(attempt.task.key, 1);
    attempt.scratch = store_.ScratchFolder(attempt.task.key);
    attempt.workspace = workspace_;
    return attempt;
  }

  fs::path Folder() const { return workspace_ / "attempt"; }

  TaskExit Run(const Json& description) {
    REPRO_CHECK(PutFile(Folder() / "task.json", description.dump()).has_value());
    testing::internal::CaptureStderr();
    const TaskExit exit = RunAttempt(Folder(), kKinds, "build-1", stop_);
    stderr_ = testing::internal::GetCapturedStderr();
    return exit;
  }

  std::string Events() const { return ReadFile(Folder() / "events.jsonl").value_or("(none)"); }

  const TempFolder folder_;
  const fs::path workspace_ = folder_.path();
  ArtifactStore store_{workspace_};
  StopFlag stop_{false};
  std::string stderr_;
};

TEST_F(TaskRunnerTest, PublishesWhatTheTaskMadeAndClearsItsScratch) {
  const AttemptDescription attempt = Describe("work");
  // What an earlier attempt with the same number left is not part of the artifact.
  ASSERT_TRUE(PutFile(attempt.staging / "left over", "x"));
  EXPECT_EQ(Run(ToJson(attempt)), TaskExit::kDone) << stderr_;
  const auto record = store_.Find("work", attempt.task.key).value();
  ASSERT_TRUE(record.has_value());
  ASSERT_EQ(record->files.size(), 1U);
  EXPECT_EQ(record->files[0].path, "copy");
  EXPECT_EQ(record->build, "build-1");
  EXPECT_EQ(record->task["inputs"]["source"], std::string(64, 'a'));
  EXPECT_FALSE(fs::exists(attempt.scratch));
  EXPECT_FALSE(fs::exists(attempt.staging));
  EXPECT_THAT(Events(), HasSubstr(R"("state":"started")"));
  EXPECT_THAT(Events(), HasSubstr(R"("name":"lines")"));
  EXPECT_THAT(Events(), HasSubstr(R"("artifact_bytes":8)"));
  EXPECT_FALSE(IsLocked(Folder() / "lock"));
}

TEST_F(TaskRunnerTest, AWholeArtifactIsNotMadeAgain) {
  const AttemptDescription attempt = Describe("work");
  ASSERT_EQ(Run(ToJson(attempt)), TaskExit::kDone);
  const auto before = store_.Find("work", attempt.task.key).value()->ToJson();
  ASSERT_EQ(Run(ToJson(attempt)), TaskExit::kDone);
  EXPECT_EQ(store_.Find("work", attempt.task.key).value()->ToJson(), before);
  EXPECT_THAT(Events(), HasSubstr("already_complete"));
}

TEST_F(TaskRunnerTest, TheExitSaysWhatKindOfFailureItWas) {
  const std::vector<std::pair<ErrorCode, TaskExit>> expected = {
      {ErrorCode::kInterrupted, TaskExit::kContinue},
      {ErrorCode::kDiverged, TaskExit::kDiverged},
      {ErrorCode::kInvalidArgument, TaskExit::kBadSpec},
      {ErrorCode::kCorrupt, TaskExit::kDamaged},
      {ErrorCode::kIo, TaskExit::kFailed},
  };
  for (const auto& [code, exit] : expected) {
    const AttemptDescription attempt = Describe("fail", {{"code", static_cast<int>(code)}});
    EXPECT_EQ(Run(ToJson(attempt)), exit);
    EXPECT_EQ(stderr_, "repro-task: fail it: as asked\n");
    EXPECT_TRUE(fs::exists(attempt.scratch)) << "checkpoints stay for the next attempt";
    EXPECT_FALSE(store_.Find("fail", attempt.task.key).value().has_value());
  }
  EXPECT_THAT(Events(), HasSubstr(R"("state":"interrupted")"));
  EXPECT_THAT(Events(), HasSubstr(R"("state":"diverged")"));
  EXPECT_THAT(Events(), HasSubstr(R"("state":"failed")"));
}

TEST_F(TaskRunnerTest, AnExceptionIsAFailureWithItsText) {
  EXPECT_EQ(Run(ToJson(Describe("throw"))), TaskExit::kFailed);
  EXPECT_EQ(stderr_, "repro-task: throw it: out of luck\n");
  EXPECT_THAT(Events(), HasSubstr("out of luck"));
}

TEST_F(TaskRunnerTest, ADamagedInputIsNamedBeforeAnyWork) {
  const AttemptDescription attempt = Describe("work");
  ASSERT_TRUE(PutFile(Source() / "text", "one\ntwa\n"));  // as long as before
  EXPECT_EQ(Run(ToJson(attempt)), TaskExit::kDamaged);
  for (const std::string& what : {std::string("input 'source'"), Source().string(),
                                  std::string("'text'"), std::string("repro doctor --fix")}) {
    EXPECT_THAT(stderr_, HasSubstr(what));
    EXPECT_THAT(Events(), HasSubstr(what));
  }
  EXPECT_FALSE(fs::exists(attempt.staging));
  EXPECT_FALSE(store_.Find("work", attempt.task.key).value().has_value());
  ASSERT_TRUE(PutFile(Source() / "text", "one\ntwo\n"));
  EXPECT_EQ(Run(ToJson(attempt)), TaskExit::kDone) << stderr_;
}

TEST_F(TaskRunnerTest, AnInputThatIsGoneIsNamed) {
  ASSERT_TRUE(store_.Remove("source", SourceKey()));
  EXPECT_EQ(Run(ToJson(Describe("work"))), TaskExit::kDamaged);
  EXPECT_THAT(stderr_, HasSubstr(Source().string()));
}

TEST_F(TaskRunnerTest, AKindOfAnotherBuildIsABadSpec) {
  EXPECT_EQ(Run(ToJson(Describe("import"))), TaskExit::kBadSpec);
  EXPECT_THAT(stderr_, HasSubstr("no task kind 'import' in this build"));
}

TEST_F(TaskRunnerTest, ADescriptionThatWasEditedIsRefused) {
  Json edited = ToJson(Describe("work", {{"size", 10}}));
  edited["task"]["spec"]["size"] = 11;
  EXPECT_EQ(Run(edited), TaskExit::kFailed);
  EXPECT_THAT(stderr_, HasSubstr("task.json: the key does not fit the task"));
  edited["task"].erase("spec");
  EXPECT_EQ(Run(edited), TaskExit::kFailed);
  EXPECT_THAT(stderr_, HasSubstr("task.json: not a task description"));
  EXPECT_EQ(Run(Json::array()), TaskExit::kFailed);
  EXPECT_EQ(Events(), "(none)");
}

TEST_F(TaskRunnerTest, TheSameAttemptRunsOnce) {
  const AttemptDescription attempt = Describe("work");
  fs::create_directories(Folder());
  const auto other = FileLock::TryLock(Folder() / "lock");
  ASSERT_TRUE(other);
  EXPECT_EQ(Run(ToJson(attempt)), TaskExit::kFailed);
  EXPECT_THAT(stderr_, HasSubstr("locked by another process"));
  EXPECT_FALSE(fs::exists(attempt.staging));
}

TEST_F(TaskRunnerTest, DescriptionsSurviveTheFile) {
  AttemptDescription attempt = Describe("work", {{"size", 10}, {"rate", 0.1}});
  attempt.task.version = 3;
  attempt.task.resources = {.threads = 2, .gpus = 1, .memory_bytes = 5, .disk_bytes = 6};
  attempt.task.work = 2.5;
  attempt.task.work_unit = "tokens";
  attempt.task.info = {{"folder", "/somewhere"}};
  attempt.task.key = ComputeTaskKey(attempt.task);
  const auto again = ParseAttemptDescription(ToJson(attempt), "here");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(ToJson(*again), ToJson(attempt));
  EXPECT_EQ(again->task.resources.gpus, 1);
  EXPECT_EQ(again->task.info, attempt.task.info);
  EXPECT_EQ(again->inputs, attempt.inputs);
}

}  // namespace
}  // namespace repro
