#pragma once
/// A workspace in which `repro export` finds a run: tasks and runs in a real log, published
/// artifacts.

#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/store/artifact_store.h"
#include "core/store/run_log.h"

namespace repro::testing {

class ExportWorkspace {
 public:
  explicit ExportWorkspace(const std::filesystem::path& workspace)
      : store_(workspace),
        log_(RunLog::Open(workspace / "repro.sqlite", RunLog::Mode::kWrite).value()) {}

  /// A task that `fill` made: done, its artifact published. Returns its key.
  std::string AddTask(const std::string& kind, const std::string& label, const Json& spec,
                      const std::map<std::string, std::string>& inputs,
                      const std::function<void(const std::filesystem::path&)>& fill) {
    TaskRow task = Row(kind, label, spec, inputs);
    REPRO_CHECK(log_.UpsertTask(task).has_value());
    const std::filesystem::path staging = store_.StagingFolder(task.key, 1);
    std::filesystem::create_directories(staging);
    fill(staging);
    CompletionRecord record;
    record.task = {{"kind", kind}, {"key", task.key}, {"label", label}};
    record.build = "the-build";
    REPRO_CHECK(store_.Publish(staging, record).has_value());
    REPRO_CHECK(log_.FinishTask(task).has_value());
    keys_.push_back(task.key);
    return task.key;
  }
  /// A task that has not run.
  std::string AddWaitingTask(const std::string& kind, const std::string& label, const Json& spec,
                             const std::map<std::string, std::string>& inputs) {
    const TaskRow task = Row(kind, label, spec, inputs);
    REPRO_CHECK(log_.UpsertTask(task).has_value());
    keys_.push_back(task.key);
    return task.key;
  }
  /// A run of all tasks so far. Returns its number.
  std::string AddRun() {
    RunRow run;
    run.experiment_id = "m";
    run.scale = "smoke";
    run.point = "en+sw";
    run.role = "main";
    run.key = Sha256Hex("run");
    run.state = "done";
    run.config = Json::object();
    run.sweep = Json::object();
    return std::to_string(log_.UpsertRun(run, keys_).value());
  }

  const ArtifactStore& store() const { return store_; }

 private:
  static TaskRow Row(const std::string& kind, const std::string& label, const Json& spec,
                     const std::map<std::string, std::string>& inputs) {
    TaskRow task;
    task.key = Sha256Hex(kind + label);
    task.kind = kind;
    task.label = label;
    task.state = "waiting";
    task.version = 1;
    task.spec = spec;
    task.inputs = inputs;
    return task;
  }

  ArtifactStore store_;
  RunLog log_;
  std::vector<std::string> keys_;
};

}  // namespace repro::testing
