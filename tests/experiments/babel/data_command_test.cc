#include "experiments/programs/data_command.h"

#include <sstream>

#include <CLI/CLI.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/io/json_io.h"

namespace repro {
namespace {

using ::testing::HasSubstr;

struct Outcome {
  int code = -1;
  std::string out;
};

Outcome RunData(std::vector<std::string> arguments, bool json = false) {
  const auto command = MakeDataCommand();
  CLI::App app;
  command->Define(app);
  std::reverse(arguments.begin(), arguments.end());
  app.parse(arguments);
  const Suite suite;
  GlobalOptions options;
  options.json = json;
  std::ostringstream out, err;
  const auto code = command->Run({suite, options, out, err});
  return {code ? *code : -1, code ? out.str() : code.error().message};
}

TEST(DataCommandTest, ShowPrintsSentencesWithAGloss) {
  const Outcome outcome = RunData(
      {"show", "babel", "--language", "syn-sw", "-n", "3", "--seed", "9001", "--task", "topic"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("syn-sw: script Latn, family Atlantic-Congo"));
  EXPECT_THAT(outcome.out, HasSubstr("[sport]"));
}

TEST(DataCommandTest, ShowAsJsonAlignsWordsAndGlosses) {
  const Outcome outcome = RunData({"show", "babel", "--language", "zh", "-n", "20"}, true);
  ASSERT_EQ(outcome.code, 0);
  const Json shown = ParseJson(outcome.out, "").value();
  ASSERT_EQ(shown.at("sentences").size(), 20U);
  for (const Json& sentence : shown.at("sentences")) {
    EXPECT_EQ(sentence.at("words").size(), sentence.at("gloss").size());
    std::string joined;
    for (const Json& word : sentence.at("words")) {
      joined += (joined.empty() ? "" : " ") + word.get<std::string>();
    }
    EXPECT_EQ(joined, sentence.at("text"));
  }
}

TEST(DataCommandTest, CheckPrintsTheControlsAndPasses) {
  const Outcome outcome = RunData({"check", "babel", "--languages", "en,hi", "--train", "720",
                                   "--test", "720", "--seed", "9001"},
                                  true);
  ASSERT_EQ(outcome.code, 0);
  const Json report = ParseJson(outcome.out, "").value();
  EXPECT_TRUE(report.at("sound").get<bool>());
  EXPECT_EQ(report.at("languages").size(), 2U);
  EXPECT_EQ(report.at("languages").at("hi").at("evaluation_lines_in_corpora"), 0);
}

TEST(DataCommandTest, UnknownLanguageIsAnErrorNotACrash) {
  EXPECT_THAT(RunData({"show", "babel", "--language", "xx"}).out, HasSubstr("no language 'xx'"));
  EXPECT_THROW(RunData({"show", "europarl"}), CLI::ValidationError);
}

}  // namespace
}  // namespace repro
