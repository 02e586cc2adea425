#pragma once
/// Runs a task function in this process, with real folders and events, as `repro-task` would.

#include <atomic>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "core/graph/task_context.h"
#include "core/manifest/fields.h"
#include "tests/experiments/tiny_corpus.h"

namespace repro::testing {

class TaskFixture {
 public:
  explicit TaskFixture(std::filesystem::path root) : root_(std::move(root)) {
    for (const char* folder : {"out", "scratch"}) {
      std::filesystem::create_directories(root_ / folder);
    }
    task.label = root_.filename().string();
  }

  template <class Spec>
  Status Run(TaskFunction function, const Spec& spec) {
    task.spec = ToJson(spec);
    auto events = EventWriter::Open(root_ / "events.jsonl");
    if (!events) return tl::unexpected(events.error());
    TaskContext context{task, root_, inputs, root_ / "out", root_ / "scratch", *events, stop};
    return function(context);
  }

  std::filesystem::path out() const { return root_ / "out"; }
  std::filesystem::path scratch() const { return root_ / "scratch"; }

  /// All events of a type ("metric", "progress", ...), oldest first.
  std::vector<Json> Events(const std::string& type) const {
    std::vector<Json> events;
    std::istringstream lines(ReadFile(root_ / "events.jsonl").value_or(""));
    for (std::string line; std::getline(lines, line);) {
      const auto event = ParseJson(line, "events.jsonl");
      REPRO_CHECK(event.has_value());
      if (event->at("type") == type) events.push_back(*event);
    }
    return events;
  }
  /// The last value of a metric.
  std::optional<double> MetricValue(const std::string& name, const std::string& language) const {
    std::optional<double> value;
    for (const Json& event : Events("metric")) {
      if (event.at("name") == name && event.value("language", "") == language) {
        value = event.at("value").get<double>();
      }
    }
    return value;
  }

  Task task;
  std::map<std::string, std::filesystem::path> inputs;
  StopFlag stop{false};

 private:
  std::filesystem::path root_;
};

}  // namespace repro::testing
