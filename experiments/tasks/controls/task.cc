#include "experiments/tasks/controls/task.h"

#include <sstream>

#include <fmt/format.h>

#include "core/io/file.h"
#include "core/manifest/fields.h"
#include "experiments/corpus/babel/controls.h"
#include "experiments/tasks/controls/spec.h"

namespace repro {
namespace {

Result<std::vector<TextPair>> ReadPairs(const std::filesystem::path& path) {
  REPRO_ASSIGN_OR_RETURN(const std::string content, ReadFile(path));
  std::vector<TextPair> pairs;
  std::istringstream lines(content);
  std::string line;
  while (std::getline(lines, line)) {
    const std::string where = fmt::format("{}:{}", path.string(), pairs.size() + 1);
    REPRO_ASSIGN_OR_RETURN(const Json object, ParseJson(line, where));
    try {
      pairs.push_back({.premise = object.at("premise").get<std::string>(),
                       .hypothesis = object.at("hypothesis").get<std::string>(),
                       .label = object.at("label").get<int>()});
    } catch (const Json::exception& e) {
      return Fail(ErrorCode::kCorrupt, "{}: expected a pair with premise, hypothesis and label: {}",
                  where, e.what());
    }
    if (pairs.back().label < 0 || pairs.back().label >= kPairClasses) {
      return Fail(ErrorCode::kCorrupt, "{}: label {}, expected 0 to {}", where, pairs.back().label,
                  kPairClasses - 1);
    }
  }
  return pairs;
}

}  // namespace

Status RunControlsTask(TaskContext& context) {
  REPRO_ASSIGN_OR_RETURN(const ControlsSpec spec, FromJson<ControlsSpec>(context.task.spec));
  REPRO_ASSIGN_OR_RETURN(const auto source, context.Input(spec.source_language));
  REPRO_ASSIGN_OR_RETURN(const auto train, ReadPairs(source / "xnli.train.jsonl"));
  if (train.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "{}: no training pairs to fit the controls on",
                (source / "xnli.train.jsonl").string());
  }
  const LeakControls controls = LeakControls::Fit(train);
  Json by_language = Json::object();
  for (const std::string& code : spec.languages) {
    REPRO_ASSIGN_OR_RETURN(const auto folder, context.Input(code));
    REPRO_ASSIGN_OR_RETURN(const auto test, ReadPairs(folder / "xnli.test.jsonl"));
    const LeakScores scores = controls.Score(test);
    const auto write = [&](const char* name, double value) {
      context.events.Write({.name = name, .value = value, .language = code, .split = "test"});
    };
    write("control.hypothesis_only.accuracy", scores.hypothesis_only);
    write("control.surface_lookup.accuracy", scores.surface_lookup);
    write("control.surface_regression.accuracy", scores.surface_regression);
    by_language[code] = {{"hypothesis_only", scores.hypothesis_only},
                         {"surface_lookup", scores.surface_lookup},
                         {"surface_regression", scores.surface_regression},
                         {"pairs", test.size()},
                         {"within_tolerance", scores.Worst() <= kLeakTolerance}};
  }
  const Json report = {{"source_language", spec.source_language},
                       {"chance", kLeakChance},
                       {"tolerance", kLeakTolerance},
                       {"languages", std::move(by_language)}};
  REPRO_RETURN_IF_ERROR(WriteFileAtomic(context.out / "controls.json", report.dump(1) + "\n"));
  return context.events.status();
}

}  // namespace repro
