#include "core/base/build_info.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace repro {
namespace {

TEST(BuildInfoTest, VersionTextSaysWhatAReportOfAProblemNeeds) {
  const std::string text = VersionText();
  for (const char* name : {"repro ", "commit ", "compiler ", "LibTorch ", "CUDA ", "build "}) {
    EXPECT_THAT(text, testing::HasSubstr(name));
  }
  EXPECT_NE(text.back(), '\n');
}

TEST(BuildInfoTest, BuildIdIsOneWordWithCommitCompilerAndBuildType) {
  EXPECT_THAT(BuildId(),
              testing::MatchesRegex("(unknown|[0-9a-f]+)(\\+[0-9a-f]+)?\\.gcc-[0-9.]+\\.[a-z]+"));
}

}  // namespace
}  // namespace repro
