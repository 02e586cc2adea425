#pragma once
/// A workspace of its own for each test, and small rows to fill its run log with.

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "core/base/check.h"
#include "core/store/run_log.h"
#include "tests/core/temp_folder.h"

namespace repro::testing {

/// 64 hex digits, told apart by `digit`.
inline std::string Key(char digit) {
  return std::string(64, digit);
}

/// Errors read as a test failure with their message.
// NOLINTNEXTLINE(readability-identifier-naming): named like GoogleTest's own
#define ASSERT_OK(expression)                            \
  do {                                                   \
    const auto& ok_ = (expression);                      \
    ASSERT_TRUE(ok_.has_value()) << ok_.error().message; \
  } while (false)

class WorkspaceTest : public ::testing::Test {
 protected:
  std::filesystem::path LogPath() const { return workspace_ / "repro.sqlite"; }

  RunLog OpenLog(RunLog::Mode mode = RunLog::Mode::kWrite) const {
    auto log = RunLog::Open(LogPath(), mode);
    REPRO_CHECK(log.has_value());
    return std::move(*log);
  }

  static void WriteText(const std::filesystem::path& path, std::string_view text) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
  }

  static void AppendText(const std::filesystem::path& path, std::string_view text) {
    std::ofstream(path, std::ios::binary | std::ios::app) << text;
  }

  static TaskRow MakeTask(char digit, std::string kind = "pretrain") {
    TaskRow task;
    task.key = Key(digit);
    task.label = kind + " xlm7 seed 1";
    task.kind = std::move(kind);
    task.version = 1;
    task.spec = {{"layers", 2}};
    task.inputs = Json::object();
    task.work = 1000;
    task.work_unit = "tokens";
    return task;
  }

  static RunRow MakeRun(char digit, std::string point = "xlm7") {
    RunRow run;
    run.experiment_id = "fig2";
    run.scale = "desk";
    run.point = std::move(point);
    run.role = "main";
    run.key = Key(digit);
    run.pretrain_seed = 1;
    run.finetune_seeds = {1, 2};
    run.state = "waiting";
    run.config = {{"model", {{"layers", 2}, {"hidden", 128}}}, {"vocab", {{"size", 4000}}}};
    run.sweep = {{"languages", run.point}};
    return run;
  }

  const TempFolder folder_;
  const std::filesystem::path workspace_ = folder_.path();
};

}  // namespace repro::testing
