#include "core/graph/staleness.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/core/graph/history_fixture.h"

namespace repro {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class StalenessTest : public HistoryTest {
 protected:
  static Json VocabSpec(int size, std::vector<std::string> languages = {"en", "sw"}) {
    return {{"languages", languages}, {"settings", {{"size", size}, {"alpha", 0.3}}}, {"seed", 1}};
  }

  TaskStanding StandingOf(const Task& task, const std::string& build = kBuild) {
    TaskGraph graph;
    graph.Add(task);
    TaskHistory history(&log_);
    const auto standings = FindStandings(graph, &log_, store_, history, build);
    EXPECT_TRUE(standings) << standings.error().message;
    return standings->front();
  }
};

TEST_F(StalenessTest, AWholeArtifactIsCached) {
  const Task task = MakeTask("vocab", "vocab xlm7", VocabSpec(4000));
  Make(task);
  const TaskStanding standing = StandingOf(task);
  EXPECT_EQ(standing.standing, Standing::kCached);
  EXPECT_EQ(standing.build, kBuild);
  EXPECT_FALSE(standing.other_build);
  EXPECT_THAT(standing.reasons, IsEmpty());
}

TEST_F(StalenessTest, AnotherBuildIsAMarkAndNoReasonToRun) {
  const Task task = MakeTask("vocab", "vocab xlm7", VocabSpec(4000));
  Make(task);
  const TaskStanding standing = StandingOf(task, "build-2");
  EXPECT_EQ(standing.standing, Standing::kCached);
  EXPECT_TRUE(standing.other_build);
}

TEST_F(StalenessTest, NamesTheChangedSettingInTheWordsOfTheManifest) {
  Make(MakeTask("vocab", "vocab xlm7", VocabSpec(4000)));
  const TaskStanding standing = StandingOf(MakeTask("vocab", "vocab xlm7", VocabSpec(3000)));
  EXPECT_EQ(standing.standing, Standing::kRun);
  EXPECT_THAT(standing.reasons, ElementsAre("vocab.size 4000 -> 3000"));
}

TEST_F(StalenessTest, NamesTheChangedInput) {
  const Json spec = {{"seed", 1}};
  Make(MakeTask("encode", "encode xlm7", spec,
                {{"vocab", std::string(64, 'a')}, {"en", std::string(64, 'c')}}));
  const TaskStanding standing =
      StandingOf(MakeTask("encode", "encode xlm7", spec,
                          {{"vocab", std::string(64, 'b')}, {"en", std::string(64, 'c')}}));
  EXPECT_THAT(standing.reasons, ElementsAre("input vocab changed"));
}

TEST_F(StalenessTest, NamesLanguagesThatCameAndWent) {
  Make(MakeTask("vocab", "vocab a", VocabSpec(4000, {"en", "sw"})));
  const TaskStanding standing =
      StandingOf(MakeTask("vocab", "vocab a", VocabSpec(4000, {"en", "ur", "zh"})));
  EXPECT_THAT(standing.reasons, ElementsAre("languages +ur +zh -sw"));
}

TEST_F(StalenessTest, ComparesWithTheMostSimilarEarlierTask) {
  Make(
      MakeTask("vocab", "vocab xlm7",
               {{"languages", {"en"}}, {"settings", {{"size", 90}, {"alpha", 0.7}}}, {"seed", 3}}));
  Make(MakeTask("vocab", "vocab xlm7", VocabSpec(4000)));
  EXPECT_THAT(StandingOf(MakeTask("vocab", "vocab xlm7", VocabSpec(3000))).reasons,
              ElementsAre("vocab.size 4000 -> 3000"));
}

TEST_F(StalenessTest, AThingOfAnotherNameIsNewNotChanged) {
  Make(MakeTask("pretrain", "pretrain xlm7 seed 1", {{"seed", 1}, {"model", {{"hidden", 64}}}}));
  const TaskStanding standing = StandingOf(
      MakeTask("pretrain", "pretrain xlm7 seed 2", {{"seed", 2}, {"model", {{"hidden", 64}}}}));
  EXPECT_THAT(standing.reasons,
              ElementsAre("never ran; unlike 'pretrain xlm7 seed 1': seed 1 -> 2"));
}

TEST_F(StalenessTest, AKindThatNeverRanSaysSo) {
  EXPECT_THAT(StandingOf(MakeTask("vocab", "vocab", VocabSpec(10))).reasons,
              ElementsAre("never ran"));
}

TEST_F(StalenessTest, WithoutALogEverythingNeverRan) {
  TaskGraph graph;
  graph.Add(MakeTask("vocab", "vocab", VocabSpec(10)));
  TaskHistory history(nullptr);
  const auto standings = FindStandings(graph, nullptr, store_, history, kBuild);
  ASSERT_TRUE(standings);
  EXPECT_THAT(standings->front().reasons, ElementsAre("never ran"));
}

TEST_F(StalenessTest, AMissingArtifactIsMadeAgain) {
  const Task task = MakeTask("vocab", "vocab", VocabSpec(10));
  Make(task);
  ASSERT_TRUE(store_.Remove(task.kind, task.key));
  const TaskStanding standing = StandingOf(task);
  EXPECT_EQ(standing.standing, Standing::kRun);
  EXPECT_THAT(standing.reasons, ElementsAre("artifact missing"));
}

TEST_F(StalenessTest, ADamagedArtifactIsMadeAgainAndSaidSo) {
  const Task task = MakeTask("vocab", "vocab", VocabSpec(10));
  Make(task);
  std::filesystem::resize_file(store_.Folder(task.kind, task.key) / "out.txt", 1);
  const TaskStanding standing = StandingOf(task);
  EXPECT_EQ(standing.standing, Standing::kRun);
  EXPECT_TRUE(standing.damaged);
  ASSERT_EQ(standing.reasons.size(), 1U);
  EXPECT_THAT(standing.reasons.front(), HasSubstr("out.txt"));
}

TEST_F(StalenessTest, SaysHowAnEarlierTryEnded) {
  const Task failed = MakeTask("vocab", "vocab", VocabSpec(10));
  Know(failed, "running");
  Attempt(failed, 1, "failed");
  Attempt(failed, 2, "failed");
  ASSERT_TRUE(log_.SetTaskState(failed.key, "failed"));
  EXPECT_THAT(StandingOf(failed).reasons, ElementsAre("failed before (attempt 2)"));
  ASSERT_TRUE(log_.SetTaskState(failed.key, "interrupted"));
  EXPECT_THAT(StandingOf(failed).reasons, ElementsAre("interrupted (attempt 2)"));
}

TEST_F(StalenessTest, ADivergedTaskIsNotRunAgainUntilAskedFor) {
  const Task task = MakeTask("pretrain", "pretrain", {{"seed", 1}});
  Know(task, "running");
  Attempt(task, 1, "diverged");
  ASSERT_TRUE(log_.SetTaskState(task.key, "diverged"));
  EXPECT_EQ(StandingOf(task).standing, Standing::kDiverged);
  ASSERT_TRUE(log_.RetryTask(task.key));
  const TaskStanding standing = StandingOf(task);
  EXPECT_EQ(standing.standing, Standing::kRun);
  EXPECT_THAT(standing.reasons, ElementsAre("asked for again"));
}

TEST_F(StalenessTest, ASourceThatIsNotAtHandMakesAllThatFollowsUnresolved) {
  TaskGraph graph;
  Task corpus = MakeTask("corpus", "corpus wiki sw", {{"language", "sw"}});
  corpus.unresolved = "dataset wiki (sw), 0.05 GB stated";
  const std::string key = graph.Add(corpus);
  graph.Add(MakeTask("vocab", "vocab", VocabSpec(10), {{"sw", key}}));
  TaskHistory history(&log_);
  const auto standings = FindStandings(graph, &log_, store_, history, kBuild);
  ASSERT_TRUE(standings);
  for (const TaskStanding& standing : *standings) {
    EXPECT_EQ(standing.standing, Standing::kUnresolved);
  }
  EXPECT_THAT(standings->at(0).reasons,
              ElementsAre("not at hand: dataset wiki (sw), 0.05 GB stated"));
  EXPECT_THAT(standings->at(1).reasons, ElementsAre("needs 'corpus wiki sw'"));
}

}  // namespace
}  // namespace repro
