#include "core/report/report_inputs.h"

#include <gtest/gtest.h>

#include "core/store/event_writer.h"
#include "tests/core/store/workspace_fixture.h"

namespace repro::testing {
namespace {

class ReadRunLogTest : public WorkspaceTest {
 protected:
  ReadRunLogTest() {
    Task pretrain;
    pretrain.kind = "pretrain";
    pretrain.version = 1;
    pretrain.label = "pretrain xlm7 seed 1";
    pretrain_key_ = graph_.Add(pretrain);
    Task evaluate;
    evaluate.kind = "evaluate";
    evaluate.version = 1;
    evaluate.label = "evaluate xlm7 seed 1";
    evaluate.inputs = {{"model", pretrain_key_}};
    evaluate_key_ = graph_.Add(evaluate);
    RunSpec run;
    run.point = "xlm7";
    run.pretrain_seed = 1;
    run.task_keys = {pretrain_key_, evaluate_key_};
    graph_.AddRun(run);
    inputs_.experiment.id = "fig2";
    inputs_.experiment.scale = "desk";
  }

  TaskGraph graph_;
  std::string pretrain_key_, evaluate_key_;
  ReportInputs inputs_;
};

TEST_F(ReadRunLogTest, WithoutALogThePlanIsThereAndNothingElse) {
  ASSERT_OK(ReadRunLog(nullptr, graph_, inputs_));
  EXPECT_EQ(inputs_.runs.size(), 1u);
  EXPECT_EQ(inputs_.plan.size(), 2u);
  EXPECT_TRUE(inputs_.tasks.empty());
  EXPECT_TRUE(inputs_.metrics.empty());
}

TEST_F(ReadRunLogTest, TakesTheLastStepOfTheGraphsTasksAndTheInvocationsOfTheExperiment) {
  {
    RunLog log = OpenLog();
    for (const char* scale : {"desk", "smoke"}) {
      InvocationRow invocation;
      invocation.experiment_id = "fig2";
      invocation.scale = scale;
      invocation.manifest_hash = std::string("hash of ") + scale;
      ASSERT_OK(log.BeginInvocation(invocation));
    }
    TaskRow row;
    row.key = pretrain_key_;
    row.kind = "pretrain";
    row.label = "pretrain xlm7 seed 1";
    row.version = 1;
    row.spec = Json::object();
    row.inputs = Json::object();
    ASSERT_OK(log.UpsertTask(row));
    TaskRow stranger = row;
    stranger.key = Key('f');
    ASSERT_OK(log.UpsertTask(stranger));
    for (const std::string& key : {pretrain_key_, stranger.key}) {
      AttemptRow attempt;
      attempt.task_key = key;
      attempt.number = 1;
      attempt.state = "running";
      attempt.folder = "work/" + key + "/attempts/1";
      const auto number = log.BeginAttempt(attempt);
      ASSERT_OK(number);
      const auto events_file = workspace_ / attempt.folder / "events.jsonl";
      std::filesystem::create_directories(events_file.parent_path());
      auto events = EventWriter::Open(events_file);
      ASSERT_OK(events);
      events->Write({.name = "valid.loss", .value = 5.0, .step = 10, .language = "en"});
      events->Write({.name = "valid.loss", .value = 4.0, .step = 20, .language = "en"});
      ASSERT_OK(log.IngestEvents(*number, events_file));
    }
    row.seconds = 12;
    row.build = "build-a";
    ASSERT_OK(log.FinishTask(row));
  }
  const RunLog log = OpenLog(RunLog::Mode::kRead);
  ASSERT_OK(ReadRunLog(&log, graph_, inputs_));
  ASSERT_EQ(inputs_.tasks.size(), 1u);
  EXPECT_EQ(inputs_.tasks.at(pretrain_key_).state, "done");
  EXPECT_EQ(inputs_.tasks.at(pretrain_key_).build, "build-a");
  ASSERT_EQ(inputs_.metrics.size(), 1u);
  EXPECT_EQ(inputs_.metrics[0].value, 4.0);
  EXPECT_EQ(inputs_.metrics[0].step, 20);
  ASSERT_EQ(inputs_.invocations.size(), 1u);
  EXPECT_EQ(inputs_.invocations[0].scale, "desk");
}

}  // namespace
}  // namespace repro::testing
