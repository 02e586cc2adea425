#include "core/report/training_report.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "core/base/text.h"
#include "core/base/units.h"
#include "core/store/provenance.h"

namespace repro {
namespace {

std::string Numbers(const std::vector<std::int64_t>& numbers) {
  std::string text;
  for (const std::int64_t number : numbers) {
    text += fmt::format("{}{}", text.empty() ? "" : ", ", number);
  }
  return text.empty() ? "none" : text;
}

std::string RunSentence(const RunRow& run) {
  if (run.state == "done") return fmt::format("Run {} is done.", run.id);
  if (run.state == "partial") return fmt::format("Run {} is done in part.", run.id);
  if (run.state == "waiting") return fmt::format("Run {} waits; not all of it is done.", run.id);
  return fmt::format("Run {}: {}.", run.id, run.state);
}

}  // namespace

Result<TrainingReport> ReadTrainingReport(const RunLog& log, const std::filesystem::path& workspace,
                                          const RunRow& run, std::int64_t now_ms) {
  TrainingReport report;
  report.run = run;
  report.now_ms = now_ms;
  if (run.invocation != 0) {
    REPRO_ASSIGN_OR_RETURN(report.invocation, log.FindInvocation(run.invocation));
  }
  REPRO_ASSIGN_OR_RETURN(const std::vector<std::string> keys, log.RunTaskKeys(run.id));
  REPRO_ASSIGN_OR_RETURN(report.tasks, log.Tasks(keys));
  for (const std::string& key : keys) {
    TrainingReader reader(workspace, key, CurveDetail::kAll);
    REPRO_ASSIGN_OR_RETURN(const TrainingTask* task, reader.Read(log));
    if (task != nullptr && IsDrawnTask(*task)) report.training.push_back(*task);
  }
  return report;
}

std::vector<std::string> TrainingHeadline(const TrainingReport& report) {
  std::vector<std::string> sentences = {RunSentence(report.run)};
  for (const TrainingTask& training : report.training) {
    if (training.task.state == "done" && &training != &report.training.front()) continue;
    sentences.push_back(
        fmt::format("{}: {}", training.task.label,
                    TrainingVerdict(training, SummarizeTraining(training, report.now_ms))));
  }
  if (report.training.empty()) sentences.emplace_back("Nothing has been trained in it yet.");
  return sentences;
}

std::vector<std::pair<std::string, std::string>> TrainingFacts(const TrainingReport& report) {
  const RunRow& run = report.run;
  std::vector<std::pair<std::string, std::string>> facts;
  const auto add = [&facts](const char* name, const std::string& value) {
    if (!value.empty()) facts.emplace_back(name, value);
  };
  add("Run", fmt::format("{}: {} {}, {} scale, {}", run.id, run.experiment_id, run.point, run.scale,
                         run.role));
  add("Seeds", fmt::format("pretraining {}; fine-tuning {}", run.pretrain_seed,
                           Numbers(run.finetune_seeds)));
  std::string tags;
  for (const std::string& tag : run.tags) tags += (tags.empty() ? "" : ", ") + tag;
  add("Tags", tags);
  add("Created", FormatTime(run.created_ms));
  if (run.finished_ms != 0) add("Finished", FormatTime(run.finished_ms));
  if (report.invocation) {
    add("Command", report.invocation->command_line);
    add("Made by", DescribeProvenance(report.invocation->provenance));
    add("Manifest", report.invocation->manifest_hash);
  }
  std::map<std::string, std::size_t> builds;
  for (const TaskRow& task : report.tasks) {
    if (!task.build.empty()) ++builds[task.build];
  }
  for (const auto& [build, tasks] : builds) {
    add("Build", fmt::format("{} ({})", build, Plural(tasks, "task")));
  }
  return facts;
}

}  // namespace repro
