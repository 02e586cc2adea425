#include "core/base/result.h"

#include <cerrno>
#include <memory>

#include <gtest/gtest.h>

namespace repro {
namespace {

Result<int> HalfOf(int value) {
  if (value % 2 != 0) return Fail(ErrorCode::kInvalidArgument, "{} is odd", value);
  return value / 2;
}

Result<int> QuarterOf(int value) {
  REPRO_ASSIGN_OR_RETURN(const int half, HalfOf(value));
  REPRO_ASSIGN_OR_RETURN(const int quarter, HalfOf(half));
  return quarter;
}

Status CheckEven(int value, bool* reached_end) {
  REPRO_RETURN_IF_ERROR(HalfOf(value));
  *reached_end = true;
  return {};
}

TEST(ResultTest, AssignOrReturnPassesTheValueOn) {
  const auto quarter = QuarterOf(12);
  ASSERT_TRUE(quarter);
  EXPECT_EQ(*quarter, 3);
}

TEST(ResultTest, AssignOrReturnPassesTheFirstErrorUp) {
  const auto quarter = QuarterOf(6);
  ASSERT_FALSE(quarter);
  EXPECT_EQ(quarter.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(quarter.error().message, "3 is odd");
}

TEST(ResultTest, AssignOrReturnMovesWhatCannotBeCopied) {
  const auto make = []() -> Result<std::unique_ptr<int>> { return std::make_unique<int>(7); };
  const auto use = [&]() -> Result<int> {
    REPRO_ASSIGN_OR_RETURN(const auto owned, make());
    return *owned;
  };
  EXPECT_EQ(use().value(), 7);
}

TEST(ResultTest, ReturnIfErrorStopsOnErrorOnly) {
  bool reached_end = false;
  EXPECT_FALSE(CheckEven(3, &reached_end));
  EXPECT_FALSE(reached_end);
  EXPECT_TRUE(CheckEven(4, &reached_end));
  EXPECT_TRUE(reached_end);
}

TEST(ResultTest, ContextKeepsTheCodeAndPutsTheFloorInFront) {
  const Status status =
      Context("task encode, attempt 2", Error{ErrorCode::kCorrupt, "x.json: cut short"});
  EXPECT_EQ(status.error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(status.error().message, "task encode, attempt 2: x.json: cut short");
}

TEST(ResultTest, FailErrnoNamesPathOperationAndReason) {
  errno = ENOSPC;
  const Status status = FailErrno("write", "/data/shard.bin");
  EXPECT_EQ(status.error().code, ErrorCode::kIo);
  EXPECT_EQ(status.error().message, "/data/shard.bin: cannot write: No space left on device");
}

}  // namespace
}  // namespace repro
