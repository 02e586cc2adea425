#pragma once
/// A workspace with two finished runs, a failed task, real folders and event files; and a way to
/// run a command on it.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/cli/command.h"
#include "core/store/artifact_store.h"
#include "core/store/event_writer.h"
#include "tests/core/cli/command_runner.h"
#include "tests/core/store/workspace_fixture.h"

namespace repro::testing {

using Outcome = CommandOutcome;

class LogCommandTest : public WorkspaceTest {
 protected:
  /// Runs 1 (xlm7) and 2 (xnli15) share the corpus task '1'; each has a pretrain task ('2', '3')
  /// with metrics in three languages and an artifact; task '4' failed at its second attempt and
  /// belongs to run 2.
  void FillLog() {
    RunLog log = OpenLog();
    InvocationRow invocation;
    invocation.experiment_id = "fig2";
    invocation.scale = "desk";
    invocation.command_line = "repro run fig2";
    invocation.provenance = {{"git", {{"commit", std::string(40, 'c')}, {"dirty", false}}},
                             {"host", {{"name", "box"}}}};
    const auto number = log.BeginInvocation(invocation).value();
    REPRO_CHECK(log.EndInvocation(number, "done").has_value());
    AddTask(log, '1', "corpus");
    AddTask(log, '2', "pretrain", {4.0, 0.60});
    AddTask(log, '3', "pretrain", {4.5, 0.55});
    REPRO_CHECK(log.UpsertTask(MakeTask('4', "finetune")).has_value());
    AddAttempt(log, '4', 1, "killed", "killed by signal 9", 137);
    AddAttempt(log, '4', 2, "failed", "exit 1: no space left", 1);
    REPRO_CHECK(log.SetTaskState(Key('4'), "failed").has_value());

    RunRow first = MakeRun('a', "xlm7");
    first.invocation = number;
    first.state = "done";
    REPRO_CHECK(log.UpsertRun(first, {Key('1'), Key('2')}).has_value());
    RunRow second = MakeRun('b', "xnli15");
    second.invocation = number;
    second.state = "failed";
    second.config["vocab"]["size"] = 8000;
    second.config["sampling"] = {{"alpha", 0.3}};
    REPRO_CHECK(log.UpsertRun(second, {Key('1'), Key('3'), Key('4')}).has_value());
    REPRO_CHECK(log.Tag(1, "baseline", false).has_value());
  }

  /// A done task with its artifact; `values` are its final loss and accuracy.
  void AddTask(RunLog& log, char digit, const std::string& kind, std::vector<double> values = {}) {
    TaskRow task = MakeTask(digit, kind);
    if (kind != "corpus") task.inputs = {{"corpus", Key('1')}};
    REPRO_CHECK(log.UpsertTask(task).has_value());
    const auto attempt = AddAttempt(log, digit, 1, "done", "", 0);
    const ArtifactStore store(workspace_);
    const auto folder = store.AttemptFolder(Key(digit), 1);
    {
      auto events = EventWriter::Open(folder / "events.jsonl").value();
      events.State("started");
      events.Progress(10, 10, "updates");
      events.Message("warning", "a warning with an \x1b[31mescape");
      if (!values.empty()) {
        for (int step = 1; step <= 10; ++step) {
          events.Write({.name = "pretrain.loss", .value = values[0] + 10 - step, .step = step});
        }
        for (const char* language : {"en", "sw", "ur"}) {
          for (int seed = 1; seed <= 2; ++seed) {
            events.Write({.name = "xnli.accuracy",
                          .value = values[1] + (seed == 1 ? 0.01 : -0.01),
                          .step = 10,
                          .language = language,
                          .split = "test",
                          .seed = seed});
          }
        }
      }
      events.State("finished");
    }
    REPRO_CHECK(log.IngestEvents(attempt, folder / "events.jsonl").has_value());
    const auto staging = store.StagingFolder(Key(digit), 1);
    WriteText(staging / "data.bin", std::string(1000, digit));
    CompletionRecord record;
    record.task = {{"kind", kind}, {"key", Key(digit)}};
    record.build = "build-1";
    const auto published = store.Publish(staging, record);
    REPRO_CHECK(published.has_value());
    REPRO_CHECK(log.AddArtifact(Key(digit), published->ToJson()).has_value());
    task.seconds = 12;
    task.artifact_bytes = published->TotalBytes();
    REPRO_CHECK(log.FinishTask(task).has_value());
  }

  std::int64_t AddAttempt(RunLog& log, char digit, int number, const std::string& state,
                          const std::string& reason, int exit_code) {
    AttemptRow attempt;
    attempt.task_key = Key(digit);
    attempt.number = number;
    attempt.folder = "work/" + Key(digit) + "/attempts/" + std::to_string(number);
    attempt.id = log.BeginAttempt(attempt).value();
    WriteText(workspace_ / attempt.folder / "stdout", fmt::format("out of attempt {}\n", number));
    WriteText(workspace_ / attempt.folder / "stderr", fmt::format("err of attempt {}\n", number));
    if (state != "running") {
      attempt.state = state;
      attempt.reason = reason;
      attempt.exit_code = exit_code;
      REPRO_CHECK(log.EndAttempt(attempt).has_value());
    }
    return attempt.id;
  }

  Outcome RunCommand(std::unique_ptr<Command> command, std::vector<std::string> arguments,
                     bool json = false, bool color = false) const {
    GlobalOptions options;
    options.workspace = workspace_;
    options.json = json;
    options.color = color;
    options.command_line = {"repro", "test"};
    return testing::RunCommand(*command, std::move(arguments), options);
  }
};

}  // namespace repro::testing
