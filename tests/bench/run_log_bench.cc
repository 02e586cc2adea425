// How long the listing commands take on a log of 10,000 runs. Design: each below one second.
//
// The log is made through the same calls that `repro run` makes: per run three tasks of its own and
// a shared corpus, three attempts whose events.jsonl is read in, 200 metric values, a config of the
// size of Figure 2's. 1 % of the runs fail. REPRO_BENCH_RUNS changes the number.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/base/units.h"
#include "core/cli/compare_command.h"
#include "core/cli/show_command.h"
#include "core/cli/status_command.h"
#include "core/store/event_writer.h"
#include "core/store/run_log.h"
#include "tests/core/cli/command_runner.h"
#include "tests/core/temp_folder.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLanguages[] = {"ar", "bg", "de", "el", "en", "es", "fr", "hi",
                                      "ru", "sw", "th", "tr", "ur", "vi", "zh"};

Json MakeConfig(int run) {
  Json languages = Json::array();
  for (int i = 0; i < 60; ++i) languages.push_back(fmt::format("l{}", i));
  Json config = {
      {"model", {{"layers", 2}, {"hidden", 128}, {"heads", 4}, {"dropout", 0.1}}},
      {"vocab", {{"size", 4000 + run % 7}, {"alpha", 0.3}, {"model", "unigram"}}},
      {"corpus", {{"languages", languages}, {"source", "babel-wiki"}, {"exponent", 0.5}}}};
  for (int i = 0; i < 40; ++i) config["pretrain"][fmt::format("setting_{}", i)] = i;
  return config;
}

std::string AddTask(RunLog& log, const fs::path& workspace, const std::string& kind, int run,
                    const std::string& events, bool failed) {
  TaskRow task;
  task.key = Sha256Hex(fmt::format("{} {}", kind, run));
  task.kind = kind;
  task.version = 1;
  task.label = fmt::format("{} point{} seed {}", kind, run % 5, run);
  task.spec = {{"updates", 1500}, {"tokens", 64}, {"seed", run}, {"kind", kind}};
  task.inputs = {{"corpus", std::string(64, 'c')}};
  task.work = 1e6;
  task.work_unit = "tokens";
  REPRO_CHECK(log.UpsertTask(task).has_value());
  AttemptRow attempt;
  attempt.task_key = task.key;
  attempt.number = 1;
  attempt.folder = "work/" + task.key + "/attempts/1";
  attempt.id = log.BeginAttempt(attempt).value();
  if (!events.empty()) {
    REPRO_CHECK(log.IngestEvents(attempt.id, workspace / events).has_value());
  }
  attempt.state = failed ? "failed" : "done";
  attempt.reason = failed ? "exit 1: made to fail" : "";
  attempt.exit_code = failed ? 1 : 0;
  REPRO_CHECK(log.EndAttempt(attempt).has_value());
  if (failed) {
    REPRO_CHECK(log.SetTaskState(task.key, "failed").has_value());
  } else {
    task.seconds = 12;
    task.artifact_bytes = 1 << 20;
    REPRO_CHECK(log.FinishTask(task).has_value());
  }
  return task.key;
}

void Fill(const fs::path& workspace, int runs) {
  {
    auto pretrain = EventWriter::Open(workspace / "pretrain.jsonl").value();
    for (int step = 1; step <= 110; ++step) {
      pretrain.Write(
          {.name = "pretrain.loss", .value = 8.0 / step, .step = std::int64_t{step} * 10});
    }
    pretrain.State("finished");
    auto evaluate = EventWriter::Open(workspace / "evaluate.jsonl").value();
    for (const char* split : {"dev", "test"}) {
      for (const char* language : kLanguages) {
        for (int seed = 1; seed <= 3; ++seed) {
          evaluate.Write({.name = "xnli.accuracy",
                          .value = 0.5 + 0.01 * seed,
                          .step = 1500,
                          .language = language,
                          .split = split,
                          .seed = seed});
        }
      }
    }
  }
  auto opened = RunLog::Open(workspace / "repro.sqlite", RunLog::Mode::kWrite);
  REPRO_CHECK(opened.has_value());
  RunLog log = std::move(*opened);
  const std::string corpus = AddTask(log, workspace, "corpus", 0, "", false);
  for (int first = 1; first <= runs; first += 500) {
    const Status status = log.InTransaction([&]() -> Status {
      for (int i = first; i < std::min(first + 500, runs + 1); ++i) {
        const bool failed = i % 100 == 0;
        const std::vector<std::string> keys = {
            corpus, AddTask(log, workspace, "pretrain", i, "pretrain.jsonl", false),
            AddTask(log, workspace, "finetune", i, "", failed),
            AddTask(log, workspace, "evaluate", i, "evaluate.jsonl", false)};
        RunRow run;
        run.experiment_id = fmt::format("fig{}", 1 + i % 7);
        run.scale = "desk";
        run.point = fmt::format("point{}", i % 5);
        run.role = "main";
        run.key = Sha256Hex(fmt::format("run {}", i));
        run.pretrain_seed = i;
        run.finetune_seeds = {1, 2, 3};
        run.state = failed ? "failed" : "done";
        run.config = MakeConfig(i);
        run.sweep = {{"languages", run.point}};
        REPRO_ASSIGN_OR_RETURN(const std::int64_t id, log.UpsertRun(run, keys));
        if (i % 50 == 0) REPRO_RETURN_IF_ERROR(log.Tag(id, "baseline", false));
      }
      return {};
    });
    REPRO_CHECK(status.has_value());
  }
}

void Register(const TempFolder& workspace, int runs) {
  struct Listing {
    const char* name;
    std::unique_ptr<Command> (*make)();
    std::vector<std::string> arguments;
  };
  const std::string middle = std::to_string(runs / 2);
  const std::string task = Sha256Hex("pretrain 7").substr(0, 12);
  const std::vector<Listing> listings = {
      {"status", MakeStatusCommand, {}},
      {"status --runs", MakeStatusCommand, {"--runs"}},
      {"status fig2 --runs", MakeStatusCommand, {"fig2", "--runs"}},
      {"status --tag baseline", MakeStatusCommand, {"--tag", "baseline"}},
      {"status --state failed", MakeStatusCommand, {"--state", "failed"}},
      {"show RUN", MakeShowCommand, {middle}},
      {"show RUN --by-language", MakeShowCommand, {middle, "--by-language"}},
      {"show TASK", MakeShowCommand, {task}},
      {"compare RUN RUN", MakeCompareCommand, {"1", middle}},
      {"compare RUN RUN --all", MakeCompareCommand, {"1", middle, "--all", "--by-language"}},
  };
  for (const bool json : {false, true}) {
    for (const Listing& listing : listings) {
      const std::string name = std::string(listing.name) + (json ? " --json" : "");
      benchmark::RegisterBenchmark(name.c_str(),
                                   [&workspace, listing, json](benchmark::State& state) {
                                     std::size_t bytes = 0;
                                     for (auto _ : state) {
                                       const auto outcome = testing::RunCommand(
                                           listing.make, workspace.path(), listing.arguments, json);
                                       REPRO_CHECK(outcome.code >= 0);
                                       bytes = outcome.out.size();
                                     }
                                     state.counters["output_bytes"] = static_cast<double>(bytes);
                                   })
          ->Unit(benchmark::kMillisecond)
          ->Iterations(3)
          ->UseRealTime();
    }
  }
  benchmark::RegisterBenchmark("every config and metric (report)",
                               [&workspace](benchmark::State& state) {
                                 for (auto _ : state) {
                                   const auto log = RunLog::Open(workspace / "repro.sqlite",
                                                                 RunLog::Mode::kRead);
                                   benchmark::DoNotOptimize(log->Runs().value().size());
                                   MetricQuery query;
                                   query.name = "xnli.*";
                                   query.split = "test";
                                   benchmark::DoNotOptimize(log->Metrics(query).value().size());
                                 }
                               })
      ->Unit(benchmark::kMillisecond)
      ->Iterations(1)
      ->UseRealTime();
}

}  // namespace
}  // namespace repro

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  const char* wanted = std::getenv("REPRO_BENCH_RUNS");
  const int runs = std::max(10, wanted != nullptr ? std::atoi(wanted) : 10'000);
  const repro::TempFolder workspace;
  const double start = repro::SteadySeconds();
  repro::Fill(workspace.path(), runs);
  std::printf("a log of %d runs: made in %s, %s\n", runs,
              repro::FormatDuration(repro::SteadySeconds() - start).c_str(),
              repro::FormatBytes(
                  static_cast<std::int64_t>(std::filesystem::file_size(workspace / "repro.sqlite")))
                  .c_str());
  std::fflush(stdout);
  repro::Register(workspace, runs);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
