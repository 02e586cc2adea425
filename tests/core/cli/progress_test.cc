#include "core/cli/progress.h"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/text.h"
#include "core/cli/text_table.h"
#include "core/io/json_io.h"

namespace repro {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

Snapshot MakeSnapshot(std::size_t running = 2) {
  Snapshot snapshot;
  snapshot.total = 34;
  snapshot.done = 12;
  snapshot.running = running;
  snapshot.fraction = 0.43;
  snapshot.elapsed_seconds = 185;
  snapshot.eta_seconds = 240;
  for (std::size_t i = 0; i < running; ++i) {
    TaskView task;
    task.label = fmt::format("pretrain xlm7 seed {}", i + 1);
    task.done = 465;
    task.total = 1500;
    task.unit = "updates";
    task.fraction = 0.31;
    task.rate = 18'200;
    task.loss = 4.2134;
    task.eta_seconds = 120;
    snapshot.tasks.push_back(task);
  }
  return snapshot;
}

TEST(DrawProgressTest, ShowsAnOverallLineAndOneForEachRunningTask) {
  const auto lines = DrawProgress("fig2 desk", MakeSnapshot(), {160, 40}, false, false);
  ASSERT_THAT(lines, SizeIs(3));
  EXPECT_THAT(lines[0], AllOf(HasSubstr("fig2 desk"), HasSubstr("43 %"), HasSubstr("12/34 tasks"),
                              HasSubstr("4 min 00 s left"), HasSubstr("[#")));
  EXPECT_THAT(lines[1], AllOf(HasSubstr("pretrain xlm7 seed 1"), HasSubstr("31 %"),
                              HasSubstr("465/1,500 updates"), HasSubstr("18.2K tokens/s"),
                              HasSubstr("loss 4.213"), HasSubstr("2 min 00 s left")));
}

TEST(DrawProgressTest, NeverWiderThanTheTerminal) {
  for (std::size_t columns = 10; columns < 200; ++columns) {
    for (const bool unicode : {false, true}) {
      for (const std::string& line :
           DrawProgress("fig2 desk", MakeSnapshot(), {columns, 40}, false, unicode)) {
        EXPECT_LE(DisplayWidth(line), columns) << line;
      }
    }
  }
}

TEST(DrawProgressTest, OnANarrowTerminalNameAndShareStay) {
  const auto lines = DrawProgress("fig2 desk", MakeSnapshot(), {40, 40}, false, false);
  EXPECT_THAT(lines[1], AllOf(HasSubstr("pretrain"), HasSubstr("31 %"), Not(HasSubstr("updates"))));
}

TEST(DrawProgressTest, MoreTasksThanRowsAreCounted) {
  const auto lines = DrawProgress("fig2 desk", MakeSnapshot(50), {100, 10}, false, false);
  EXPECT_LT(lines.size(), 10U);
  EXPECT_THAT(lines.back(), HasSubstr("and 44 more"));
}

TEST(DrawProgressTest, FailuresAreSeenAtOnce) {
  Snapshot snapshot = MakeSnapshot();
  snapshot.failed = 1;
  snapshot.blocked = 7;
  EXPECT_THAT(DrawProgress("fig2", snapshot, {160, 40}, false, false)[0],
              HasSubstr("1 failed, 7 blocked"));
}

TEST(DrawProgressTest, ATaskWithoutProgressShowsItsTime) {
  Snapshot snapshot = MakeSnapshot(1);
  snapshot.tasks[0] = {};
  snapshot.tasks[0].label = "vocab xlm7";
  snapshot.tasks[0].elapsed_seconds = 42;
  EXPECT_THAT(DrawProgress("fig2", snapshot, {100, 40}, false, false)[1],
              AllOf(HasSubstr("vocab xlm7"), HasSubstr("42 s")));
}

TEST(DrawProgressTest, LabelsCannotTakeTheTerminalOver) {
  Snapshot snapshot = MakeSnapshot(1);
  snapshot.tasks[0].label = "evil\x1b[2J";
  EXPECT_THAT(DrawProgress("fig2", snapshot, {100, 40}, false, false)[1], Not(HasSubstr("\x1b")));
}

TEST(DrawBarTest, FillsFromEmptyToFull) {
  EXPECT_EQ(DrawBar(0, 6, false), "[----]");
  EXPECT_EQ(DrawBar(0.5, 6, false), "[##--]");
  EXPECT_EQ(DrawBar(1, 6, false), "[####]");
  EXPECT_EQ(DrawBar(7, 6, false), "[####]");
  EXPECT_EQ(DisplayWidth(DrawBar(0.5, 20, true)), 20U);
}

TEST(TerminalProgressTest, RedrawsInPlaceAndLeavesNothingBehind) {
  std::ostringstream out;
  {
    TerminalProgress progress("fig2", out, false, false, [] { return TerminalSize{80, 24}; });
    progress.OnTick(MakeSnapshot(2));
    EXPECT_THAT(out.str(), Not(HasSubstr("\x1b"))) << "nothing to erase yet";
    progress.OnTick(MakeSnapshot(1));
    EXPECT_THAT(out.str(), HasSubstr("\x1b[3A\r\x1b[J")) << "three lines up";
    out.str("");
  }
  EXPECT_EQ(out.str(), "\x1b[2A\r\x1b[J");
}

TEST(TerminalProgressTest, AfterTheWindowShrankWrappedLinesAreErasedToo) {
  std::ostringstream out;
  TerminalSize size{80, 24};
  TerminalProgress progress("fig2", out, false, false, [&size] { return size; });
  progress.OnTick(MakeSnapshot(0));
  const std::size_t width =
      DisplayWidth(DrawProgress("fig2", MakeSnapshot(0), {80, 24}, false, false)[0]);
  ASSERT_GT(width, 40U);
  size.columns = 40;
  out.str("");
  progress.OnTick(MakeSnapshot(0));
  EXPECT_THAT(out.str(), testing::StartsWith(fmt::format("\x1b[{}A", (width + 39) / 40)));
}

TEST(TerminalProgressTest, ColoursOnlyWhenAskedFor) {
  std::ostringstream plain;
  std::ostringstream colourful;
  Task task;
  task.label = "vocab";
  for (const bool color : {false, true}) {
    TerminalProgress progress("fig2", color ? colourful : plain, color, false,
                              [] { return TerminalSize{}; });
    progress.OnEnded({task, 1, "failed", "exit code 1", 3});
  }
  EXPECT_THAT(plain.str(), Not(HasSubstr("\x1b[3")));
  EXPECT_THAT(colourful.str(), HasSubstr("\x1b[3"));
}

TEST(PlainProgressTest, WritesPlainLinesAndAStatusEveryHalfMinute) {
  std::ostringstream out;
  PlainProgress progress("fig2 desk", out);
  Task task;
  task.label = "vocab xlm7";
  progress.OnStarted(task, 1, false);
  progress.OnEnded({task, 2, "done", "", 12});
  Snapshot snapshot = MakeSnapshot(1);
  snapshot.elapsed_seconds = 10;
  progress.OnTick(snapshot);
  EXPECT_THAT(out.str(), Not(HasSubstr("43 %"))) << "too early";
  snapshot.elapsed_seconds = 31;
  progress.OnTick(snapshot);
  snapshot.elapsed_seconds = 35;
  progress.OnTick(snapshot);
  const std::string text = out.str();
  EXPECT_THAT(text,
              AllOf(HasSubstr("started     vocab xlm7"),
                    HasSubstr("done        vocab xlm7 (attempt 2), 12 s"),
                    HasSubstr("pretrain xlm7 seed 1  465/1,500 updates"), Not(HasSubstr("\x1b"))));
  EXPECT_EQ(text.find("43 %"), text.rfind("43 %")) << "one status in half a minute";
}

TEST(PlainProgressTest, OfAStackTraceTheFirstLineAndWhereTheRestIs) {
  std::ostringstream out;
  PlainProgress progress("fig2 desk", out);
  Task task;
  task.label = "pretrain";
  task.key = "abc";
  const std::string trace = "CUDA error\nframe " + std::string(400, 'x');
  progress.OnEnded({task, 2, "failed", trace, 3});
  progress.OnMessage("error", "pretrain", trace);
  EXPECT_THAT(out.str(), HasSubstr("CUDA error ... (whole in work/abc/attempts/2/stderr)\n"));
  EXPECT_THAT(out.str(), HasSubstr("pretrain: CUDA error ...\n"));
  EXPECT_THAT(out.str(), Not(HasSubstr("frame")));
}

TEST(JsonProgressTest, EveryLineIsAnObject) {
  std::ostringstream out;
  JsonProgress progress(out);
  Task task;
  task.label = "vocab";
  progress.OnStarted(task, 1, true);
  progress.OnEnded({task, 1, "retry", "exit code 1", 2});
  progress.OnMessage("warning", "vocab", "slow");
  progress.OnTick(MakeSnapshot());
  std::vector<std::string> events;
  std::istringstream lines(out.str());
  for (std::string line; std::getline(lines, line);) {
    const auto json = ParseJson(line, "line");
    ASSERT_TRUE(json) << line;
    events.push_back(json->at("event"));
  }
  EXPECT_THAT(events, ElementsAre("started", "ended", "message", "progress"));
}

}  // namespace
}  // namespace repro
