#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "core/cli/command.h"

namespace repro {
namespace {

using testing::AllOf;
using testing::HasSubstr;

/// Says what it was given.
class ProbeCommand : public Command {
 public:
  void Define(CLI::App& app) override { app.add_option("what", what_, "What to do"); }
  Result<int> Run(const CommandContext& context) override {
    context.out << "workspace=" << context.options.workspace.string()
                << " json=" << context.options.json << " color=" << context.options.color << "\n";
    if (what_ == "bad") return Fail(ErrorCode::kInvalidArgument, "vocab.size: a bad value");
    if (what_ == "busy") return Fail(ErrorCode::kBusy, "somebody is here");
    return what_ == "seven" ? 7 : 0;
  }

 private:
  std::string what_;
};

struct Outcome {
  int code = 0;
  std::string out, err;
};

Outcome RunLine(std::vector<std::string> words) {
  Suite suite;
  suite.version = "repro 1.2.3";
  suite.default_workspace = "/default/workspace";
  words.insert(words.begin(), "repro");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  Outcome outcome;
  outcome.code =
      RunCommandLine(static_cast<int>(words.size()), argv.data(), suite,
                     {{"probe", "Says what it was given",
                       [] { return std::unique_ptr<Command>(std::make_unique<ProbeCommand>()); }}});
  outcome.out = testing::internal::GetCapturedStdout();
  outcome.err = testing::internal::GetCapturedStderr();
  return outcome;
}

TEST(RunCommandLineTest, TheWorkspaceIsTheFlagElseTheVariableElseTheDefault) {
  ::unsetenv("REPRO_WORKSPACE");
  EXPECT_THAT(RunLine({"probe"}).out, HasSubstr("workspace=/default/workspace "));
  ::setenv("REPRO_WORKSPACE", "/from/variable/", 1);
  EXPECT_THAT(RunLine({"probe"}).out, HasSubstr("workspace=/from/variable "));
  EXPECT_THAT(RunLine({"probe", "--workspace", "/from/flag/../there"}).out,
              HasSubstr("workspace=/from/there "));
  EXPECT_THAT(RunLine({"probe", "--workspace", "here"}).out,
              HasSubstr("workspace=" + (std::filesystem::current_path() / "here").string() + " "));
  ::unsetenv("REPRO_WORKSPACE");
}

TEST(RunCommandLineTest, ExitCodesFollowTheError) {
  EXPECT_EQ(RunLine({"probe"}).code, 0);
  EXPECT_EQ(RunLine({"probe", "seven"}).code, 7);
  const Outcome bad = RunLine({"probe", "bad"});
  EXPECT_EQ(bad.code, 2);
  EXPECT_EQ(bad.err, "repro: vocab.size: a bad value\n");
  EXPECT_EQ(RunLine({"probe", "busy"}).code, 1);
}

TEST(RunCommandLineTest, AMisspeltCommandGetsASuggestion) {
  const Outcome outcome = RunLine({"prbe"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("`prbe`"), HasSubstr("did you mean `probe`?")));
}

TEST(RunCommandLineTest, AnUnknownFlagIsABadCommand) {
  const Outcome outcome = RunLine({"probe", "--fast"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("--fast"), HasSubstr("repro probe --help")));
}

TEST(RunCommandLineTest, HelpAndVersionAreNoErrors) {
  EXPECT_EQ(RunLine({"--version"}).out, "repro 1.2.3\n");
  EXPECT_EQ(RunLine({"--help"}).code, 0);
  EXPECT_THAT(RunLine({"--help"}).out, AllOf(HasSubstr("probe"), HasSubstr("repro run fig2")));
  EXPECT_EQ(RunLine({"probe", "--help"}).code, 0);
  EXPECT_THAT(RunLine({}).out, HasSubstr("probe"));
}

TEST(RunCommandLineTest, WithoutATerminalThereIsNoColour) {
  EXPECT_THAT(RunLine({"probe", "--json"}).out, HasSubstr("json=1 color=0"));
}

// The flags are frozen on purpose: what an experiment can vary lives in its manifest. A new flag
// has to be written here.
TEST(CoreCommandsTest, TheFlagsOfRunAndPlanAreThese) {
  std::map<std::string, std::vector<std::string>> flags;
  for (const CommandEntry& entry : CoreCommands()) {
    CLI::App app;
    entry.make()->Define(app);
    EXPECT_THAT(app.get_footer(), HasSubstr(std::string("repro ") + entry.name))
        << entry.name << ": no real example";
    for (const CLI::Option* option : app.get_options())
      flags[entry.name].push_back(option->get_name());
  }
  EXPECT_THAT(flags["run"],
              testing::UnorderedElementsAre("--help", "manifest", "--scale", "--set", "--cores",
                                            "--retries", "--stall-minutes"));
  EXPECT_THAT(flags["plan"], testing::UnorderedElementsAre("--help", "manifest", "--scale", "--set",
                                                           "--cores", "--all"));
}

}  // namespace
}  // namespace repro
