#include "core/cli/stop_command.h"

#include <algorithm>
#include <csignal>
#include <ostream>

#include <CLI/CLI.hpp>

#include "core/base/text.h"
#include "core/cli/log_access.h"
#include "core/cli/text_table.h"
#include "core/io/file_lock.h"

namespace repro {

namespace {

class StopCommand : public Command {
 public:
  void Define(CLI::App& app) override {
    app.add_option("target", target_,
                   "A run number or the first digits of a task's key; default: everything");
    app.footer("Example:\n  repro stop\n  repro stop 12");
  }

  Result<int> Run(const CommandContext& context) override {
    const GlobalOptions& options = context.options;
    Request request;
    request.kind = Request::Kind::kStop;
    std::vector<AttemptRow> wanted;
    {
      REPRO_ASSIGN_OR_RETURN(const RunLog log, OpenLogForReading(options));
      REPRO_ASSIGN_OR_RETURN(wanted, log.RunningAttempts());
      if (!target_.empty()) {
        REPRO_ASSIGN_OR_RETURN(const Target target, FindTarget(log, target_));
        std::vector<std::string> keys;
        if (target.run) {
          request.run = target.run->id;
          REPRO_ASSIGN_OR_RETURN(keys, log.RunTaskKeys(target.run->id));
        } else {
          request.task_key = target.task->key;
          keys = {target.task->key};
        }
        std::erase_if(wanted, [&keys](const AttemptRow& attempt) {
          return std::find(keys.begin(), keys.end(), attempt.task_key) == keys.end();
        });
      }
    }

    const LeaseState lease = InspectLease(options.workspace);
    std::size_t signalled = 0;
    if (lease.held) {
      REPRO_RETURN_IF_ERROR(DropRequest(options.workspace, request));
    } else {
      // Nobody schedules, but tasks of a killed `repro` may live on: they take SIGTERM as "save and
      // end".
      for (const AttemptRow& attempt : wanted) {
        const auto lock = options.workspace / attempt.folder / "lock";
        for (const pid_t pid : ProcessesHolding(lock))
          signalled += ::kill(pid, SIGTERM) == 0 ? 1 : 0;
      }
    }
    if (options.json) {
      PrintJson(context.out, {{"run", request.run},
                              {"task", request.task_key},
                              {"left_for_holder", lease.held},
                              {"signalled", signalled}});
    } else if (lease.held) {
      context.out << "asked "
                  << Printable(lease.holder ? lease.holder->Describe()
                                            : std::string("the running repro"))
                  << " to stop"
                  << (target_.empty() ? "; tasks save a checkpoint and end"
                                      : " it; it saves a checkpoint and ends")
                  << '\n';
    } else if (signalled > 0) {
      context.out << "no repro works here; asked " << signalled
                  << (signalled == 1 ? " task that outlived it" : " tasks that outlived it")
                  << " to save and end\n";
    } else {
      context.out << "nothing is running here\n";
    }
    return 0;
  }

 private:
  std::string target_;
};

}  // namespace

std::unique_ptr<Command> MakeStopCommand() {
  return std::make_unique<StopCommand>();
}

}  // namespace repro
