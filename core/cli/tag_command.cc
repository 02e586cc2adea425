#include "core/cli/tag_command.h"

#include <algorithm>
#include <ostream>

#include <CLI/CLI.hpp>
#include <fmt/ranges.h>

#include "core/base/text.h"
#include "core/cli/log_access.h"
#include "core/cli/text_table.h"

namespace repro {

namespace {

class TagCommand : public Command {
 public:
  void Define(CLI::App& app) override {
    app.add_option("run", run_, "A run number")->required();
    app.add_option("tag", tag_, "A word of letters, digits, '.', '_' and '-'")->required();
    app.add_flag("--remove", remove_, "Take the tag off");
    app.footer("Example:\n  repro tag 12 baseline\n  repro status --runs --tag baseline");
  }

  Result<int> Run(const CommandContext& context) override {
    Request request;
    request.kind = Request::Kind::kTag;
    request.tag = tag_;
    request.remove = remove_;
    {
      REPRO_ASSIGN_OR_RETURN(const RunLog log, OpenLogForReading(context.options));
      REPRO_ASSIGN_OR_RETURN(const RunRow run, FindRunTarget(log, run_));
      request.run = run.id;
      // A running repro may have the tag among its requests still.
      const bool known = std::find(run.tags.begin(), run.tags.end(), tag_) != run.tags.end();
      if (remove_ && !known && !InspectLease(context.options.workspace).held) {
        return Fail(ErrorCode::kNotFound, "run {} has no tag '{}'{}", run.id, Printable(tag_),
                    run.tags.empty() ? "" : fmt::format("; it has {}", fmt::join(run.tags, ", ")));
      }
    }
    // Checked here too: a request for the holder must not fail out of sight.
    if (!IsTagName(tag_)) {
      return Fail(ErrorCode::kInvalidArgument,
                  "'{}': a tag is 1 to 64 characters out of letters, digits, '.', '_' and '-'",
                  Printable(tag_));
    }
    REPRO_ASSIGN_OR_RETURN(const RequestOutcome outcome, ApplyOrAsk(context.options, request));
    if (context.options.json) {
      PrintJson(context.out, {{"run", request.run},
                              {"tag", tag_},
                              {"removed", remove_},
                              {"left_for_holder", outcome.left_for_holder}});
    } else {
      context.out << outcome.done << '\n';
    }
    return 0;
  }

 private:
  std::string run_, tag_;
  bool remove_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeTagCommand() {
  return std::make_unique<TagCommand>();
}

}  // namespace repro
