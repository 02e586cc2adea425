#include "experiments/programs/data_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/io/json_io.h"
#include "tests/core/cli/command_runner.h"

namespace repro {
namespace {

using testing::CommandOutcome;
using ::testing::HasSubstr;

CommandOutcome RunData(std::vector<std::string> arguments, bool json = false) {
  return testing::RunCommand(&MakeDataCommand, {}, std::move(arguments), json);
}

TEST(DataCommandTest, ShowPrintsSentencesWithAGloss) {
  const CommandOutcome outcome = RunData(
      {"show", "babel", "--language", "syn-sw", "-n", "3", "--seed", "9001", "--task", "topic"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("syn-sw: script Latn, family Atlantic-Congo"));
  EXPECT_THAT(outcome.out, HasSubstr("[sport]"));
}

TEST(DataCommandTest, ShowAsJsonAlignsWordsAndGlosses) {
  const CommandOutcome outcome = RunData({"show", "babel", "--language", "zh", "-n", "20"}, true);
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
  const CommandOutcome outcome = RunData({"check", "babel", "--languages", "en,hi", "--train",
                                          "720", "--test", "720", "--seed", "9001"},
                                         true);
  ASSERT_EQ(outcome.code, 0);
  const Json report = ParseJson(outcome.out, "").value();
  EXPECT_TRUE(report.at("sound").get<bool>());
  EXPECT_EQ(report.at("languages").size(), 2U);
  EXPECT_EQ(report.at("languages").at("hi").at("evaluation_lines_in_corpora"), 0);
}

TEST(DataCommandTest, UnknownLanguageIsAnErrorNotACrash) {
  EXPECT_THAT(RunData({"show", "babel", "--language", "xx"}).out, HasSubstr("no language 'xx'"));
}

}  // namespace
}  // namespace repro
