// How long `repro plan` takes for 10,000 tasks, and `repro run` for 300 that are done. Design: a
// plan of 10,000 tasks in less than a second, a finished figure (some hundred tasks) in less than
// 0.3 s.

#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "core/base/check.h"
#include "core/cli/experiment_plan.h"
#include "core/graph/plan.h"
#include "core/graph/task_history.h"
#include "core/io/file.h"
#include "tests/core/temp_folder.h"

namespace repro {
namespace {

constexpr int kTasks = 10'000;

/// Specs of the size of a pretraining task's; every tenth task reads ten earlier ones.
TaskGraph MakeGraph(int tasks, int vocab_size) {
  TaskGraph graph;
  std::vector<std::string> keys;
  for (int i = 0; i < tasks; ++i) {
    Task task;
    task.kind = i % 10 == 0 ? "vocab" : "pretrain";
    task.label = fmt::format("{} {}", task.kind, i);
    task.spec = {{"seed", i}, {"model", {{"layers", 2}, {"hidden", 128}, {"vocab", vocab_size}}}};
    for (int s = 0; s < 25; ++s) task.spec["settings"][fmt::format("setting_{}", s)] = s * 0.5;
    task.work = 100 + i;
    task.work_unit = "GFLOP";
    if (i >= 10) task.inputs["tokens"] = keys[static_cast<std::size_t>(i - i % 10 - 10)];
    if (i % 10 == 0) {
      for (int input = std::max(0, i - 10); input < i; ++input) {
        task.inputs[fmt::format("in{}", input)] = keys[static_cast<std::size_t>(input)];
      }
    }
    keys.push_back(graph.Add(task));
  }
  return graph;
}

/// A workspace in which the graph with another vocabulary size has run; its artifacts are there
/// when `artifacts` > 0, for the first so many tasks.
struct Finished {
  explicit Finished(const TaskGraph& graph, int artifacts) {
    const Status filled = log.InTransaction([&]() -> Status {
      int number = 0;
      for (const Task& task : graph.tasks()) {
        TaskRow row = MakeTaskRow(task);
        row.seconds = task.work / 50;
        REPRO_RETURN_IF_ERROR(log.UpsertTask(row));
        REPRO_RETURN_IF_ERROR(log.FinishTask(row));
        if (number++ >= artifacts) continue;
        REPRO_RETURN_IF_ERROR(PutFile(store.StagingFolder(task.key, 1) / "out.txt", task.label));
        CompletionRecord record;
        record.task = DescribeTask(task);
        record.build = "bench";
        REPRO_RETURN_IF_ERROR(store.Publish(store.StagingFolder(task.key, 1), record));
      }
      return {};
    });
    REPRO_CHECK(filled.has_value());
  }

  TempFolder folder;
  ArtifactStore store{folder.path()};
  RunLog log = RunLog::Open(folder / "repro.sqlite", RunLog::Mode::kWrite).value();
};

/// Everything changed: each of 10,000 tasks is compared with the log, explained, estimated and
/// scheduled.
void PlanOfTenThousandChangedTasks(benchmark::State& state) {
  const Finished finished(MakeGraph(kTasks, 4000), 0);
  const TaskGraph graph = MakeGraph(kTasks, 3000);
  while (state.KeepRunning()) {
    const auto assessment = Assess(graph, &finished.log, finished.store, "bench");
    REPRO_CHECK(assessment.has_value() && assessment->Count(Standing::kRun) == kTasks);
    const std::vector<double> seconds = OrderingSeconds(graph, assessment->seconds);
    const Plan plan(graph, std::vector<bool>(kTasks, true), seconds,
                    {.cores = 16, .memory_bytes = 1LL << 40});
    benchmark::DoNotOptimize(SimulateSeconds(plan, seconds));
  }
}
BENCHMARK(PlanOfTenThousandChangedTasks)->Unit(benchmark::kMillisecond);

/// Nothing to do: completion records and file sizes are looked at.
void AssessFinishedTasks(benchmark::State& state) {
  const auto tasks = static_cast<int>(state.range(0));
  const TaskGraph graph = MakeGraph(tasks, 4000);
  const Finished finished(graph, tasks);
  while (state.KeepRunning()) {
    const auto assessment = Assess(graph, &finished.log, finished.store, "bench");
    REPRO_CHECK(assessment.has_value() &&
                assessment->Count(Standing::kCached) == graph.tasks().size());
  }
}
BENCHMARK(AssessFinishedTasks)->Arg(300)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace repro

BENCHMARK_MAIN();
