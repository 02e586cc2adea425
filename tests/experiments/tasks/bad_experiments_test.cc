// Every manifest of testdata/bad_experiments gives exactly the messages that it begins with: fields
// of the real sections that are wrong alone, contradict each other, or do not fit the experiment.

#include <gtest/gtest.h>

#include "experiments/tasks/pipeline.h"
#include "tests/core/manifest/expected_messages.h"

namespace repro {
namespace {

const std::string kFolder = "bad_experiments";

// As `repro plan` does it: first the manifest, then its graph.
Result<TaskGraph> GraphOf(const std::filesystem::path& path) {
  LoadOptions options = CheckoutOptions("paper");  // the base level
  options.validate_sections = &ValidateSections;
  REPRO_ASSIGN_OR_RETURN(const Experiment experiment, LoadExperiment(path.string(), options));
  return BuildTaskGraph(experiment, {.workspace = "/no/workspace",
                                     .datasets = REPRO_SOURCE_DIR "/manifests/datasets"});
}

class BadExperimentTest : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(BadExperimentTest, GivesExactlyItsMessages) {
  const auto text = ReadFile(GetParam());
  ASSERT_TRUE(text) << ErrorOf(text);
  const auto graph = GraphOf(GetParam());
  ASSERT_FALSE(graph) << "the manifest was taken as good";
  EXPECT_EQ(graph.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(WithoutFolders(graph.error().message, kFolder), ExpectedMessage(*text));
}

INSTANTIATE_TEST_SUITE_P(Testdata, BadExperimentTest, testing::ValuesIn(TestdataFiles(kFolder)),
                         [](const auto& param) { return param.param.stem().string(); });

}  // namespace
}  // namespace repro
