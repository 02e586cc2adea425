#pragma once
/// Results of finished tasks in one file: enough for a workspace that has none of their files to
/// take them as done, to report them, and to say where they come from. docs/formats.md, "Results
/// file", has the layout; the same content always gives the same bytes.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/graph/task_graph.h"
#include "core/store/artifact_store.h"
#include "core/store/run_log.h"

namespace repro {

/// A curve of a task, or the last value of one.
struct ResultsSeries {
  MetricSeries series;
  std::vector<MetricPoint> points;  ///< in the order of their steps
};

/// A file of an artifact that is kept: UTF-8.
struct ResultsContent {
  std::string path;
  std::string text;
};

struct ResultsTask {
  Task task;                                 ///< without resources and info
  std::optional<CompletionRecord> record{};  ///< empty: planned, but not complete
  std::vector<ResultsSeries> metrics{};
  std::vector<ResultsContent> files{};
};

/// One experiment at one scale.
struct ResultsExperiment {
  std::string id, scale;
  std::vector<InvocationRow> invocations;  ///< oldest first
  std::vector<RunSpec> runs;
};

/// A file of a data set that the tasks were made from: its name and digest are in their keys.
struct ResultsSource {
  std::string set;   ///< id of the data set
  std::string name;  ///< relative to the data set's folder
  std::int64_t bytes = 0;
  std::string sha256;
};

struct ResultsFile {
  std::vector<ResultsTask> tasks;  ///< inputs before the tasks that read them; each once
  std::vector<ResultsExperiment> experiments;
  std::vector<ResultsSource> sources;
};

/// What a results file may unpack to: its reader takes all of it into memory. One of 5 MB unpacks
/// to about 100 MB.
inline constexpr std::size_t kMostResultsBytes = std::size_t{1} << 30;

/// Replaces what is at `path`. Errors: kInvalidArgument (a kept file is not UTF-8; more than `most`
/// bytes before they are packed), kIo.
Status WriteResults(const ResultsFile& results, const std::filesystem::path& path,
                    std::size_t most = kMostResultsBytes);

/// Whether the file begins as a results file does. Errors: kNotFound, kIo, kCorrupt.
Result<bool> IsResultsFile(const std::filesystem::path& path);

/// All of it, checked: every task's key is that of its content, every kept file has its SHA-256,
/// runs and inputs name tasks that are there. Errors: kCorrupt with the line (damaged, cut, or
/// changed; more than `most` bytes unpacked), kInvalidArgument (another format), kNotFound, kIo.
Result<ResultsFile> ReadResults(const std::filesystem::path& path,
                                std::size_t most = kMostResultsBytes);

}  // namespace repro
