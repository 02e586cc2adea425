#pragma once
/// Drives the real command line and real task processes from outside, in a workspace of its own.

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/check.h"
#include "core/base/units.h"
#include "core/io/file.h"
#include "core/io/file_lock.h"
#include "core/io/json_io.h"
#include "core/io/subprocess.h"
#include "core/store/artifact_store.h"
#include "core/store/run_log.h"
#include "tests/core/temp_folder.h"

namespace repro {

class ProcessTest : public testing::Test {
 protected:
  ProcessTest() { NewWorkspace("workspace"); }
  /// No task outlives its test.
  ~ProcessTest() override {
    if (ordinary_) REPRO_CHECK(::setresuid(0, 0, 0) == 0);
    std::error_code ignored;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_, ignored)) {
      if (entry.path().filename() != "lock") continue;
      for (const pid_t pid : ProcessesHolding(entry.path())) ::kill(pid, SIGKILL);
    }
  }

  /// Root writes everywhere: until the end of the test it is somebody else who does not. False when
  /// that one could not even start the programs.
  bool BecomeOrdinaryUser() {
    if (::geteuid() != 0) return true;
    constexpr uid_t kNobody = 65534;
    REPRO_CHECK(::chown(folder_.c_str(), kNobody, static_cast<gid_t>(-1)) == 0);
    REPRO_CHECK(::setresuid(kNobody, kNobody, 0) == 0);
    ordinary_ = true;
    return ::access(REPRO_FAKE_REPRO, X_OK) == 0 && ::access(REPRO_FAKE_TASK, X_OK) == 0 &&
           ::access(folder_.c_str(), W_OK | X_OK) == 0 && ::access(REPRO_MANIFESTS, R_OK) == 0;
  }

  /// An empty workspace, and an empty ledger.
  void NewWorkspace(const std::string& name) {
    workspace_ = folder_ / name;
    std::error_code ignored;
    std::filesystem::remove(folder_ / "ledger", ignored);
  }

  /// Adds a task; `spec` gets its name and the ledger.
  void AddTask(const std::string& label, Json spec, const std::vector<std::string>& inputs = {},
               int threads = 1) {
    spec["name"] = label;
    Json entry = {
        {"label", label}, {"spec", spec}, {"threads", threads}, {"inputs", Json::object()}};
    for (const std::string& input : inputs) entry["inputs"][input] = input;
    tasks_.push_back(entry);
  }

  /// The command line, started with its output in files; by `starter`, which takes it as its
  /// arguments, where one is given.
  Subprocess Start(const std::vector<std::string>& arguments,
                   const std::filesystem::path& starter = {}) {
    Json graph = Json::array();
    for (Json task : tasks_) {
      task["spec"]["ledger"] = folder_ / "ledger";
      graph.push_back(task);
    }
    REPRO_CHECK(PutFile(folder_ / "graph.json", graph.dump()).has_value());
    SubprocessOptions options;
    options.program = starter.empty() ? std::filesystem::path(REPRO_FAKE_REPRO) : starter;
    if (!starter.empty()) options.arguments = {REPRO_FAKE_REPRO};
    options.arguments.insert(options.arguments.end(), arguments.begin(), arguments.end());
    options.arguments.insert(options.arguments.end(), {"--workspace", workspace_.string()});
    options.environment = {{"REPRO_TEST_GRAPH", (folder_ / "graph.json").string()},
                           {"REPRO_TEST_TASK", REPRO_FAKE_TASK},
                           {"REPRO_TEST_MANIFESTS", REPRO_MANIFESTS}};
    options.stdout_file = folder_ / "out";
    options.stderr_file = folder_ / "err";
    std::error_code ignored;
    std::filesystem::remove(folder_ / "out", ignored);
    std::filesystem::remove(folder_ / "err", ignored);
    auto process = Subprocess::Start(options);
    REPRO_CHECK(process.has_value());
    return *process;
  }
  Subprocess StartRun(std::vector<std::string> extra = {},
                      const std::filesystem::path& starter = {}) {
    std::vector<std::string> arguments = {"run", REPRO_TESTDATA "/mini.toml", "--scale", "smoke"};
    arguments.insert(arguments.end(), extra.begin(), extra.end());
    return Start(arguments, starter);
  }
  int Run(std::vector<std::string> extra = {}) {
    Subprocess process = StartRun(std::move(extra));
    return process.Wait()->code;
  }

  std::string Output() const { return ReadFile(folder_ / "out").value_or(""); }
  std::string Errors() const { return ReadFile(folder_ / "err").value_or(""); }

  /// Waits until `condition` holds; fails the test after 20 s.
  template <class Condition>
  void WaitFor(Condition condition, const char* what) {
    const double deadline = SteadySeconds() + 20;
    while (!condition()) {
      ASSERT_LT(SteadySeconds(), deadline) << "waited in vain for " << what;
      ::usleep(2'000);
    }
  }

  /// Processes of the tasks that run in the workspace.
  std::vector<pid_t> TaskProcesses() const {
    std::vector<pid_t> pids;
    std::error_code error;
    for (const auto& work : std::filesystem::directory_iterator(workspace_ / "work", error)) {
      for (const auto& attempt :
           std::filesystem::directory_iterator(work.path() / "attempts", error)) {
        const std::filesystem::path lock = attempt.path() / "lock";
        if (!IsLocked(lock)) continue;
        for (const pid_t pid : ProcessesHolding(lock)) pids.push_back(pid);
      }
    }
    return pids;
  }

  /// How often `line` stands in the ledger.
  int CountInLedger(const std::string& line) const {
    const std::string text = "\n" + ReadFile(folder_ / "ledger").value_or("");
    int count = 0;
    for (auto at = text.find("\n" + line + "\n"); at != std::string::npos;
         at = text.find("\n" + line + "\n", at + 1))
      ++count;
    return count;
  }

  RunLog OpenLog() const {
    auto log = RunLog::Open(workspace_ / "repro.sqlite", RunLog::Mode::kRead);
    REPRO_CHECK(log.has_value());
    return std::move(*log);
  }

  /// label -> state of each attempt, from the log.
  std::map<std::string, std::vector<std::string>> Attempts() const {
    std::map<std::string, std::vector<std::string>> attempts;
    const RunLog log = OpenLog();
    const auto tasks = log.TasksOfKind("fake", 1000).value();
    for (const TaskRow& task : tasks) {
      const auto rows = log.Attempts(task.key).value();
      for (const AttemptRow& attempt : rows) attempts[task.label].push_back(attempt.state);
    }
    return attempts;
  }

  /// label -> content of its artifact.
  std::map<std::string, std::string> Artifacts() const {
    std::map<std::string, std::string> artifacts;
    const ArtifactStore store(workspace_);
    const auto stored = store.List().value();
    for (const StoredArtifact& artifact : stored) {
      if (!artifact.record) continue;
      artifacts[artifact.record->task.at("label")] =
          ReadFile(artifact.folder / "out.txt").value_or("(none)");
    }
    return artifacts;
  }

  const TempFolder temp_;
  const std::filesystem::path folder_ = temp_.path();
  std::filesystem::path workspace_;
  std::vector<Json> tasks_;
  bool ordinary_ = false;
};

}  // namespace repro
