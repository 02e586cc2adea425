#include <cstdlib>
#include <filesystem>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/text.h"
#include "core/io/file.h"
#include "core/report/html_writer.h"
#include "core/report/report_text.h"
#include "core/report/text_writers.h"
#include "core/report/unicode_chart.h"
#include "tests/core/golden_text.h"
#include "tests/core/report/sample.h"
#include "tests/core/temp_folder.h"

namespace repro {
namespace {

using testing::ExpectGoldenText;
using ::testing::HasSubstr;
using ::testing::Not;

std::string Page(const Report& report) {
  const auto assets = LoadHtmlAssets(REPRO_REPORTS);
  EXPECT_TRUE(assets) << assets.error().message;
  const auto page = WriteHtml(report, *assets);
  EXPECT_TRUE(page) << page.error().message;
  return *page;
}

const char* const kHostile =
    " <script>alert(1)</script> & \"quoted\" | `code` </script><img src=x onerror=1> \x1b[31m";

TEST(TerminalWriterTest, LooksAsRecorded) {
  ReportInputs inputs = SampleInputs();
  inputs.tasks[SampleKey("pretrain", "wiki30", "main", 2)].state = "diverged";
  ExpectGoldenText("report/terminal.txt", WriteTerminal(BuildReport(inputs), {.width = 100}));
}

TEST(TerminalWriterTest, KeepsToTheWidthWhereTextCanWrap) {
  const std::string text = WriteTerminal(BuildReport(SampleInputs()), {.width = 72});
  std::istringstream lines(text);
  std::string line;
  std::getline(lines, line);
  int charts = 0;
  while (std::getline(lines, line)) {
    if (line.find("┤") != std::string::npos) {
      ++charts;
      EXPECT_LE(DisplayWidth(line), 72u) << line;
    }
  }
  EXPECT_GT(charts, 10) << "panels stand below each other";
}

TEST(TerminalWriterTest, ColourIsOptionalAndTextCannotTakeTheTerminalOver) {
  const Report report = BuildReport(SampleInputs({.name_suffix = kHostile}));
  EXPECT_THAT(WriteTerminal(report, {.width = 100, .color = false}), Not(HasSubstr("\x1b")));
  const std::string colored = WriteTerminal(report, {.width = 100, .color = true});
  EXPECT_THAT(colored, HasSubstr("\x1b[1m"));
  EXPECT_THAT(colored, HasSubstr("onerror=1> \\x1b[31m"))
      << "an escape of a manifest is made visible";
}

TEST(UnicodeChartTest, DrawsPointsWhereTheirValuesAre) {
  UnicodePanel panel;
  panel.title = "t";
  panel.points = {"a", "b"};
  panel.low = 0;
  panel.high = 10;
  panel.lines = {{0, {10.0, 0.0}}};
  const std::vector<std::string> rows = DrawPanel(panel, 30, 6, false);
  ASSERT_EQ(rows.size(), 9u);  // title, six rows, axis, labels
  EXPECT_THAT(rows[1], HasSubstr("●"));
  EXPECT_THAT(rows[6], HasSubstr("●"));
  EXPECT_THAT(rows[3], Not(HasSubstr("●")));
  for (const std::string& row : rows) EXPECT_EQ(DisplayWidth(row), 30u) << row;
}

TEST(MarkdownWriterTest, LooksAsRecorded) {
  ExpectGoldenText("report/report.md",
                   WriteMarkdown(BuildReport(SampleInputs({.xnli_moves = true}))));
}

TEST(MarkdownWriterTest, TextFromAManifestIsNeitherMarkupNorHtml) {
  const std::string text = WriteMarkdown(BuildReport(SampleInputs({.name_suffix = kHostile})));
  EXPECT_THAT(text, Not(HasSubstr("<script>")));
  EXPECT_THAT(text, Not(HasSubstr("<img")));
  EXPECT_THAT(text, HasSubstr("&lt;script&gt;"));
  EXPECT_THAT(text, HasSubstr("\\| \\`code\\`"));
}

TEST(WritersTest, ColumnsThatNoPointHasAreLeftOut) {
  ReportInputs inputs = SampleInputs({.seeds = 1});  // one value has no interval
  std::erase_if(inputs.runs, [](const RunSpec& run) { return run.role != "main"; });
  const Report bare = BuildReport(inputs);
  const Report whole = BuildReport(SampleInputs());
  EXPECT_THAT(WriteTerminal(whole, {}), HasSubstr("this run  95 % interval  null world"));
  EXPECT_THAT(WriteTerminal(bare, {}), HasSubstr("this run"));
  for (const char* column : {"this run  95 % interval", "null world", "untrained"}) {
    EXPECT_THAT(WriteTerminal(bare, {}), Not(HasSubstr(column))) << column;
  }
  for (const char* column : {"Null world |", "No pretraining |", "From null world |",
                             "Others, null world |", "| Transfer |"}) {
    EXPECT_THAT(WriteMarkdown(whole), HasSubstr(column)) << column;
    EXPECT_THAT(WriteMarkdown(bare), Not(HasSubstr(column))) << column;
  }
  for (const char* column : {">Null world<", ">No pretraining<", ">From null world<",
                             ">Others, null world<", ">Transfer<"}) {
    EXPECT_THAT(Page(whole), HasSubstr(column)) << column;
    EXPECT_THAT(Page(bare), Not(HasSubstr(column))) << column;
  }
}

TEST(HtmlWriterTest, TextFromAManifestIsEscapedEverywhere) {
  const std::string plain = Page(BuildReport(SampleInputs()));
  const std::string hostile = Page(BuildReport(SampleInputs({.name_suffix = kHostile})));
  const auto count = [](const std::string& text, const std::string& what) {
    std::size_t n = 0;
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1))
      ++n;
    return n;
  };
  // Not one element more than without it, in the page as in the charts' JSON.
  EXPECT_EQ(count(hostile, "<script"), count(plain, "<script"));
  EXPECT_EQ(count(hostile, "</script"), count(plain, "</script"));
  EXPECT_EQ(count(hostile, "<img"), 0u);
  EXPECT_THAT(hostile, HasSubstr("&lt;script&gt;alert(1)"));
  EXPECT_THAT(hostile, HasSubstr("\\u003cscript>alert(1)"));
}

TEST(HtmlWriterTest, AsksNothingOfTheNetwork) {
  const std::string page = Page(BuildReport(SampleInputs()));
  for (const char* reference :
       {"src=\"http", "href=\"http", "@import", "url(http", "src=\"//", "fetch(\"http"}) {
    EXPECT_THAT(page, Not(HasSubstr(reference))) << reference;
  }
}

TEST(HtmlWriterTest, SaysStatesSeedsCommitAndCommands) {
  const std::string page = Page(BuildReport(SampleInputs()));
  for (const char* text :
       {"not comparable", "not run", "undecided", "2df5ca4d1e2f",
        "3 pretraining seeds × 1 fine-tuning seed", "repro run fig2 --scale desk", "Test CPU",
        "prefers-color-scheme: dark", "width=device-width", "6b7f0a1c2d3e4f50", "pretrain.updates",
        "62500, 250000"}) {
    EXPECT_THAT(page, HasSubstr(text)) << text;
  }
}

TEST(HtmlWriterTest, AMissingTemplateIsAnErrorThatNamesIt) {
  const auto assets = LoadHtmlAssets("/nonexistent/reports");
  ASSERT_FALSE(assets);
  EXPECT_THAT(assets.error().message, HasSubstr("/nonexistent/reports/templates/report.html"));
}

TEST(CsvWriterTest, HasARowForEachSeedMeanAndCellOfThePaper) {
  const std::string csv = WriteCsv(BuildReport(SampleInputs()));
  std::istringstream lines(csv);
  std::string line;
  std::getline(lines, line);
  const auto columns = [](const std::string& row) {
    bool quoted = false;
    int commas = 0;
    for (const char c : row) {
      if (c == '"') quoted = !quoted;
      if (c == ',' && !quoted) ++commas;
    }
    return commas;
  };
  const int expected = columns(line);
  int rows = 0;
  while (std::getline(lines, line)) {
    ++rows;
    EXPECT_EQ(columns(line), expected) << line;
  }
  EXPECT_GT(rows, 100);
  EXPECT_THAT(
      csv,
      HasSubstr("Figure 2,desk,babel,series,low,xnli.accuracy,syn-sw syn-ur,xlm7,paper,,62.9,"));
  EXPECT_THAT(csv, HasSubstr(",xlm7,main,mean,"));
  EXPECT_THAT(csv, HasSubstr("pretraining seeds,%,not comparable"));
}

TEST(CsvWriterTest, QuotesWhatASpreadsheetWouldRun) {
  ReportInputs inputs = SampleInputs();
  inputs.experiment.item = "=1+1,\"x\"";
  EXPECT_THAT(WriteCsv(BuildReport(inputs)), HasSubstr("\n\"'=1+1,\"\"x\"\"\",desk"));
}

TEST(JsonWriterTest, HoldsNumbersAndStates) {
  const auto json = ParseJson(WriteJson(BuildReport(SampleInputs())), "report");
  ASSERT_TRUE(json);
  EXPECT_EQ((*json)["claims"].size(), 3u);
  EXPECT_EQ((*json)["claims"][0]["state"], "undecided");
  EXPECT_TRUE((*json)["claims"][0]["p_holm"].is_null());
  EXPECT_EQ((*json)["figures"][2]["series"][0]["points"][0]["paper"]["value"], 62.9);
  EXPECT_EQ((*json)["figures"][2]["series"][0]["points"][0]["main"]["n"], 3);
  EXPECT_EQ((*json)["provenance"]["manifest_hash"], SampleInputs().experiment.hash);
}

TEST(ReportTextTest, NumbersHaveARealMinusAndNoSignOnNothing) {
  EXPECT_EQ(FormatNumber(-0.04, 1), "0.0");
  EXPECT_EQ(FormatNumber(-1.25, 2), "−1.25");
  EXPECT_EQ(FormatSigned(2, 1), "+2.0");
  EXPECT_EQ(FormatSigned(-0.001, 1), "0.0");
}

TEST(MeasuresTest, AnUnknownKindIsAnErrorThatNamesTheMeasure) {
  const std::filesystem::path path = std::filesystem::path(::testing::TempDir()) / "measures.json";
  ASSERT_TRUE(PutFile(
      path, R"({"measures": [{"metric": "m", "name": "M", "about": "", "kind": "guess"}]})"));
  const auto measures = LoadMeasures(path);
  ASSERT_FALSE(measures);
  EXPECT_THAT(measures.error().message, HasSubstr("measure 'm': unknown kind 'guess'"));
}

}  // namespace
}  // namespace repro
