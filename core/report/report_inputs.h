#pragma once
/// Everything that a report is made of, as plain data: what the manifest planned and what the run
/// log holds. Apart from the log, so that a report can be built from anything that fills this
/// struct.

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/graph/task_graph.h"
#include "core/manifest/experiment.h"
#include "core/manifest/reference.h"
#include "core/report/measures.h"
#include "core/store/run_log.h"

namespace repro {

struct ReportInputs {
  Experiment experiment;
  std::vector<RunSpec> runs;               ///< planned, in the order of the graph
  std::map<std::string, Task> plan;        ///< every planned task, by key
  std::map<std::string, TaskRow> tasks;    ///< what the log knows of them, by key
  std::map<std::string, Json> imported{};  ///< CompletionRecord::imported of these tasks, by key
  std::vector<MetricRow> metrics;          ///< of these tasks, the last step of each
  std::vector<InvocationRow> invocations;  ///< of this experiment and scale, newest first
  std::optional<ReferenceItem> reference;  ///< the paper's cells, when the item has any
  std::vector<Measure> measures;
  std::string build_id;  ///< of this program; artifacts of another build are marked
  std::string command;   ///< "repro run fig2 --scale desk": what runs this experiment
  std::int64_t now_ms = 0;
};

/// Reads from the log what belongs to `graph`; changes nothing, and may be called while a run is
/// going. `log` may be null: then nothing has run yet.
Status ReadRunLog(const RunLog* log, const TaskGraph& graph, ReportInputs& inputs);

}  // namespace repro
