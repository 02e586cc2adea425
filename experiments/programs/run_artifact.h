#pragma once
/// Artifacts of the tasks in a run log, for commands that read them.

#include <filesystem>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/store/artifact_store.h"
#include "core/store/run_log.h"

namespace repro {

/// A whole artifact and its files; or those of its files that came with imported results.
struct RunArtifact {
  std::filesystem::path folder;
  CompletionRecord record;

  bool Holds(std::string_view path) const { return HoldsFile(record, path); }
};

/// Errors: kNotFound, saying what will make it, when the task has left none.
Result<RunArtifact> FindArtifact(const ArtifactStore& store, const TaskRow& task);

/// As `FindArtifact`; where only results were imported, what of its files came along.
Result<RunArtifact> FindArtifactOrResults(const ArtifactStore& store, const TaskRow& task);

/// The task whose artifact holds the vocabulary that `task` (itself, perhaps) was made with: one of
/// kind `vocab` or `import`. Errors: kNotFound.
Result<TaskRow> FindVocabularyTask(const RunLog& log, const TaskRow& task);

}  // namespace repro
