#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include "core/io/file.h"
#include "core/store/event_writer.h"
#include "core/store/run_log.h"
#include "tests/core/store/workspace_fixture.h"

namespace repro {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Key;

class IngestTest : public testing::WorkspaceTest {
 protected:
  IngestTest() : log_(OpenLog()) {
    REPRO_CHECK(log_.UpsertTask(MakeTask('a')).has_value());
    attempt_ = Begin(1);
  }

  std::int64_t Begin(int number) {
    AttemptRow row;
    row.task_key = Key('a');
    row.number = number;
    row.folder = fmt::format("work/a/attempts/{}", number);
    return log_.BeginAttempt(row).value();
  }

  std::vector<Json> Ingest() { return log_.IngestEvents(attempt_, events_).value(); }

  std::filesystem::path events_ = workspace_ / "events.jsonl";
  RunLog log_;
  std::int64_t attempt_ = 0;
};

TEST_F(IngestTest, NoFileYetIsNoEvents) {
  EXPECT_THAT(Ingest(), IsEmpty());
}

TEST_F(IngestTest, EachLineCountsOnceHoweverOftenTheFileIsRead) {
  auto writer = EventWriter::Open(events_).value();
  writer.State("started");
  writer.Write({.name = "pretrain.loss", .value = 4.25, .step = 10});
  EXPECT_EQ(Ingest().size(), 2u);
  EXPECT_THAT(Ingest(), IsEmpty());
  writer.Message("info", "hello");
  const auto fresh = Ingest();
  ASSERT_EQ(fresh.size(), 1u);
  EXPECT_EQ(fresh[0]["text"], "hello");
  EXPECT_EQ(log_.Events(Key('a')).value().size(), 2u);
  ASSERT_EQ(log_.Metrics({}).value().size(), 1u);
  EXPECT_EQ(log_.Metrics({}).value()[0].value, 4.25);
}

TEST_F(IngestTest, ATornLastLineIsReadWhenItIsWhole) {
  const std::string line =
      R"({"type":"message","level":"info","text":"whole","seq":0,"time_ms":1})";
  for (std::size_t cut = 1; cut < line.size(); cut += 7) {
    WriteText(events_, line.substr(0, cut));
    EXPECT_THAT(Ingest(), IsEmpty()) << cut;
  }
  WriteText(events_, line);
  EXPECT_THAT(Ingest(), IsEmpty()) << "no newline yet";
  AppendText(events_, "\n");
  ASSERT_EQ(Ingest().size(), 1u);
  EXPECT_EQ(log_.Attempts(Key('a')).value()[0].damaged_lines, 0);
}

TEST_F(IngestTest, ADamagedWholeLineIsReportedOnceAndHidesNothing) {
  WriteText(events_,
            "{\"type\":\"message\",\"text\":\"before\"}\n"
            "{\"type\":\"metric\",\"name\":7}\n"
            "\xff\xfe garbage\n"
            "[1,2]\n"
            "{\"type\":\"message\",\"text\":\"after\"}\n");
  const auto events = Ingest();
  ASSERT_EQ(events.size(), 5u);
  EXPECT_EQ(events[1]["type"], "damaged");
  EXPECT_EQ(events[2]["type"], "damaged");
  EXPECT_EQ(events[2]["position"], 62);
  EXPECT_EQ(events[4]["text"], "after");
  EXPECT_THAT(Ingest(), IsEmpty());
  EXPECT_EQ(log_.Attempts(Key('a')).value()[0].damaged_lines, 3);
  EXPECT_EQ(log_.Events(Key('a')).value().size(), 5u);
}

TEST_F(IngestTest, NonFiniteValuesComeBackAsTheyWere) {
  const double infinity = std::numeric_limits<double>::infinity();
  auto writer = EventWriter::Open(events_).value();
  writer.Write({.name = "a", .value = std::numeric_limits<double>::quiet_NaN()});
  writer.Write({.name = "b", .value = infinity});
  writer.Write({.name = "c", .value = -infinity});
  writer.Write({.name = "d", .value = 0.1});
  ASSERT_EQ(Ingest().size(), 4u);
  const auto metrics = log_.Metrics({}).value();
  ASSERT_EQ(metrics.size(), 4u);
  EXPECT_TRUE(std::isnan(metrics[0].value));
  EXPECT_EQ(metrics[1].value, infinity);
  EXPECT_EQ(metrics[2].value, -infinity);
  EXPECT_EQ(metrics[3].value, 0.1);
}

TEST_F(IngestTest, OnlyTheNewestProgressIsKept) {
  auto writer = EventWriter::Open(events_).value();
  for (int done = 1; done <= 5; ++done) writer.Progress(done, 5, "updates", {{"loss", 1.0 / done}});
  EXPECT_EQ(Ingest().size(), 5u);
  const auto attempt = log_.Attempts(Key('a')).value()[0];
  EXPECT_EQ(attempt.progress["done"], 5);
  EXPECT_EQ(attempt.progress["unit"], "updates");
  EXPECT_THAT(log_.Events(Key('a')).value(), IsEmpty());
}

TEST_F(IngestTest, AResumedAttemptsValueStandsWhicheverIsReadLast) {
  const auto second = Begin(2);
  const auto second_events = workspace_ / "second.jsonl";
  {
    auto writer = EventWriter::Open(events_).value();
    writer.Write({.name = "pretrain.loss", .value = 1, .step = 10});
    writer.Write({.name = "pretrain.loss", .value = 2, .step = 20});
    auto resumed = EventWriter::Open(second_events).value();
    resumed.Write({.name = "pretrain.loss", .value = 3, .step = 20});
  }
  ASSERT_OK(log_.IngestEvents(second, second_events));
  Ingest();
  const auto metrics = log_.Metrics({}).value();
  ASSERT_EQ(metrics.size(), 2u);
  EXPECT_EQ(metrics[0].value, 1);
  EXPECT_EQ(metrics[1].value, 3);
}

// What a power cut may do: the log has been on the disk sooner than the lines that it was read
// from.
TEST_F(IngestTest, AFileThatLostItsEndIsReportedOnceAndReadOn) {
  const std::string one = "{\"type\":\"message\",\"text\":\"one\"}\n";
  WriteText(events_, one + one + one);
  EXPECT_EQ(Ingest().size(), 3u);
  WriteText(events_, one + one.substr(0, 5));
  const auto events = Ingest();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0]["type"], "damaged");
  EXPECT_EQ(events[0]["position"], one.size());
  EXPECT_THAT(events[0]["text"].get<std::string>(), HasSubstr("cut or replaced"));
  EXPECT_THAT(Ingest(), IsEmpty());
  EXPECT_EQ(log_.Attempts(Key('a')).value()[0].damaged_lines, 1);
  EXPECT_EQ(log_.Events(Key('a')).value().size(), 4u) << "what was read before is kept";
  EventWriter::Open(events_).value().Message("info", "two");
  const auto fresh = Ingest();
  ASSERT_EQ(fresh.size(), 1u);
  EXPECT_EQ(fresh[0]["text"], "two");
}

TEST_F(IngestTest, AWriteThatFailsIsKeptAsTheStatusAndNamesTheFile) {
  auto writer = EventWriter::Open(events_).value();
  writer.State("started");
  EXPECT_TRUE(writer.Sync().has_value());
  const auto size = std::filesystem::file_size(events_);
  // A limit on the size of a file stands for a full disk: both let a part of a line through.
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit full = before;
  full.rlim_cur = size + 10;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);
  writer.Message("info", "does not fit");
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ::signal(SIGXFSZ, SIG_DFL);
  ASSERT_FALSE(writer.status().has_value());
  EXPECT_EQ(writer.status().error().code, ErrorCode::kIo);
  EXPECT_THAT(writer.status().error().message, HasSubstr(events_.string()));
  EXPECT_FALSE(writer.Sync().has_value());
  // Nothing follows half a line, and the half is not read.
  writer.Message("info", "fits again");
  EXPECT_EQ(std::filesystem::file_size(events_), size + 10);
  EXPECT_EQ(Ingest().size(), 1u);
}

TEST_F(IngestTest, AnEventsFileThatCannotBeOpenedIsNamed) {
  std::filesystem::create_directories(events_);
  const auto writer = EventWriter::Open(events_);
  ASSERT_FALSE(writer.has_value());
  EXPECT_THAT(writer.error().message, HasSubstr(events_.string()));
}

TEST_F(IngestTest, AnEventTypeOfTheFutureIsKept) {
  WriteText(events_, "{\"type\":\"energy\",\"joules\":12}\n");
  EXPECT_EQ(Ingest().size(), 1u);
  const auto events = log_.Events(Key('a')).value();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0]["joules"], 12);
  EXPECT_EQ(events[0]["attempt"], 1);
}

TEST_F(IngestTest, ReopenedForWritingATornTailIsCutAndReadingGoesOn) {
  {
    auto writer = EventWriter::Open(events_).value();
    writer.Message("info", "first");
  }
  AppendText(events_, "{\"type\":\"mess");
  EXPECT_EQ(Ingest().size(), 1u);
  auto writer = EventWriter::Open(events_).value();
  writer.Message("info", "second");
  const auto events = Ingest();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0]["text"], "second");
  EXPECT_EQ(events[0]["seq"], 1);
}

}  // namespace
}  // namespace repro
