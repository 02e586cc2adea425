#include "experiments/tasks/pipeline.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>

#include <gtest/gtest.h>

#include "core/io/json_io.h"
#include "core/manifest/manifest.h"
#include "experiments/model/config.h"
#include "experiments/tasks/contradictions.h"

namespace repro {
namespace {

const std::filesystem::path kManifests = REPRO_SOURCE_DIR "/manifests";

Experiment Load(const std::string& name, const std::string& scale,
                std::vector<std::string> sets = {}) {
  auto experiment = LoadExperiment(name, {.scale = scale,
                                          .sets = std::move(sets),
                                          .manifest_dir = kManifests,
                                          .reference_dir = REPRO_SOURCE_DIR "/results/reference",
                                          .validate_sections = &ValidateSections});
  EXPECT_TRUE(experiment) << (experiment ? "" : experiment.error().message);
  return experiment ? *experiment : Experiment{};
}

TaskGraph Build(const Experiment& experiment) {
  auto graph = BuildTaskGraph(experiment, {.workspace = "/no/workspace", .datasets = {}});
  EXPECT_TRUE(graph) << (graph ? "" : graph.error().message);
  return graph ? std::move(*graph) : TaskGraph{};
}

std::vector<const Task*> OfKind(const TaskGraph& graph, std::string_view kind) {
  std::vector<const Task*> found;
  for (const Task& task : graph.tasks()) {
    if (task.kind == kind) found.push_back(&task);
  }
  return found;
}

std::set<std::string> Keys(const TaskGraph& graph, const std::set<std::string>& kinds) {
  std::set<std::string> keys;
  for (const Task& task : graph.tasks()) {
    if (kinds.contains(task.kind)) keys.insert(task.key);
  }
  return keys;
}

// A metric without a name of its own would be drawn under its logged one; a name without a metric
// would be refused in a manifest.
TEST(ContradictionsTest, ASeriesMayNameWhatReportsKnow) {
  const auto measures = LoadJson(REPRO_SOURCE_DIR "/reports/measures.json");
  ASSERT_TRUE(measures) << measures.error().message;
  std::set<std::string> named;
  for (const Json& measure : (*measures)["measures"]) named.insert(measure["metric"]);
  EXPECT_EQ(std::set<std::string>(SeriesMetrics().begin(), SeriesMetrics().end()), named);
}

TEST(PipelineTest, DeskRunsEverySeedAtEveryPointAndTheControlsAtTheEnds) {
  const Experiment experiment = Load("fig2", "desk");
  const TaskGraph graph = Build(experiment);
  std::map<std::string, int> roles;
  for (const RunSpec& run : graph.runs()) ++roles[run.role];
  EXPECT_EQ(roles["main"],
            static_cast<int>(experiment.points.size() * experiment.pretrain_seeds.size()));
  EXPECT_EQ(roles["null-world"], 2);
  EXPECT_EQ(roles["no-pretraining"], 2);
}

TEST(PipelineTest, PointsShareTheCorporaAndBenchmarksOfTheirCommonLanguages) {
  const Experiment experiment = Load("fig2", "desk");
  const TaskGraph graph = Build(experiment);
  std::set<std::string> main_languages, null_languages;
  for (const Point& point : experiment.points) {
    main_languages.insert(point.languages.begin(), point.languages.end());
    const auto& null_points = experiment.controls.null_world;
    if (std::find(null_points.begin(), null_points.end(), point.id) != null_points.end()) {
      null_languages.insert(point.languages.begin(), point.languages.end());
    }
  }
  EXPECT_EQ(OfKind(graph, "corpus").size(), main_languages.size() + null_languages.size());
}

TEST(PipelineTest, VocabSizeChangesTheVocabularyAndWhatFollowsButNoCorpus) {
  const TaskGraph before = Build(Load("fig2", "desk"));
  const TaskGraph after = Build(Load("fig2", "desk", {"vocab.size=3000"}));
  EXPECT_EQ(Keys(before, {"corpus", "benchmark", "controls"}),
            Keys(after, {"corpus", "benchmark", "controls"}));
  const std::set<std::string> following = {"vocab", "encode", "pretrain", "finetune", "evaluate"};
  std::set<std::string> shared;
  const auto a = Keys(before, following), b = Keys(after, following);
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(),
                        std::inserter(shared, shared.end()));
  EXPECT_TRUE(shared.empty());
}

TEST(PipelineTest, SeedsArePartOfTheKey) {
  const TaskGraph graph = Build(Load("fig2", "desk"));
  std::set<std::string> keys;
  for (const Task* task : OfKind(graph, "pretrain")) keys.insert(task->key);
  EXPECT_EQ(keys.size(), OfKind(graph, "pretrain").size());
  const Experiment experiment = Load("fig2", "desk");
  EXPECT_GE(keys.size(), experiment.points.size() * experiment.pretrain_seeds.size());
}

TEST(PipelineTest, PaperScaleIsPlannedThoughItsSourcesAreNotAtHand) {
  const TaskGraph graph = Build(Load("fig2", "paper"));
  ASSERT_FALSE(graph.tasks().empty());
  for (const Task& task : graph.tasks()) {
    EXPECT_NE(task.unresolved.find("dataset"), std::string::npos) << task.label;
  }
  const auto pretrain = OfKind(graph, "pretrain");
  ASSERT_FALSE(pretrain.empty());
  // Paper, section 4 and Table 7: a BERT-Base body (85,054,464 parameters in the layers) under 150K
  // rows of 768.
  const ModelShape shape{.settings = {.layers = 12, .hidden = 768, .heads = 12},
                         .vocab_size = 150'000,
                         .max_positions = 514};
  EXPECT_EQ(pretrain.front()->info["parameters"], MlmParameters(shape));
  EXPECT_EQ(pretrain.front()->info["weight_bytes"], 4 * MlmParameters(shape));
  EXPECT_EQ(pretrain.front()->info["checkpoint_bytes"], 12 * MlmParameters(shape));
}

TEST(PipelineTest, SameTokensPerLanguageScalesUpdatesByTheShareOfTheCommonLanguages) {
  const Experiment experiment =
      Load("fig2", "desk", {R"(sweep.budget=["same-updates", "same-tokens-per-language"])"});
  const TaskGraph graph = Build(experiment);
  const auto updates = [&](const std::string& languages, const std::string& budget) {
    for (const RunSpec& run : graph.runs()) {
      if (run.role == "main" && run.sweep.at("languages") == languages &&
          run.sweep.at("budget") == budget) {
        return run.config.at("pretrain").at("updates").get<double>();
      }
    }
    return -1.0;
  };
  EXPECT_EQ(updates("xlm7", "same-tokens-per-language"), updates("xlm7", "same-updates"));
  // Reference: q_i = s_i^alpha / sum over the set, written out here from the sizes of the
  // experiment.
  const auto mean_share = [&](const Point& point) {
    const auto weight = [&](const std::string& code) {
      return std::pow(experiment.languages.at(code).wiki_gb, 0.3);
    };
    double total = 0, common = 0;
    for (const auto& code : point.languages) total += weight(code);
    for (const auto* code : {"en", "fr", "de", "ru", "zh", "sw", "ur"}) common += weight(code);
    return common / 7 / total;
  };
  const auto point = [&](const std::string& languages) {
    return *std::find_if(experiment.points.begin(), experiment.points.end(),
                         [&](const Point& p) { return p.sweep.at("languages") == languages; });
  };
  const double expected =
      updates("xlm7", "same-updates") * mean_share(point("xlm7")) / mean_share(point("xnli15"));
  EXPECT_NEAR(updates("xnli15", "same-tokens-per-language"), expected, 0.5 + 1e-9);
}

// model.parameters in place of the width; 0 heads for heads of width 64. Tasks see the solved model
// and nothing else, so that it has the key that the same model has by its width.
TEST(PipelineTest, WidthIsSolvedFromTheParametersBeforeAnythingIsKeyed) {
  const ModelShape base{
      .settings = {.layers = 12, .hidden = 768, .heads = 12, .feed_forward = 3072},
      .vocab_size = 150'000,
      .max_positions = 514};
  const std::string total = std::to_string(MlmParameters(base) + 12'345);
  const TaskGraph stated = Build(Load("fig2", "paper", {"model.feed_forward=0"}));
  const TaskGraph solved = Build(Load(
      "fig2", "paper",
      {"model.feed_forward=0", "model.hidden=0", "model.heads=0", "model.parameters=" + total}));
  EXPECT_EQ(Keys(stated, {"pretrain", "finetune", "evaluate"}),
            Keys(solved, {"pretrain", "finetune", "evaluate"}));
  for (const Task* task : OfKind(solved, "pretrain")) {
    EXPECT_FALSE(task->spec.at("model").contains("parameters"));
    EXPECT_EQ(task->spec.at("model").at("hidden"), 768);
    EXPECT_EQ(task->spec.at("model").at("heads"), 12);
  }
  EXPECT_EQ(solved.runs().front().config.at("model").at("parameters").dump(), total);
  EXPECT_EQ(solved.runs().front().config.at("model").at("hidden"), 768);

  // Each vocabulary has a width of its own, and nearly the same total.
  const TaskGraph sweep = Build(Load("fig2", "paper",
                                     {"model.feed_forward=0", "model.hidden=0",
                                      "model.parameters=" + total, "vocab.size=512000"}));
  const Task* wide = OfKind(sweep, "pretrain").front();
  EXPECT_LT(wide->spec.at("model").at("hidden").get<std::int64_t>(), 768);
  EXPECT_NEAR(wide->info.at("parameters").get<double>(), static_cast<double>(MlmParameters(base)),
              0.02 * static_cast<double>(MlmParameters(base)));
}

TEST(PipelineTest, EveryContradictionIsReportedAtOnceWithItsPosition) {
  auto experiment =
      LoadExperiment("fig2", {.scale = "desk",
                              .sets = {"model.heads=5", "pretrain.warmup_updates=999999",
                                       "finetune.tasks=[\"xnli\", \"xnli\"]"},
                              .manifest_dir = kManifests,
                              .reference_dir = {},
                              .validate_sections = &ValidateSections});
  ASSERT_FALSE(experiment);
  const std::string& message = experiment.error().message;
  EXPECT_NE(message.find("--set model.heads"), std::string::npos) << message;
  EXPECT_NE(message.find("warmup_updates"), std::string::npos) << message;
  EXPECT_NE(message.find("twice"), std::string::npos) << message;
}

}  // namespace
}  // namespace repro
