// Curves of a training task: read from a real log and a real events.jsonl, downsampled, summed up,
// drawn, written.
#include "core/report/training.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/text.h"
#include "core/io/file_lock.h"
#include "core/report/training_page.h"
#include "core/report/training_summary.h"
#include "core/report/training_writers.h"
#include "core/report/unicode_chart.h"
#include "core/store/event_writer.h"
#include "tests/core/report/training_fixture.h"

namespace repro {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Key;
using ::testing::Not;
using testing::TrainingTest;

std::vector<std::int64_t> Steps(const std::vector<MetricPoint>& points) {
  std::vector<std::int64_t> steps;
  steps.reserve(points.size());
  for (const MetricPoint& point : points) steps.push_back(point.step);
  return steps;
}

std::vector<MetricPoint> Slope(std::int64_t points) {
  std::vector<MetricPoint> curve;
  for (std::int64_t i = 0; i < points; ++i)
    curve.push_back({50 * (i + 1), 10.0 - 1e-4 * static_cast<double>(i)});
  return curve;
}

TEST(DownsampleTest, KeepsEverySpikeOfALongCurve) {
  std::vector<MetricPoint> curve = Slope(30'000);
  curve[12'345].value = 99;
  curve[20'001].value = -7;
  const std::vector<MetricPoint> few = Downsample(curve, 200);
  EXPECT_LE(few.size(), 402u);
  EXPECT_GE(few.size(), 200u);
  EXPECT_TRUE(std::is_sorted(few.begin(), few.end(),
                             [](const auto& a, const auto& b) { return a.step < b.step; }));
  EXPECT_EQ(few.front().step, curve.front().step);
  EXPECT_EQ(few.back().step, curve.back().step);
  const auto has = [&few](double value) {
    return std::any_of(few.begin(), few.end(), [value](const auto& p) { return p.value == value; });
  };
  EXPECT_TRUE(has(99));
  EXPECT_TRUE(has(-7));
}

TEST(DownsampleTest, LeavesAShortCurveAloneButForWhatIsNoNumber) {
  std::vector<MetricPoint> curve = {
      {1, 3}, {2, std::nan("")}, {3, std::numeric_limits<double>::infinity()}, {4, 1}};
  EXPECT_THAT(Steps(Downsample(curve, 10)), ElementsAre(1, 4));
  EXPECT_TRUE(Downsample({}, 10).empty());
}

TEST(TrainingCurveTest, AStepThatIsLoggedAgainReplacesItsValue) {
  TrainingCurve curve;
  for (const MetricPoint& point : {MetricPoint{10, 1}, {30, 3}, {20, 2}, {30, 4}}) curve.Set(point);
  EXPECT_THAT(Steps(curve.points), ElementsAre(10, 20, 30));
  EXPECT_EQ(curve.points.back().value, 4);
}

TEST(MeanCurveTest, HasTheStepsThatAllCurvesHave) {
  const TrainingCurve a{{}, {{10, 1}, {20, 2}, {30, 3}}};
  const TrainingCurve b{{}, {{10, 3}, {20, 6}}};
  const std::vector<MetricPoint> mean = MeanCurve({&a, &b});
  EXPECT_THAT(Steps(mean), ElementsAre(10, 20));
  EXPECT_EQ(mean[0].value, 2);
  EXPECT_EQ(mean[1].value, 4);
}

TEST(PlotTest, DrawsCurvesInsideTheWidthAndNamesThem) {
  UnicodePlot plot;
  plot.title = "Loss";
  plot.x_unit = "updates";
  plot.curves = {{"training", 0, {{0, 10}, {500, 6}, {1000, 2}}}, {"validation", 1, {{1000, 4}}}};
  const std::vector<std::string> rows = DrawPlot(plot, {.width = 60, .height = 8});
  ASSERT_EQ(rows.size(), 11u);  // title, eight rows, axis, labels
  EXPECT_THAT(rows[0], HasSubstr("Loss   ● training   ■ validation"));
  EXPECT_THAT(rows[1], AllOf(HasSubstr("10 ┤●"), Not(HasSubstr("■"))));
  EXPECT_THAT(rows[8], HasSubstr("2 ┤"));
  EXPECT_THAT(rows[8], HasSubstr("●"));
  EXPECT_THAT(rows[10], AllOf(HasSubstr("0 "), HasSubstr("1,000 updates")));
  for (const std::string& row : rows) EXPECT_LE(DisplayWidth(row), 60u) << row;
}

TEST(PlotTest, PlainAsciiWhereTheTerminalKnowsNoMore) {
  UnicodePlot plot;
  plot.title = "Loss";
  plot.curves = {{"training", 0, {{0, 10}, {1000, 2}}}, {"validation", 1, {{0, 9}, {1000, 4}}}};
  plot.verticals = {500};
  std::string all;
  for (const std::string& row : DrawPlot(plot, {.width = 60, .height = 8, .unicode = false}))
    all += row + "\n";
  for (const char c : all) EXPECT_TRUE(c == '\n' || (c >= ' ' && c <= '~')) << all;
  EXPECT_THAT(all, AllOf(HasSubstr("* training"), HasSubstr("o validation"), HasSubstr("**"),
                         HasSubstr(":")));
}

TEST(PlotTest, NeighbouringLabelsDifferHoweverSmallTheRange) {
  const auto labels = [](double low, double high, CurveUnit unit) {
    UnicodePlot plot;
    plot.title = "Loss";
    plot.x_unit = "updates";
    plot.show = [unit](double value, double resolution) {
      return ShowCurveValue(unit, value, resolution);
    };
    plot.curves = {{"training", 0, {{100, high}, {123'456, low}}}};
    const std::vector<std::string> rows = DrawPlot(plot, {.width = 40, .height = 7});
    std::vector<std::string> found;
    for (const std::string& row : rows) {
      EXPECT_LE(DisplayWidth(row), 40u) << row;
      const std::size_t tick = row.find(" ┤");
      if (tick == std::string::npos) continue;
      found.push_back(row.substr(row.find_first_not_of(' '), tick - row.find_first_not_of(' ')));
    }
    return found;
  };
  EXPECT_THAT(labels(3, 8, CurveUnit::kPlain), ElementsAre("8", "5.5", "3"));
  EXPECT_THAT(labels(8.31, 8.34, CurveUnit::kPlain), ElementsAre("8.34", "8.325", "8.31"));
  EXPECT_THAT(labels(8.3101, 8.3104, CurveUnit::kPlain),
              ElementsAre("8.3104", "8.31025", "8.3101"));
  EXPECT_THAT(labels(0.4102, 0.4104, CurveUnit::kShare),
              ElementsAre("41.040 %", "41.030 %", "41.020 %"));
  // So close that no label of nine columns tells them apart: the rows stay inside the width.
  EXPECT_EQ(labels(8.31, 8.31 + 1e-9, CurveUnit::kPlain).size(), 3u);
}

TEST(PlotTest, FitsANarrowTerminal) {
  UnicodePlot plot;
  plot.title = "Loss";
  plot.x_unit = "updates";
  plot.curves = {{"training", 0, {{100'000, 8}, {1'250'000, 3}}},
                 {"validation, mean of 8 languages", 1, {{100'000, 8}}}};
  for (std::size_t width = 24; width <= 60; ++width) {
    for (const std::string& row : DrawPlot(plot, {.width = width, .height = 5})) {
      EXPECT_LE(DisplayWidth(row), width) << row;
    }
  }
}

TEST(PlotTest, AFlatCurveAndASinglePointAreDrawnAndNothingIsNot) {
  UnicodePlot plot;
  plot.curves = {{"a", 0, {{1, 5}, {2, 5}}}};
  EXPECT_EQ(DrawPlot(plot, {.width = 40, .height = 5}).size(), 8u);
  plot.curves = {{"a", 0, {{7, 0}}}};
  EXPECT_EQ(DrawPlot(plot, {.width = 40, .height = 5}).size(), 8u);
  plot.curves = {{"a", 0, {}}};
  EXPECT_TRUE(DrawPlot(plot, {.width = 40, .height = 5}).empty());
}

TEST_F(TrainingTest, ReadsWhatTheLogLacksFromTheEventsOfARunningTask) {
  RunLog log = OpenLog();
  Begin(log, 'a', "pretrain xlm7 seed 1");
  Attempt first = StartAttempt(log, 1);
  const auto lock = FileLock::TryLock(first.folder / "lock").value();
  LogUpdates(first, 1, 10, 9.0);
  ASSERT_OK(log.IngestEvents(first.id, first.folder / "events.jsonl"));
  LogUpdates(first, 11, 15, 8.0);  // nobody has read these
  TrainingReader reader(workspace_, Key('a'), CurveDetail::kWatch);
  const TrainingTask* task = reader.Read(log).value();
  ASSERT_NE(task, nullptr);
  EXPECT_TRUE(task->alive);
  EXPECT_TRUE(IsTraining(*task));
  const TrainingCurve* loss = task->Find("pretrain.loss");
  ASSERT_NE(loss, nullptr);
  ASSERT_EQ(loss->points.size(), 15u);
  EXPECT_EQ(loss->points.back().value, 8.0 - 15 * 0.1);
  EXPECT_EQ(task->progress["done"], 15);
  // The log has it now, and more: nothing counts twice.
  LogUpdates(first, 16, 20, 8.0);
  ASSERT_OK(log.IngestEvents(first.id, first.folder / "events.jsonl"));
  task = reader.Read(log).value();
  EXPECT_EQ(task->Find("pretrain.loss")->points.size(), 20u);
  EXPECT_EQ(task->Find("valid.loss", "sw")->points.size(), 4u);
}

TEST_F(TrainingTest, AResumedAttemptDropsWhatAnEarlierOneLoggedBeyondItsStart) {
  RunLog log = OpenLog();
  Begin(log, 'a', "pretrain");
  Attempt first = StartAttempt(log, 1);
  LogUpdates(first, 1, 20, 9.0);
  ASSERT_OK(log.IngestEvents(first.id, first.folder / "events.jsonl"));
  EndAttempt(log, first, "killed", "killed by signal 9");
  TrainingReader reader(workspace_, Key('a'), CurveDetail::kWatch);
  EXPECT_EQ(reader.Read(log).value()->Find("pretrain.loss")->points.size(), 20u);
  Attempt second = StartAttempt(log, 2);
  second.events.State("resumed", {{"update", 12}});
  LogUpdates(second, 13, 14, 5.0);
  ASSERT_OK(log.IngestEvents(second.id, second.folder / "events.jsonl"));
  const TrainingTask* task = reader.Read(log).value();
  const TrainingCurve* loss = task->Find("pretrain.loss");
  ASSERT_EQ(loss->points.size(), 14u);
  EXPECT_EQ(loss->points.back().value, 5.0 - 14 * 0.1);
  const TrainingSummary summary = SummarizeTraining(*task, 0);
  std::string told;
  for (const Happening& happening : summary.happenings) told += happening.text + "\n";
  EXPECT_THAT(told, AllOf(HasSubstr("attempt 1 was killed: killed by signal 9"),
                          HasSubstr("attempt 2 went on after update 12"),
                          HasSubstr("attempt 2 was cut off")))
      << "its lock is free";
  EXPECT_THAT(TrainingVerdict(*task, summary), HasSubstr("Cut off"));
}

TEST_F(TrainingTest, ARetryFromNothingHasItsOwnCurveAndNoneOfTheOneBefore) {
  RunLog log = OpenLog();
  Begin(log, 'a', "pretrain");
  Attempt first = StartAttempt(log, 1);
  LogUpdates(first, 1, 300, 40.0);  // and no checkpoint
  ASSERT_OK(log.IngestEvents(first.id, first.folder / "events.jsonl"));
  EndAttempt(log, first, "killed", "killed by signal 9");
  TrainingReader kept(workspace_, Key('a'), CurveDetail::kWatch);
  EXPECT_EQ(kept.Read(log).value()->Find("pretrain.loss")->points.size(), 300u);
  Attempt second = StartAttempt(log, 2);
  const auto lock = FileLock::TryLock(second.folder / "lock").value();
  const auto expect_own = [&](int last) {
    TrainingReader whole(workspace_, Key('a'), CurveDetail::kAll);
    for (TrainingReader* reader : {&kept, &whole}) {
      const TrainingTask* task = reader->Read(log).value();
      for (const char* name : {"pretrain.loss", "pretrain.learning_rate"}) {
        const std::vector<MetricPoint>& points = task->Find(name)->points;
        ASSERT_EQ(points.size(), static_cast<std::size_t>(last)) << name;
        EXPECT_EQ(points.back().step, last) << name;
      }
      for (const MetricPoint& point : task->Find("pretrain.loss")->points) {
        EXPECT_DOUBLE_EQ(point.value, 9.0 - 0.1 * static_cast<double>(point.step));
      }
      EXPECT_EQ(task->Find("valid.loss", "sw")->points.size(), static_cast<std::size_t>(last / 5));
      EXPECT_EQ(*SummarizeTraining(*task, 0).loss, 9.0 - 0.1 * last);
    }
  };
  LogUpdates(second, 1, 15, 9.0);
  expect_own(15);  // in events.jsonl alone
  ASSERT_OK(log.IngestEvents(second.id, second.folder / "events.jsonl"));
  expect_own(15);
  LogUpdates(second, 16, 20, 9.0);
  expect_own(20);  // some in the log, some not
  ASSERT_OK(log.IngestEvents(second.id, second.folder / "events.jsonl"));
  EndAttempt(log, second, "killed", "killed by signal 9");
  expect_own(20);
}

TEST_F(TrainingTest, WhatDivergedBeforeItsFirstLossSaysWhyAndWithWhichBatch) {
  RunLog log = OpenLog();
  Begin(log, 'a', "pretrain xlm7 seed 1");
  Attempt attempt = StartAttempt(log, 1);
  const std::string batch = "batch of 8 sequences: en 7, sw 1";
  const std::string error =
      "update 0 (learning rate 0, " + batch + "): the loss of micro-batch 0 is not finite (nan)";
  attempt.events.State("diverged", {{"update", 0},
                                    {"learning_rate", 0.0},
                                    {"batch_rows", 8},
                                    {"batch_languages", "en 7, sw 1"},
                                    {"reason", "the loss of micro-batch 0 is not finite (nan)"}});
  attempt.events.Message("error", error);
  attempt.events.State("diverged");
  ASSERT_OK(log.IngestEvents(attempt.id, attempt.folder / "events.jsonl"));
  EndAttempt(log, attempt, "diverged", "diverged: " + error);
  ASSERT_OK(log.SetTaskState(key_, "diverged"));
  RunRow run = MakeRun('f', "xlm7");
  run.state = "diverged";
  const auto id = log.UpsertRun(run, {Key('a')}).value();
  const TrainingReport report =
      ReadTrainingReport(log, workspace_, *log.FindRun(id).value(), 1'700'000'000'000).value();
  ASSERT_EQ(report.training.size(), 1u);
  EXPECT_FALSE(IsTraining(report.training[0]));
  const TrainingSummary summary = SummarizeTraining(report.training[0], 0);
  ASSERT_EQ(summary.happenings.size(), 1u) << "event, message and reason say the same";
  const auto says_why = AllOf(HasSubstr("the loss of micro-batch 0 is not finite (nan)"),
                              HasSubstr("batch of 8 sequences: en 7, sw 1"));
  EXPECT_THAT(TrainingHeadline(report)[1],
              AllOf(HasSubstr("pretrain xlm7 seed 1: Diverged"), says_why,
                    HasSubstr("It had logged no loss yet"), Not(HasSubstr("is below"))));
  EXPECT_THAT(WriteTrainingMarkdown(report), AllOf(says_why, Not(HasSubstr("| figure | now |"))));
  EXPECT_THAT(WriteTrainingJson(report), says_why);
  const HtmlAssets assets = LoadHtmlAssets(REPRO_REPORTS).value();
  const std::string page = WriteTrainingHtml(report, assets).value();
  EXPECT_THAT(page.substr(0, page.find("</main>")), AllOf(says_why, HasSubstr("verdict bad")));
}

TEST_F(TrainingTest, TheReasonOfATaskWithoutEventsIsThatOfItsAttempt) {
  RunLog log = OpenLog();
  Begin(log, 'a', "finetune xnli");
  Attempt first = StartAttempt(log, 1);
  EndAttempt(log, first, "diverged", "diverged: the loss is nan");
  ASSERT_OK(log.SetTaskState(key_, "diverged"));
  TrainingReader reader(workspace_, Key('a'), CurveDetail::kAll);
  const TrainingTask* task = reader.Read(log).value();
  EXPECT_THAT(TrainingVerdict(*task, SummarizeTraining(*task, 0)), HasSubstr("the loss is nan"));
  ASSERT_OK(log.SetTaskState(key_, "running"));
  Attempt second = StartAttempt(log, 2);
  second.events.Message("error", "rank 1 of 2 was killed by signal 9");
  ASSERT_OK(log.IngestEvents(second.id, second.folder / "events.jsonl"));
  EndAttempt(log, second, "failed", "exit code 1: rank 1 of 2 was killed by signal 9");
  ASSERT_OK(log.SetTaskState(key_, "failed"));
  task = reader.Read(log).value();
  const TrainingSummary summary = SummarizeTraining(*task, 0);
  ASSERT_EQ(summary.happenings.size(), 2u) << "the error is said once";
  EXPECT_EQ(summary.happenings[1].text,
            "attempt 2 failed: exit code 1: rank 1 of 2 was killed by signal 9");
}

TEST_F(TrainingTest, SumsUpWhatIsThereAndLeavesOutWhatIsNot) {
  RunLog log = OpenLog();
  FillDiverged(log, 'a');
  TrainingReader reader(workspace_, Key('a'), CurveDetail::kAll);
  const TrainingTask* task = reader.Read(log).value();
  const TrainingSummary summary = SummarizeTraining(*task, 0);
  EXPECT_EQ(summary.done, 20);
  EXPECT_EQ(summary.total, 40);
  EXPECT_FALSE(summary.mfu.has_value()) << "its peak is not known here";
  EXPECT_FALSE(summary.eta_seconds.has_value()) << "it does not run";
  ASSERT_TRUE(summary.data_wait.has_value());
  EXPECT_DOUBLE_EQ(*summary.data_wait, 0.004);
  EXPECT_EQ(*summary.peak_memory, 3.0 * (1 << 30));
  ASSERT_EQ(summary.languages.size(), 2u);
  EXPECT_EQ(summary.languages[0].language, "sw") << "the higher loss first";
  EXPECT_TRUE(summary.diverged);
  EXPECT_THAT(TrainingVerdict(*task, summary),
              HasSubstr("Diverged after update 20 (learning rate 0.002): the loss is "
                        "nan; its batch of 8 sequences: en 5, sw 3"));
  std::string told;
  for (const Happening& happening : summary.happenings) told += happening.text + "\n";
  EXPECT_THAT(told, AllOf(HasSubstr("out of memory: micro-batch from 8 to 4 sequences"),
                          Not(HasSubstr("no memory"))))
      << "the task's own warning says the same";
  std::vector<std::string> ids;
  for (const CurveFigure& figure : TrainingFigures(*task)) ids.push_back(figure.id);
  EXPECT_THAT(ids, ElementsAre("loss", "learning-rate", "gradient-norm", "tokens-per-second",
                               "utilization", "peak-memory"));
}

TEST_F(TrainingTest, TheRateIsThatOfTheRecentPast) {
  RunLog log = OpenLog();
  Begin(log, 'a', "pretrain");
  const Attempt attempt = StartAttempt(log, 1);
  const auto progress = [&](int second, int done) {
    AppendText(attempt.folder / "events.jsonl",
               fmt::format("{{\"done\":{},\"info\":{{}},\"seq\":1,\"time_ms\":{},\"total\":500,"
                           "\"type\":\"progress\",\"unit\":\"updates\"}}\n",
                           done, attempt.row.started_ms + std::int64_t{1000} * second));
  };
  progress(100, 50);  // slow at first: data were read
  progress(200, 150);
  TrainingReader reader(workspace_, Key('a'), CurveDetail::kWatch);
  EXPECT_DOUBLE_EQ(reader.Read(log).value()->done_per_second.value(), 1.0);
}

TEST_F(TrainingTest, TimeLeftShrinksBetweenTwoProgressEvents) {
  TrainingTask training;
  training.alive = true;
  training.done_per_second = 2.0;
  training.progress = {{"done", 100}, {"total", 300}, {"unit", "updates"}, {"time_ms", 10'000}};
  EXPECT_DOUBLE_EQ(*SecondsLeft(training, 10'000), 100.0);
  EXPECT_DOUBLE_EQ(*SecondsLeft(training, 40'000), 70.0) << "time has passed since";
  training.alive = false;
  EXPECT_FALSE(SecondsLeft(training, 10'000).has_value());
}

TEST_F(TrainingTest, FilesHoldEveryPointAndNoTextOfTheirsIsCode) {
  RunLog log = OpenLog();
  const char* const hostile = "<script>alert(1)</script>=1+1|";
  FillDiverged(log, 'a', std::string("pretrain ") + hostile);
  RunRow run = MakeRun('f', hostile);
  run.state = "diverged";
  const auto id = log.UpsertRun(run, {Key('a')}).value();
  const TrainingReport report =
      ReadTrainingReport(log, workspace_, *log.FindRun(id).value(), 1'700'000'000'000).value();
  EXPECT_THAT(TrainingHeadline(report)[0], HasSubstr("Run 1: diverged."));
  EXPECT_THAT(TrainingHeadline(report)[1], HasSubstr("Diverged after update 20"));

  const std::string csv = WriteTrainingCsv(report);
  EXPECT_THAT(csv, HasSubstr("run,task,label,metric,split,language,seed,step,value\n"));
  EXPECT_THAT(csv, HasSubstr(",pretrain.loss,,,,20,"));
  const Json json = Json::parse(WriteTrainingJson(report));
  EXPECT_EQ(json["state"], "diverged");
  EXPECT_EQ(json["training"][0]["curves"].size(), 8u);
  for (const Json& curve : json["training"][0]["curves"]) {
    EXPECT_EQ(curve["steps"].size(), curve["name"] == "valid.loss" ? 4u : 20u) << curve["name"];
  }
  EXPECT_THAT(WriteTrainingMarkdown(report),
              AllOf(HasSubstr("&lt;script&gt;"), Not(HasSubstr("<script>"))));

  const HtmlAssets assets = LoadHtmlAssets(REPRO_REPORTS).value();
  const std::string page = WriteTrainingHtml(report, assets).value();
  EXPECT_THAT(page, AllOf(Not(HasSubstr("<script>alert")), HasSubstr("&lt;script&gt;alert"),
                          HasSubstr("verdict bad"), HasSubstr("id=\"chart-5\""),
                          Not(HasSubstr("id=\"chart-6\""))));
  EXPECT_THAT(page.substr(0, page.find("<script>")), Not(HasSubstr("{{")))
      << "a hole of the template";
}

TEST(VegaCurvesTest, TheTicksOfANarrowRangeAreWrittenApart) {
  const HtmlAssets assets = LoadHtmlAssets(REPRO_REPORTS).value();
  const auto format = [&assets](CurveUnit unit, double low, double high) {
    CurveFigure figure{.id = "x", .title = "x", .unit = unit};
    figure.lines = {{"x", false, 0, {{1, low}, {2, high}}}};
    const Json spec = VegaCurves(figure, "updates", assets.curves);
    for (const Json& signal : spec["signals"]) {
      if (signal["name"] == "yformat") return signal["value"].get<std::string>();
    }
    return std::string();
  };
  EXPECT_EQ(format(CurveUnit::kPlain, 3, 8), ".4~g");
  EXPECT_EQ(format(CurveUnit::kPlain, 8.31, 8.34), ".4~g");       // every 0.005
  EXPECT_EQ(format(CurveUnit::kPlain, 8.3101, 8.3104), ".6~g");   // every 0.00005
  EXPECT_EQ(format(CurveUnit::kRate, 140'900, 141'100), ".5~s");  // every 50
  EXPECT_EQ(format(CurveUnit::kShare, 0.1, 0.9), ".3~p");
  EXPECT_EQ(format(CurveUnit::kShare, 0.41021, 0.41043), ".5~p");  // every 0.005 %
  EXPECT_EQ(format(CurveUnit::kBytes, 0, 3.0 * (1 << 30)), ".4~g");
  EXPECT_EQ(format(CurveUnit::kPlain, 5, 5), ".4~g");
}

TEST(VegaCurvesTest, LongCurvesAreThinnedAndMarksAreSet) {
  CurveFigure figure{.id = "loss", .title = "Loss"};
  figure.lines = {{"training", false, 0, Slope(30'000)}, {"sw", true, 1, Slope(3)}};
  figure.lines[0].points[777].value = 1000;
  figure.marks = {{500, "resumed"}};
  const HtmlAssets assets = LoadHtmlAssets(REPRO_REPORTS).value();
  const Json spec = VegaCurves(figure, "updates", assets.curves);
  const Json& rows = spec["data"][0]["values"];
  EXPECT_LE(rows.size(), 805u);
  double highest = 0;
  for (const Json& row : rows) highest = std::max(highest, row["y"].get<double>());
  EXPECT_EQ(highest, 1000);
  EXPECT_EQ(spec["data"][1]["values"][0]["tip"], "resumed at 500 updates");
}

}  // namespace
}  // namespace repro
