// `corpus_stats` on text that the tasks before it make here, against counts of the files
// themselves.

#include <cstdint>
#include <filesystem>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/base/hash.h"
#include "experiments/tasks/clean/spec.h"
#include "experiments/tasks/clean/task.h"
#include "experiments/tasks/coded/spec.h"
#include "experiments/tasks/coded/task.h"
#include "experiments/tasks/corpus_stats/spec.h"
#include "experiments/tasks/corpus_stats/task.h"
#include "experiments/tasks/evaluation_text/spec.h"
#include "experiments/tasks/evaluation_text/task.h"
#include "experiments/tasks/subset/spec.h"
#include "experiments/tasks/subset/task.h"
#include "tests/core/temp_folder.h"
#include "tests/experiments/task_fixture.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

/// What wc(1) counts in the lines of a text that are not blank.
struct Counted {
  std::int64_t bytes = 0, lines = 0, words = 0, documents = 0;
};
Counted Count(const fs::path& path) {
  Counted counted;
  std::istringstream lines(ReadFile(path).value());
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) {
      inside = false;
      continue;
    }
    counted.documents += inside ? 0 : 1;
    inside = true;
    ++counted.lines;
    counted.bytes += static_cast<std::int64_t>(line.size()) + 1;
    std::istringstream words(line);
    for (std::string word; words >> word;) ++counted.words;
  }
  return counted;
}

class CorpusStatsTest : public ::testing::Test {
 protected:
  void AddFile(SourceFilesSpec& files, const std::string& language, const std::string& text) {
    const std::string name = language + ".txt";
    const std::string set = files.size() == 0 && language == "quiz" ? "quiz" : "made";
    const fs::path folder = root_ / "data" / set;
    ASSERT_TRUE(MakeDirectories(folder));
    ASSERT_TRUE(WriteFileAtomic(folder / name, text));
    info_["folders"][set] = folder.string();
    files.sets.push_back(set);
    files.parts.emplace_back("text");
    files.names.push_back(name);
    files.sha256.push_back(Sha256File(folder / name).value());
    files.languages.push_back(language);
    files.layouts.emplace_back("text");
    for (auto* const list : {&files.fields, &files.id_fields, &files.contents}) {
      list->emplace_back();
    }
    files.encodings.emplace_back("utf-8");
    files.prefixes.push_back(false);
  }

  /// Does the work of a task; its artifact.
  template <class Spec>
  fs::path Do(TaskFunction function, const std::string& name, const Spec& spec,
              const std::map<std::string, fs::path>& inputs) {
    testing::TaskFixture task(root_ / name);
    task.task.info = info_;
    task.inputs = inputs;
    const Status done = task.Run(function, spec);
    EXPECT_TRUE(done) << done.error().message;
    return task.out();
  }

  /// `stages`: of cleaning; `more`: at the beginning of the English. Leaves folders by role.
  void MakeText(const std::vector<std::string>& stages, const std::string& more = "") {
    EvaluationTextSpec quiz;
    AddFile(quiz.files, "quiz", "Where is the well?\nWho came first?\nWho came FIRST?\n" + quiz_);
    inputs_["evaluation"] = Do(&RunEvaluationTextTask, "evaluation", quiz, {});
    quiz.letters = true;
    inputs_["evaluation_letters"] = Do(&RunEvaluationTextTask, "evaluation letters", quiz, {});
    CleanSpec clean;
    AddFile(clean.files, "en",
            more +
                "One line of it.\nwhere is the WELL?\nAnd two  more words.\n\n"
                "A second\tdocument.\n");
    AddFile(clean.files, "sw", "Mstari wa kwanza.\n\nNa wa pili.\n");
    clean.settings.stages = stages;
    inputs_["clean"] = Do(&RunCleanTask, "clean", clean, {{"evaluation", inputs_["evaluation"]}});
    stages_ = stages;
  }
  void MakeSubset(const std::string& language, std::int64_t min_bytes) {
    SubsetSpec spec{.language = language, .settings = {}};
    spec.settings.heldout_share = 0;
    spec.settings.min_bytes = min_bytes;
    inputs_[language] =
        Do(&RunSubsetTask, "subset " + language, spec, {{"clean", inputs_["clean"]}});
  }

  /// Statistics of these languages, whose text is made first.
  Status RunStats(const std::vector<std::string>& languages) {
    for (const std::string& code : languages) MakeSubset(code, 1);
    stats_.inputs = inputs_;
    return stats_.Run(&RunCorpusStatsTask,
                      CorpusStatsSpec{.languages = languages, .stages = stages_});
  }

  TempFolder root_;
  testing::TaskFixture stats_{root_ / "stats"};
  Json info_ = Json::object();
  std::map<std::string, fs::path> inputs_;
  std::vector<std::string> stages_;
  std::string quiz_;  ///< more lines of the test set
};

TEST_F(CorpusStatsTest, NumbersAreThoseOfTheFiles) {
  MakeText({"repeated", "evaluation"});
  const Status done = RunStats({"en", "sw"});
  ASSERT_TRUE(done) << done.error().message;
  for (const char* code : {"en", "sw"}) {
    const Counted counted = Count(inputs_.at(code) / "text.txt");
    EXPECT_DOUBLE_EQ(stats_.MetricValue("corpus.gib", code).value() * 1024 * 1024 * 1024,
                     static_cast<double>(counted.bytes));
    EXPECT_DOUBLE_EQ(stats_.MetricValue("corpus.gb", code).value() * 1e9,
                     static_cast<double>(counted.bytes));
    EXPECT_DOUBLE_EQ(stats_.MetricValue("corpus.million_tokens", code).value() * 1e6,
                     static_cast<double>(counted.words));
    EXPECT_EQ(stats_.MetricValue("corpus.documents", code), counted.documents);
    EXPECT_EQ(stats_.MetricValue("leaks.lines", code), counted.lines);
    EXPECT_EQ(stats_.MetricValue("leaks.shared_lines", code), 0);
  }
  EXPECT_EQ(Count(inputs_.at("en") / "text.txt").lines, 3);
  EXPECT_EQ(stats_.MetricValue("leaks.evaluation_lines", ""), 2);  // different ones
  EXPECT_EQ(stats_.MetricValue("funnel.0.read.lines", "en"), 4);
  EXPECT_EQ(stats_.MetricValue("funnel.2.evaluation.line of a test set.lines", "en"), 1);
  EXPECT_EQ(stats_.MetricValue("funnel.3.kept.lines", "en"), 3);
  EXPECT_EQ(stats_.MetricValue("funnel.3.kept.documents", "sw"), 2);
  EXPECT_TRUE(stats_.Events("message").empty());
}

TEST_F(CorpusStatsTest, ALineOfATestSetIsAWarning) {
  MakeText({"repeated"});
  ASSERT_TRUE(RunStats({"en"}));
  EXPECT_EQ(stats_.MetricValue("leaks.shared_lines", "en"), 1);
  const auto messages = stats_.Events("message");
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(messages[0].at("level"), "warning");
  EXPECT_EQ(
      messages[0].at("text"),
      "leak: 1 of 4 lines of en are lines of a test set, e.g. text.txt:2: where is the WELL?");
}

TEST_F(CorpusStatsTest, TheLineThatIsShownIsALeakWhateverLinesAreAlike) {
  std::string alike;
  for (int i = 1; i <= 10; ++i) alike += fmt::format("Who came{} first\n", std::string(i, '.'));
  MakeText({"repeated"}, alike);
  ASSERT_TRUE(RunStats({"en"}));
  EXPECT_EQ(stats_.MetricValue("leaks.alike_lines", "en"), 10);
  EXPECT_EQ(stats_.MetricValue("leaks.shared_lines", "en"), 1);
  const auto messages = stats_.Events("message");
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(
      messages[0].at("text"),
      "leak: 1 of 14 lines of en are lines of a test set, e.g. text.txt:12: where is the WELL?");
}

// Of both nothing is left when they are normalised.
TEST_F(CorpusStatsTest, ALineOfPunctuationIsNoLeak) {
  quiz_ = "\u2026\n";
  MakeText({"repeated"}, "\u2014\n");
  ASSERT_TRUE(RunStats({"en"}));
  EXPECT_EQ(stats_.MetricValue("leaks.lines", "en"), 5);
  EXPECT_EQ(stats_.MetricValue("leaks.shared_lines", "en"), 1);  // where the well is
  EXPECT_EQ(stats_.MetricValue("leaks.alike_lines", "en"), 0);
}

TEST_F(CorpusStatsTest, ALanguageWithoutTextIsLeftOut) {
  MakeText({"evaluation"});
  ASSERT_TRUE(RunStats({"en", "fy"}));  // nothing of the second was read
  EXPECT_FALSE(stats_.MetricValue("corpus.gib", "fy"));
  EXPECT_FALSE(stats_.MetricValue("leaks.lines", "fy"));
  const Json json = LoadJson(stats_.out() / "stats.json").value();
  EXPECT_EQ(json.at("languages").at("fy").at("left_out"),
            "0 B of text, less than the 1 B that corpus.min_bytes asks for");
  // Where no floor was asked for, a language without text is a mistake.
  testing::TaskFixture strict(root_ / "strict");
  strict.inputs = {{"clean", inputs_["clean"]}};
  const Status done = strict.Run(&RunSubsetTask, SubsetSpec{.language = "fy", .settings = {}});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kInvalidArgument);  // the same again, however often
  EXPECT_NE(done.error().message.find("fy: no document of it is left"), std::string::npos);
  EXPECT_NE(done.error().message.find("`corpus.min_bytes` = 1"), std::string::npos);
}

TEST_F(CorpusStatsTest, CodedLanguagesAreLookedAtBeforeRecoding) {
  MakeText({"repeated"});
  inputs_["types"] =
      Do(&RunCodedTypesTask, "types", CodedTypesSpec{.types = 100}, {{"clean", inputs_["clean"]}});
  CorpusStatsSpec spec{.languages = {}, .stages = stages_, .slices = 2, .slice_seed = 1};
  std::map<std::string, fs::path> inputs = {{"clean", inputs_["clean"]},
                                            {"evaluation", inputs_["evaluation"]},
                                            {"evaluation_letters", inputs_["evaluation_letters"]}};
  std::int64_t lines = 0;
  for (const std::int64_t language : {0, 1}) {
    CodedSpec coded{.language = language, .coded = {}, .settings = {}};
    coded.coded.slices = 2;
    coded.settings.heldout_share = 0;
    coded.settings.min_bytes = 1;
    const std::string code = language == 0 ? "en" : "en-c01";
    spec.languages.push_back(code);
    inputs[code] = Do(&RunCodedTask, "coded " + code, coded,
                      {{"clean", inputs_["clean"]}, {"types", inputs_["types"]}});
    lines += Count(inputs[code] / "text.txt").lines;
  }
  stats_.inputs = inputs;
  const Status done = stats_.Run(&RunCorpusStatsTask, spec);
  ASSERT_TRUE(done) << done.error().message;
  double looked_at = 0, shared = 0;
  for (const std::string& code : spec.languages) {
    looked_at += stats_.MetricValue("leaks.lines", code).value_or(0);
    shared += stats_.MetricValue("leaks.shared_lines", code).value_or(0);
  }
  EXPECT_EQ(looked_at, lines);
  EXPECT_EQ(lines, 4);  // of English, each in one of the two
  EXPECT_EQ(shared, 1);
}

TEST_F(CorpusStatsTest, FaultsAndLinesThatAreAlmostATestSetAreCounted) {
  MakeText({"repeated", "evaluation"}, "Who came... first\nBad \xff byte.\n");
  const Status done = RunStats({"en", "sw"});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(stats_.MetricValue("faults.utf-8", ""), 1);
  EXPECT_EQ(stats_.MetricValue("leaks.shared_lines", "en"), 0);
  EXPECT_EQ(stats_.MetricValue("leaks.alike_lines", "en"), 1);
  EXPECT_EQ(stats_.MetricValue("leaks.alike_lines", "sw"), 0);
}

}  // namespace
}  // namespace repro
