#include <cstdio>
#include <filesystem>
#include <iostream>

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/cli/command.h"
#include "core/cli/experiment_plan.h"

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
                << context.options.workspace_flag << " json=" << context.options.json
                << " color=" << context.options.color << "\n";
    if (what_ == "bad") return Fail(ErrorCode::kInvalidArgument, "vocab.size: a bad value");
    if (what_ == "place") return Fail(ErrorCode::kInvalidArgument, "a b.toml:6:19: wrong\nx: y");
    if (what_ == "line") return Fail(ErrorCode::kInvalidArgument, "x.toml:6: wrong");
    if (what_ == "evil") return Fail(ErrorCode::kCorrupt, "a: \x1b[2Jb\nc: d");
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
  EXPECT_THAT(RunLine({"probe", "--workspace", "/a b"}).out,
              HasSubstr("workspace=/a b --workspace '/a b' "));
  EXPECT_THAT(RunLine({"probe", "--workspace", "/default/../default/workspace"}).out,
              HasSubstr("workspace=/default/workspace json"));
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

TEST(RunCommandLineTest, APositionStandsFirstOnItsLine) {
  EXPECT_EQ(RunLine({"probe", "place"}).err, "a b.toml:6:19: wrong\nx: y\n");
  EXPECT_EQ(RunLine({"probe", "line"}).err, "repro: x.toml:6: wrong\n");
}

TEST(RunCommandLineTest, AnEmptyWorkspaceIsNotTheDefaultOne) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"probe", "--workspace", ""}, {"probe", "--workspace="}}) {
    const Outcome outcome = RunLine(words);
    EXPECT_EQ(outcome.code, 2);
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err, HasSubstr("--workspace"));
  }
}

TEST(RunCommandLineTest, OutputThatDoesNotArriveIsAnError) {
  const auto run_into = [](const char* device) {
    testing::internal::CaptureStderr();  // before stdout's number is free for its file
    const int kept = ::dup(STDOUT_FILENO);
    ::close(STDOUT_FILENO);
    if (device != nullptr) ::open(device, O_WRONLY);
    Suite suite;
    suite.default_workspace = "/default/workspace";
    std::string words[] = {"repro", "probe"};
    char* argv[] = {words[0].data(), words[1].data(), nullptr};
    const int code = RunCommandLine(
        2, argv, suite,
        {{"probe", "", [] { return std::unique_ptr<Command>(std::make_unique<ProbeCommand>()); }}});
    std::cout.clear();
    std::clearerr(stdout);
    ::dup2(kept, STDOUT_FILENO);
    ::close(kept);
    const std::string err = testing::internal::GetCapturedStderr();
    return std::pair(code, err);
  };
  EXPECT_EQ(run_into("/dev/null").first, 0);
  const auto [code, err] = run_into("/dev/full");
  EXPECT_EQ(code, 1);
  EXPECT_THAT(err, HasSubstr("could not be written"));
  EXPECT_EQ(run_into(nullptr).first, 1);
}

TEST(RunCommandLineTest, AnErrorCannotTakeTheTerminalOver) {
  EXPECT_EQ(RunLine({"probe", "evil"}).err, "repro: a: \\x1b[2Jb\nc: d\n");
  EXPECT_THAT(RunLine({"pr\x1b[2Jobe"}).err, testing::Not(HasSubstr("\x1b")));
  EXPECT_THAT(RunLine({"probe", "--f\x1b[2Jast"}).err, testing::Not(HasSubstr("\x1b")));
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

TEST(LoadGraphTest, AProgramWithoutItsFilesSaysWhatIsMissing) {
  Suite suite;
  suite.data_problem = "the manifests are not at hand: start it elsewhere";
  const auto loaded = LoadGraph({.manifest = "fig2"}, suite, "workspace");
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(loaded.error().message, suite.data_problem);
}

TEST(ShortfallTest, NamesWhatNeedsMoreThanThereIs) {
  TaskGraph graph;
  Assessment assessment;
  for (const int gpus : {0, 1, 2}) {
    Task task;
    task.kind = "work";
    task.label = fmt::format("with {}", gpus);
    task.spec = {{"gpus", gpus}};
    task.resources.gpus = gpus;
    task.resources.memory_bytes = (gpus + 1) * (std::int64_t{1} << 30);
    graph.Add(task);
    assessment.standings.emplace_back().standing = Standing::kRun;
  }
  const std::int64_t gib = std::int64_t{1} << 30;
  EXPECT_EQ(GpuShortfall(graph, assessment, {.gpus = 2}), "");
  EXPECT_EQ(MemoryShortfall(graph, assessment, {.memory_bytes = 3 * gib}), "");
  EXPECT_THAT(GpuShortfall(graph, assessment, {}),
              AllOf(HasSubstr("2 tasks cannot run here: 'with 2' needs 2 GPUs"),
                    HasSubstr("has none"), HasSubstr("compute.device")));
  EXPECT_THAT(MemoryShortfall(graph, assessment, {.memory_bytes = 2 * gib}),
              AllOf(HasSubstr("1 task may not fit"), HasSubstr("3.00 GiB"), HasSubstr("2.00 GiB")));
  for (TaskStanding& standing : assessment.standings) standing.standing = Standing::kCached;
  EXPECT_EQ(GpuShortfall(graph, assessment, {}), "") << "what is done needs nothing";
}

TEST(CommandWordsTest, CanBePastedIntoAShell) {
  GlobalOptions options;
  ExperimentArguments arguments{.manifest = "fig2"};
  EXPECT_EQ(CommandWords(arguments, options), "fig2 --scale desk");
  EXPECT_EQ(RunCommandText(arguments, options), "repro run fig2 --scale desk");
  options.workspace_flag = " --workspace '/a workspace'";
  arguments = {.manifest = "my figure.toml",
               .scale = "smoke",
               .sets = {"vocab.size=3000", "finetune.tasks=[\"xnli\"]"},
               .cores = 2};
  EXPECT_EQ(CommandWords(arguments, options),
            "'my figure.toml' --scale smoke --set vocab.size=3000 --set "
            "'finetune.tasks=[\"xnli\"]' --workspace '/a workspace'");
  EXPECT_THAT(RunCommandText(arguments, options), testing::EndsWith(" --cores 2"));
}

TEST(CoreCommandsTest, TheHelpOfReportSaysWhatARunIsAndWhatIsWritten) {
  for (const CommandEntry& entry : CoreCommands()) {
    if (entry.name != std::string("report")) continue;
    CLI::App app;
    entry.make()->Define(app);
    for (const char* words : {"repro report run 12", "repro status --runs", "run-RUN.html",
                              "run-RUN.csv (every point)", "reports/out"}) {
      EXPECT_THAT(app.get_footer(), HasSubstr(words));
    }
    return;
  }
  FAIL() << "no report";
}

// The flags are frozen on purpose: what an experiment can vary lives in its manifest. A new flag
// has to be written here.
TEST(CoreCommandsTest, TheFlagsOfRunPlanAndReportAreThese) {
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
  EXPECT_THAT(flags["report"], testing::UnorderedElementsAre("--help", "manifest", "--scale",
                                                             "--set", "run", "--format", "--out"));
}

}  // namespace
}  // namespace repro
