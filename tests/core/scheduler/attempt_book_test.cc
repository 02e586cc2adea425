#include "core/scheduler/attempt_book.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "core/io/file.h"
#include "tests/core/temp_folder.h"

namespace repro {
namespace {

using testing::HasSubstr;

Judgement JudgeExit(int code, const AttemptTrace& trace = {},
                    CancelReason cancelled = CancelReason::kNone) {
  return Judge({"key", Exited{code}}, false, trace, cancelled);
}

TEST(JudgeTest, EachExitCodeOfTheTaskProgramMeansOneThing) {
  EXPECT_EQ(JudgeExit(0).next, Next::kRetry) << "no artifact: not done";
  EXPECT_EQ(JudgeExit(1).next, Next::kRetry);
  EXPECT_EQ(JudgeExit(2).next, Next::kGiveUp);
  EXPECT_EQ(JudgeExit(76).next, Next::kDiverged);
  EXPECT_EQ(JudgeExit(75, {.saved = true}).next, Next::kAgain);
  EXPECT_EQ(JudgeExit(75, {.saved = false}).next, Next::kRetry);
  EXPECT_EQ(JudgeExit(77, {}).next, Next::kGiveUp);
  EXPECT_EQ(JudgeExit(134).next, Next::kRetry) << "any other code";
}

TEST(JudgeTest, AWholeArtifactIsDoneHoweverTheProcessEnded) {
  for (const AttemptEnd& end :
       {AttemptEnd{"k", Exited{1}}, AttemptEnd{"k", Signalled{9}}, AttemptEnd{"k", Vanished{}}}) {
    EXPECT_EQ(Judge(end, true, {}, CancelReason::kNone).next, Next::kDone);
    EXPECT_EQ(Judge(end, true, {}, CancelReason::kStalled).next, Next::kDone);
  }
}

TEST(JudgeTest, TheErrorOfTheTaskIsPartOfTheReason) {
  EXPECT_THAT(JudgeExit(1, {.last_error = "disk full"}).reason, HasSubstr("disk full"));
}

TEST(JudgeTest, WhatAProgramSaidLastExplainsAnAbortAndNoOtherSignal) {
  const AttemptTrace trace{.last_error = "what():  std::bad_alloc"};
  EXPECT_EQ(Judge({"k", Signalled{6}}, false, trace, CancelReason::kNone).reason,
            "killed by signal 6 (Aborted): what():  std::bad_alloc");
  EXPECT_THAT(Judge({"k", Signalled{9}}, false, trace, CancelReason::kNone).reason,
              Not(HasSubstr("bad_alloc")));
}

TEST(JudgeTest, WhatTheSchedulerKilledOnPurposeIsNotCharged) {
  const AttemptEnd killed{"k", Signalled{9}};
  EXPECT_EQ(Judge(killed, false, {}, CancelReason::kNone).next, Next::kRetry);
  EXPECT_EQ(Judge(killed, false, {}, CancelReason::kStop).next, Next::kAgain);
  EXPECT_EQ(Judge(killed, false, {}, CancelReason::kRequest).next, Next::kAgain);
  EXPECT_EQ(Judge(killed, false, {}, CancelReason::kStalled).next, Next::kRetry)
      << "hanging is a failure";
}

TEST(JudgeTest, AHungTaskThatSavesWhenAskedIsChargedAllTheSame) {
  EXPECT_EQ(JudgeExit(75, {.saved = true}, CancelReason::kStalled).next, Next::kRetry);
}

TEST(JudgeTest, AVanishedAttemptIsJudgedByWhatItLeft) {
  const AttemptEnd gone{"k", Vanished{}};
  EXPECT_EQ(Judge(gone, false, {.last_state = "diverged"}, CancelReason::kNone).next,
            Next::kDiverged);
  EXPECT_EQ(Judge(gone, false, {.last_state = "interrupted"}, CancelReason::kNone).state,
            "continued");
  EXPECT_EQ(Judge(gone, false, {.last_state = "failed"}, CancelReason::kNone).next, Next::kRetry);
  EXPECT_EQ(Judge(gone, false, {.last_state = "started"}, CancelReason::kNone).state, "lost");
  EXPECT_EQ(Judge(gone, false, {}, CancelReason::kNone).next, Next::kAgain);
}

TEST(JudgeTest, AnAttemptThatWasTakenOverAndThenStoppedSaysWhetherItSaved) {
  const AttemptEnd gone{"k", Vanished{}};
  const AttemptTrace saved{.last_state = "interrupted", .saved = true};
  const Judgement judgement = Judge(gone, false, saved, CancelReason::kStop);
  EXPECT_EQ(judgement.next, Next::kAgain);
  EXPECT_THAT(judgement.reason, HasSubstr("work saved"));
  EXPECT_THAT(Judge(gone, false, {.last_state = "interrupted"}, CancelReason::kStop).reason,
              HasSubstr("nothing saved"));
  EXPECT_EQ(Judge(gone, false, {.last_state = "started"}, CancelReason::kStop).state,
            "interrupted");
}

TEST(ReadTraceTest, TakesTheNewestAndForgivesATornLine) {
  const std::filesystem::path file = std::filesystem::path(testing::TempDir()) / "trace_test.jsonl";
  ASSERT_TRUE(PutFile(file, R"({"type":"state","state":"started"})"
                            "\n"
                            R"({"type":"metric","name":"x","value":1})"
                            "\n"
                            R"({"type":"state","state":"checkpoint"})"
                            "\nnot json \"state\"\n"
                            R"({"type":"message","level":"error","text":"boom"})"
                            "\n"
                            R"({"type":"message","level":3,"text":["a"]})"
                            "\n"
                            R"({"type":{},"state":7})"
                            "\n"
                            R"({"type":"state","state":"interru)"));
  const AttemptTrace trace = ReadTrace(file);
  EXPECT_EQ(trace.last_state, "checkpoint");
  EXPECT_TRUE(trace.saved);
  EXPECT_EQ(trace.last_error, "boom");
  std::filesystem::remove(file);
  EXPECT_EQ(ReadTrace(file).last_state, "");
}

}  // namespace
}  // namespace repro
