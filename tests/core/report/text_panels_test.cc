// What a report says of text: volume beside results, the funnel, the leak check, tables by
// language.

#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/report/html_writer.h"
#include "core/report/panels.h"
#include "core/report/text_writers.h"
#include "tests/core/report/sample.h"

namespace repro {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kStats = "statistics";

/// An experiment of one point that ends with its text: en and my, of which the paper's table has
/// two rows, and sw, which is left out.
ReportInputs TextInputs() {
  ReportInputs inputs;
  Experiment& experiment = inputs.experiment;
  experiment.id = "table6";
  experiment.item = "Table 6";
  experiment.world = "real text";
  experiment.scale = "lab";
  experiment.points = {{.id = "all", .sweep = {}, .languages = {"en", "my", "sw"}, .config = {}}};
  for (const auto& [code, name] :
       {std::pair("en", "English"), std::pair("my", "Burmese"), std::pair("sw", "Swahili")}) {
    experiment.languages[code].code = code;
    experiment.languages[code].name = name;
  }
  experiment.languages["my"].row = "my#1";
  experiment.row_names = {{"my#1", "Burmese"}, {"my#2", "Burmese (Zawgyi)"}};
  Series& shown = experiment.series.emplace_back();
  shown.id = "tokens";
  shown.name = "tokens (millions)";
  shown.metric = "corpus.million_tokens";
  shown.by_language = true;
  shown.relative_margin = 0.1;
  ReferenceItem paper;
  paper.item = "Table 6";
  paper.points = {"en", "my#1", "my#2", "sw"};
  ReferenceSeries tokens;
  tokens.id = "tokens";
  tokens.metric = "corpus.million_tokens";
  for (const auto& [row, value] : std::vector<std::pair<std::string, double>>{
           {"en", 55608}, {"my#1", 56}, {"my#2", 415}, {"sw", 275}}) {
    tokens.cells[row] = {.value = value, .uncertainty = 0, .method = "printed"};
  }
  paper.series = {tokens};
  inputs.reference = paper;
  RunSpec& run = inputs.runs.emplace_back();
  run.point = "all";
  run.pretrain_seed = 1;
  run.task_keys = {kStats};
  inputs.plan[kStats].key = kStats;
  TaskRow row;
  row.key = kStats;
  row.state = "done";
  inputs.tasks[kStats] = row;
  inputs.measures = LoadMeasures(std::string(REPRO_REPORTS) + "/measures.json").value();
  return inputs;
}

void Log(ReportInputs& inputs, const std::string& name, double value, const std::string& language) {
  inputs.metrics.push_back({kStats, name, language, "", 0, -1, value});
}

void LogText(ReportInputs& inputs, double shared) {
  for (const auto& [code, scale] : {std::pair("en", 10.0), std::pair("my", 1.0)}) {
    Log(inputs, "corpus.million_tokens", 0.25 * scale, code);
    Log(inputs, "corpus.documents", 3 * scale, code);
    Log(inputs, "corpus.bytes", 1024 * scale, code);
    Log(inputs, "corpus.sentences", 20 * scale, code);
    Log(inputs, "corpus.words", 200 * scale, code);
    Log(inputs, "funnel.0.read.bytes", 2048 * scale, code);
    Log(inputs, "funnel.0.read.lines", 30 * scale, code);
    Log(inputs, "funnel.2.evaluation.line of a test set.bytes", 1024 * scale, code);
    Log(inputs, "funnel.2.evaluation.line of a test set.lines", 10 * scale, code);
    Log(inputs, "funnel.3.kept.bytes", 1024 * scale, code);
    Log(inputs, "funnel.3.kept.lines", 20 * scale, code);
    Log(inputs, "leaks.lines", 20 * scale, code);
    Log(inputs, "leaks.shared_lines", shared, code);
  }
  Log(inputs, "corpus.bytes", 5, "sw");  // too little: left out, so no corpus.documents
  Log(inputs, "leaks.evaluation_lines", 1234, "");
}

Report TextReport(double shared = 0) {
  ReportInputs inputs = TextInputs();
  LogText(inputs, shared);
  return BuildReport(inputs);
}

TEST(LanguageFactsTest, RowsAreThePapersInItsOrder) {
  const LanguageFacts facts = TextReport().language_facts;
  ASSERT_EQ(facts.rows.size(), 4U);
  EXPECT_EQ(facts.rows[1].code, "my");  // my#1 by the row of languages.toml
  EXPECT_EQ(facts.rows[1].name, "Burmese");
  EXPECT_EQ(facts.rows[2].code, "my#2");  // nobody stands for it
  EXPECT_EQ(facts.rows[2].name, "Burmese (Zawgyi)");
  EXPECT_DOUBLE_EQ(facts.rows[0].cells[0].value.value(), 2.5);
  EXPECT_EQ(facts.rows[0].cells[0].state, CellState::kNotComparable);
  EXPECT_FALSE(facts.rows[3].cells[0].value);
  EXPECT_EQ(facts.rows[3].cells[0].state, CellState::kNotRun);
  EXPECT_EQ(facts.columns[0].measured, 2U);
  EXPECT_DOUBLE_EQ(facts.columns[0].total, 2.75);
  EXPECT_DOUBLE_EQ(facts.columns[0].paper_total, 55608 + 56 + 415 + 275);
}

TEST(LanguageFactsTest, OnlyThePapersOwnScaleIsComparedWithinTheMargin) {
  ReportInputs inputs = TextInputs();
  inputs.experiment.scale = "paper";
  Log(inputs, "corpus.million_tokens", 55608 * 1.09, "en");
  Log(inputs, "corpus.million_tokens", 56 * 1.2, "my");
  const LanguageFacts facts = BuildReport(inputs).language_facts;
  EXPECT_EQ(facts.rows[0].cells[0].state, CellState::kReproduced);
  EXPECT_EQ(facts.rows[1].cells[0].state, CellState::kNotReproduced);
  inputs.experiment.world = "babel";
  EXPECT_EQ(BuildReport(inputs).language_facts.rows[0].cells[0].state, CellState::kNotComparable);
}

TEST(CorpusPanelTest, VolumeIsOfTheLanguagesThatAreTrainedOn) {
  const Report report = TextReport();
  const TextVolume& volume = report.corpus.volumes.at("all");
  EXPECT_EQ(volume.languages, 2U);
  EXPECT_EQ(volume.bytes, 11 * 1024);
  EXPECT_EQ(volume.lines, 220);
  EXPECT_EQ(volume.words, 2200);
  EXPECT_FALSE(volume.seen_bytes);
  EXPECT_FALSE(volume.available_bytes);
  EXPECT_EQ(volume.left_out, (std::map<std::string, std::int64_t>{{"sw", 5}}));
  EXPECT_EQ(ShowVolume(report, "all"), "2 languages, 11.0 KiB");
  EXPECT_EQ(ShowVolume(report, "other"), "–");
}

TEST(CorpusPanelTest, SaysWhatIsHeldOutAndWhatLimitsLeftAndWhoIsLeftOut) {
  ReportInputs inputs = TextInputs();
  LogText(inputs, 0);
  Log(inputs, "corpus.available_bytes", 20'480, "en");
  Log(inputs, "corpus.available_bytes", 1'024, "my");
  Log(inputs, "corpus.available_bytes", 5, "sw");  // of no use to anyone
  Log(inputs, "corpus.heldout_sentences", 7, "en");
  const Report report = BuildReport(inputs);
  EXPECT_EQ(report.corpus.volumes.at("all").available_bytes, 21'504);
  EXPECT_EQ(report.corpus.volumes.at("all").heldout_lines, 7);
  const auto panels = ReportPanels(report);
  const auto text = std::find_if(panels.begin(), panels.end(), [](const ReportPanel& panel) {
    return panel.title == "Text that is trained on";
  });
  ASSERT_NE(text, panels.end());
  EXPECT_EQ(text->sentences.back(),
            "sw is left out at all: its 5 B of text are less than `corpus.min_bytes` asks for.");
}

// High and low go by bytes in this corpus, not by language code.
TEST(CorpusPanelTest, WhoHasMuchTextIsSaidAndSeriesAreHeldAgainstIt) {
  ReportInputs inputs = TextInputs();
  LogText(inputs, 0);  // en 10 KiB, my 1 KiB, sw 5 B: sw has least, and my is in the middle
  EXPECT_TRUE(BuildReport(inputs).corpus.halves.empty());  // nobody asked
  Series high, low;
  high.name = "much";
  high.languages = {"en"};
  high.text = "most";
  low.name = "little";
  low.languages = {"sw", "my"};
  low.text = "least";
  inputs.experiment.series = {high, low};
  const Report report = BuildReport(inputs);
  const TextHalves& halves = report.corpus.halves;
  EXPECT_EQ(halves.most, (std::vector<TextHalves::Language>{{"en", 10'240}}));
  EXPECT_EQ(halves.least, (std::vector<TextHalves::Language>{{"sw", 5}}));
  ASSERT_EQ(halves.misplaced.size(), 1U);
  EXPECT_EQ(halves.misplaced[0].language, "my");
  const auto panels = ReportPanels(report);
  const auto text = std::find_if(panels.begin(), panels.end(), [](const ReportPanel& panel) {
    return panel.title == "Text that is trained on";
  });
  ASSERT_NE(text, panels.end());
  EXPECT_TRUE(text->alarm);
  EXPECT_NE(
      std::find(text->sentences.begin(), text->sentences.end(),
                "The series \"little\" is of languages with the least text, and my is not one "
                "here."),
      text->sentences.end());
}

TEST(CorpusPanelTest, SaysWhatWasWrongWithTheFilesAndWhatIsAlmostATestSet) {
  ReportInputs inputs = TextInputs();
  LogText(inputs, 0);
  Log(inputs, "faults.utf-8", 3, "");
  Log(inputs, "faults.damaged", 1, "");
  Log(inputs, "leaks.alike_lines", 2, "en");
  const auto panels = ReportPanels(BuildReport(inputs));
  const auto text = std::find_if(panels.begin(), panels.end(), [](const ReportPanel& panel) {
    return panel.title == "Text that is trained on";
  });
  ASSERT_NE(text, panels.end());
  EXPECT_FALSE(text->alarm);
  EXPECT_THAT(text->sentences.front(), HasSubstr("2 have the letters of one, apart from"));
  EXPECT_THAT(text->sentences, testing::Contains(HasSubstr("passed over: 1 damaged, 3 utf-8;")));
}

TEST(CorpusPanelTest, SeenIsTextTimesRepeats) {
  ReportInputs inputs = TextInputs();
  LogText(inputs, 0);
  Log(inputs, "pretrain.repeats", 2, "en");
  Log(inputs, "pretrain.repeats", 8, "my");
  const Report report = BuildReport(inputs);
  EXPECT_EQ(report.corpus.volumes.at("all").seen_bytes, 2 * 10'240 + 8 * 1'024);
}

TEST(CorpusPanelTest, WhatWasReadIsWhatWasDroppedAndKept) {
  const Report report = TextReport();
  ASSERT_EQ(report.corpus.funnels.size(), 1U);
  const TextFunnel& funnel = report.corpus.funnels[0];
  ASSERT_EQ(funnel.steps.size(), 3U);
  EXPECT_EQ(funnel.steps[0].name, "read");
  EXPECT_EQ(funnel.steps[1].name, "evaluation");
  EXPECT_EQ(funnel.steps[1].reason, "line of a test set");
  EXPECT_EQ(funnel.steps[2].name, "kept");
  EXPECT_EQ(funnel.rows[0].language, "en");
  EXPECT_EQ(funnel.total.at[0].bytes, funnel.total.at[1].bytes + funnel.total.at[2].bytes);
  EXPECT_EQ(funnel.total.at[1].lines, 110);
}

TEST(CorpusPanelTest, PointsOfOneTextShareTheFunnel) {
  ReportInputs inputs = TextInputs();
  inputs.experiment.points.push_back(inputs.experiment.points[0]);
  inputs.experiment.points[1].id = "again";
  inputs.runs.push_back(inputs.runs[0]);
  inputs.runs[1].point = "again";
  LogText(inputs, 0);
  const Report report = BuildReport(inputs);
  ASSERT_EQ(report.corpus.funnels.size(), 1U);
  EXPECT_EQ(report.corpus.funnels[0].points, (std::vector<std::string>{"all", "again"}));
  EXPECT_EQ(report.corpus.leaks.size(), 2U);
}

TEST(CorpusPanelTest, LeaksAreLoudAndTheirAbsenceIsSaid) {
  const Report good = TextReport();
  const std::string sound =
      "No leak: none of 220 lines at all is among the 1,234 different lines of test sets";
  const std::string leak = "Leak: 6 of 220 lines at all are lines of test sets (en 3, my 3)";
  EXPECT_THAT(WriteTerminal(good, {.width = 200, .color = false}),
              AllOf(HasSubstr(sound), Not(HasSubstr("Leak:"))));
  EXPECT_EQ(LeakWarning(good.corpus), "");
  const Report bad = TextReport(3);
  EXPECT_THAT(bad.headline.front(), HasSubstr(leak));
  EXPECT_THAT(WriteTerminal(bad, {.width = 200, .color = true}), HasSubstr("\x1b[31m"));
  EXPECT_THAT(WriteMarkdown(bad), HasSubstr("**" + leak));
  const HtmlAssets assets = LoadHtmlAssets(REPRO_REPORTS).value();
  EXPECT_THAT(WriteHtml(bad, assets).value(), HasSubstr("<p class=\"alarm\">" + leak));
  EXPECT_THAT(WriteHtml(good, assets).value(),
              AllOf(HasSubstr(sound), Not(HasSubstr("<p class=\"alarm\""))));
}

TEST(CorpusPanelTest, EveryWriterHasTheNumbers) {
  const Report report = TextReport();
  EXPECT_THAT(WriteTerminal(report, {.width = 120, .color = false}),
              AllOf(HasSubstr("55,608"), HasSubstr("not comparable"), HasSubstr("█ kept")));
  EXPECT_THAT(WriteMarkdown(report),
              HasSubstr("| en | English | 2.500 | 55,608 | not comparable |"));
  const Json json = ParseJson(WriteJson(report), "report").value();
  EXPECT_EQ(json.at("text").at("leaks").at(0).at("shared_lines"), 0);
  EXPECT_EQ(json.at("text").at("funnels").at(0).at("total").at(2).at("bytes"), 11 * 1024);
  EXPECT_EQ(json.at("language_facts").at("languages").at(0).at("cells").at(0).at("paper"), 55608);
  const std::string csv = WriteCsv(report);
  EXPECT_THAT(csv, HasSubstr("language-fact,tokens,corpus.million_tokens,my,all,main,,0.25,"));
  EXPECT_THAT(csv,
              HasSubstr("funnel,evaluation:line of a test set,funnel.lines,en,all,main,,100,"));
  EXPECT_THAT(csv, HasSubstr("leaks,,leaks.shared_lines,,all,main,,0,"));
  EXPECT_THAT(csv, HasSubstr(",not comparable,3,11264\n"));
}

TEST(CorpusPanelTest, VolumeStandsBesideEveryResult) {
  ReportInputs inputs = SampleInputs();
  for (const Point& point : inputs.experiment.points) {
    for (const std::string& code : point.languages) {
      inputs.metrics.push_back(
          {SampleKey("vocab", point.id, "main", 0), "corpus.bytes", code, "", 0, -1, 1 << 20});
    }
  }
  const Report report = BuildReport(inputs);
  EXPECT_EQ(ShowVolume(report, "xlm7"), "7 languages, 7.00 MiB");
  EXPECT_THAT(WriteMarkdown(report), HasSubstr("| xlm7 | 7 languages, 7.00 MiB |"));
  EXPECT_THAT(WriteCsv(report), HasSubstr(",7,7340032\n"));
  const HtmlAssets assets = LoadHtmlAssets(REPRO_REPORTS).value();
  EXPECT_THAT(WriteHtml(report, assets).value(),
              HasSubstr("<td>xlm7<span class=\"range\">7 languages, 7.00 MiB</span></td>"));
  EXPECT_THAT(WriteTerminal(report, {.width = 120, .color = false}), HasSubstr("7.00 MiB"));
}

}  // namespace
}  // namespace repro
