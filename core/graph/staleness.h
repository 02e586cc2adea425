#pragma once
/// What must run, and why. Looks at completion records and file sizes only: a finished figure is
/// seen to be finished in milliseconds.

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/graph/task_graph.h"
#include "core/graph/task_history.h"
#include "core/store/artifact_store.h"
#include "core/store/run_log.h"

namespace repro {

enum class Standing {
  kCached,      ///< its artifact is whole, or its results are here and nobody needs more
  kRun,         ///< must run; `reasons` say why
  kDiverged,    ///< diverged earlier; the same again unless `repro retry` asks for it
  kUnresolved,  ///< must run, but a source is not at hand: can be planned, not run
};

/// Name for JSON: "cached", "run", "diverged", "unresolved".
std::string_view StandingName(Standing standing);

struct TaskStanding {
  Standing standing = Standing::kRun;
  std::vector<std::string>
      reasons;  ///< of kRun: "vocab.size 4000 -> 3000", "input vocab changed", "never ran", ...
  std::string build;          ///< of kCached: the build that made the artifact
  bool other_build = false;   ///< of kCached: that was not this build; a mark, no reason to run
  bool results_only = false;  ///< of kCached: imported without its files
  bool damaged =
      false;  ///< there is an artifact, but it is not whole; it has to go before the task runs
};

/// What is known of each task of `graph`, in its order. `log` may be null (an empty workspace).
/// `history` serves the reasons and is read only for tasks that must run. Errors: kIo, kCorrupt of
/// the log.
Result<std::vector<TaskStanding>> FindStandings(const TaskGraph& graph, const RunLog* log,
                                                const ArtifactStore& store, TaskHistory& history,
                                                std::string_view build_id);

}  // namespace repro
