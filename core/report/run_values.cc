#include "core/report/run_values.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include <fmt/format.h>

#include "core/report/report_text.h"

namespace repro {
namespace {

/// Logged rows that a report may use: never the dev split, on which models are selected, nor the
/// training split.
bool Usable(const MetricRow& row) {
  return row.split != "dev" && row.split != "train";
}

/// Whether arithmetic of floating point made it: pretraining, and what follows from it. What comes
/// before is the same, byte for byte, by any build that knows the version of its kind.
bool FromPretraining(const std::map<std::string, Task>& plan, const std::string& key,
                     std::map<std::string, bool>& known) {
  if (const auto found = known.find(key); found != known.end()) return found->second;
  const auto task = plan.find(key);
  if (task == plan.end()) return true;  // nothing is known of it
  const std::string& kind = task->second.kind;
  const auto& inputs = task->second.inputs;
  const bool from = kind == "pretrain" || kind == "import" ||
                    std::any_of(inputs.begin(), inputs.end(), [&](const auto& input) {
                      return FromPretraining(plan, input.second, known);
                    });
  known.emplace(key, from);
  return from;
}

}  // namespace

std::vector<RunReport> RunStates(const ReportInputs& inputs) {
  std::vector<RunReport> states;
  std::map<std::string, bool> from_pretraining;  // by task
  for (const RunSpec& run : inputs.runs) {
    RunReport report;
    report.point = run.point;
    report.role = run.role;
    report.pretrain_seed = run.pretrain_seed;
    report.tasks = run.task_keys.size();
    std::map<std::string, std::size_t> count;
    for (const std::string& key : run.task_keys) {
      const auto planned = inputs.plan.find(key);
      const std::string label =
          planned == inputs.plan.end() ? key.substr(0, 12) : planned->second.label;
      const auto found = inputs.tasks.find(key);
      const std::string state = found == inputs.tasks.end() ? "waiting" : found->second.state;
      ++count[state];
      if (state == "done") {
        ++report.tasks_done;
        report.seconds += found->second.seconds;
        const std::string& build = found->second.build;
        if (inputs.imported.contains(key)) {
          ++report.imported[build];
        } else if (!build.empty() && build != inputs.build_id &&
                   FromPretraining(inputs.plan, key, from_pretraining)) {
          report.stale.push_back(label);
        }
      } else if (state == "diverged" || (state == "failed" && report.reason.empty())) {
        report.reason = label + (state == "diverged" ? " diverged" : " failed");
        if (state == "diverged") report.diverged_task = key;
      } else if (planned != inputs.plan.end() && !planned->second.unresolved.empty()) {
        ++count["unresolved"];
        if (report.reason.empty()) report.reason = "not at hand: " + planned->second.unresolved;
      }
    }
    if (count["diverged"] > 0) {
      report.state = "diverged";
    } else if (report.tasks_done == report.tasks && report.tasks > 0) {
      report.state = "done";
    } else if (count["failed"] > 0) {
      report.state = "failed";
    } else if (count["running"] > 0) {
      report.state = "running";
    } else if (count["unresolved"] > 0) {
      report.state = "unresolved";
    } else {
      report.state = report.tasks_done > 0 ? "partial" : "waiting";
    }
    if (report.reason.empty() && report.state != "done") {
      report.reason = fmt::format("{} of {} tasks done", report.tasks_done, report.tasks);
    }
    states.push_back(std::move(report));
  }
  return states;
}

RunValues::RunValues(const ReportInputs& inputs, const std::vector<RunReport>& states)
    : inputs_(inputs), states_(states), by_run_(inputs.runs.size()) {
  std::map<std::string, std::vector<std::size_t>> runs_of_task;
  for (std::size_t run = 0; run < inputs.runs.size(); ++run) {
    for (const std::string& key : inputs.runs[run].task_keys) runs_of_task[key].push_back(run);
  }
  for (const MetricRow& row : inputs.metrics) {
    // A task that is not done may have logged values on the way: they are none yet.
    const auto task = inputs.tasks.find(row.task_key);
    if (!Usable(row) || task == inputs.tasks.end() || task->second.state != "done") continue;
    const auto runs = runs_of_task.find(row.task_key);
    if (runs == runs_of_task.end()) continue;
    for (const std::size_t run : runs->second) {
      by_run_[run][row.name].push_back({row.language, row.seed, row.value});
    }
  }
}

std::vector<std::size_t> RunValues::RunsOf(const std::string& point,
                                           const std::string& role) const {
  std::vector<std::size_t> runs;
  for (std::size_t run = 0; run < inputs_.runs.size(); ++run) {
    if (inputs_.runs[run].point == point && inputs_.runs[run].role == role) runs.push_back(run);
  }
  return runs;
}

std::vector<std::size_t> RunValues::CompleteRunsOf(const std::string& point,
                                                   const std::string& role) const {
  std::vector<std::size_t> runs = RunsOf(point, role);
  std::erase_if(runs, [&](std::size_t run) { return states_[run].state != "done"; });
  return runs;
}

const std::vector<RunValues::Row>* RunValues::Find(std::size_t run,
                                                   const std::string& metric) const {
  const auto found = by_run_[run].find(metric);
  return found == by_run_[run].end() ? nullptr : &found->second;
}

Estimate RunValues::Series(const Measure& measure, const std::string& point,
                           const std::string& role,
                           const std::vector<std::string>& languages) const {
  Estimate estimate;
  std::vector<double> by_finetune_seed;  // of the last run, for the case of a single pretraining
  for (const std::size_t run : CompleteRunsOf(point, role)) {
    const auto* rows = Find(run, measure.metric);
    if (rows == nullptr) continue;
    std::map<std::int64_t, std::map<std::string, double>> by_seed;  // fine-tuning seed -> language
    for (const Row& row : *rows) by_seed[row.seed][row.language] = row.value * measure.factor;
    std::vector<double> seed_values;
    for (const auto& [seed, values] : by_seed) {
      double sum = 0;
      std::size_t count = 0;
      for (const std::string& language : languages) {
        const auto value = values.find(language);
        if (value == values.end()) break;
        sum += value->second;
        ++count;
      }
      if (count == languages.size() && count > 0)
        seed_values.push_back(sum / static_cast<double>(count));
    }
    if (seed_values.empty() || seed_values.size() != by_seed.size()) continue;
    estimate.by_seed.emplace_back(inputs_.runs[run].pretrain_seed,
                                  std::accumulate(seed_values.begin(), seed_values.end(), 0.0) /
                                      static_cast<double>(seed_values.size()));
    by_finetune_seed = std::move(seed_values);
  }
  std::vector<double> values;
  for (const auto& [seed, value] : estimate.by_seed) values.push_back(value);
  estimate.mean = MeanWithInterval(values);
  if (values.size() >= 2) {
    estimate.variation = SeedVariation(estimate.mean.all_same());
  } else if (values.size() == 1 && by_finetune_seed.size() >= 2) {
    estimate.mean = MeanWithInterval(by_finetune_seed);
    estimate.variation = fmt::format("fine-tuning seeds{}, conditional on one pretraining",
                                     estimate.mean.all_same() ? ", which do not differ" : "");
  } else if (values.size() == 1) {
    estimate.variation = "one value, conditional on one pretraining";
  }
  if (estimate.mean.all_same()) {
    // A width of zero is no interval: no writer may show one.
    estimate.mean.low = estimate.mean.high = std::numeric_limits<double>::quiet_NaN();
  }
  return estimate;
}

std::set<std::string> RunValues::Languages(const std::string& metric, const std::string& point,
                                           const std::string& role) const {
  std::set<std::string> languages;
  for (const std::size_t run : CompleteRunsOf(point, role)) {
    if (const auto* rows = Find(run, metric)) {
      for (const Row& row : *rows) {
        if (!row.language.empty()) languages.insert(row.language);
      }
    }
  }
  return languages;
}

std::optional<double> RunValues::Fact(const Measure& measure, const std::string& point,
                                      const std::string& role, const std::string& language) const {
  for (const std::size_t run : RunsOf(point, role)) {
    if (const auto* rows = Find(run, measure.metric)) {
      for (const Row& row : *rows) {
        if (row.language == language) return row.value * measure.factor;
      }
    }
  }
  return std::nullopt;
}

std::map<std::string, double> RunValues::Facts(const Measure& measure, const std::string& point,
                                               const std::string& role) const {
  std::map<std::string, double> facts;
  for (const std::size_t run : RunsOf(point, role)) {
    if (const auto* rows = Find(run, measure.metric)) {
      for (const Row& row : *rows) facts.emplace(row.language, row.value * measure.factor);
    }
  }
  return facts;
}

std::optional<double> RunValues::TextBytes(const std::string& point, const std::string& role,
                                           const std::string& language) const {
  std::optional<double> least;
  for (const char* metric : {"corpus.taken_bytes", "corpus.bytes"}) {
    for (const std::size_t run : RunsOf(point, role)) {
      const auto* rows = Find(run, metric);
      if (rows == nullptr) continue;
      for (const Row& row : *rows) {
        if (row.language == language && (!least || row.value < *least)) least = row.value;
      }
    }
    if (least) break;
  }
  return least;
}

std::set<std::string> RunValues::Metrics(const std::string& prefix, const std::string& point,
                                         const std::string& role) const {
  std::set<std::string> names;
  for (const std::size_t run : RunsOf(point, role)) {
    for (auto metric = by_run_[run].lower_bound(prefix);
         metric != by_run_[run].end() && metric->first.starts_with(prefix); ++metric) {
      names.insert(metric->first);
    }
  }
  return names;
}

std::optional<double> RunValues::MeanGap(const std::string& above, const std::string& below,
                                         std::size_t run) const {
  std::map<std::string, double> gaps;
  const auto* upper = Find(run, above);
  const auto* lower = Find(run, below);
  if (upper == nullptr || lower == nullptr) return std::nullopt;
  for (const Row& row : *upper) gaps[row.language] = row.value;
  std::size_t paired = 0;
  for (const Row& row : *lower) {
    const auto gap = gaps.find(row.language);
    if (gap == gaps.end()) return std::nullopt;
    gap->second -= row.value;
    ++paired;
  }
  if (paired == 0 || paired != gaps.size()) return std::nullopt;
  return std::accumulate(gaps.begin(), gaps.end(), 0.0,
                         [](double sum, const auto& gap) { return sum + gap.second; }) /
         static_cast<double>(paired);
}

std::optional<double> RunValues::Chance(const Measure& measure) const {
  if (measure.chance) return measure.chance;
  if (measure.chance_one_over.empty()) return std::nullopt;
  std::string path = "/" + measure.chance_one_over;
  std::replace(path.begin(), path.end(), '.', '/');
  const Json::json_pointer pointer(path);
  for (const RunSpec& run : inputs_.runs) {
    if (!run.config.contains(pointer) || !run.config.at(pointer).is_number()) continue;
    const double value = run.config.at(pointer).get<double>();
    if (value > 0) return measure.factor / value;
  }
  return std::nullopt;
}

}  // namespace repro
