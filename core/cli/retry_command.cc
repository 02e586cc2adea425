#include "core/cli/retry_command.h"

#include <ostream>

#include <CLI/CLI.hpp>

#include "core/base/text.h"
#include "core/cli/log_access.h"
#include "core/cli/text_table.h"

namespace repro {

namespace {

class RetryCommand : public Command {
 public:
  void Define(CLI::App& app) override {
    CLI::Option* task = app.add_option("task", task_, "The first digits of a task's key");
    app.add_flag("--failed", failed_,
                 "Every failed task (diverged ones only by name: they diverge again)")
        ->excludes(task);
    app.footer("Example:\n  repro retry --failed\n  repro retry 3fa9c1");
  }

  Result<int> Run(const CommandContext& context) override {
    if (task_.empty() == !failed_) {
      return Fail(ErrorCode::kInvalidArgument,
                  "name a task (`repro status` lists what failed) or give --failed");
    }
    Request request;
    request.kind = Request::Kind::kRetry;
    request.failed = failed_;
    std::string command;
    std::size_t diverged = 0;
    {
      REPRO_ASSIGN_OR_RETURN(const RunLog log, OpenLogForReading(context.options));
      if (failed_) {
        REPRO_ASSIGN_OR_RETURN(const std::vector<TaskRow> tasks, log.TasksInState("diverged"));
        diverged = tasks.size();
        REPRO_ASSIGN_OR_RETURN(const std::vector<FailureRow> failures, log.Failures(1));
        if (!failures.empty()) {
          REPRO_ASSIGN_OR_RETURN(command, CommandFor(log, failures.front().task.key));
        }
      } else {
        REPRO_ASSIGN_OR_RETURN(const TaskRow task, FindTaskTarget(log, task_));
        if (task.state == "done" || task.state == "running") {
          return Fail(ErrorCode::kInvalidArgument,
                      "{} ({}) is {}: only what failed, diverged or was interrupted can be tried "
                      "again",
                      ShortKey(task.key), Printable(task.label), task.state);
        }
        request.task_key = task.key;
        REPRO_ASSIGN_OR_RETURN(command, CommandFor(log, task.key));
      }
    }
    REPRO_ASSIGN_OR_RETURN(const RequestOutcome outcome, ApplyOrAsk(context.options, request));
    if (context.options.json) {
      PrintJson(context.out, {{"task", request.task_key},
                              {"failed", failed_},
                              {"diverged_left_alone", diverged},
                              {"left_for_holder", outcome.left_for_holder}});
      return 0;
    }
    context.out << outcome.done << '\n';
    if (diverged > 0) {
      context.out << diverged
                  << " diverged left alone: the same settings diverge again (`repro retry KEY` "
                  << "insists)\n";
    }
    if (!outcome.left_for_holder && !(failed_ && command.empty())) {
      context.out << "go on: " << (command.empty() ? "repro run MANIFEST" : Printable(command))
                  << '\n';
    }
    return 0;
  }

 private:
  /// The command that made the newest run that needs the task, overrides and all; empty when none
  /// is known.
  static Result<std::string> CommandFor(const RunLog& log, const std::string& key) {
    REPRO_ASSIGN_OR_RETURN(const std::vector<std::int64_t> runs, log.RunsOfTask(key));
    if (runs.empty()) return std::string();
    REPRO_ASSIGN_OR_RETURN(const std::optional<RunRow> run, log.FindRun(runs.front()));
    if (!run || run->invocation == 0) return std::string();
    REPRO_ASSIGN_OR_RETURN(const auto invocation, log.FindInvocation(run->invocation));
    return invocation ? invocation->command_line : std::string();
  }

  std::string task_;
  bool failed_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeRetryCommand() {
  return std::make_unique<RetryCommand>();
}

}  // namespace repro
