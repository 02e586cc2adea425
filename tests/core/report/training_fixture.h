#pragma once
/// A workspace with training tasks whose events were written by a real EventWriter.

#include <filesystem>
#include <string>

#include "core/report/training.h"
#include "core/store/event_writer.h"
#include "tests/core/store/workspace_fixture.h"

namespace repro::testing {

class TrainingTest : public WorkspaceTest {
 protected:
  struct Attempt {
    std::int64_t id = 0;
    std::filesystem::path folder;
    EventWriter events;
    AttemptRow row;
  };

  void Begin(RunLog& log, char digit, const std::string& label) {
    TaskRow task = MakeTask(digit);
    task.label = label;
    REPRO_CHECK(log.UpsertTask(task).has_value());
    REPRO_CHECK(log.SetTaskState(task.key, "running").has_value());
    key_ = task.key;
  }

  Attempt StartAttempt(RunLog& log, int number) {
    AttemptRow row;
    row.task_key = key_;
    row.number = number;
    row.folder = "work/" + key_ + "/attempts/" + std::to_string(number);
    row.started_ms = 1'700'000'000'000 + std::int64_t{1000} * number;
    const auto folder = workspace_ / row.folder;
    std::filesystem::create_directories(folder);
    row.id = log.BeginAttempt(row).value();
    auto events = EventWriter::Open(folder / "events.jsonl").value();
    events.State("started");
    return {row.id, folder, std::move(events), row};
  }

  static void EndAttempt(RunLog& log, Attempt& attempt, const std::string& state,
                         const std::string& reason) {
    attempt.row.state = state;
    attempt.row.reason = reason;
    attempt.row.ended_ms = attempt.row.started_ms + 500;
    REPRO_CHECK(log.EndAttempt(attempt.row).has_value());
  }

  /// What pretraining writes for these updates: loss `level` less a tenth an update; a validation
  /// in two languages at each fifth.
  static void LogUpdates(Attempt& attempt, int first, int last, double level) {
    for (int update = first; update <= last; ++update) {
      const auto write = [&](const char* name, double value, const char* language = "") {
        attempt.events.Write({.name = name, .value = value, .step = update, .language = language});
      };
      write("pretrain.loss", level - 0.1 * update);
      write("pretrain.learning_rate", 1e-4 * update);
      write("pretrain.gradient_norm", 1.5);
      write("pretrain.tokens_per_second", 18'000 + 10 * update);
      if (update % 5 == 0) {
        write("valid.loss", level - 0.1 * update + 0.2, "en");
        write("valid.loss", level - 0.1 * update + 0.4, "sw");
      }
      attempt.events.Progress(update, 40, "updates", {{"loss", level - 0.1 * update}});
    }
  }

  /// A pretraining that ran out of memory once and diverged at its twentieth update, without MFU.
  void FillDiverged(RunLog& log, char digit, const std::string& label = "pretrain xlm7 seed 1") {
    Begin(log, digit, label);
    Attempt attempt = StartAttempt(log, 1);
    attempt.events.State("out_of_memory", {{"micro_batch_from", 8}, {"micro_batch_to", 4}});
    attempt.events.Message("warning", "no memory: micro-batches of 4 from here on");
    LogUpdates(attempt, 1, 20, 9.0);
    for (int update = 1; update <= 20; ++update) {
      attempt.events.Write({.name = "pretrain.data_wait", .value = 0.004, .step = update});
      attempt.events.Write(
          {.name = "pretrain.peak_memory", .value = 3.0 * (1 << 30), .step = update});
    }
    attempt.events.State("diverged", {{"update", 20},
                                      {"learning_rate", 2e-3},
                                      {"batch_rows", 8},
                                      {"batch_languages", "en 5, sw 3"},
                                      {"reason", "the loss is nan"}});
    REPRO_CHECK(log.IngestEvents(attempt.id, attempt.folder / "events.jsonl").has_value());
    EndAttempt(log, attempt, "diverged", "the loss is nan");
    REPRO_CHECK(log.SetTaskState(key_, "diverged").has_value());
  }

  std::string key_;
};

}  // namespace repro::testing
