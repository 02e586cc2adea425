// Every manifest of testdata/bad_manifests begins with comment lines: the messages it must give,
// all of them and in this order.

#include <algorithm>
#include <sstream>
#include <vector>

#include <gtest/gtest.h>

#include "tests/core/manifest/test_paths.h"

namespace repro {
namespace {

std::vector<std::filesystem::path> BadManifests() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(TestdataDir() / "bad_manifests")) {
    paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::string ExpectedMessage(const std::string& text) {
  std::istringstream lines(text);
  std::string expected;
  for (std::string line; std::getline(lines, line) && line.starts_with("# ");) {
    expected += (expected.empty() ? "" : "\n") + line.substr(2);
  }
  return expected;
}

/// Messages name files by path; the test files say "name.toml" and "manifests/languages.toml".
std::string WithoutFolders(std::string message) {
  std::error_code error;
  const auto strip = [&](const std::string& folder, const std::string& with) {
    for (std::size_t at = message.find(folder); at != std::string::npos;
         at = message.find(folder, at + with.size())) {
      message.replace(at, folder.size(), with);
    }
  };
  for (const std::filesystem::path& root :
       {CheckoutDir(), std::filesystem::proximate(CheckoutDir(), error)}) {
    const std::string prefix = root == "." ? std::string() : root.string() + "/";
    strip(prefix + "tests/testdata/bad_manifests/", "");
    strip(prefix + "manifests/", "manifests/");
    strip(prefix + "results/reference", "results/reference");
  }
  return message;
}

class BadManifestTest : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(BadManifestTest, GivesExactlyItsMessages) {
  const auto text = ReadFile(GetParam());
  ASSERT_TRUE(text) << ErrorOf(text);
  LoadOptions options = CheckoutOptions();
  options.validate_sections = ValidateTestSections;
  const auto experiment = LoadExperiment(GetParam().string(), options);
  ASSERT_FALSE(experiment) << "the manifest was taken as good";
  EXPECT_EQ(experiment.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(WithoutFolders(experiment.error().message), ExpectedMessage(*text));
}

INSTANTIATE_TEST_SUITE_P(Testdata, BadManifestTest, testing::ValuesIn(BadManifests()),
                         [](const auto& param) { return param.param.stem().string(); });

TEST(BadManifestsTest, CoverAtLeastTwentyFiveMistakes) {
  EXPECT_GE(BadManifests().size(), 25u);
}

}  // namespace
}  // namespace repro
