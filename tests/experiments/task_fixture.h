#pragma once
/// Runs a task function in this process, with real folders and events, as `repro-task` would.

#include <atomic>
#include <chrono>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "core/base/units.h"
#include "core/graph/task_context.h"
#include "core/manifest/fields.h"
#include "tests/experiments/tiny_corpus.h"

namespace repro::testing {

/// Whether `condition` became true within so many seconds; asked every millisecond.
template <class Condition>
bool Within(double seconds, const Condition& condition) {
  for (const double end = SteadySeconds() + seconds; SteadySeconds() < end;) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return condition();
}

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
  /// The same, asked to stop as soon as `condition`, in another thread, has become true.
  template <class Spec, class Condition>
  Status RunUntil(TaskFunction function, const Spec& spec, const Condition& condition) {
    stop = false;
    std::atomic<bool> ended = false;
    std::thread stopper([&] { stop = Within(60, [&] { return ended || condition(); }) && !ended; });
    Status status = Run(function, spec);
    ended = true;
    stopper.join();
    stop = false;
    return status;
  }

  std::filesystem::path out() const { return root_ / "out"; }
  std::filesystem::path scratch() const { return root_ / "scratch"; }

  /// The whole lines of events.jsonl: the last may just be written.
  std::string EventsText() const {
    std::string text = ReadFile(root_ / "events.jsonl").value_or("");
    text.resize(text.rfind('\n') + 1);  // none: npos + 1 = 0
    return text;
  }
  /// All events of a type ("metric", "progress", ...), oldest first.
  std::vector<Json> Events(const std::string& type) const {
    std::vector<Json> events;
    std::istringstream lines(EventsText());
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
