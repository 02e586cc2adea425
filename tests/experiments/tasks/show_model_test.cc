// repro show --model: the command with the science behind it, on real manifests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/cli/show_command.h"
#include "experiments/model/config.h"
#include "experiments/tasks/model_description.h"
#include "experiments/tasks/pipeline.h"
#include "tests/core/cli/command_runner.h"

namespace repro {
namespace {

using ::testing::AllOf;
using testing::CommandOutcome;
using ::testing::HasSubstr;

CommandOutcome Show(std::vector<std::string> arguments, bool json = false) {
  Suite suite;
  suite.validate_sections = &ValidateSections;
  suite.build_graph = [](const Experiment& experiment, const std::filesystem::path& workspace) {
    return BuildTaskGraph(experiment, {.workspace = workspace, .datasets = {}});
  };
  suite.describe_model = &DescribeModel;
  suite.describe_published_model = &DescribePublishedModel;
  suite.manifest_dir = REPRO_SOURCE_DIR "/manifests";
  suite.reference_dir = REPRO_SOURCE_DIR "/results/reference";
  return testing::RunCommand(&MakeShowCommand, {}, std::move(arguments), json, suite);
}

TEST(ShowModelTest, ModelsOfThePaperHaveThePublishedCounts) {
  const CommandOutcome base = Show({"--model", "base"});
  ASSERT_EQ(base.code, 0) << base.out;
  EXPECT_THAT(base.out,
              AllOf(HasSubstr("L 12, H 768, A 12, F 3,072, V 250,002, 514 positions"),
                    HasSubstr("277,452,288"), HasSubstr("250002 x 768"), HasSubstr("192,001,536")));
  const Json large = Show({"--model", "large"}, true).json();
  ASSERT_EQ(large["models"].size(), 1U);
  EXPECT_EQ(large["models"][0]["encoder_parameters"], 558'839'808);
  EXPECT_EQ(large["experiment"], nullptr);
  std::int64_t total = 0;
  for (const Json& group : large["models"][0]["groups"]) {
    total += group.at("parameters").get<std::int64_t>();
  }
  EXPECT_EQ(large["models"][0]["parameters"], total);
}

TEST(ShowModelTest, PointsOfFigure2HaveOneModel) {
  const CommandOutcome paper = Show({"--model", "fig2.toml", "--scale", "paper"});
  ASSERT_EQ(paper.code, 0) << paper.out;
  EXPECT_THAT(
      paper.out,
      AllOf(HasSubstr("fig2 at scale paper: xlm7, xnli15, wiki30, wiki60, wiki100\n"
                      "L 12, H 768, A 12, F 3,072, V 150,000, 514 positions"),
            HasSubstr("roberta.encoder.layer.{0..11}.attention.self.{query,key,value}.weight"),
            HasSubstr("all (MLM)")));
  const Json desk = Show({"--model", "fig2"}, true).json();
  EXPECT_EQ(desk["scale"], "desk");
  ASSERT_EQ(desk["models"].size(), 1U);
  EXPECT_EQ(desk["models"][0]["points"], Json::array({"xlm7", "xnli15", "wiki30"}));
  const ModelShape shape{.settings = {.layers = 2, .hidden = 128, .heads = 4},
                         .vocab_size = 4'000,
                         .max_positions = 66};
  EXPECT_EQ(desk["models"][0]["parameters"], MlmParameters(shape));
  EXPECT_EQ(desk["models"][0]["checkpoint_bytes"], 12 * MlmParameters(shape));
  EXPECT_EQ(desk["models"][0]["asked_parameters"], nullptr);
}

// The width is what the number of parameters leaves.
constexpr const char* kSolved =
    "model={hidden = 0, heads = 0, feed_forward = 0, parameters = 200_000_000}";

TEST(ShowModelTest, PointsWithOtherModelsAreShownApartAndOneCanBeChosen) {
  const std::vector<std::string> sweep = {"--model", "fig2",
                                          "--scale", "paper",
                                          "--set",   "sweep.vocab.size=[32_000, 512_000]",
                                          "--set",   "sweep.languages=[\"xlm7\"]",
                                          "--set",   kSolved};
  const Json shown = Show(sweep, true).json();
  ASSERT_EQ(shown["models"].size(), 2U) << shown.dump(1);
  const auto& first = shown["models"][0];
  const auto& second = shown["models"][1];
  EXPECT_GT(first["hidden"], second["hidden"]);
  for (const Json& model : shown["models"]) {
    EXPECT_EQ(model["asked_parameters"], 200'000'000);
    EXPECT_EQ(model["hidden"].get<std::int64_t>() % 64, 0);
    EXPECT_NEAR(model["parameters"].get<double>(), 2e8, 2e7);
  }
  std::vector<std::string> one = sweep;
  one.insert(one.end(), {"--point", second["points"][0].get<std::string>()});
  const CommandOutcome chosen = Show(one);
  ASSERT_EQ(chosen.code, 0) << chosen.out;
  EXPECT_THAT(chosen.out, AllOf(HasSubstr("V 512,000"), HasSubstr("asked for"),
                                HasSubstr("200,000,000 parameters; this is ")));
  EXPECT_EQ(chosen.out.find("V 32,000"), std::string::npos);
}

TEST(ShowModelTest, WhatIsNotThereIsNamed) {
  const CommandOutcome unknown = Show({"--model", "huge"});
  EXPECT_EQ(unknown.error.code, ErrorCode::kNotFound);
  EXPECT_THAT(unknown.out, AllOf(HasSubstr("no manifest 'huge'"), HasSubstr("fig2"),
                                 HasSubstr("base, large, ablation")));
  const CommandOutcome point = Show({"--model", "fig2", "--point", "xlm8"});
  EXPECT_EQ(point.error.code, ErrorCode::kNotFound);
  EXPECT_THAT(point.out,
              HasSubstr("no point 'xlm8' at scale desk; there are xlm7, xnli15, wiki30"));
  const CommandOutcome both = Show({"--model", "base", "--scale", "desk"});
  EXPECT_EQ(both.error.code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(Show({"--model", "fig2", "--set", "model.heads=5"}).out,
              HasSubstr("--set model.heads: `model.heads` = 5 does not divide"));
}

}  // namespace
}  // namespace repro
