#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/report/report_model.h"
#include "core/report/report_text.h"
#include "core/report/text_writers.h"
#include "core/report/vega_chart.h"
#include "tests/core/report/sample.h"

namespace repro {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const FigureReport& FigureOf(const Report& report, const std::string& metric) {
  for (const FigureReport& figure : report.figures) {
    if (figure.measure.metric == metric) return figure;
  }
  throw std::runtime_error("no figure of " + metric);
}

const SeriesReport& SeriesOf(const Report& report, const std::string& id) {
  for (const FigureReport& figure : report.figures) {
    for (const SeriesReport& series : figure.series) {
      if (series.id == id) return series;
    }
  }
  throw std::runtime_error("no series " + id);
}

const RunReport& RunOf(const Report& report, const std::string& point, const std::string& role,
                       std::int64_t seed) {
  for (const RunReport& run : report.runs) {
    if (run.point == point && run.role == role && run.pretrain_seed == seed) return run;
  }
  throw std::runtime_error("no such run");
}

// The value of a series by hand: the mean over its languages of the logged test accuracies of one
// seed.
double LoggedMean(const ReportInputs& inputs, const std::string& key, const std::string& metric,
                  const std::vector<std::string>& languages) {
  double sum = 0;
  for (const MetricRow& row : inputs.metrics) {
    if (row.task_key != key || row.name != metric || row.split != "test") continue;
    for (const std::string& language : languages)
      sum += row.language == language ? 100 * row.value : 0;
  }
  return sum / static_cast<double>(languages.size());
}

TEST(BuildReportTest, ASeriesIsTheMeanOverItsLanguagesBySeed) {
  const ReportInputs inputs = SampleInputs();
  const Report report = BuildReport(inputs);
  const SeriesPoint& point = SeriesOf(report, "low").points[0];
  ASSERT_EQ(point.main.by_seed.size(), 3u);
  double sum = 0;
  for (int seed = 1; seed <= 3; ++seed) {
    const double expected = LoggedMean(inputs, SampleKey("evaluate-xnli", "xlm7", "main", seed),
                                       "xnli.accuracy", {"sw", "ur"});
    EXPECT_NEAR(point.main.by_seed[static_cast<std::size_t>(seed - 1)].second, expected, 1e-9);
    sum += expected;
  }
  EXPECT_NEAR(point.main.mean.mean, sum / 3, 1e-9);
  EXPECT_EQ(point.main.variation, "pretraining seeds");
  EXPECT_LT(point.main.mean.low, point.main.mean.mean);
}

// The source language is near 63 % at the first point and falls from there.
TEST(BuildReportTest, OnRealTextAMeasureThatTheSourceLanguageHasNotLearntIsNotInformative) {
  ReportInputs inputs = SampleInputs({.xnli_moves = true});
  const auto xnli = [&]() -> MeasureReport {
    for (const MeasureReport& measure : BuildReport(inputs).measures) {
      if (measure.measure.metric == "xnli.accuracy") return measure;
    }
    return {};
  };
  inputs.experiment.world = "real text";
  EXPECT_TRUE(xnli().moves);
  EXPECT_TRUE(xnli().informative);
  for (MetricRow& row : inputs.metrics) {
    if (row.name == "xnli.accuracy" && row.language == "en") row.value -= 0.1;
  }
  EXPECT_FALSE(xnli().moves);
  EXPECT_FALSE(xnli().informative);
  EXPECT_THAT(xnli().verdict, HasSubstr("not informative (chance 33.3 %): at most"));
  EXPECT_THAT(WriteTerminal(BuildReport(inputs), {}), HasSubstr("not informative"));
  for (MetricRow& row : inputs.metrics) {
    if (row.name == "xnli.accuracy" && row.language == "en") row.value -= 0.1;
  }
  // Closer to chance than to what would say something, and still clearly above it.
  EXPECT_THAT(xnli().verdict, HasSubstr("not informative (close to chance, 33.3 %): at most 43."));
  inputs.experiment.world = "babel";
  EXPECT_TRUE(xnli().moves);
}

TEST(BuildReportTest, ThePapersCellsStandBesideOursAndAreNotComparableInTheSyntheticWorld) {
  const Report report = BuildReport(SampleInputs());
  const SeriesReport& low = SeriesOf(report, "low");
  ASSERT_EQ(low.points.size(), 5u);
  EXPECT_EQ(low.points[0].paper->value, 62.9);
  EXPECT_EQ(low.points[0].cell, CellState::kNotComparable);
  EXPECT_EQ(low.points[4].point, "wiki100");
  EXPECT_EQ(low.points[4].cell, CellState::kNotRun);
  EXPECT_EQ(low.points[4].note, "not in the desk sweep");
  EXPECT_TRUE(low.points[4].main.empty());
  EXPECT_EQ(SeriesOf(report, "all").points[0].paper_stated->value, 71.8);
  EXPECT_THAT(low.languages, ElementsAre("syn-sw", "syn-ur"));
}

TEST(BuildReportTest, WithNothingRunItShowsThePapersValuesAndTheCommand) {
  ReportInputs inputs = SampleInputs();
  inputs.tasks.clear();
  inputs.metrics.clear();
  inputs.invocations.clear();
  inputs.experiment.sweep_keys = {"budget", "languages"};
  const Report report = BuildReport(inputs);
  EXPECT_FALSE(report.complete);
  EXPECT_TRUE(SeriesOf(report, "low").points[0].main.empty());
  EXPECT_EQ(SeriesOf(report, "low").points[0].cell, CellState::kNotRun);
  EXPECT_EQ(RunOf(report, "xlm7", "main", 1).state, "waiting");
  EXPECT_EQ(SeriesOf(report, "low").points[0].note, "seeds 1, 2, 3 waiting (0 of 6 tasks done)");
  EXPECT_EQ(report.headline.back(),
            "Partial: 0 of 13 runs are complete; to go on: repro run fig2 --scale desk.");
  ASSERT_FALSE(report.next_steps.empty());
  EXPECT_EQ(report.next_steps[0].command, "repro run fig2 --scale desk");
  EXPECT_EQ(report.next_steps[0].what, "13 of 13 runs are not complete (13 waiting)");
  EXPECT_THAT(report.next_steps[1].command, HasSubstr("--set 'sweep.languages=[\"xlm7\""));
  for (const ClaimReport& claim : report.claims) {
    EXPECT_EQ(claim.test.reason, "not measured at xlm7, xnli15, wiki30, wiki60, wiki100");
    EXPECT_THAT(claim.test.test, HasSubstr("intersection-union of "));
    EXPECT_THAT(claim.test.steps, IsEmpty());
  }
  // An empty panel stands on the paper's scale.
  const ChartRanges ranges = RangesOf(FigureOf(report, "xnli.accuracy"));
  EXPECT_EQ(ranges.run_low, ranges.paper_low);
}

TEST(BuildReportTest, ARunThatDivergedIsAveragedInNowhere) {
  ReportInputs inputs = SampleInputs();
  inputs.tasks[SampleKey("evaluate-xnli", "xlm7", "main", 2)].state = "diverged";
  const Report report = BuildReport(inputs);
  EXPECT_EQ(RunOf(report, "xlm7", "main", 2).state, "diverged");
  // Also not in measures whose own tasks are done.
  for (const char* id : {"low", "topic.low", "retrieval"}) {
    std::vector<std::int64_t> seeds;
    for (const auto& [seed, value] : SeriesOf(report, id).points[0].main.by_seed)
      seeds.push_back(seed);
    EXPECT_THAT(seeds, ElementsAre(1, 3)) << id;
  }
  EXPECT_THAT(SeriesOf(report, "low").points[0].note, HasSubstr("seed 2 diverged"));
  EXPECT_THAT(report.headline.back(), HasSubstr("Partial: 12 of 13 runs are complete."));
}

TEST(BuildReportTest, ValuesOfATaskThatIsStillRunningAreNone) {
  ReportInputs inputs = SampleInputs();
  for (int seed = 1; seed <= 3; ++seed) {
    inputs.tasks[SampleKey("evaluate-xnli", "xnli15", "main", seed)].state = "running";
  }
  const Report report = BuildReport(inputs);
  EXPECT_TRUE(SeriesOf(report, "low").points[1].main.empty());
  EXPECT_EQ(SeriesOf(report, "low").points[1].cell, CellState::kNotRun);
  EXPECT_THAT(report.claims[0].test.reason, HasSubstr("not measured at xnli15, wiki60, wiki100"));
}

TEST(BuildReportTest, ClaimsWithDroppedPointsAreUndecidedAndNameThem) {
  const Report report = BuildReport(SampleInputs({.xnli_moves = true}));
  ASSERT_EQ(report.claims.size(), 3u);
  for (const ClaimReport& claim : report.claims) {
    EXPECT_EQ(claim.test.state, ClaimState::kUndecided);
    EXPECT_EQ(claim.test.reason, "not measured at wiki60, wiki100");
    EXPECT_EQ(claim.test.steps.size(), 2u);
    EXPECT_FALSE(std::isnan(claim.test.steps[0].p)) << "what could be tested is there to read";
    EXPECT_EQ(StepsTitle(claim.test), "For information and no verdict: 2 of 4 steps measured.");
  }
  EXPECT_EQ(report.claims[0].test.test, "intersection-union of 4 paired one-sided t tests");
  EXPECT_EQ(report.claims[2].test.test,
            "intersection-union of 1 TOST within ±1 and 3 paired one-sided t tests");
  EXPECT_THAT(report.headline[0], HasSubstr("Of 3 claims, 0 supported, 0 contradicted, 3 undecided "
                                            "in the synthetic world (babel) at desk scale"));
}

TEST(BuildReportTest, EverySeriesHasItsStepsWhateverIsClaimed) {
  const Report report = BuildReport(SampleInputs());
  for (const char* id : {"low", "topic.low", "retrieval"}) {
    const SeriesReport& series = SeriesOf(report, id);
    ASSERT_EQ(series.steps.size(), 2u) << id;
    EXPECT_EQ(series.steps[1].from, "xnli15");
    EXPECT_EQ(series.steps[1].to, "wiki30");
    EXPECT_NEAR(series.steps[1].difference,
                series.points[2].main.mean.mean - series.points[1].main.mean.mean, 1e-9);
    EXPECT_EQ(series.steps[1].df, 4);  // (3 seeds - 1)(3 points - 1)
    EXPECT_LT(series.steps[1].low, series.steps[1].difference);
    EXPECT_THAT(series.step_seeds, ElementsAre(1, 2, 3));
  }
  // A claim's step is the same estimate, under its own test.
  EXPECT_EQ(report.claims[0].test.steps[0].difference, SeriesOf(report, "low").steps[0].difference);
  EXPECT_EQ(report.claims[0].test.steps[0].low, SeriesOf(report, "low").steps[0].low);
}

TEST(BuildReportTest, ClaimsWaitForEveryPlannedSeed) {
  ReportInputs inputs = SampleInputs({.xnli_moves = true, .complete_sweep = true});
  const std::string key = SampleKey("evaluate-xnli", "xnli15", "main", 3);
  inputs.tasks[key].state = "running";
  const ClaimTest waiting = BuildReport(inputs).claims[1].test;
  EXPECT_EQ(waiting.state, ClaimState::kUndecided);
  EXPECT_EQ(waiting.reason, "not every planned seed has a value yet: xnli15 seed 3 (running)");
  EXPECT_THAT(waiting.left_out, ElementsAre(3));
  // A run that diverged gives none, whatever one waits for: the claim goes on without its seed.
  inputs.tasks[key].state = "diverged";
  const ClaimTest without = BuildReport(inputs).claims[1].test;
  EXPECT_NE(without.state, ClaimState::kUndecided);
  EXPECT_EQ(ShowSeeds(without),
            "n = 2 paired seeds; left out, without a value at every point: seed 3");
}

TEST(BuildReportTest, AWholeSweepDecidesClaims) {
  const Report report = BuildReport(SampleInputs({.xnli_moves = true, .complete_sweep = true}));
  // The sample falls at every step: the claim of a fall holds, that of a peak does not.
  EXPECT_EQ(report.claims[1].test.state, ClaimState::kSupported);
  EXPECT_EQ(report.claims[0].test.state, ClaimState::kContradicted);
  EXPECT_EQ(report.claims[1].test.seeds, 3u);
  EXPECT_EQ(report.claims[1].test.df, 8);  // (3 seeds - 1)(5 points - 1)
  EXPECT_GE(report.claims[1].test.p_holm, report.claims[1].test.p);
}

TEST(BuildReportTest, ARunOnThePlateauMakesClaimsUndecided) {
  ReportInputs inputs = SampleInputs({.xnli_moves = true, .complete_sweep = true});
  for (MetricRow& row : inputs.metrics) {
    if (row.name == "valid.loss" && row.task_key == SampleKey("pretrain", "wiki30", "main", 2))
      row.value = 5.66;  // far below the unigram loss of 6, hardly below the 5.7 without context
  }
  const Report report = BuildReport(inputs);
  EXPECT_TRUE(RunOf(report, "wiki30", "main", 2).on_plateau);
  EXPECT_NEAR(*RunOf(report, "wiki30", "main", 2).plateau_margin, 0.04, 1e-9);
  EXPECT_NEAR(*RunOf(report, "wiki30", "main", 2).unigram_margin, 0.34, 1e-9);
  EXPECT_EQ(SeriesOf(report, "topic.low").points[2].note, "seed 2 on the early plateau");
  for (const ClaimReport& claim : report.claims) {
    EXPECT_EQ(claim.test.state, ClaimState::kUndecided);
    EXPECT_EQ(claim.test.reason,
              "ended less than 0.1 nats below the plateau: wiki30 seed 2 (0.040)");
  }
  EXPECT_THAT(report.headline,
              testing::Contains(testing::AllOf(HasSubstr("1 run ended on the early plateau"),
                                               HasSubstr("(wiki30 seed 2)"))));
  // The control without pretraining is on the plateau by construction and blocks nothing.
  EXPECT_FALSE(RunOf(report, "xlm7", "no-pretraining", 1).on_plateau);
}

TEST(BuildReportTest, AClaimOnAMeasureThatDoesNotMoveIsUndecided) {
  ReportInputs inputs = SampleInputs({.xnli_moves = true, .complete_sweep = true});
  for (MetricRow& row : inputs.metrics) {
    // In the source language at chance, in the others as before: the falls would be significant.
    if (row.name == "xnli.accuracy" && row.language == "en" && row.split == "test") {
      row.value = 1.0 / 3 + (row.task_key.back() - '2') * 0.01;
    }
  }
  const std::string standstill =
      "XNLI accuracy does not move: at no point better than chance (33.3 %) in the source language";
  const Report report = BuildReport(inputs);
  for (const ClaimReport& claim : report.claims) {
    EXPECT_EQ(claim.test.state, ClaimState::kUndecided);
    EXPECT_EQ(claim.test.reason, standstill);
    EXPECT_EQ(claim.test.steps.size(), 4u);
    EXPECT_FALSE(std::isnan(claim.test.steps[0].p)) << "what could be tested is there to read";
    EXPECT_EQ(StepsTitle(claim.test), "For information and no verdict: 4 of 4 steps measured.");
  }
  // It stands beside what else there is.
  for (MetricRow& row : inputs.metrics) {
    if (row.name == "valid.loss" && row.task_key == SampleKey("pretrain", "wiki30", "main", 2))
      row.value = 5.66;
  }
  EXPECT_EQ(BuildReport(inputs).claims[0].test.reason,
            "ended less than 0.1 nats below the plateau: wiki30 seed 2 (0.040); " + standstill);
  // A claim on another measure is judged by that one.
  inputs = SampleInputs({.complete_sweep = true});
  inputs.experiment.claims[1].series = "retrieval";
  const Report other = BuildReport(inputs);
  EXPECT_EQ(other.claims[0].test.reason, standstill);
  EXPECT_EQ(other.claims[1].test.state, ClaimState::kSupported);
}

TEST(BuildReportTest, WithoutALoggedDistanceClaimsAreUndecidedToo) {
  ReportInputs inputs = SampleInputs({.xnli_moves = true, .complete_sweep = true});
  std::erase_if(inputs.metrics, [](const MetricRow& row) { return row.name == "valid.loss"; });
  const Report report = BuildReport(inputs);
  EXPECT_EQ(report.claims[1].test.state, ClaimState::kUndecided);
  EXPECT_THAT(report.claims[1].test.reason, HasSubstr("no distance from the plateau was logged"));
}

TEST(BuildReportTest, WithoutALossWithoutContextTheUnigramLossIsThePlateau) {
  ReportInputs inputs = SampleInputs();
  std::erase_if(inputs.metrics,
                [](const MetricRow& row) { return row.name == "valid.context_free_loss"; });
  const Report report = BuildReport(inputs);
  const RunReport& run = RunOf(report, "xlm7", "main", 1);
  EXPECT_FALSE(run.context_free_margin.has_value());
  EXPECT_EQ(run.plateau_margin, run.unigram_margin);
  EXPECT_FALSE(run.on_plateau);
  // A language whose loss is not there leaves the mean unknown.
  std::erase_if(inputs.metrics, [](const MetricRow& row) {
    return row.name == "valid.loss" && row.language == "ur";
  });
  EXPECT_FALSE(RunOf(BuildReport(inputs), "xlm7", "main", 1).plateau_margin.has_value());
}

TEST(BuildReportTest, OneSeedSaysThatItsValueIsConditionalOnOnePretraining) {
  ReportInputs inputs = SampleInputs({.complete_sweep = true, .seeds = 1});
  const Report report = BuildReport(inputs);
  const SeriesPoint& point = SeriesOf(report, "low").points[0];
  EXPECT_FALSE(point.main.mean.known());
  EXPECT_EQ(point.main.variation, "one value, conditional on one pretraining");
  for (const ClaimReport& claim : report.claims) {
    EXPECT_THAT(claim.test.reason, HasSubstr("no variance estimate"));
  }
}

TEST(BuildReportTest, FineTuningSeedsOfOnePretrainingGiveAnIntervalThatSaysSo) {
  ReportInputs inputs = SampleInputs({.seeds = 1});
  for (RunSpec& run : inputs.runs) run.finetune_seeds = {1, 2};
  std::vector<MetricRow> second;
  for (const MetricRow& row : inputs.metrics) {
    if (row.name != "xnli.accuracy") continue;
    second.push_back(row);
    second.back().seed = 2;
    second.back().value += 0.01;
  }
  inputs.metrics.insert(inputs.metrics.end(), second.begin(), second.end());
  const Report report = BuildReport(inputs);
  const SeriesPoint& point = SeriesOf(report, "low").points[0];
  EXPECT_EQ(point.main.variation, "fine-tuning seeds, conditional on one pretraining");
  EXPECT_EQ(point.main.by_seed.size(), 1u);
  // t interval of two values one point apart: half width 12.706 * 0.5.
  EXPECT_NEAR(point.main.mean.high - point.main.mean.low, 12.706204736, 1e-6);
}

TEST(BuildReportTest, TransferIsTheDifferenceFromTheNullWorldAtTheSamePoint) {
  const Report report = BuildReport(SampleInputs());
  const SeriesPoint& point = SeriesOf(report, "topic.low").points[0];
  ASSERT_TRUE(point.transfer.has_value());
  EXPECT_NEAR(point.transfer->difference,
              point.main.mean.mean - point.controls.at("null-world").mean.mean, 1e-9);
  EXPECT_EQ(point.transfer->df, 2);  // three seeds and one control
  EXPECT_GT(point.transfer->low, 0);
  EXPECT_FALSE(SeriesOf(report, "topic.low").points[1].transfer.has_value())
      << "no control at xnli15";
  // Where less is better the sign is turned, so that positive is always transfer.
  for (const MeasureReport& measure : report.measures) {
    if (measure.measure.higher_is_better) continue;
    const auto& at = measure.points[0];
    EXPECT_NEAR(at.transfer->difference,
                at.target_controls.at("null-world").mean.mean - at.targets.mean.mean, 1e-9);
  }
}

TEST(BuildReportTest, SeedsThatAgreeGiveNoInterval) {
  ReportInputs inputs = SampleInputs();
  for (MetricRow& row : inputs.metrics) {
    if (row.name == "topic.accuracy" && row.task_key.find("|main|") != std::string::npos) {
      row.value = 1;
    }
    // A classifier that names one class for everything: not at chance to the digit, and no more.
    if (row.name == "xnli.accuracy" && row.language == "en") row.value = 0.34;
  }
  const Report report = BuildReport(inputs);
  const SeriesPoint& point = SeriesOf(report, "topic.low").points[0];
  const Measure& topic = FigureOf(report, "topic.accuracy").measure;
  EXPECT_EQ(ShowRange(topic, point.main), "seeds agree");
  EXPECT_EQ(ShowRange(topic, point.transfer), "seeds agree");
  EXPECT_EQ(point.main.variation, "pretraining seeds, which do not differ");
  EXPECT_EQ(VariationNote(FigureOf(report, "topic.accuracy")),
            "no interval: pretraining seeds, which do not differ");
  EXPECT_EQ(report.figures[0].measure.metric, "topic.accuracy") << "a ceiling moves";
  EXPECT_FALSE(report.measures[0].moves) << report.measures[0].verdict;
  EXPECT_THAT(report.headline,
              testing::Contains(HasSubstr(" (no interval: the seeds do not differ); ")));
  const auto json = ParseJson(WriteJson(report), "report");
  ASSERT_TRUE(json);
  const Json& at = (*json)["figures"][0]["series"][0]["points"][0];
  EXPECT_TRUE(at["main"]["low"].is_null());
  EXPECT_EQ(at["main"]["variation"], "pretraining seeds, which do not differ");
  EXPECT_TRUE(at["transfer"]["standard_error"].is_null());
  EXPECT_TRUE(at["transfer"]["high"].is_null());
  EXPECT_EQ(at["transfer"]["variation"], "pretraining seeds, which do not differ");
  for (const std::string& text : {WriteTerminal(report, {}), WriteMarkdown(report)}) {
    EXPECT_THAT(text, Not(HasSubstr("100.0 to 100.0")));
    EXPECT_THAT(text, HasSubstr("seeds agree"));
    EXPECT_THAT(text, HasSubstr("they may reach beyond 0 or 100 %"));
  }
}

TEST(BuildReportTest, TheHeadlineNamesFirstWhatMoves) {
  const auto order = [](const SampleOptions& options) {
    std::vector<std::string> names;
    for (const std::string& line : BuildReport(SampleInputs(options)).headline) {
      const std::size_t colon = line.find(": transfer");
      if (colon != std::string::npos) names.push_back(line.substr(0, colon));
    }
    return names;
  };
  EXPECT_THAT(order({}), ElementsAre("Topic accuracy", "XNLI accuracy"));
  EXPECT_THAT(order({.xnli_moves = true}), ElementsAre("XNLI accuracy", "Topic accuracy"));
}

TEST(BuildReportTest, MeasuresThatMoveLeadWhenThePapersStandsAtChance) {
  const Report report = BuildReport(SampleInputs());
  ASSERT_EQ(report.figures.size(), 3u);
  EXPECT_EQ(report.figures[0].measure.metric, "topic.accuracy");
  EXPECT_EQ(report.figures[1].measure.metric, "retrieval.accuracy");
  EXPECT_EQ(report.figures[2].measure.metric, "xnli.accuracy") << "never hidden";
  EXPECT_TRUE(report.figures[2].has_paper);
  EXPECT_THAT(report.lead_reason, HasSubstr("XNLI accuracy does not move here (at chance"));
}

TEST(BuildReportTest, ThePapersMeasureLeadsWhenItMoves) {
  const Report report = BuildReport(SampleInputs({.xnli_moves = true}));
  EXPECT_EQ(report.figures[0].measure.metric, "xnli.accuracy");
  EXPECT_THAT(report.lead_reason, IsEmpty());
}

TEST(BuildReportTest, ChanceComesFromTheMeasureOrFromTheConfig) {
  const Report report = BuildReport(SampleInputs());
  EXPECT_NEAR(*FigureOf(report, "xnli.accuracy").chance, 100.0 / 3, 1e-9);
  EXPECT_NEAR(*FigureOf(report, "retrieval.accuracy").chance, 0.5, 1e-9);  // one of 200 sentences
}

TEST(BuildReportTest, DevScoresAreNeverShown) {
  const Report report = BuildReport(SampleInputs());
  for (const SeriesPoint& point : SeriesOf(report, "low").points) {
    for (const auto& [seed, value] : point.main.by_seed)
      EXPECT_LT(value, 60);  // dev rows of the sample say 99
  }
}

TEST(BuildReportTest, ASeriesWhoseLanguagesAreNotPretrainedAtAPointSaysSo) {
  ReportInputs inputs = SampleInputs();
  Series& all15 = inputs.experiment.series.emplace_back();
  all15.id = "all15";
  all15.name = "all of XNLI";
  all15.metric = "xnli.accuracy";
  all15.languages = {"en", "vi", "th"};
  all15.companion = true;
  const Report report = BuildReport(inputs);
  const SeriesReport& series = SeriesOf(report, "all15");
  EXPECT_TRUE(series.points[0].main.empty());
  EXPECT_EQ(series.points[0].note, "2 of its 3 languages are not pretrained here");
  EXPECT_FALSE(series.points[1].main.empty());
  EXPECT_THAT(ValueNotes(report, FigureOf(report, "xnli.accuracy")),
              ElementsAre("all of XNLI at xlm7: 2 of its 3 languages are not pretrained here"));
  for (const std::string& text : {WriteTerminal(report, {}), WriteMarkdown(report)}) {
    EXPECT_THAT(text, HasSubstr("2 of its 3 languages are not pretrained here"));
  }
}

TEST(BuildReportTest, TheOtherLanguagesOfAPointAreCounted) {
  const Report report = BuildReport(SampleInputs());
  EXPECT_EQ(report.measures[0].points[0].target_count, 6u);
  EXPECT_EQ(report.measures[0].points[1].target_count, 14u);
}

TEST(BuildReportTest, SurfaceControlsReportTheWorstLanguage) {
  ReportInputs inputs = SampleInputs();
  const Report fine = BuildReport(inputs);
  ASSERT_EQ(fine.surface.size(), 3u);
  EXPECT_TRUE(fine.surface[0].within);
  for (MetricRow& row : inputs.metrics) {
    if (row.name == "control.surface_lookup.accuracy" && row.language == "ur" &&
        row.task_key == SampleKey("controls", "xnli15", "main", 0)) {
      row.value = 0.40;
    }
  }
  const Report leaky = BuildReport(inputs);
  EXPECT_FALSE(leaky.surface[1].within);
  EXPECT_EQ(leaky.surface[1].worst_where, "syn-ur, xnli15");
  EXPECT_NEAR(leaky.surface[1].largest_distance, 40 - 100.0 / 3, 1e-9);
}

TEST(BuildReportTest, ArtifactsOfAnotherBuildAreMarkedStale) {
  ReportInputs inputs = SampleInputs();
  inputs.tasks[SampleKey("pretrain", "xlm7", "main", 1)].build = "older";
  const Report report = BuildReport(inputs);
  EXPECT_THAT(report.provenance.stale_builds, ElementsAre("older (1 task)"));
  EXPECT_THAT(RunOf(report, "xlm7", "main", 1).stale, ElementsAre("pretrain xlm7 main seed 1"));
  EXPECT_THAT(RunNote(RunOf(report, "xlm7", "main", 1)),
              HasSubstr("stale: 1 task made by another build"));
  EXPECT_THAT(RunOf(report, "xlm7", "main", 2).stale, IsEmpty());
}

TEST(BuildReportTest, OnlyPretrainingAndWhatFollowsFromItCanBeStale) {
  ReportInputs inputs = SampleInputs();
  const std::string pretrain = SampleKey("pretrain", "xlm7", "main", 1);
  const std::string xnli = SampleKey("evaluate-xnli", "xlm7", "main", 1);
  inputs.plan[xnli].inputs = {{"model", pretrain}};
  inputs.tasks[xnli].build = "older";
  inputs.tasks[SampleKey("vocab", "xlm7", "main", 0)].build = "older";
  const Report report = BuildReport(inputs);
  EXPECT_THAT(report.provenance.stale_builds, ElementsAre("older (2 tasks)"));
  EXPECT_THAT(RunOf(report, "xlm7", "main", 1).stale,
              ElementsAre("evaluate-xnli xlm7 main seed 1"));
  EXPECT_THAT(RunOf(report, "xlm7", "main", 2).stale, IsEmpty());
}

TEST(BuildReportTest, WhatWasImportedIsSaidToBeImportedAndNotStale) {
  ReportInputs inputs = SampleInputs();
  const auto run = std::find_if(inputs.runs.begin(), inputs.runs.end(), [](const RunSpec& spec) {
    return spec.point == "xlm7" && spec.role == "main" && spec.pretrain_seed == 1;
  });
  ASSERT_TRUE(run != inputs.runs.end());
  for (const std::string& key : run->task_keys) {
    inputs.tasks[key].build = "older";
    inputs.imported[key] = {{"machine", "box"}};
  }
  const Report report = BuildReport(inputs);
  EXPECT_THAT(report.provenance.stale_builds, ElementsAre("older (6 tasks)"));
  EXPECT_THAT(RunOf(report, "xlm7", "main", 1).stale, IsEmpty());
  EXPECT_EQ(RunNote(RunOf(report, "xlm7", "main", 1)), "imported, made by build older");
  // The vocabulary and the controls belong to all its seeds.
  EXPECT_EQ(RunNote(RunOf(report, "xlm7", "main", 2)),
            "2 of 6 tasks imported, made by build older");
}

TEST(BuildReportTest, WhatAMeasureIsStandsAlone) {
  for (const Measure& measure : SampleInputs().measures) {
    EXPECT_THAT(measure.about, Not(HasSubstr("The same"))) << measure.metric;
  }
}

TEST(BuildReportTest, SourcesThatAreNotAtHandAreNamed) {
  ReportInputs inputs = SampleInputs();
  inputs.tasks.clear();
  inputs.metrics.clear();
  inputs.command = "repro run fig2 --scale paper";
  for (auto& [key, task] : inputs.plan) task.unresolved = "dataset wiki, 5 GB stated";
  const Report report = BuildReport(inputs);
  EXPECT_THAT(report.provenance.unresolved, ElementsAre("dataset wiki, 5 GB stated"));
  EXPECT_EQ(RunOf(report, "xlm7", "main", 1).state, "unresolved");
  EXPECT_EQ(report.next_steps[0].command, "repro plan fig2 --scale paper");
}

TEST(BuildReportTest, ARunThatDivergedComesWithItsOutputAndNotWithARunThatWouldNotRunIt) {
  ReportInputs inputs = SampleInputs();
  const std::string key = SampleKey("pretrain", "wiki30", "main", 2);
  inputs.tasks[key].state = "diverged";
  inputs.command = "repro run fig2 --scale desk --workspace /data/ws";
  const Report report = BuildReport(inputs);
  EXPECT_EQ(report.next_steps[0].what,
            "pretrain wiki30 main seed 2 diverged, and would again with the same settings; its "
            "output");
  EXPECT_EQ(report.next_steps[0].command,
            "repro logs " + key.substr(0, 12) + " --workspace /data/ws");
  EXPECT_THAT(
      report.next_steps,
      testing::Not(testing::Contains(Field(&NextStep::what, HasSubstr("runs are not complete")))));
}

TEST(BuildReportTest, DroppedPointsComeWithTheCommandThatRunsThem) {
  const Report report = BuildReport(SampleInputs());
  EXPECT_THAT(
      report.next_steps,
      testing::Contains(Field(
          &NextStep::command,
          "repro run fig2 --scale desk --set 'sweep.languages=[\"xlm7\", \"xnli15\", \"wiki30\", "
          "\"wiki60\", \"wiki100\"]'")));
}

TEST(BuildReportTest, ProvenanceNamesCommitMachineAndTimes) {
  const Provenance p = BuildReport(SampleInputs()).provenance;
  EXPECT_EQ(p.commit, "2df5ca4d1e2f");
  EXPECT_EQ(p.machine, "box, Test CPU, Debian 12, 2 cores");
  EXPECT_EQ(p.wall_seconds, 2940);
  EXPECT_EQ(p.invocations, 1u);
  EXPECT_EQ(p.tasks, p.tasks_done);
}

TEST(BuildReportTest, RunTimeSaysWhatItIsOf) {
  ReportInputs inputs = SampleInputs();
  const auto run_time = [&] {
    const auto facts = Facts(BuildReport(inputs));
    const auto found = std::find_if(facts.begin(), facts.end(),
                                    [](const auto& fact) { return fact.first == "Run time"; });
    return found == facts.end() ? "" : found->second;
  };
  inputs.invocations.push_back(inputs.invocations.front());
  EXPECT_THAT(run_time(), testing::StartsWith("1 h 38 min of wall time in 2 invocations of this "
                                              "manifest as it stands, "));
  for (InvocationRow& invocation : inputs.invocations) invocation.manifest_hash = "another";
  EXPECT_THAT(run_time(), testing::EndsWith(
                              "tasks; no invocation of this manifest as it stands is in the log"));
  EXPECT_THAT(run_time(), testing::Not(HasSubstr("wall time")));
}

TEST(BuildReportTest, OutsideACheckoutTheBuildStandsForTheCommit) {
  ReportInputs inputs = SampleInputs();
  inputs.invocations.at(0).provenance.erase("git");
  inputs.invocations.at(0).provenance["build"] = {{"id", "2df5ca4.gcc-12.2.0.release"}};
  EXPECT_EQ(BuildReport(inputs).provenance.commit, "of the build 2df5ca4.gcc-12.2.0.release");
}

TEST(VegaChartTest, FillsBothPanelsWithTheSameColoursAndControls) {
  const Report report = BuildReport(SampleInputs({.xnli_moves = true}));
  const Json specification = *LoadJson(std::filesystem::path(REPRO_REPORTS) / "chart.vega.json");
  const Json chart = VegaChart(report, report.figures[0], specification);
  std::map<std::string, int> kinds;
  for (const Json& row : chart["data"][0]["values"])
    ++kinds[fmt::format("{} {}", row["index"].get<int>(), row["kind"].get<std::string>())];
  EXPECT_EQ(kinds["0 mean"], 15);  // three series, five points of the paper
  EXPECT_EQ(kinds["0 stated"], 1);
  EXPECT_EQ(kinds["1 mean"], 9);  // three points ran
  EXPECT_EQ(kinds["1 seed"], 27);
  EXPECT_EQ(kinds["1 null-world"], 6);
  EXPECT_EQ(kinds["1 no-pretraining"], 6);
  EXPECT_EQ(kinds["1 gap"], 2);
  EXPECT_EQ(kinds["1 chance"], 1);
  const auto colors = SeriesColors(report);
  EXPECT_EQ(colors.at("low"), colors.at("topic.low"));
  EXPECT_NE(colors.at("low"), colors.at("high"));
}

TEST(VegaChartTest, PanelsSpanTheSameNumberOfPointsUnlessOneWouldBeFlat) {
  const ChartRanges steep = RangesOf(BuildReport(SampleInputs({.xnli_moves = true})).figures[0]);
  EXPECT_TRUE(steep.shared);
  EXPECT_NEAR(steep.paper_high - steep.paper_low, steep.run_high - steep.run_low, 1e-9);
  const ChartRanges flat = RangesOf(FigureOf(BuildReport(SampleInputs()), "xnli.accuracy"));
  EXPECT_FALSE(flat.shared);
}

}  // namespace
}  // namespace repro
