// With shells as workers: what they do is known, and they end or hang as real ones can.
#include "experiments/train/worker_team.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace repro {
namespace {

using ::testing::HasSubstr;

/// Two workers that run `script`, which knows its rank as $REPRO_RANK.
Result<WorkerTeam> StartTwo(const std::string& script) {
  return WorkerTeam::Start("/bin/sh", {"-c", script},
                           {{.environment = {{kRankVariable, "1"}}, .cores = {}},
                            {.environment = {{kRankVariable, "2"}}, .cores = {}}});
}

TEST(WorkerTeamTest, FinishWaitsForAllToEnd) {
  auto team = StartTwo("sleep 0.2");
  ASSERT_TRUE(team) << team.error().message;
  const Status finished = team->Finish();
  EXPECT_TRUE(finished) << finished.error().message;
}

TEST(WorkerTeamTest, FinishNamesTheWorkerThatFailed) {
  auto team = StartTwo("test $REPRO_RANK = 1 || exit 3");
  ASSERT_TRUE(team) << team.error().message;
  const Status finished = team->Finish();
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().code, ErrorCode::kFailed);
  EXPECT_THAT(finished.error().message, HasSubstr("rank 2 (process "));
  EXPECT_THAT(finished.error().message, HasSubstr("ended with exit code 3"));
}

TEST(WorkerTeamTest, FinishNamesTheWorkerThatHangsAfterTheWork) {
  auto team = StartTwo("test $REPRO_RANK = 2 || exec sleep 600");
  ASSERT_TRUE(team) << team.error().message;
  const Status finished = team->Finish(0.3);
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().code, ErrorCode::kFailed);
  EXPECT_THAT(finished.error().message, HasSubstr("rank 1 (process "));
  EXPECT_THAT(finished.error().message, HasSubstr("has not ended 0.3 s after the work was done"));
}

}  // namespace
}  // namespace repro
