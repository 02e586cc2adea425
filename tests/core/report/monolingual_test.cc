// The readings are checked by hand: on a line over the logarithm of the amount.

#include "core/report/monolingual.h"

#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/report/text_writers.h"
#include "tests/core/report/sample.h"

namespace repro {
namespace {

using ::testing::HasSubstr;

constexpr const char* kMetric = "pseudo_bits.per_character";

// Two points with sw, three seeds each; 1 MB, 4 MB and 16 MB of Swahili alone, of which there are
// 8 MB.
class MonolingualTest : public ::testing::Test {
 protected:
  MonolingualTest() {
    inputs_ = SampleInputs();
    inputs_.runs.clear();
    inputs_.metrics.clear();
    inputs_.experiment.points.resize(2);
    inputs_.experiment.monolingual = {.metric = kMetric,
                                      .max_bytes = {{"sw", {1'000'000, 4'000'000, 16'000'000}}}};
    AddRun("xlm7", "main", {4.9, 5.0, 5.1});
    AddRun("xnli15", "main", {2.9, 3.0, 3.1});
    AddRun("sw-1000000", "monolingual", {5.0});
    AddRun("sw-4000000", "monolingual", {4.0});
    AddRun("sw-16000000", "monolingual", {2.0});
  }

  void AddRun(const std::string& point, const std::string& role, const std::vector<double>& bits) {
    int seed = 0;
    for (const double value : bits) {
      RunSpec run;
      run.point = point;
      run.role = role;
      run.pretrain_seed = ++seed;
      const std::string key = SampleKey("intrinsic", point, role, seed);
      run.task_keys = {key};
      inputs_.runs.push_back(run);
      inputs_.tasks[key].state = "done";
      inputs_.metrics.push_back({key, kMetric, "sw", "test", 0, -1, value});
      // The whole text; of a run alone, which learns its vocabulary from it, its part, too.
      Log(key, "corpus.bytes", 8e6);
      if (role == "monolingual") Log(key, "corpus.bytes", std::min(8e6, AmountOf(point)));
      Log(key, "pretrain.repeats", 2);
    }
  }

  void Log(const std::string& key, const std::string& metric, double value) {
    inputs_.metrics.push_back({key, metric, "sw", "", 0, -1, value});
  }

  static double AmountOf(const std::string& point) { return std::stod(point.substr(3)); }

  // What a metric of the sweep's points, or of all, becomes.
  void Set(const std::string& metric, double value) {
    for (MetricRow& row : inputs_.metrics) {
      if (row.name == metric && row.task_key.find("main") != std::string::npos) row.value = value;
    }
  }

  MonolingualReport Only() const {
    const Report report = BuildReport(inputs_);
    EXPECT_EQ(report.monolingual.size(), 1u);
    return report.monolingual.at(0);
  }

  PageTable OnlyTable() const { return MonolingualPanel({Only()}).tables.at(0); }

  ReportInputs inputs_;
};

TEST_F(MonolingualTest, APointReadsAsTheTextThatGivesItsValue) {
  const MonolingualReport sw = Only();
  EXPECT_TRUE(sw.complete);
  ASSERT_EQ(sw.readings.size(), 2u);
  EXPECT_NEAR(sw.readings[0].equivalent->x, 1e6, 1);
  // The largest amount is all that there is: half way from 4 MB to 8 MB, on a line over logarithms.
  EXPECT_NEAR(sw.readings[1].equivalent->x, 5.656854e6, 1);
  EXPECT_EQ(sw.readings[1].bytes, 8e6);
}

TEST_F(MonolingualTest, AnIntervalIsReadOffAtItsEnds) {
  const MonolingualReport sw = Only();
  // Mean 3.0, sd 0.1, t(0.975, 2) = 4.30265: 3.0 -+ 0.248414.
  EXPECT_NEAR(sw.readings[1].least->x, 4e6 * std::pow(2, (4 - 3.248414) / 2), 10);
  EXPECT_NEAR(sw.readings[1].most->x, 4e6 * std::pow(2, (4 - 2.751586) / 2), 10);
  // An end of the interval that lies above the whole curve is less than its smallest amount.
  EXPECT_EQ(sw.readings[0].least->side, ReadOff::Side::kBefore);
}

TEST_F(MonolingualTest, BelowTheTextThatItReadIsTheCurseAndAboveItTransfer) {
  const PageTable table = OnlyTable();
  EXPECT_EQ(table.rows[0].back().text, "the curse");
  EXPECT_EQ(table.rows[1].back().text, "the curse");
  Set("corpus.bytes", 3e6);  // of which all was read
  EXPECT_EQ(OnlyTable().rows[0].back().text, "the curse");
  EXPECT_EQ(OnlyTable().rows[1].back().text, "transfer");
  Set("corpus.bytes", 5.5e6);  // inside the interval, 5.19 MB to 6.17 MB
  EXPECT_EQ(OnlyTable().rows[1].back().text, "not told apart");
}

TEST_F(MonolingualTest, WhatCountsIsTheTextThatThereWasTimeToRead) {
  Set("pretrain.repeats", 0.5);
  const MonolingualReport sw = Only();
  EXPECT_EQ(sw.readings[1].bytes, 4e6);
  EXPECT_EQ(sw.readings[1].repeats, 0.5);
  EXPECT_EQ(OnlyTable().rows[1].back().text, "transfer");
}

TEST_F(MonolingualTest, BeyondTheCurveNothingIsToldButWhichSide) {
  Set("corpus.bytes", 0.2e6);  // less than the smallest amount, which reads as more than the value
  EXPECT_EQ(OnlyTable().rows[0].back().text, "not told apart");
  for (MetricRow& row : inputs_.metrics) {
    const bool best = row.name == kMetric && row.task_key.find("xnli15") != std::string::npos;
    if (best) row.value -= 2;
  }
  Set("corpus.bytes", 8e6);
  EXPECT_EQ(OnlyTable().rows[1][3].text, "> 7.63 MiB");
  EXPECT_EQ(OnlyTable().rows[1].back().text, "transfer");  // better than all of its text alone
  Set("corpus.bytes", 9e6);
  EXPECT_EQ(OnlyTable().rows[1].back().text, "not told apart");
  Set("corpus.bytes", 0);  // not known
  EXPECT_EQ(OnlyTable().rows[1].back().text, "");
}

TEST_F(MonolingualTest, NothingIsReadOffBeforeTheCurveIsComplete) {
  for (auto& [key, task] : inputs_.tasks) {
    if (key == SampleKey("intrinsic", "sw-4000000", "monolingual", 1)) task.state = "failed";
  }
  const MonolingualReport sw = Only();
  EXPECT_FALSE(sw.complete);
  EXPECT_FALSE(sw.readings[0].equivalent.has_value());
  EXPECT_THAT(OnlyTable().about, HasSubstr("5.000 bits at 977 KiB, 2.000 bits at 7.63 MiB; not run "
                                           "at 3.81 MiB. Nothing is read off"));
}

TEST_F(MonolingualTest, AmountsThatWereNotRunAreThoseThatWereAskedFor) {
  std::erase_if(inputs_.runs, [](const RunSpec& run) { return run.role == "monolingual"; });
  EXPECT_THAT(OnlyTable().about,
              HasSubstr("Models of sw alone: not run at 977 KiB, 3.81 MiB, 15.3 MiB."));
  const Json json = Json::parse(WriteJson(BuildReport(inputs_)));
  const Json& first = json["monolingual"][0]["curve"][0];
  EXPECT_TRUE(first["bytes"].is_null());
  EXPECT_EQ(first["asked_bytes"], 1'000'000);
}

TEST_F(MonolingualTest, EveryWriterShowsItWithTheNameOfTheLanguage) {
  const Report report = BuildReport(inputs_);
  for (const std::string& text : {WriteTerminal(report, {}), WriteMarkdown(report)}) {
    EXPECT_THAT(text, HasSubstr("sw (Swahili)"));
    EXPECT_THAT(text, HasSubstr("Models of sw alone"));
  }
  EXPECT_THAT(WriteTerminal(report, {}), HasSubstr("5.39 MiB"));
  EXPECT_THAT(WriteMarkdown(report), HasSubstr("5.39 MiB"));
  const Json json = Json::parse(WriteJson(report));
  EXPECT_NEAR(json["monolingual"][0]["readings"][1]["equivalent"]["bytes"].get<double>(),
              5.656854e6, 1);
  EXPECT_THAT(WriteCsv(report), HasSubstr("sw,sw-4000000,monolingual"));
}

}  // namespace
}  // namespace repro
