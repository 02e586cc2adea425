// `repro data stats` on artifacts that the tasks' own code makes here of invented text.

#include <cstdlib>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/text.h"
#include "core/io/file_hashes.h"
#include "experiments/programs/data_command.h"
#include "experiments/tasks/clean/spec.h"
#include "experiments/tasks/clean/task.h"
#include "experiments/tasks/coded/spec.h"
#include "experiments/tasks/coded/task.h"
#include "experiments/tasks/evaluation_text/spec.h"
#include "experiments/tasks/evaluation_text/task.h"
#include "experiments/tasks/subset/spec.h"
#include "experiments/tasks/subset/task.h"
#include "tests/core/cli/command_runner.h"
#include "tests/core/temp_folder.h"
#include "tests/experiments/export_workspace.h"
#include "tests/experiments/task_fixture.h"

namespace repro {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using testing::CommandOutcome;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kHostile = "<script>alert('x')</script> \x1b[31mred\x1b[0m \u202eback";

/// A workspace, and the way to fill it.
class StatsWorkspace {
 protected:
  StatsWorkspace() : workspace_(root_ / "workspace") {}

  CommandOutcome Stats(std::vector<std::string> arguments, bool json = false) const {
    arguments.insert(arguments.begin(), "stats");
    Suite suite;
    suite.manifest_dir = root_ / "manifests";
    suite.report_dir = fs::path(REPRO_SOURCE_DIR) / "reports";
    return testing::RunCommand(&MakeDataCommand, root_ / "workspace", std::move(arguments), json,
                               suite);
  }

  /// A file of a data set, added to the lists of a task.
  void AddFile(SourceFilesSpec& files, const std::string& set, const std::string& name,
               const std::string& language, const std::string& content) {
    REPRO_CHECK(PutFile(root_ / "data" / set / name, content).has_value());
    info_["folders"][set] = (root_ / "data" / set).string();
    files.sets.push_back(set);
    files.parts.push_back("text");
    files.names.push_back(name);
    files.sha256.push_back(Sha256File(root_ / "data" / set / name).value());
    files.languages.push_back(language);
    files.layouts.push_back("text");
    for (auto* const list : {&files.fields, &files.id_fields, &files.contents}) {
      list->emplace_back();
    }
    files.encodings.push_back("utf-8");
    files.prefixes.push_back(false);
  }

  /// Does the work and puts the artifact into the workspace.
  template <class Spec>
  std::string Do(TaskFunction function, const std::string& kind, const std::string& label,
                 const Spec& spec, const std::map<std::string, std::string>& inputs = {}) {
    const auto fill = [&](const fs::path& staging) {
      testing::TaskFixture task(root_ / "work" / std::to_string(kinds_.size()));
      task.task.info = info_;
      for (const auto& [role, key] : inputs) {
        task.inputs[role] = workspace_.store().Folder(kinds_.at(key), key);
      }
      const Status done = task.Run(function, spec);
      ASSERT_TRUE(done) << done.error().message;
      fs::copy(task.out(), staging, fs::copy_options::recursive);
    };
    const std::string key = workspace_.AddTask(kind, label, ToJson(spec), inputs, fill);
    kinds_[key] = kind;
    return key;
  }

  std::string DoEvaluationText(const std::string& lines, bool letters = false) {
    EvaluationTextSpec spec;
    spec.letters = letters;
    AddFile(spec.files, "quiz", "quiz.txt", "en", lines);
    return Do(&RunEvaluationTextTask, "evaluation_text",
              letters ? "evaluation text, its letters" : "evaluation text", spec);
  }
  std::string DoClean(const SourceFilesSpec& files, const std::vector<std::string>& stages,
                      const std::map<std::string, std::string>& inputs,
                      const std::string& label = "clean made") {
    CleanSpec spec;
    spec.files = files;
    spec.settings.stages = stages;
    spec.settings.min_characters = 8;
    return Do(&RunCleanTask, "clean", label, spec, inputs);
  }

  /// Two languages of two data sets, through three stages.
  std::string DoSmallRun() {
    const std::string quiz = DoEvaluationText("Where is the well?\n");
    SourceFilesSpec files;
    AddFile(files, "alpha", "en.txt", "en",
            "Shared menu\nThe first line.\n\nWhere is the WELL?\n\nShort\n");
    AddFile(files, "beta", "en.txt", "en", "shared MENU\nThe second line.\n");
    AddFile(files, "beta", "sw.txt", "sw", "Mstari wa kwanza.\nBad \xff byte.\n");
    DoClean(files, {"length", "repeated", "evaluation"}, {{"evaluation", quiz}});
    return workspace_.AddRun();
  }

  TempFolder root_;
  testing::ExportWorkspace workspace_;
  Json info_ = Json::object();
  std::map<std::string, std::string> kinds_;  // by key
};

/// In a terminal of 120 columns that shows UTF-8.
class TerminalTest : public ::testing::Test {
 protected:
  TerminalTest() {
    Width(120);
    ::setenv("LC_ALL", "C.UTF-8", 1);
  }
  ~TerminalTest() override {
    ::unsetenv("COLUMNS");
    ::unsetenv("LC_ALL");
  }
  static void Width(int columns) { ::setenv("COLUMNS", std::to_string(columns).c_str(), 1); }
};

class DataStatsTest : public TerminalTest, protected StatsWorkspace {};

/// Tests that read one run.
class SmallRunTest : public TerminalTest {
 protected:
  struct Shared : StatsWorkspace {
    using StatsWorkspace::root_;
    using StatsWorkspace::Stats;
    const std::string run = DoSmallRun();
  };
  static void SetUpTestSuite() { shared_ = std::make_unique<Shared>(); }
  static void TearDownTestSuite() { shared_.reset(); }

  static CommandOutcome Stats(std::vector<std::string> flags = {}, bool json = false) {
    flags.insert(flags.begin(), shared_->run);
    return shared_->Stats(std::move(flags), json);
  }
  static std::string File(const std::string& name) { return shared_->root_ / name; }

  static std::unique_ptr<Shared> shared_;
};
std::unique_ptr<SmallRunTest::Shared> SmallRunTest::shared_;

/// All lines but the drawn bars: their characters are tested in tests/core/report.
std::string WithoutBars(const std::string& text) {
  std::istringstream lines(text);
  std::string kept;
  for (std::string line; std::getline(lines, line);) {
    if (line.find("█") == std::string::npos && line.find("▓") == std::string::npos &&
        line.find("░") == std::string::npos) {
      kept += line + '\n';
    }
  }
  return kept;
}

TEST_F(SmallRunTest, FunnelOfARunByLanguage) {
  const CommandOutcome outcome = Stats({});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(WithoutBars(outcome.out),
            R"(clean made: 100 B in 2 languages read, 51 B (51.0 %) kept

language   read      length      repeated    evaluation          kept
en         82 B  6 B  7.3 %  24 B  29.3 %  19 B  23.2 %  33 B  40.2 %
sw         18 B    0 B  0 %      0 B  0 %      0 B  0 %   18 B  100 %
all       100 B  6 B  6.0 %  24 B  24.0 %  19 B  19.0 %  51 B  51.0 %


dropped by  reason              documents  lines  bytes
length      short                       1      1    6 B
repeated    repeated line               0      2   24 B
evaluation  line of a test set          0      1   19 B
evaluation  nothing left                1      0    0 B

wrong with the input: 1 utf-8, e.g. beta/sw.txt: byte 18: no UTF-8: `Bad \xff byte.`
4 rejects to be read (length 1, repeated 2, evaluation 1): repro data stats 1 --rejects [STAGE[:REASON]]
)");
  EXPECT_THAT(outcome.out, HasSubstr("█ kept  ▓ dropped by length  ▒ dropped by repeated"));
}

TEST_F(SmallRunTest, FunnelFitsSixtyColumns) {
  Width(60);
  const CommandOutcome outcome = Stats({});
  EXPECT_THAT(outcome.out, HasSubstr(R"(
language   read  length  repeated  evaluation    kept
en         82 B     6 B      24 B        19 B    33 B
                  7.3 %    29.3 %      23.2 %  40.2 %
sw         18 B     0 B       0 B         0 B    18 B
                    0 %       0 %         0 %   100 %
all       100 B     6 B      24 B        19 B    51 B
                  6.0 %    24.0 %      19.0 %  51.0 %
)"));
  std::istringstream lines(outcome.out);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(DisplayWidth(line), 60U) << line;
}

TEST_F(SmallRunTest, FunnelByDataSetInLines) {
  const CommandOutcome outcome = Stats({"--by", "set", "--unit", "lines"});
  EXPECT_THAT(outcome.out, HasSubstr(R"(clean made: 7 lines in 2 languages read, 3 (42.9 %) kept

language  set    read     length   repeated  evaluation       kept
en        alpha     4  1  25.0 %  1  25.0 %   1  25.0 %  1  25.0 %
en        beta      2     0  0 %  1  50.0 %      0  0 %  1  50.0 %
sw        beta      1     0  0 %     0  0 %      0  0 %   1  100 %
all                 7  1  14.3 %  2  28.6 %   1  14.3 %  3  42.9 %
)"));
  const Json json = Stats({"--by", "set"}, true).json();
  EXPECT_EQ(json.at("rows").at(1).at("set"), "beta");
}

TEST_F(SmallRunTest, EverythingReadIsKeptOrDroppedUnderAReason) {
  const Json json = Stats({}, true).json();
  EXPECT_EQ(json.at("stages"), (Json{"length", "repeated", "evaluation"}));
  EXPECT_EQ(json.at("rows").size(), 2U);
  EXPECT_EQ(json.at("rows").at(0).at("dropped").at("evaluation").at("line of a test set"),
            (Json{{"documents", 0}, {"lines", 1}, {"bytes", 19}}));
  std::vector<Json> rows = json.at("rows");
  rows.push_back(json.at("total"));
  for (const Json& row : rows) {
    for (const char* unit : {"documents", "lines", "bytes"}) {
      std::int64_t sum = row.at("kept").at(unit);
      for (const Json& stage : row.at("dropped")) {
        for (const Json& reason : stage) sum += reason.at(unit).get<std::int64_t>();
      }
      EXPECT_EQ(row.at("read").at(unit), sum) << unit << " of " << row.dump();
    }
  }
  EXPECT_EQ(json.at("notes").at("utf-8").at("count"), 1);
  EXPECT_EQ(json.at("rejects"), (Json{{"length", 1}, {"repeated", 2}, {"evaluation", 1}}));
}

TEST_F(SmallRunTest, CsvHasEveryNumber) {
  const std::string file = File("funnel.csv");
  ASSERT_EQ(Stats({"--csv", file}).code, 0);
  EXPECT_EQ(ReadFile(file).value(), R"(set,language,step,reason,documents,lines,bytes
alpha,en,read,,3,4,53
alpha,en,length,short,1,1,6
alpha,en,repeated,repeated line,0,1,12
alpha,en,evaluation,line of a test set,0,1,19
alpha,en,evaluation,nothing left,1,0,0
alpha,en,kept,,1,1,16
beta,en,read,,1,2,29
beta,en,repeated,repeated line,0,1,12
beta,en,kept,,1,1,17
beta,sw,read,,1,1,18
beta,sw,kept,,1,1,18
)");
}

TEST_F(SmallRunTest, RejectsAreThereToBeRead) {
  EXPECT_EQ(Stats({"--rejects"}).out, R"(length: short, en (1 of 1 kept)
  alpha: en.txt#49
    Short

repeated: repeated line, en (2 of 2 kept)
  beta: en.txt#0
    shared MENU
  alpha: en.txt#0
    Shared menu

evaluation: line of a test set, en (1 of 1 kept)
  alpha: en.txt#29
    Where is the WELL?
)");
  EXPECT_EQ(Stats({"--rejects", "repeated:repeated line", "-n", "1"}).out,
            "repeated: repeated line, en (1 of 2 kept)\n  beta: en.txt#0\n    shared MENU\n");
  const Json json = Stats({"--rejects", "length"}, true).json();
  ASSERT_EQ(json.at("rejects").size(), 1U);
  EXPECT_EQ(json.at("rejects").at(0).at("text"), "Short");
  EXPECT_EQ(json.at("rejects").at(0).at("reason"), "short");

  EXPECT_EQ(Stats({"--rejects", "language"}).out,
            "no rejects of 'language' are kept, but of \"evaluation:line of a test set\", "
            "\"length:short\", \"repeated:repeated line\"");
  EXPECT_EQ(Stats({"--rejects", "--language", "sw"}).out, "no such rejects in 'sw' are kept");
  EXPECT_EQ(Stats({"--language", "sw"}).out, "--language is for --rejects");
}

TEST_F(DataStatsTest, HostileTextIsHarmlessEverywhere) {
  SourceFilesSpec files;
  const std::string line = std::string(kHostile) + "\n";
  AddFile(files, "=evil<b>", "a\x1b[31m<i>.txt", "en", line + "\n" + line + "bad\xff\x1b[2J\n");
  DoClean(files, {"repeated"}, {}, "clean <img src=x> \x1b]0;title\x07");
  const std::string run = workspace_.AddRun();
  const std::string html = root_ / "page.html", csv = root_ / "funnel.csv";
  std::vector<std::string> outputs;
  for (const std::vector<std::string>& flags : std::vector<std::vector<std::string>>{
           {}, {"--by", "set"}, {"--rejects"}, {"--html", html, "--csv", csv, "--by", "set"}}) {
    std::vector<std::string> arguments = {run};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    const CommandOutcome outcome = Stats(arguments);
    ASSERT_EQ(outcome.code, 0) << outcome.out;
    outputs.push_back(outcome.out);
  }
  EXPECT_THAT(outputs[2],
              HasSubstr("<script>alert('x')</script> \\x1b[31mred\\x1b[0m \\u202eback"));
  outputs.push_back(ReadFile(csv).value());
  EXPECT_THAT(outputs.back(), HasSubstr("\n'=evil<b>,en,read"));
  const std::string page = ReadFile(html).value();
  outputs.push_back(page.substr(page.find("<main>")).substr(0, page.rfind("<script>")));
  for (const std::string& output : outputs) {
    EXPECT_THAT(output, AllOf(Not(HasSubstr("\x1b")), Not(HasSubstr("\x07")),
                              Not(HasSubstr("\u202e")), Not(HasSubstr("\xff"))));
  }
  EXPECT_THAT(page, AllOf(Not(HasSubstr("<script>alert")), Not(HasSubstr("<img")),
                          Not(HasSubstr("=evil<b>")), HasSubstr("&lt;script&gt;alert(")));
}

TEST_F(SmallRunTest, PageHasTheTableTheChartAndRejects) {
  const std::string html = File("page.html");
  ASSERT_EQ(Stats({"--html", html}).code, 0);
  const std::string page = ReadFile(html).value();
  for (const char* text :
       {"100 B in 2 languages read, 51 B (51.0 %) kept.", "dropped by repeated",
        "data-spec=\"chart\"", "<td class=\"n\">24 B <span class=\"range\">29.3 %</span></td>",
        "<td>repeated line</td>", "Where is the WELL?",
        "\"names\",\"value\":[\"en\",\"sw\",\"all\"]"}) {
    EXPECT_THAT(page, HasSubstr(text));
  }
  EXPECT_THAT(page, Not(HasSubstr("src=\"http")));
}

TEST_F(DataStatsTest, ARunGoesByItsNumberItsExperimentOrATasksKey) {
  const std::string quiz = DoEvaluationText("Where is the well?\n");
  SourceFilesSpec files;
  AddFile(files, "alpha", "en.txt", "en", "One line.\n\nTwo lines.\n");
  const std::string clean = DoClean(files, {"evaluation"}, {{"evaluation", quiz}});
  const std::string text = Do(&RunSubsetTask, "subset", "text en",
                              SubsetSpec{.language = "en", .settings = {}}, {{"clean", clean}});
  EXPECT_THAT(Stats({"m"}).out, HasSubstr("'m' is neither a run number"));
  const std::string by_number = Stats({workspace_.AddRun()}, true).out;
  EXPECT_EQ(Stats({"m"}, true).out, by_number);
  EXPECT_EQ(Stats({clean.substr(0, 8)}, true).out, by_number);
  EXPECT_EQ(Stats({text.substr(0, 8)}, true).out, by_number);  // what it was made from
  EXPECT_THAT(Stats({quiz.substr(0, 8)}).out, HasSubstr("no `clean` task is among its tasks"));
  EXPECT_THAT(Stats({"77"}).out, HasSubstr("no run 77"));

  const std::string other = DoClean(files, {"length"}, {}, "clean again");
  workspace_.AddRun();
  const CommandOutcome several = Stats({"1"});
  EXPECT_EQ(several.error.code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(several.out, AllOf(HasSubstr("run 1 has several cleaned texts"),
                                 HasSubstr(other.substr(0, 12) + "  clean again")));
  const std::string waiting =
      workspace_.AddWaitingTask("clean", "clean later", ToJson(CleanSpec{}), {});
  EXPECT_THAT(Stats({waiting.substr(0, 8)}).out,
              HasSubstr("'clean later' has left nothing yet (it is waiting)"));
}

TEST_F(DataStatsTest, ADamagedArtifactIsNamed) {
  SourceFilesSpec files;
  AddFile(files, "alpha", "en.txt", "en", "One line.\n");
  const std::string clean = DoClean(files, {"length"}, {});
  workspace_.AddRun();
  const fs::path path = workspace_.store().Folder("clean", clean) / "funnel.json";
  const std::string good = ReadFile(path).value();
  std::string bad = good;
  bad.replace(bad.find("\"kept\""), 6, "\"KEPT\"");  // as many bytes
  ASSERT_TRUE(PutFile(path, bad));
  EXPECT_EQ(Stats({"1"}).out, path.string() + ": funnel: key 'kept' not found");
}

/// Text with 40 documents, each of which has a line of its own.
std::string ManyDocuments(const std::string& word) {
  std::string text;
  for (int i = 0; i < 40; ++i) {
    text += fmt::format("The {} number {} is here.\n\n", word,
                        std::string(1 + i % 7, 'x') + char('a' + i % 26) + char('a' + i / 26));
  }
  return text;
}

class LeakTest : public DataStatsTest {
 protected:
  /// A run whose `clean` task has these stages; its English holds a line of the test set twice.
  void DoRun(const std::vector<std::string>& stages) {
    const std::string quiz = DoEvaluationText("Where is the well?\nWho dug it?\n");
    SourceFilesSpec files;
    AddFile(files, "alpha", "en.txt", "en",
            ManyDocuments("cart") + "where is the WELL?\n\nWhere is the Well?\nOwn line.\n");
    AddFile(files, "alpha", "sw.txt", "sw", ManyDocuments("gari"));
    clean_ = DoClean(files, stages, {{"evaluation", quiz}});
    SubsetSettings settings;
    settings.heldout_share = 0;
    for (const char* language : {"en", "sw"}) {
      Do(&RunSubsetTask, "subset", fmt::format("text {}", language),
         SubsetSpec{.language = language, .settings = settings}, {{"clean", clean_}});
    }
  }
  std::string clean_;
};

TEST_F(LeakTest, WhatTheStageKeptOutIsNotThere) {
  DoRun({"evaluation"});
  const CommandOutcome outcome = Stats({workspace_.AddRun(), "--leaks"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.out, R"(language  lines  of test sets  looked at  task
en           41             0  text.txt   text en
sw           40             0  text.txt   text sw

No line of these texts is among the 2 different lines of quiz (normalised).
)");
  const Json json = Stats({"1", "--leaks"}, true).json();
  EXPECT_TRUE(json.at("ok"));
  EXPECT_EQ(json.at("evaluation_lines"), 2);
  EXPECT_EQ(json.at("texts").at(1).at("lines"), 40);
}

TEST_F(LeakTest, APlantedLineIsFoundAndShown) {
  DoRun({"length"});
  const std::string csv = root_ / "leaks.csv";
  const CommandOutcome outcome = Stats({workspace_.AddRun(), "--leaks", "--csv", csv});
  EXPECT_EQ(outcome.code, 3);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("en           43             2  text.txt   text en"),
                                 HasSubstr("text.txt:81: where is the WELL?"),
                                 HasSubstr("Leak: 2 lines of these texts are among the 2")));
  EXPECT_THAT(ReadFile(csv).value(), HasSubstr(",text.txt,43,2,\n"));
  const Json json = Stats({"1", "--leaks"}, true).json();
  EXPECT_FALSE(json.at("ok"));
  EXPECT_EQ(json.at("shared_lines"), 2);
  EXPECT_EQ(json.at("texts").at(0).at("examples").at(1).at("text"), "Where is the Well?");
}

// What normalised lines do not show: other quotes, spaces, full stops.
TEST_F(LeakTest, LinesWithTheLettersOfATestSetAreCountedApart) {
  DoRun({"evaluation"});
  DoEvaluationText("“Own line”\nWho dug it?\n", /*letters=*/true);
  const CommandOutcome outcome = Stats({workspace_.AddRun(), "--leaks"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.out,
              HasSubstr("en           41             0           1  text.txt   text en"));
  EXPECT_THAT(outcome.out, HasSubstr("1 line has the letters and digits of one of them"));
  EXPECT_THAT(outcome.out, HasSubstr("en, of text en, by letters:\n  text.txt:81: Own line.\n"));
  const Json json = Stats({"1", "--leaks"}, true).json();
  EXPECT_EQ(json.at("alike_lines"), 1);
  EXPECT_TRUE(json.at("texts").at(0).at("examples").empty());
  EXPECT_EQ(json.at("texts").at(0).at("alike_examples").at(0).at("text"), "Own line.");
}

TEST_F(LeakTest, CodedLanguagesAreLookedAtBeforeTheyAreRecoded) {
  DoRun({"length"});
  const std::string types = Do(&RunCodedTypesTask, "coded_types", "types",
                               CodedTypesSpec{.types = 100}, {{"clean", clean_}});
  CodedSpec spec;
  spec.coded.slices = 2;
  spec.settings.heldout_share = 0;
  std::int64_t trained = 0;
  for (const std::int64_t language : {0, 1}) {
    spec.language = language;
    const std::string key = Do(&RunCodedTask, "coded", fmt::format("coded {}", language), spec,
                               {{"clean", clean_}, {"types", types}});
    trained += LoadJson(workspace_.store().Folder("coded", key) / "stats.json")
                   .value()
                   .at("sentences")
                   .get<std::int64_t>();
  }
  EXPECT_EQ(trained, 43);
  const CommandOutcome outcome = Stats({workspace_.AddRun(), "--leaks"}, true);
  EXPECT_EQ(outcome.code, 3);
  std::int64_t lines = 0, shared = 0;
  const Json json = outcome.json();
  for (const Json& text : json.at("texts")) {
    if (!text.at("before_recoding")) continue;
    EXPECT_EQ(text.at("language").get<std::string>().substr(0, 2), "en");
    lines += text.at("lines").get<std::int64_t>();
    shared += text.at("shared_lines").get<std::int64_t>();
  }
  EXPECT_EQ(lines, 43);  // both slices, which are all of it
  EXPECT_EQ(shared, 2);
  EXPECT_THAT(Stats({"1", "--leaks"}).out, HasSubstr("English before recoding  coded 1"));
}

TEST_F(LeakTest, WhatIsNotMadeYetIsSaidAndNoSuccess) {
  DoRun({"evaluation"});
  workspace_.AddWaitingTask("subset", "text ur",
                            ToJson(SubsetSpec{.language = "ur", .settings = {}}),
                            {{"clean", clean_}});
  const CommandOutcome outcome = Stats({workspace_.AddRun(), "--leaks"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("nothing: it is not made yet"),
                                 HasSubstr("No line of the other texts is among")));
}

TEST_F(LeakTest, WithoutEvaluationTextNothingCanBeSaid) {
  SourceFilesSpec files;
  AddFile(files, "alpha", "en.txt", "en", "One line.\n");
  DoClean(files, {"length"}, {});
  const CommandOutcome outcome = Stats({workspace_.AddRun(), "--leaks"});
  EXPECT_EQ(outcome.error.code, ErrorCode::kNotFound);
  EXPECT_THAT(outcome.out, HasSubstr("run 1 has no task that collects evaluation text"));
}

/// The manifest of a data set of text, a file a language.
std::string TextSet(const std::string& title) {
  return "title = \"" + title + R"("
kind = "text"
use = "pretraining"
licence = "CC0 1.0"
homepage = "https://example.org"
how_to_get = "Write them."
[[part]]
name = "text"
layout = "text"
files = ["{language}.txt"]
)";
}

/// What stands before the parts of a test set.
std::string TestSet(const std::string& title, const std::string& kind) {
  return "title = \"" + title + "\"\nkind = \"" + kind + R"("
use = "evaluation"
licence = "CC0 1.0"
homepage = "https://example.org"
how_to_get = "Write it."
)";
}

class DatasetStatsTest : public DataStatsTest {
 protected:
  void PutSet(const std::string& id, const std::string& toml) {
    ASSERT_TRUE(PutFile(root_ / "manifests" / "datasets" / (id + ".toml"), "schema = 1\n" + toml));
  }
  void PutData(const std::string& set, const std::string& name, const std::string& content) {
    ASSERT_TRUE(PutFile(root_ / "workspace" / "data" / set / name, content));
  }
  void PutQuiz() {
    PutSet("quiz", TestSet("Quiz", "nli") + R"([[part]]
name = "dev"
layout = "xtreme-xnli"
files = ["dev-{language}.tsv"]
examples = 4
[[part]]
name = "test"
layout = "xtreme-xnli"
files = ["test-{language}.tsv"]
)");
    PutData("quiz", "dev-en.tsv",
            "Two cats sleep.\tCats sleep.\tentailment\nIt rains.\tIt is dry.\tcontradiction\n");
    PutData("quiz", "dev-sw.tsv", "Mvua inanyesha.\tKuna jua.\tcontradictory\na b\tc\tneutral\n");
  }
};

TEST_F(DatasetStatsTest, ExamplesByPartLanguageAndLabel) {
  PutQuiz();
  const CommandOutcome outcome = Stats({"quiz"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.out, R"(Quiz

part  language  examples  sentences  words  labels or phrases
dev   en               2          4     10  contradiction 1, entailment 1
dev   sw               2          4      7  contradiction 1, neutral 1
all                    4          8     17  contradiction 2, entailment 1, neutral 1

quiz, `test`: no file of it is at hand
)");
  const Json dev = Stats({"quiz"}, true).json().at("parts").at(0);
  EXPECT_EQ(dev.at("stated_examples"), 4);
  EXPECT_EQ(dev.at("rows").at(1), (Json{{"language", "sw"},
                                        {"examples", 2},
                                        {"sentences", 4},
                                        {"words", 7},
                                        {"labels", {{"contradiction", 1}, {"neutral", 1}}}}));

  PutData("quiz", "test-en.tsv", "One.\tTwo.\tneutral\nThree.\tFour.\tmaybe<b>\x1b[2J\n");
  PutData("quiz", "dev-sw.tsv", "Mvua inanyesha.\tKuna jua.\tcontradiction\n");
  const std::string csv = root_ / "quiz.csv";
  const std::string text = Stats({"quiz", "--csv", csv}).out;
  EXPECT_THAT(text, AllOf(HasSubstr("quiz, `dev`: 3 examples, the manifest says there are 4"),
                          HasSubstr("quiz, `test`: left out: 1 unknown-label, e.g."),
                          HasSubstr("maybe<b>\\x1b[2J"), Not(HasSubstr("\x1b"))));
  EXPECT_THAT(ReadFile(csv).value(), HasSubstr("quiz,dev,sw,label contradiction,1\n"
                                               "quiz,test,en,examples,1\n"));
  EXPECT_THAT(ReadFile(csv).value(), HasSubstr("quiz,test,,left out unknown-label,1\n"));
}

TEST_F(DatasetStatsTest, DocumentsByLanguageAndOfAMixture) {
  PutSet("books", TextSet("Books"));
  PutData("books", "en.txt", "One line.\nTwo  words here.\n\nNext.\n");
  PutData("books", "sw.txt", "Mstari mmoja.\nBad \xff byte.\n");
  PutSet("both", R"(title = "Both"
kind = "mixture"
use = "pretraining"
[[take]]
set = "books"
languages = ["sw"]
)");
  EXPECT_EQ(Stats({"books"}).out, R"(Books

part  language  documents  lines  bytes  words
text  en                2      3   33 B      6
text  sw                1      1   14 B      2
all                     3      4   47 B      8

books, `text`: wrong with the input: 1 utf-8, e.g. books/sw.txt: byte 14: no UTF-8: `Bad \xff byte.`
)");
  const Json both = Stats({"both"}, true).json();
  ASSERT_EQ(both.at("parts").size(), 1U);
  EXPECT_EQ(both.at("parts").at(0).at("set"), "books");
  EXPECT_EQ(
      both.at("parts").at(0).at("rows"),
      (Json{{{"language", "sw"}, {"documents", 1}, {"lines", 1}, {"bytes", 14}, {"words", 2}}}));

  PutSet("leaves", TextSet("Leaves"));
  PutData("leaves", "sw.txt", "Jani moja.\n");
  PutSet("several", R"(title = "Several"
kind = "mixture"
use = "pretraining"
[[take]]
set = "books"
[[take]]
set = "leaves"
)");
  EXPECT_THAT(Stats({"several"}).out, HasSubstr(R"(
set     part  language  documents  lines  bytes  words
books   text  en                2      3   33 B      6
books   text  sw                1      1   14 B      2
leaves  text  sw                1      1   11 B      2
all     all   en                2      3   33 B      6
all     all   sw                2      2   25 B      4
all     all                     4      5   58 B     10
)"));

  // What a mirror has is what is counted there.
  ASSERT_TRUE(PutFile(root_ / "mirror" / "fr.txt", "Une ligne.\n"));
  EXPECT_THAT(Stats({"books", "--mirror", root_ / "mirror"}).out,
              HasSubstr("text  fr                1      1   11 B      2\n"));
}

TEST_F(DatasetStatsTest, StrictMakesWhatIsWrongAnError) {
  PutQuiz();
  EXPECT_EQ(Stats({"quiz", "--strict"}).code, 0);
  PutData("quiz", "dev-sw.tsv", "Mvua.\tKuna jua.\tmaybe\nMoja.\tMbili.\nTatu.\tNne.\tneutral\n");
  const CommandOutcome examples = Stats({"quiz", "--strict"});
  EXPECT_NE(examples.code, 0);
  EXPECT_THAT(examples.out,
              AllOf(HasSubstr("dev-sw.tsv:1: unknown label (`maybe`)"),
                    HasSubstr("dev-sw.tsv:2: 2 columns (`Moja. Mbili.`), expected 3")));
  PutSet("books", TextSet("Books"));
  PutData("books", "sw.txt", "Mstari mmoja.\nBad \xff byte.\n");
  EXPECT_EQ(Stats({"books"}).code, 0);
  const CommandOutcome text = Stats({"books", "--strict"});
  EXPECT_NE(text.code, 0);
  EXPECT_THAT(text.out, HasSubstr("sw.txt: byte 14: no UTF-8: `Bad \\xff byte.` (utf-8)"));
}

TEST_F(DatasetStatsTest, AnAnswerThatIsKeptWithoutItsPlaceIsNotCalledLeftOut) {
  PutSet("where", TestSet("Where", "qa") + R"([[part]]
name = "dev"
layout = "squad"
files = ["{language}.json"]
)");
  PutData("where", "en.json",
          R"({"data": [{"title": "T", "paragraphs": [{"context": "In Rome.", "qas": [
{"id": "1", "question": "Where?", "answers": [{"text": "Rome", "answer_start": 4}]},
{"id": "2", "question": "", "answers": [{"text": "Rome", "answer_start": 3}]}]}]}]})");
  const std::string csv = root_ / "where.csv";
  const std::string text = Stats({"where", "--csv", csv}).out;
  EXPECT_THAT(text, AllOf(HasSubstr("where, `dev`: kept, but incomplete: 1 answer-start, e.g."),
                          HasSubstr("where, `dev`: left out: 1 empty-field, e.g."),
                          Not(HasSubstr("left out: 1 answer-start"))));
  EXPECT_THAT(ReadFile(csv).value(), AllOf(HasSubstr("where,dev,,incomplete answer-start,1\n"),
                                           HasSubstr("where,dev,,left out empty-field,1\n")));
  const Json dev = Stats({"where"}, true).json().at("parts").at(0);
  EXPECT_EQ(dev.at("rows").at(0).at("examples"), 1);
  EXPECT_EQ(dev.at("incomplete").at("answer-start").at("count"), 1);
  EXPECT_EQ(dev.at("left_out").size(), 1U);
}

TEST_F(DatasetStatsTest, ASetOfWhichNothingIsReadableSaysWhyAndWhatToDo) {
  PutQuiz();
  PutData("quiz", "dev-en.tsv", "Two.\tOne.\tmaybe\n");
  const CommandOutcome outcome = Stats({"quiz"});
  EXPECT_EQ(outcome.error.code, ErrorCode::kCorrupt);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("dev-en.tsv: no example in layout `xtreme-xnli`"),
                                 HasSubstr("; left out: 1 unknown-label\n"),
                                 HasSubstr("dev-en.tsv:1: unknown label (`maybe`)")));
}

TEST_F(DatasetStatsTest, FlagsOfARunAreRefusedAndNothingAtHandIsAnError) {
  PutQuiz();
  EXPECT_EQ(Stats({"quiz", "--leaks"}).out, "--leaks is of a run, and this is a data set");
  EXPECT_EQ(Stats({"quiz", "--html", "x"}).out, "--html is of a run, and this is a data set");
  fs::remove_all(root_ / "workspace" / "data");
  EXPECT_THAT(Stats({"quiz"}).out, HasSubstr("quiz: no file of it is at hand"));
  EXPECT_THAT(Stats({"quizz"}).out, HasSubstr("quiz"));
}

}  // namespace
}  // namespace repro
