#include "experiments/programs/run_artifact.h"

#include <utility>
#include <vector>

#include "core/base/text.h"
#include "core/cli/log_access.h"

namespace repro {

Result<RunArtifact> FindArtifact(const ArtifactStore& store, const TaskRow& task) {
  REPRO_ASSIGN_OR_RETURN(auto record, store.Find(task.kind, task.key));
  if (!record) {
    const auto results = store.FindResults(task.kind, task.key);
    if (results && results->has_value()) {
      return Fail(ErrorCode::kNotFound,
                  "'{}' has no files here: only its results were imported; `repro run` makes them "
                  "where something new needs them, or in a workspace of its own",
                  task.label);
    }
    const std::string advice =
        task.state == "running"    ? "wait for it: `repro status --watch` shows how far it is"
        : task.state == "diverged" ? "with its settings there will be no weights"
                                   : "`repro run` makes it";
    return Fail(ErrorCode::kNotFound, "'{}' has left nothing yet (it is {}): {}", task.label,
                task.state, advice);
  }
  return RunArtifact{store.Folder(task.kind, task.key), std::move(*record)};
}

Result<RunArtifact> FindArtifactOrResults(const ArtifactStore& store, const TaskRow& task) {
  auto artifact = FindArtifact(store, task);
  if (artifact) return artifact;
  auto results = store.FindResults(task.kind, task.key);
  if (!results || !*results) return artifact;
  return RunArtifact{store.ResultsFolder(task.kind, task.key), std::move(**results)};
}

Result<TaskRow> FindVocabularyTask(const RunLog& log, const TaskRow& task) {
  if (task.kind == "vocab" || task.kind == "import") return task;
  // finetune reads its vocabulary itself, pretrain the tokens that were made with it; an imported
  // model has it with the weights.
  TaskRow at = task;
  for (const char* role : {"tokens", "vocab"}) {
    const std::string key = TextField(at.inputs, role);
    if (key.empty()) continue;
    REPRO_ASSIGN_OR_RETURN(std::vector<TaskRow> inputs, log.Tasks({key}));
    if (inputs.empty()) {
      return Fail(ErrorCode::kNotFound, "'{}': its input '{}' ({}) is not in the run log", at.label,
                  role, ShortKey(key));
    }
    at = std::move(inputs.front());
  }
  if (at.kind == "vocab" || at.kind == "import") return at;
  return Fail(ErrorCode::kNotFound, "'{}': nothing says which vocabulary it was made with",
              task.label);
}

}  // namespace repro
