#pragma once
/// A workspace with a run log and artifacts, filled by "running" tasks in no time.

#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "core/base/check.h"
#include "core/graph/task_graph.h"
#include "core/graph/task_history.h"
#include "core/io/file.h"
#include "core/store/artifact_store.h"
#include "core/store/run_log.h"
#include "tests/core/temp_folder.h"

namespace repro {

inline constexpr const char* kBuild = "build-1";

class HistoryTest : public testing::Test {
 protected:
  /// A task with its key set; `spec` in the shape of the kinds' specs.
  static Task MakeTask(std::string kind, std::string label, Json spec,
                       std::map<std::string, std::string> inputs = {}) {
    Task task;
    task.kind = std::move(kind);
    task.label = std::move(label);
    task.spec = std::move(spec);
    task.inputs = std::move(inputs);
    task.key = ComputeTaskKey(task);
    return task;
  }

  void Know(const Task& task, const std::string& state) {
    REPRO_CHECK(log_.UpsertTask(MakeTaskRow(task)).has_value());
    REPRO_CHECK(log_.SetTaskState(task.key, state).has_value());
  }

  void Attempt(const Task& task, int number, const std::string& state) {
    AttemptRow attempt;
    attempt.task_key = task.key;
    attempt.number = number;
    attempt.folder = "work/" + task.key + "/attempts/" + std::to_string(number);
    attempt.id = log_.BeginAttempt(attempt).value();
    attempt.state = state;
    REPRO_CHECK(log_.EndAttempt(attempt).has_value());
  }

  /// Recorded as done after `seconds`, one attempt, without an artifact.
  void Finish(const Task& task, double seconds, std::int64_t finished_ms = 0) {
    Know(task, "running");
    Attempt(task, 1, "done");
    TaskRow row = MakeTaskRow(task);
    row.seconds = seconds;
    row.build = kBuild;
    row.finished_ms = finished_ms;
    REPRO_CHECK(log_.FinishTask(row).has_value());
  }

  /// Done, with its artifact.
  void Make(const Task& task, const std::string& build = kBuild) {
    Finish(task, 1);
    const auto staging = store_.StagingFolder(task.key, 1);
    REPRO_CHECK(PutFile(staging / "out.txt", task.label).has_value());
    CompletionRecord record;
    record.task = DescribeTask(task);
    record.build = build;
    record.wall_seconds = 1;
    REPRO_CHECK(store_.Publish(staging, record).has_value());
  }

  const TempFolder folder_;
  const std::filesystem::path workspace_ = folder_.path();
  ArtifactStore store_{workspace_};
  RunLog log_ = RunLog::Open(workspace_ / "repro.sqlite", RunLog::Mode::kWrite).value();
};

}  // namespace repro
