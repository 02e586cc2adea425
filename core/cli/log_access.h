#pragma once
/// What the commands that look into the run log share: opening it, finding what a person names,
/// asking the lease holder.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/cli/command.h"
#include "core/store/lease.h"
#include "core/store/run_log.h"

namespace repro {

std::filesystem::path LogPath(const GlobalOptions& options);

/// Opens the log for reading. One that an older build wrote is brought up to date first, under the
/// lease. Errors: kNotFound when nothing has run here; kBusy when it is old and somebody holds the
/// lease; else as RunLog::Open.
Result<RunLog> OpenLogForReading(const GlobalOptions& options);

/// For the holder of the lease: opens the log, or makes it, and closes what a killed `repro` left
/// open in it. Errors: as RunLog::Open.
Result<RunLog> OpenLogForWriting(const GlobalOptions& options);

/// A run or a task, by what a person types: a run number ("12", "#12"), or the first digits of a
/// task's key.
struct Target {
  std::optional<RunRow> run;
  std::optional<TaskRow> task;
};
/// A number means the run of that number. Where there is none it can be the start of a key if it
/// has at least 6 digits: "5" that is no run must not be whatever task's key begins with a 5.
/// Errors: kNotFound saying what would list them; kInvalidArgument when several keys start so.
Result<Target> FindTarget(const RunLog& log, std::string_view name);
Result<RunRow> FindRunTarget(const RunLog& log, std::string_view name);
/// For a run, the error lists the run's tasks to choose from.
Result<TaskRow> FindTaskTarget(const RunLog& log, std::string_view name);

/// The first 12 digits: enough for a person and for `show`.
std::string ShortKey(std::string_view key);

/// The command line, to be pasted into a shell: for the lease file and the run log.
std::string CommandText(const GlobalOptions& options);

/// Applies a request to the log, or leaves it for the lease holder. `done` says what happened in
/// one line.
struct RequestOutcome {
  bool left_for_holder = false;
  std::string done;
};
/// Errors: as ApplyToLog when applied here; kIo.
Result<RequestOutcome> ApplyOrAsk(const GlobalOptions& options, const Request& request);

/// A metric of a run or task at its last step: the mean over seeds, and over tasks where several
/// measured it.
struct MetricSummary {
  std::string name, split, language;  ///< language: empty where it means nothing
  double mean = 0, min = 0, max = 0;  ///< over what was averaged
  std::size_t values = 0;             ///< how many were averaged
  std::size_t languages = 0;          ///< after `OverLanguages`: how many languages
};
Result<std::vector<MetricSummary>> SummarizeMetrics(const RunLog& log,
                                                    const std::vector<std::string>& task_keys);
/// One row for each name and split: the mean over languages, min and max among them.
std::vector<MetricSummary> OverLanguages(const std::vector<MetricSummary>& summaries);

/// "0.6134"; "nan" and "inf" as words.
std::string FormatValue(double value);

/// The same, and "139 MiB" where the metric counts bytes of memory (docs/formats.md, "Metrics").
std::string FormatMetric(std::string_view name, double value);
/// A difference of two, with its sign.
std::string FormatMetricChange(std::string_view name, double change);

/// A number, or "nan", "inf", "-inf" as text, which JSON has no numbers for.
Json JsonNumber(double value);

/// Rows as JSON with the keys that docs/formats.md lists; the same in every command.
Json ToJson(const RunRow& run);
Json ToJson(const TaskRow& task);
Json ToJson(const AttemptRow& attempt);
Json ToJson(const InvocationRow& invocation);
Json ToJson(const MetricSummary& metric);
Json ToJson(const LeaseState& lease);

/// Indented, with a final newline; text that is not UTF-8 is replaced.
void PrintJson(std::ostream& out, const Json& value);

/// "27 %, 412/1,500 updates, loss 5.12, 18.2K tokens/s" of a progress event; empty for null.
std::string FormatProgress(const Json& progress);

/// Whether the attempt's process lives: its lock is held.
bool IsAlive(const GlobalOptions& options, const AttemptRow& attempt);

}  // namespace repro
