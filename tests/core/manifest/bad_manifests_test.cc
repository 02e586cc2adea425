// Every manifest of testdata/bad_manifests gives exactly the messages that it begins with.

#include <gtest/gtest.h>

#include "tests/core/manifest/expected_messages.h"

namespace repro {
namespace {

const std::string kFolder = "bad_manifests";

class BadManifestTest : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(BadManifestTest, GivesExactlyItsMessages) {
  const auto text = ReadFile(GetParam());
  ASSERT_TRUE(text) << ErrorOf(text);
  LoadOptions options = CheckoutOptions();
  options.validate_sections = ValidateTestSections;
  const auto experiment = LoadExperiment(GetParam().string(), options);
  ASSERT_FALSE(experiment) << "the manifest was taken as good";
  EXPECT_EQ(experiment.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(WithoutFolders(experiment.error().message, kFolder), ExpectedMessage(*text));
}

INSTANTIATE_TEST_SUITE_P(Testdata, BadManifestTest, testing::ValuesIn(TestdataFiles(kFolder)),
                         [](const auto& param) { return param.param.stem().string(); });

TEST(BadManifestsTest, CoverAtLeastTwentyFiveMistakes) {
  EXPECT_GE(TestdataFiles(kFolder).size(), 25u);
}

}  // namespace
}  // namespace repro
