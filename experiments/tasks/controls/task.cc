#include "experiments/tasks/controls/task.h"

#include <utility>

#include "core/io/file.h"
#include "core/manifest/fields.h"
#include "experiments/corpus/babel/controls.h"
#include "experiments/data/labelled_reader.h"
#include "experiments/tasks/controls/spec.h"

namespace repro {
namespace {

Result<std::vector<TextPair>> ReadPairs(const std::filesystem::path& folder,
                                        const std::string& split) {
  REPRO_ASSIGN_OR_RETURN(const auto labels, ReadLabelNames(folder, "xnli"));
  if (labels.size() != kPairClasses) {
    return Fail(ErrorCode::kCorrupt, "{}: `xnli` has {} labels, expected {}",
                (folder / "labels.json").string(), labels.size(), kPairClasses);
  }
  REPRO_ASSIGN_OR_RETURN(auto examples, ReadLabelled(folder, "xnli", split, labels));
  std::vector<TextPair> pairs;
  pairs.reserve(examples.size());
  for (LabelledExample& example : examples) {
    pairs.push_back({.premise = std::move(example.text),
                     .hypothesis = std::move(example.second),
                     .label = static_cast<int>(example.label)});
  }
  return pairs;
}

}  // namespace

Status RunControlsTask(TaskContext& context) {
  REPRO_ASSIGN_OR_RETURN(const ControlsSpec spec, FromJson<ControlsSpec>(context.task.spec));
  REPRO_ASSIGN_OR_RETURN(const auto source, context.Input(spec.source_language));
  REPRO_ASSIGN_OR_RETURN(const auto train, ReadPairs(source, "train"));
  const LeakControls controls = LeakControls::Fit(train);
  Json by_language = Json::object();
  for (const std::string& code : spec.languages) {
    REPRO_ASSIGN_OR_RETURN(const auto folder, context.Input(code));
    REPRO_ASSIGN_OR_RETURN(const auto test, ReadPairs(folder, "test"));
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
