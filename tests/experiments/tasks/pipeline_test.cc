#include "experiments/tasks/pipeline.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>

#include <gtest/gtest.h>

#include "core/base/hash.h"
#include "core/io/json_io.h"
#include "core/manifest/manifest.h"
#include "experiments/model/config.h"
#include "experiments/tasks/contradictions.h"
#include "tests/core/temp_folder.h"

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

// The text is put in its order once, and `encode` takes the beginning of it.
TEST(PipelineTest, ALimitOfTokensChangesTheOrderOfTheTextOnceAndThenTheShards) {
  const auto path = std::filesystem::path(REPRO_TESTDATA) / "mini-text.toml";
  const auto graph = [&](std::vector<std::string> sets) {
    return Build(Load(path.string(), "smoke", std::move(sets)));
  };
  const TaskGraph all = graph({});
  const TaskGraph some = graph({"corpus.max_tokens=2000"});
  const TaskGraph more = graph({"corpus.max_tokens=3000"});
  for (const Task* task : OfKind(all, "subset")) {
    EXPECT_FALSE(task->spec.contains("drawn_order"));
    EXPECT_EQ(task->spec["settings"].size(), 7) << "a field more changes every key";
  }
  EXPECT_EQ(OfKind(all, "encode")[0]->spec, (Json{{"languages", {"en", "sw"}}}));
  EXPECT_EQ(OfKind(some, "encode")[0]->spec,
            (Json{{"languages", {"en", "sw"}}, {"max_tokens", 2000}}));
  for (const Task* task : OfKind(some, "subset")) EXPECT_EQ(task->spec["drawn_order"], true);
  EXPECT_NE(Keys(all, {"subset"}), Keys(some, {"subset"}));
  EXPECT_EQ(Keys(some, {"subset", "vocab"}), Keys(more, {"subset", "vocab"}));
  EXPECT_NE(Keys(some, {"encode"}), Keys(more, {"encode"}));
  EXPECT_EQ(Keys(all, {"clean"}), Keys(some, {"clean"}));
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

TEST(PipelineTest, EveryDataSetThatIsNotAtHandIsNamed) {
  const auto graph =
      BuildTaskGraph(Load("lab-alpha", "lab"),
                     {.workspace = "/no/workspace", .datasets = kManifests / "datasets"});
  ASSERT_TRUE(graph) << graph.error().message;
  std::set<std::string> of_corpus, of_english;
  for (const Task* task : OfKind(*graph, "clean")) of_corpus = task->missing_sets;
  for (const Task* task : OfKind(*graph, "testsets")) {
    if (task->label == "test sets en") of_english = task->missing_sets;
  }
  EXPECT_TRUE(of_corpus.contains("novels") && of_corpus.contains("quran"));
  EXPECT_FALSE(of_corpus.contains("lab-real"));  // a mixture: nothing of its own to fetch
  EXPECT_EQ(of_english, (std::set<std::string>{"ntrex", "panx"}));
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

TEST(PipelineTest, TextAloneEndsWithItsStatistics) {
  const Experiment experiment = Load("table6", "smoke");
  const TaskGraph graph = Build(experiment);
  ASSERT_EQ(graph.runs().size(), 1U);
  const auto stats = OfKind(graph, "corpus_stats");
  ASSERT_EQ(stats.size(), 1U);
  EXPECT_EQ(stats[0]->inputs.size(), experiment.points[0].languages.size());
  EXPECT_EQ(graph.tasks().size(), stats[0]->inputs.size() + 1);  // and the corpora
  EXPECT_EQ(graph.runs()[0].task_keys.size(), graph.tasks().size());
}

// Which test sets are kept out decides what text is left.
TEST(PipelineTest, ARunThatEndsWithItsTextSaysWhichTestSetsAreKeptOut) {
  const auto path = std::filesystem::path(REPRO_TESTDATA) / "mini-text.toml";
  const TaskGraph graph =
      Build(Load(path.string(), "smoke",
                 {"corpus.only=true", "testsets.evaluation=[\"mini_text/mini-nli.toml\"]"}));
  ASSERT_EQ(graph.runs().size(), 1U);
  const Json& config = graph.runs()[0].config;
  ASSERT_TRUE(config.contains("testsets")) << config.dump();
  EXPECT_EQ(config["testsets"]["evaluation"], Json({"mini_text/mini-nli.toml"}));
  EXPECT_EQ(config["testsets"]["parallel"], "mini_text/mini-parallel.toml");
}

TEST(PipelineTest, TheFigureOfTwoCorporaHasALanguagesTextOfEach) {
  const TaskGraph graph = Build(Load("fig1", "smoke"));
  EXPECT_EQ(OfKind(graph, "corpus_stats").size(), 2U);
  EXPECT_EQ(OfKind(graph, "corpus").size(), 14U);
}

// A language alone: its vocabulary is learnt from all of its text, its tokens are of the amount.
TEST(PipelineTest, ModelsOfOneLanguageDifferInTheirTextAlone) {
  const std::string manifest = REPRO_SOURCE_DIR "/tests/testdata/mini-coded.toml";
  const TaskGraph graph = Build(Load(manifest, "smoke"));
  std::vector<const RunSpec*> alone;
  for (const RunSpec& run : graph.runs()) {
    if (run.role == "monolingual") alone.push_back(&run);
  }
  ASSERT_EQ(alone.size(), 2U);
  EXPECT_EQ(alone[0]->point, "en-c01-1000");
  EXPECT_EQ(alone[1]->point, "en-c01-2000");
  std::set<std::string> vocabularies, texts;
  for (const RunSpec* run : alone) {
    for (const std::string& key : run->task_keys) {
      const Task& task = *graph.Find(key);
      EXPECT_NE(task.kind, "finetune");
      if (task.kind == "vocab") {
        vocabularies.insert(key);
        EXPECT_EQ(graph.Find(task.inputs.at("en-c01"))->spec["settings"]["max_bytes"], 0);
      }
      if (task.kind == "encode") {
        texts.insert(task.inputs.at("en-c01"));
        EXPECT_LE(task.work, run->point == "en-c01-1000" ? 0.001 : 0.002)
            << "MB, no more than it reads";
      }
      if (task.kind == "evaluate") {
        EXPECT_EQ(task.spec["languages"], Json({"en-c01"}));
        EXPECT_EQ(task.spec["source_language"], "en-c01");
      }
    }
  }
  EXPECT_EQ(vocabularies.size(), 1U);
  ASSERT_EQ(texts.size(), 2U);
  std::set<std::int64_t> amounts;
  for (const std::string& key : texts) {
    amounts.insert(graph.Find(key)->spec["settings"]["max_bytes"].get<std::int64_t>());
  }
  EXPECT_EQ(amounts, (std::set<std::int64_t>{1'000, 2'000}));
}

// Text, labels and parallel sentences go through the same code; the null world has its own.
TEST(PipelineTest, ACodedLanguageIsMeasuredOnRecodedTestSets) {
  const std::string manifest = REPRO_SOURCE_DIR "/tests/testdata/mini-coded.toml";
  const TaskGraph graph = Build(Load(manifest, "smoke"));
  for (const std::string role : {"main", "null-world"}) {
    const auto run = std::find_if(graph.runs().begin(), graph.runs().end(),
                                  [&](const RunSpec& other) { return other.role == role; });
    ASSERT_NE(run, graph.runs().end());
    int measured = 0;
    for (const std::string& key : run->task_keys) {
      const Task& task = *graph.Find(key);
      if (task.kind != "evaluate" && task.kind != "finetune") continue;
      ++measured;
      EXPECT_EQ(task.spec["languages"], Json({"en", "en-c01"})) << task.label;
      const Task& english = *graph.Find(task.inputs.at("en"));
      const Task& coded = *graph.Find(task.inputs.at("en-c01"));
      EXPECT_EQ(english.spec["coded_language"], 0);
      EXPECT_EQ(coded.spec["coded_language"], 1);
      EXPECT_EQ(coded.spec["coded"]["order"], role == "main" ? "none" : "shuffled");
      EXPECT_EQ(coded.inputs.count("types"), 1U);
      EXPECT_TRUE(coded.spec["xnli_train"]["names"].empty());
      EXPECT_EQ(coded.spec["xnli_dev"], english.spec["xnli_dev"]);
    }
    EXPECT_EQ(measured, 5);  // intrinsic, and two tasks learnt and scored
  }
}

// What is at hand beside them changes nothing then.
TEST(PipelineTest, SetsForEvaluationMayBeNamed) {
  const std::string manifest = REPRO_SOURCE_DIR "/tests/testdata/mini-text.toml";
  const auto names = [&](const std::string& list) {
    const TaskGraph graph = Build(Load(manifest, "smoke", {"testsets.evaluation=" + list}));
    std::set<std::string> files;
    for (const Task* task : OfKind(graph, "evaluation_text")) {
      for (const Json& name : task->spec["files"]["names"]) files.insert(name.get<std::string>());
    }
    return files;
  };
  const std::set<std::string> own = names("[]");
  EXPECT_EQ(own, names("[\"mini_text/mini-nli.toml\"]"));  // of [testsets] anyway
  const std::set<std::string> more = names("[\"mini_text/mini-corpus.toml\"]");
  EXPECT_GT(more.size(), own.size());
  EXPECT_TRUE(std::includes(more.begin(), more.end(), own.begin(), own.end()));
}

// Parts at hand are kept out, whatever is missing beside them; what is missing is said.
TEST(PipelineTest, PartsOfATestSetThatAreNotAtHandAreNamed) {
  const TempFolder folder;
  const auto part = [](const std::string& name, const std::string& same_as) {
    return "[[part]]\nname = \"" + name + "\"\nlayout = \"nli\"\nfiles = [\"" + name +
           ".tsv\"]\nlanguage = \"en\"\n" +
           (same_as.empty() ? "" : "same_as = \"" + same_as + "\"\n");
  };
  ASSERT_TRUE(PutFile(folder / "own-pairs.toml",
                      "schema = 1\ntitle = \"pairs\"\nkind = \"nli\"\nuse = \"evaluation\"\n"
                      "folder = \".\"\n" +
                          part("dev", "") + part("dev-again", "dev") + part("test", "")));
  const auto build = [&](const std::string& list) {
    return Build(Load(REPRO_SOURCE_DIR "/tests/testdata/mini-text.toml", "smoke",
                      {"testsets.evaluation=[" + list + "]",
                       "testsets.xnli=\"" + (folder / "own-pairs.toml").string() + "\""}));
  };
  const std::string named = "\"" + (folder / "own-pairs.toml").string() + "\"";
  const auto not_kept_out = [](const TaskGraph& graph) {
    const auto tasks = OfKind(graph, "evaluation_text");
    EXPECT_FALSE(tasks.empty());
    return tasks.empty() ? Json() : tasks[0]->info.value("not_kept_out", Json::array());
  };
  const auto noted = [](const TaskGraph& graph, std::string_view text) {
    return std::any_of(graph.notes().begin(), graph.notes().end(), [&](const std::string& note) {
      return note.find(text) != std::string::npos;
    });
  };

  const TaskGraph nothing = build(named);
  EXPECT_NE(OfKind(nothing, "evaluation_text").at(0)->unresolved.find("own-pairs"),
            std::string::npos);
  EXPECT_EQ(not_kept_out(build("")), Json({"own-pairs"}));

  ASSERT_TRUE(PutFile(folder / "dev-again.tsv", "one\tanother\tneutral\n"));
  for (const std::string& list : {named, std::string()}) {
    const TaskGraph some = build(list);
    EXPECT_EQ(OfKind(some, "evaluation_text").at(0)->unresolved, "") << list;
    EXPECT_EQ(not_kept_out(some), Json({"own-pairs (part `test`)"})) << list;
    EXPECT_TRUE(noted(some, "own-pairs (part `test`)")) << list;
  }

  ASSERT_TRUE(PutFile(folder / "test.tsv", "one\tanother\tneutral\n"));
  EXPECT_EQ(not_kept_out(build(named)), Json::array());
}

TEST(PipelineTest, AnyStageMayBeLeftOut) {
  const std::string manifest = REPRO_SOURCE_DIR "/tests/testdata/mini-text.toml";
  for (const char* stages : {"[]", "[\"repeated\"]", "[\"length\"]", "[\"evaluation\"]"}) {
    const TaskGraph graph = Build(Load(manifest, "smoke", {std::string("clean.stages=") + stages}));
    const auto clean = OfKind(graph, "clean");
    ASSERT_EQ(clean.size(), 1U) << stages;
    const bool kept_out = std::string_view(stages).find("evaluation") != std::string_view::npos;
    EXPECT_EQ(clean[0]->inputs.contains("evaluation"), kept_out) << stages;
  }
}

// Without a language no model is made, and no document would get a class.
TEST(PipelineTest, TextForLanguageModelsHasToSayItsLanguage) {
  const std::string manifest = REPRO_SOURCE_DIR "/tests/testdata/mini-text.toml";
  const TempFolder folder;
  ASSERT_TRUE(PutFile(folder / "words.toml",
                      "schema = 1\ntitle = \"words\"\nkind = \"text\"\n"
                      "use = \"pretraining\"\nfolder = \".\"\n\n[[part]]\n"
                      "name = \"text\"\nlayout = \"text\"\nfiles = [\"*.txt\"]\n"));
  const std::string set = "clean.line_model_text=\"" + (folder / "words.toml").string() + "\"";
  const auto build = [&] {
    return BuildTaskGraph(Load(manifest, "smoke", {set}),
                          {.workspace = "/no/workspace", .datasets = {}});
  };
  const auto absent = build();  // nobody knows its languages then
  ASSERT_TRUE(absent) << absent.error().message;
  const auto clean = OfKind(*absent, "clean");
  ASSERT_EQ(clean.size(), 1U);
  EXPECT_NE(clean[0]->unresolved.find("words, part `text`"), std::string::npos)
      << clean[0]->unresolved;

  ASSERT_TRUE(PutFile(folder / "all.txt", "Lines of some language.\n"));
  const auto there = build();
  ASSERT_FALSE(there);
  EXPECT_EQ(there.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(there.error().message.find("no file of data set words says its language"),
            std::string::npos)
      << there.error().message;
}

// A task finds files by the name of their set.
TEST(PipelineTest, TwoSetsOfOneNameAreNotMixedUp) {
  const std::filesystem::path mini = REPRO_SOURCE_DIR "/tests/testdata/mini_text";
  const TempFolder folder;
  const auto own = ReadFile(mini / "mini-nli.toml");
  ASSERT_TRUE(own) << own.error().message;
  ASSERT_TRUE(PutFile(folder / "mini-nli.toml", *own));
  ASSERT_TRUE(PutFile(folder / "nli/test-en.tsv", "one sentence\tanother\tneutral\n"));
  const std::string path = (folder / "mini-nli.toml").string();
  const auto graph = BuildTaskGraph(Load(REPRO_SOURCE_DIR "/tests/testdata/mini-text.toml", "smoke",
                                         {"testsets.evaluation=[\"" + path + "\"]"}),
                                    {.workspace = "/no/workspace", .datasets = {}});
  ASSERT_FALSE(graph);
  EXPECT_EQ(graph.error().code, ErrorCode::kInvalidArgument);
  for (const std::string& part :
       {std::string("data set mini-nli"), folder.path().string(), mini.filename().string()}) {
    EXPECT_NE(graph.error().message.find(part), std::string::npos) << graph.error().message;
  }
}

TEST(PipelineTest, TestSetsAreKeptOutByTheirLettersWhereThatIsAskedFor) {
  const std::string manifest = REPRO_SOURCE_DIR "/tests/testdata/mini-text.toml";
  const TaskGraph graph = Build(Load(manifest, "smoke", {"clean.evaluation_letters=true"}));
  const auto evaluation = OfKind(graph, "evaluation_text");
  ASSERT_EQ(evaluation.size(), 2U);  // the leak check holds both forms against the text
  const std::string& key = OfKind(graph, "clean").at(0)->inputs.at("evaluation");
  EXPECT_EQ(graph.Find(key)->spec.value("letters", false), true);
  EXPECT_EQ(Keys(Build(Load(manifest, "smoke")), {"evaluation_text"}).size(), 2U);
}

TEST(PipelineTest, WhatCleaningMayTakeOfTheMachineIsInNoKey) {
  const std::string manifest = REPRO_SOURCE_DIR "/tests/testdata/mini-text.toml";
  const TaskGraph usual = Build(Load(manifest, "smoke"));
  const TaskGraph small =
      Build(Load(manifest, "smoke", {"clean.threads=1", "clean.memory_mib=128"}));
  EXPECT_EQ(Keys(small, {"clean"}), Keys(usual, {"clean"}));
  const auto clean = OfKind(small, "clean");
  ASSERT_EQ(clean.size(), 1U);
  EXPECT_EQ(clean[0]->resources.threads, 1);
  EXPECT_EQ(clean[0]->resources.memory_bytes, 128 << 20);
}

// The leak check reads the texts; of coded English the one corpus, before it is recoded.
TEST(PipelineTest, StatisticsOfRealTextAreAsMuchWorkAsTheTextIsLong) {
  const auto works = [](const char* manifest, const char* text) {
    const TaskGraph graph =
        Build(Load(std::string(REPRO_SOURCE_DIR "/tests/testdata/") + manifest, "smoke"));
    const Task* const stats = OfKind(graph, "corpus_stats").at(0);
    EXPECT_EQ(stats->work_unit, "MB");
    const Task* const evaluation = graph.Find(stats->inputs.at("evaluation"));
    EXPECT_GT(stats->resources.memory_bytes, std::int64_t{400} << 20) << "hashes of test lines";
    EXPECT_GT(evaluation->work, 0);
    double texts = 0;
    for (const auto& [role, key] : stats->inputs) {
      const Task& input = *graph.Find(key);
      if (input.kind != text) continue;
      EXPECT_GT(input.work, 0);
      texts += input.work;
    }
    return std::pair(stats->work, texts);
  };
  const auto [stats, texts] = works("mini-text.toml", "subset");
  EXPECT_DOUBLE_EQ(stats, texts);
  const auto [once, twice] = works("mini-coded.toml", "coded");
  EXPECT_DOUBLE_EQ(once, twice / 2);
}

TEST(PipelineTest, StatisticsOfRealTextBelongToARunButNotToItsIdentity) {
  const std::string manifest = REPRO_SOURCE_DIR "/tests/testdata/mini-text.toml";
  const TaskGraph graph = Build(Load(manifest, "smoke"));
  const RunSpec& run = graph.runs().at(0);
  ASSERT_EQ(run.role, "main");
  const auto stats = OfKind(graph, "corpus_stats");
  ASSERT_EQ(stats.size(), 1U);
  EXPECT_EQ(std::count(run.task_keys.begin(), run.task_keys.end(), stats[0]->key), 1);
  std::string results = "main";
  for (const std::string& key : Keys(graph, {"evaluate"})) results += " " + key;
  EXPECT_EQ(run.key, Sha256Hex(results));

  const TaskGraph text = Build(Load(manifest, "smoke", {"corpus.only=true"}));
  EXPECT_EQ(Keys(text, {"corpus_stats"}), Keys(graph, {"corpus_stats"}));
  EXPECT_TRUE(OfKind(text, "vocab").empty());
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
