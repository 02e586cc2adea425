#pragma once
/// Results files as the suite writes and takes them: what `export --results` and `import FILE` do.

#include <filesystem>
#include <string>
#include <vector>

#include "core/cli/experiment_plan.h"

namespace repro {

/// Whether a file goes into a results file: numbers, ids and labels do, nobody's text does.
bool KeepsResultsFile(const std::string& kind, const std::string& path);

/// Writes what the workspace knows of the experiments into `file`; returns the exit code. Errors:
/// of LoadGraph, CollectResults and WriteResults; kInvalidArgument where `file` is there and is no
/// results file.
Result<int> ExportResults(const CommandContext& context,
                          const std::vector<ExperimentArguments>& experiments,
                          const std::filesystem::path& file);

/// Takes a results file into the workspace; returns the exit code: 3 where the workspace has other
/// results of a task than the file, which it keeps. Errors: of ReadResults and ImportResults; kBusy
/// where somebody holds the lease.
Result<int> ImportResultsFile(const CommandContext& context, const std::filesystem::path& file);

}  // namespace repro
