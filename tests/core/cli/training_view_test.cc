// Training on a terminal: what `show` prints, and `status --watch` beside a running task.
#include "core/cli/training_view.h"

#include <cmath>
#include <cstdlib>
#include <sstream>
#include <thread>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/text.h"
#include "core/cli/report_command.h"
#include "core/cli/show_command.h"
#include "core/cli/status_command.h"
#include "core/cli/terminal.h"
#include "core/io/file_lock.h"
#include "tests/core/cli/log_fixture.h"
#include "tests/core/golden_text.h"

namespace repro {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::ExpectGoldenText;
using ::testing::HasSubstr;
using testing::Key;
using ::testing::Not;
using testing::Outcome;

std::string Text(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

/// A pretraining at 600 of 1,500 updates, resumed once, in eight languages.
TrainingTask Sample() {
  TrainingTask training;
  training.task.key = Key('a');
  training.task.label = "pretrain xlm7 seed 1";
  training.task.state = "running";
  AttemptRow first;
  first.number = 1;
  first.state = "killed";
  first.reason = "killed by signal 9";
  first.ended_ms = 1'700'000'100'000;
  AttemptRow second;
  second.number = 2;
  second.state = "running";
  training.attempts = {first, second};
  training.alive = true;
  training.done_per_second = 4;
  training.progress = {
      {"done", 600}, {"total", 1500}, {"unit", "updates"}, {"time_ms", 1'700'000'200'000}};
  training.events = {{{"type", "state"},
                      {"state", "out_of_memory"},
                      {"attempt", 1},
                      {"time_ms", 1'700'000'050'000},
                      {"info", {{"micro_batch_from", 32}, {"micro_batch_to", 16}}}},
                     {{"type", "state"},
                      {"state", "resumed"},
                      {"attempt", 2},
                      {"time_ms", 1'700'000'110'000},
                      {"info", {{"update", 250}}}},
                     {{"type", "state"},
                      {"state", "checkpoint"},
                      {"attempt", 2},
                      {"time_ms", 1'700'000'190'000},
                      {"info", {{"update", 500}}}}};
  const auto add = [&training](const char* name, const char* language, int every, auto value) {
    TrainingCurve curve{{name, language, "", -1}, {}};
    for (int step = every; step <= 600; step += every) curve.Set({step, value(step)});
    training.curves.push_back(std::move(curve));
  };
  const auto loss = [](int step) { return 3 + 5 * std::exp(-step / 150.0); };
  add("pretrain.data_wait", "", 10, [](int) { return 0.003; });
  add("pretrain.gradient_norm", "", 10, [](int step) { return 1 + 10.0 / step; });
  add("pretrain.learning_rate", "", 10, [](int step) { return 1e-6 * step; });
  add("pretrain.loss", "", 10,
      [&loss](int step) { return loss(step) + (step == 400 ? 2 : 0.05 * (step % 3)); });
  add("pretrain.mfu", "", 10, [](int) { return 0.41; });
  add("pretrain.peak_memory", "", 10, [](int) { return 1.5 * (1 << 30); });
  add("pretrain.tokens_per_second", "", 10,
      [](int step) { return step == 600 ? 1000.0 : 18'200.0; });
  double worse = 0;
  for (const char* language : {"en", "sw", "ur", "de", "fr", "vi", "th", "zh"}) {
    worse += 0.1;
    add("valid.loss", language, 100, [&](int step) { return loss(step) + worse; });
  }
  return training;
}

TEST(TrainingViewTest, LooksAsRecorded) {
  const TrainingTask training = Sample();
  const std::int64_t now_ms = 1'700'000'200'000;
  ExpectGoldenText("cli/training.txt", Text(DrawTraining(training, now_ms, {.width = 100})));
  ExpectGoldenText(
      "cli/training_ascii.txt",
      Text(DrawTraining(
          training, now_ms,
          {.width = 70, .chart_rows = 8, .languages = 3, .happenings = 1, .unicode = false})));
}

TEST(TrainingViewTest, KeepsToTheWidthAndTakesNoEscapesFromText) {
  TrainingTask training = Sample();
  training.task.label += "\x1b[2J";
  training.events.push_back({{"type", "message"},
                             {"level", "warning"},
                             {"text", "beware \x1b[31m"},
                             {"attempt", 2},
                             {"time_ms", 5}});
  const auto lines = DrawTraining(training, 0, {.width = 72});
  for (const std::string& line : lines) {
    EXPECT_EQ(line.find('\x1b'), std::string::npos) << line;
    if (line.find("┤") != std::string::npos) {
      EXPECT_LE(DisplayWidth(line), 72u) << line;
    }
  }
  EXPECT_THAT(Text(DrawTraining(training, 0, {.width = 72, .color = true})), HasSubstr("\x1b[33m"));
}

TEST(TrainingViewTest, FitsATerminalOfFortyColumns) {
  TrainingTask training = Sample();
  training.task.label = "pretrain a-point-with-a-very-long-name seed 1";
  training.events.push_back({{"type", "message"},
                             {"level", "warning"},
                             {"text", "/a/path/without/a/blank/" + std::string(100, 'x')},
                             {"attempt", 2},
                             {"time_ms", 1'700'000'195'000}});
  for (const auto& [name, every] :
       {std::pair("pretrain.language_loss", 100), std::pair("valid.unigram_loss", 600),
        std::pair("valid.context_free_loss", 600)}) {
    for (const char* language : {"en", "sw"}) {
      TrainingCurve curve{{name, language, "", -1}, {}};
      for (int step = every; step <= 600; step += every) curve.Set({step, 5.0});
      training.curves.push_back(std::move(curve));
    }
  }
  const std::int64_t now_ms = 1'700'000'200'000;
  for (const std::size_t width : {40u, 50u, 60u, 80u, 120u}) {
    const auto lines = DrawTraining(training, now_ms, {.width = width});
    for (const std::string& line : lines) EXPECT_LE(DisplayWidth(line), width) << line;
    std::string all;  // as if it were one line: what was broken is whole again
    for (const std::string& line : lines) {
      const std::size_t first = line.find_first_not_of(' ');
      if (first != std::string::npos) all += (all.empty() ? "" : " ") + line.substr(first);
    }
    EXPECT_THAT(all, AllOf(HasSubstr("pretrain a-point-with-a-very-long-name seed 1"),
                           HasSubstr("600 of 1,500 updates, 3 min 45 s left"),
                           HasSubstr("attempt 1 was killed: killed by signal 9"),
                           HasSubstr("without context"), HasSubstr("peak memory")))
        << width;
  }
  EXPECT_THAT(Text(DrawTraining(training, now_ms, {.width = 40})),
              HasSubstr("  sw\n    validation loss 3.292\n    training loss 5.000"))
      << "a row that is too wide becomes a paragraph";
}

TEST(TrainingViewTest, TheShortFormHasWhatAPersonWatches) {
  const std::string line = TrainingLine(SummarizeTraining(Sample(), 1'700'000'200'000));
  for (const char* words :
       {"updates 600 of 1,500 (40 %)", "time left 3 min 45 s", "loss 3.0", "validation loss 3.542",
        "learning rate 0.0006", "gradient norm 1.02", "tokens/s 18.2K", "MFU 41.0 %",
        "data wait 0.3 %", "peak memory 1.50 GiB", "worst language zh (validation loss 3.892)"}) {
    EXPECT_THAT(line, HasSubstr(words));
  }
}

TEST(TerminalTest, WrapsAtBlanksAndBreaksWhatHasNone) {
  EXPECT_THAT(WrapToColumns("one two three", 7), ElementsAre("one two", "three"));
  EXPECT_THAT(WrapToColumns("ab abcdefgh x", 4), ElementsAre("ab", "abcd", "efgh", "x"));
  EXPECT_THAT(WrapToColumns("日本語", 4), ElementsAre("日本", "語"));
  EXPECT_THAT(WrapToColumns("日", 1), ElementsAre("日")) << "ends";
  EXPECT_THAT(WrapToColumns("", 10), ElementsAre(""));
}

TEST(TerminalTest, ALineThatIsCutSaysSo) {
  EXPECT_EQ(CutColored("abcdef", 4, "…"), "abc…");
  EXPECT_EQ(CutColored("abcd", 4, "…"), "abcd");
  EXPECT_EQ(CutColored("\x1b[1mabcdef\x1b[0m", 4, "…"), "\x1b[1mabc…\x1b[0m");
  EXPECT_EQ(CutColored("\x1b[1mabcd\x1b[0m", 4, "…"), "\x1b[1mabcd\x1b[0m");
  EXPECT_EQ(CutColored("abcdef", 4, "..."), "a...");
  EXPECT_EQ(CutColored("abcdef", 2, "..."), "..");
}

TEST(TerminalTest, AScreenOfTwentyFourColumnsDoesNotWrap) {
  std::ostringstream out;
  {
    Screen screen(out);
    screen.Draw({"short", "experiment  scale  runs  done  running  waiting"}, {24, 10});
  }
  const std::string text = out.str();
  EXPECT_THAT(text, AllOf(HasSubstr("short\x1b[K"), Not(HasSubstr("running"))));
  std::istringstream rows(text.substr(text.find("\x1b[H") + 3));
  std::string row;
  while (std::getline(rows, row)) EXPECT_LE(DisplayWidth(row.substr(0, row.find('\x1b'))), 24u);
  EXPECT_TRUE(text.find("…\x1b[K") != std::string::npos ||
              text.find("...\x1b[K") != std::string::npos)
      << "by the locale";
}

TEST(TerminalTest, CutsColouredLinesByWhatIsSeen) {
  EXPECT_EQ(CutColored("\x1b[1mabcdef\x1b[0m", 3), "\x1b[1mabc\x1b[0m");
  EXPECT_EQ(CutColored("─│日本", 4), "─│日");
  EXPECT_EQ(CutColored("ab", 9), "ab");
}

class WatchTest : public testing::LogCommandTest {
 protected:
  /// Task '4' runs: its process holds the lock, and the log has read nothing of its events.
  FileLock StartTraining() {
    FillLog();
    RunLog log = OpenLog();
    AddAttempt(log, '4', 3, "running", "", 0);
    REPRO_CHECK(log.SetTaskState(Key('4'), "running").has_value());
    const auto folder = ArtifactStore(workspace_).AttemptFolder(Key('4'), 3);
    auto lock = FileLock::TryLock(folder / "lock").value();
    auto events = EventWriter::Open(folder / "events.jsonl").value();
    for (int step = 1; step <= 8; ++step) {
      for (const char* language : {"en", "sw"}) {
        events.Write({.name = "xnli.loss",
                      .value = 1.0 / step,
                      .step = step,
                      .language = "en",
                      .split = "train",
                      .seed = 1});
        events.Write({.name = "xnli.loss",
                      .value = 1.5 / step,
                      .step = step,
                      .language = language,
                      .split = "dev",
                      .seed = 1});
        events.Write({.name = "xnli.accuracy",
                      .value = language[0] == 'e' ? 0.7 : 0.5,
                      .step = step,
                      .language = language,
                      .split = "dev",
                      .seed = 1});
      }
    }
    events.Progress(8, 20, "updates", {{"loss", 0.125}});
    return lock;
  }
};

TEST_F(WatchTest, ShowAndStatusReadWhatTheLogHasNotReadYet) {
  const FileLock lock = StartTraining();
  const Outcome shown = RunCommand(MakeShowCommand(), {"444444"});
  EXPECT_THAT(shown.out, AllOf(HasSubstr("Running: 8 of 20 updates"),
                               HasSubstr("Dev score: xnli.accuracy"), HasSubstr("70.0 %"),
                               HasSubstr("dev score        60.0 %"), Not(HasSubstr("MFU"))));
  const Json json = RunCommand(MakeShowCommand(), {"444444"}, true).json()["training"];
  EXPECT_EQ(json["done"], 8);
  EXPECT_EQ(json["languages"][0]["language"], "sw") << "the worst first";
  EXPECT_EQ(json["mfu"], nullptr);
  EXPECT_THAT(RunCommand(MakeStatusCommand(), {}).out, HasSubstr("8/20 updates"));
  const Json running = RunCommand(MakeStatusCommand(), {}, true).json()["running"][0];
  EXPECT_EQ(running["progress"]["done"], 8);
  EXPECT_DOUBLE_EQ(running["training"]["dev_score"], 0.6);
  const Outcome run = RunCommand(MakeShowCommand(), {"1"});
  EXPECT_THAT(run.out, AllOf(HasSubstr("training: pretrain xlm7 seed 1"), HasSubstr("Loss")));
}

TEST_F(WatchTest, ShowSaysWhyARunDivergedBeforeItsFirstLoss) {
  FillLog();
  {
    RunLog log = OpenLog();
    TaskRow task = MakeTask('5', "pretrain");
    task.label = "pretrain xlm7 seed 1";
    ASSERT_TRUE(log.UpsertTask(task));
    const std::string error =
        "update 0 (learning rate 0, batch of 8 sequences: en 7, sw 1): the loss is not finite";
    const auto attempt = AddAttempt(log, '5', 1, "diverged", "diverged: " + error, 76);
    const auto folder = ArtifactStore(workspace_).AttemptFolder(Key('5'), 1);
    {
      auto events = EventWriter::Open(folder / "events.jsonl").value();
      events.State("diverged", {{"update", 0},
                                {"learning_rate", 0.0},
                                {"batch_rows", 8},
                                {"batch_languages", "en 7, sw 1"},
                                {"reason", "the loss is not finite"}});
      events.Message("error", error);
    }
    ASSERT_TRUE(log.IngestEvents(attempt, folder / "events.jsonl"));
    ASSERT_TRUE(log.SetTaskState(Key('5'), "diverged"));
    RunRow run = MakeRun('c', "xlm7");
    run.state = "diverged";
    ASSERT_TRUE(log.UpsertRun(run, {Key('1'), Key('5')}));
  }
  for (const Outcome& outcome :
       {RunCommand(MakeShowCommand(), {"3"}),
        RunCommand(MakeReportCommand(), {"run", "3", "--format", "terminal"})}) {
    std::string flat;  // lines are broken where they end
    std::istringstream words(outcome.out);
    for (std::string word; words >> word;) flat += word + " ";
    EXPECT_THAT(flat,
                AllOf(HasSubstr("pretrain xlm7 seed 1 Diverged after update 0"),
                      HasSubstr("the loss is not finite; its batch of 8 sequences: en 7, sw 1"),
                      HasSubstr("It had logged no loss yet.")));
  }
}

TEST_F(WatchTest, ShowWritesMemoryAsAPersonReadsItAndFitsTheTerminal) {
  FillLog();
  {
    RunLog log = OpenLog();
    const auto attempt = AddAttempt(log, '2', 2, "done", "", 0);
    const auto folder = ArtifactStore(workspace_).AttemptFolder(Key('2'), 2);
    {
      auto events = EventWriter::Open(folder / "events.jsonl").value();
      events.Write({.name = "pretrain.peak_memory", .value = 145'825'792, .step = 10});
    }
    ASSERT_TRUE(log.IngestEvents(attempt, folder / "events.jsonl"));
  }
  const Outcome wide = RunCommand(MakeShowCommand(), {"222222"});
  EXPECT_THAT(wide.out, AllOf(HasSubstr("139 MiB"), Not(HasSubstr("145825792"))));
  const Json metrics = RunCommand(MakeShowCommand(), {"222222"}, true).json()["metrics"];
  EXPECT_THAT(metrics.dump(), HasSubstr("145825792")) << "programs get bytes";
  const char* const before = std::getenv("COLUMNS");
  const std::string kept = before == nullptr ? "" : before;
  ::unsetenv("COLUMNS");
  const bool terminal = CurrentTerminalSize({1, 1}).columns > 1;
  ::setenv("COLUMNS", "40", 1);
  const Outcome narrow = RunCommand(MakeShowCommand(), {"1"});
  before == nullptr ? ::unsetenv("COLUMNS") : ::setenv("COLUMNS", kept.c_str(), 1);
  if (terminal) GTEST_SKIP() << "standard output is a terminal: its width counts, not COLUMNS";
  EXPECT_THAT(narrow.out, HasSubstr("  xnli.accuracy\n    split test  language 3 languages\n"));
  std::istringstream rows(narrow.out.substr(narrow.out.find("\ntasks\n")));
  for (std::string row; std::getline(rows, row);) EXPECT_LE(DisplayWidth(row), 40u) << row;
}

TEST_F(WatchTest, WatchingEndsWithTheLastTaskAndSaysWhatIsLeft) {
  std::optional<FileLock> lock = StartTraining();
  std::thread task([&lock] {
    std::this_thread::sleep_for(std::chrono::milliseconds(700));
    lock.reset();
  });
  const Outcome outcome = RunCommand(MakeStatusCommand(), {"--watch", "--interval", "0.2"});
  task.join();
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("finetune xlm7 seed 1  updates 8 of 20 (40 %)"),
                    HasSubstr("tasks: 3 done, 1 running"),
                    HasSubstr("nothing is running; 1 task not done: repro run fig2 goes on"),
                    Not(HasSubstr("\x1b"))));
  const std::string first_line = outcome.out.substr(0, outcome.out.find('\n'));
  EXPECT_GE(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 5)
      << "looked more than once; the first: " << first_line;
}

TEST_F(WatchTest, WatchingAnIdleWorkspaceEndsAtOnce) {
  FillLog();
  const Outcome outcome = RunCommand(MakeStatusCommand(), {"--watch"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.out, "nothing is running; 1 task not done: repro run fig2 goes on\n")
      << "the one that failed";
}

TEST_F(WatchTest, ReportOfARunSaysWhichRunWhenNoneIsNamed) {
  FillLog();
  const Outcome none = RunCommand(MakeReportCommand(), {"run"});
  EXPECT_EQ(none.error.code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(none.error.message, HasSubstr("repro status --runs"));
  EXPECT_EQ(RunCommand(MakeReportCommand(), {"run", "77"}).error.code, ErrorCode::kNotFound);
  EXPECT_EQ(RunCommand(MakeReportCommand(), {"run", "1", "--scale", "lab"}).error.code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(RunCommand(MakeReportCommand(), {"fig2", "1"}).error.code, ErrorCode::kInvalidArgument);
  const Outcome written = RunCommand(MakeReportCommand(), {"run", "1", "--format", "csv,json,md",
                                                           "--out", (workspace_ / "out").string()});
  EXPECT_EQ(written.code, 0) << written.error.message;
  for (const char* file : {"run-1.csv", "run-1.json", "run-1.md"}) {
    EXPECT_TRUE(std::filesystem::exists(workspace_ / "out" / file)) << file;
    EXPECT_THAT(written.out, HasSubstr(file));
  }
}

}  // namespace
}  // namespace repro
