#include "core/io/scratch_folder.h"

#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/core/temp_folder.h"

namespace repro {
namespace {

TEST(ScratchFolderTest, LiesBesideItsTargetAndGoesWithAllThatIsInIt) {
  const TempFolder folder;
  std::filesystem::path inside;
  {
    auto made = ScratchFolder::Beside(folder / "model.bin");
    ASSERT_TRUE(made) << made.error().message;
    const ScratchFolder scratch = std::move(*made);
    inside = scratch / "deep";
    ASSERT_TRUE(PutFile(inside / "file", "x"));
    EXPECT_EQ(inside.parent_path().parent_path(), folder.path());
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(ScratchFolderTest, NoFolderNoScratch) {
  const TempFolder folder;
  const auto scratch = ScratchFolder::Beside(folder / "missing" / "model.bin");
  ASSERT_FALSE(scratch);
  EXPECT_EQ(scratch.error().code, ErrorCode::kIo);
  EXPECT_THAT(scratch.error().message, ::testing::HasSubstr("missing/model.bin"));
}

}  // namespace
}  // namespace repro
