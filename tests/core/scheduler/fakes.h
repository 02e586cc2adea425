#pragma once
/// Time, signals and task processes that a test scripts. The run log and the artifact store are
/// real.

#include <algorithm>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/base/check.h"
#include "core/io/file.h"
#include "core/scheduler/executor.h"
#include "core/scheduler/observer.h"
#include "core/scheduler/signal_inbox.h"
#include "core/store/artifact_store.h"
#include "core/store/event_writer.h"
#include "tests/core/temp_folder.h"

namespace repro {

/// A clock that moves only while somebody waits.
class FakePulse : public Pulse {
 public:
  std::optional<int> Wait(double seconds) override {
    now_ms_ += std::max<std::int64_t>(1, static_cast<std::int64_t>(seconds * 1000)) +
               std::exchange(sleep_ms_, 0);
    REPRO_CHECK(++waits_ < 100'000);  // a loop that does not end
    if (on_wait) on_wait(now_ms_);
    if (!signals_.empty() && signals_.begin()->first <= now_ms_) {
      const int signal = signals_.begin()->second;
      signals_.erase(signals_.begin());
      return signal;
    }
    return std::nullopt;
  }
  std::int64_t NowMs() override { return now_ms_; }

  void SignalAt(double seconds, int signal) {
    signals_.emplace(kStart + static_cast<std::int64_t>(seconds * 1000), signal);
  }
  /// The next wait takes so much longer: the machine slept.
  void SleepMachine(double seconds) { sleep_ms_ = static_cast<std::int64_t>(seconds * 1000); }

  static constexpr std::int64_t kStart = 1'700'000'000'000;
  std::function<void(std::int64_t now_ms)> on_wait;

 private:
  std::int64_t now_ms_ = kStart;
  std::int64_t sleep_ms_ = 0;
  int waits_ = 0;
  std::multimap<std::int64_t, int> signals_;
};

/// What one attempt of a fake task does.
struct Act {
  double seconds = 1;
  std::variant<Exited, Signalled, Vanished> how = Exited{0};
  bool publish = true;      ///< leaves its artifact before it ends
  bool checkpoint = false;  ///< reports a checkpoint when it starts
  bool heeds_stop = true;   ///< exits 75 when asked to save
  bool silent = false;      ///< gives no sign of progress
  std::string error{};      ///< an error event before it ends
  int resumes_at = -1;      ///< goes on from this update; -1: from the beginning
};

class FakeExecutor : public Executor {
 public:
  FakeExecutor(FakePulse& pulse, const ArtifactStore& store, Pools pools)
      : pulse_(pulse), store_(store), pools_(pools) {}

  /// Scripts the attempts of the task with this label, in order; what is not scripted succeeds
  /// after a second.
  void Script(const std::string& label, std::vector<Act> acts) {
    scripts_[label].assign(acts.begin(), acts.end());
  }

  Pools Capacity() const override { return pools_; }

  Status Start(const std::filesystem::path& folder, const AttemptDescription& attempt) override {
    if (refuse_start) return Fail(ErrorCode::kIo, "{}: no space left on device", folder.string());
    for (const auto& [role, input] : attempt.inputs) {
      REPRO_CHECK(
          std::filesystem::exists(input / kCompletionFile));  // started before its input was there
    }
    Act act;
    auto& script = scripts_[attempt.task.label];
    if (!script.empty()) {
      act = script.front();
      script.pop_front();
    }
    started.push_back(attempt.task.label);
    Begin(folder, attempt, act);
    return {};
  }

  Result<bool> Adopt(const std::filesystem::path& folder,
                     const AttemptDescription& attempt) override {
    const auto act = alive.find(attempt.task.label);
    if (act == alive.end()) return false;
    Begin(folder, attempt, act->second);
    return true;
  }

  Result<std::vector<AttemptEnd>> Poll() override {
    std::vector<AttemptEnd> ended;
    for (auto entry = running_.begin(); entry != running_.end();) {
      Running& task = entry->second;
      if (!task.killed && !task.stopped && pulse_.NowMs() < task.ends_ms) {
        ++entry;
        continue;
      }
      AttemptEnd end{entry->first, task.act.how};
      if (task.killed) {
        end.how = Signalled{SIGKILL};
      } else if (task.stopped) {
        end.how = Exited{75};
      } else {
        if (!task.act.error.empty()) {
          auto events = EventWriter::Open(task.folder / "events.jsonl");
          events->Message("error", task.act.error);
        }
        if (task.act.publish && task.act.how.index() != 1 && Code(task.act) == 0) Publish(task);
      }
      ended.push_back(end);
      entry = running_.erase(entry);
    }
    return ended;
  }

  void Cancel(const std::string& key, CancelMode mode) override {
    const auto found = running_.find(key);
    if (found == running_.end()) return;
    cancels.emplace_back(found->second.description.task.label, mode);
    if (mode == CancelMode::kKill) found->second.killed = true;
    if (mode == CancelMode::kCheckpoint && found->second.act.heeds_stop)
      found->second.stopped = true;
  }

  std::int64_t LastSignMs(const std::string& key) const override {
    const auto found = running_.find(key);
    if (found == running_.end()) return 0;
    return found->second.act.silent ? found->second.began_ms : pulse_.NowMs();
  }

  std::size_t running() const { return running_.size(); }

  bool refuse_start = false;
  std::map<std::string, Act>
      alive;  ///< label -> what is left to do of an attempt that an earlier scheduler started
  std::vector<std::string> started;  ///< labels in order
  std::vector<std::pair<std::string, CancelMode>> cancels;

 private:
  struct Running {
    std::filesystem::path folder;
    AttemptDescription description;
    Act act;
    std::int64_t began_ms = 0, ends_ms = 0;
    bool stopped = false, killed = false;
  };

  static int Code(const Act& act) {
    const auto* exited = std::get_if<Exited>(&act.how);
    return exited == nullptr ? 0 : exited->code;
  }

  void Begin(const std::filesystem::path& folder, const AttemptDescription& attempt,
             const Act& act) {
    REPRO_CHECK(PutFile(folder / "task.json", CanonicalJson(ToJson(attempt))).has_value());
    const std::int64_t now = pulse_.NowMs();
    if (act.checkpoint) EventWriter::Open(folder / "events.jsonl")->State("checkpoint");
    if (act.resumes_at >= 0) {
      EventWriter::Open(folder / "events.jsonl")->State("resumed", {{"update", act.resumes_at}});
    }
    running_[attempt.task.key] = {folder, attempt, act, now,
                                  now + static_cast<std::int64_t>(act.seconds * 1000)};
  }

  void Publish(const Running& running) {
    const Task& task = running.description.task;
    REPRO_CHECK(PutFile(running.description.staging / "out.txt", task.label).has_value());
    CompletionRecord record;
    record.task = DescribeTask(task);
    record.build = "build";
    record.wall_seconds = running.act.seconds;
    REPRO_CHECK(store_.Publish(running.description.staging, record).has_value());
  }

  FakePulse& pulse_;
  const ArtifactStore& store_;
  Pools pools_;
  std::map<std::string, std::deque<Act>> scripts_;
  std::map<std::string, Running> running_;
};

/// Keeps what it is told.
class RecordingObserver : public Observer {
 public:
  void OnStarted(const Task& task, int attempt, bool adopted) override {
    lines.push_back(fmt::format("{} {} {}", adopted ? "adopted" : "started", task.label, attempt));
  }
  void OnEnded(const TaskEnded& ended) override {
    lines.push_back(fmt::format("{} {} {}", ended.outcome, ended.task.label, ended.attempt));
    reasons.push_back(ended.reason);
  }
  void OnMessage(std::string_view level, std::string_view label, std::string_view text) override {
    lines.push_back(fmt::format("{} {}: {}", level, label, text));
  }
  void OnTick(const Snapshot& snapshot) override { snapshots.push_back(snapshot); }

  std::vector<std::string> lines, reasons;
  std::vector<Snapshot> snapshots;
};

}  // namespace repro
