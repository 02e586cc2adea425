// Data-parallel pretraining with real `repro-task` processes: an attempt folder as the executor
// makes it, a published input, and kills.
#include <algorithm>
#include <csignal>
#include <fstream>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "core/base/units.h"
#include "core/graph/task_runner.h"
#include "core/io/subprocess.h"
#include "core/store/artifact_store.h"
#include "tests/core/temp_folder.h"
#include "tests/experiments/tasks/pretrain_fixture.h"

namespace repro {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// Children of a process, by /proc.
std::vector<pid_t> ChildrenOf(pid_t parent) {
  std::vector<pid_t> children;
  std::error_code ignored;
  for (const fs::directory_entry& task :
       fs::directory_iterator(fmt::format("/proc/{}/task", parent), ignored)) {
    std::ifstream list(task.path() / "children");
    for (pid_t child = 0; list >> child;) children.push_back(child);
  }
  return children;
}

bool IsGone(pid_t process) {
  const std::string stat = ReadFile(fmt::format("/proc/{}/stat", process)).value_or("");
  return stat.empty() || stat.find(") Z ") != std::string::npos;
}

// Its exit. What has not ended within so many seconds is killed, and that is a failure.
ExitStatus EndOf(Subprocess& process, double seconds = 120) {
  std::optional<ExitStatus> exit;
  if (!testing::Within(seconds, [&] {
        exit = process.Poll().value();
        return exit.has_value();
      })) {
    ADD_FAILURE() << "still running after " << seconds << " s";
    process.Signal(SIGKILL);
    return process.Wait().value();
  }
  return *exit;
}

// A size in /proc/PID/status, kB; 0 when the process is gone.
std::int64_t StatusKilobytes(pid_t process, const std::string& name) {
  std::ifstream status(fmt::format("/proc/{}/status", process));
  for (std::string word; status >> word;) {
    if (word != name + ":") continue;
    std::int64_t kilobytes = 0;
    status >> kilobytes;
    return kilobytes;
  }
  return 0;
}

class ParallelPretrainTest : public PretrainTaskTest {
 protected:
  // A workspace of its own with the encoded corpus in it.
  void SetUp() override {
    encode_.kind = "encode";
    encode_.version = kEncodeVersion;
    encode_.label = "encode";
    encode_.key = ComputeTaskKey(encode_);
    const fs::path staging = folder_ / "staging";
    fs::copy(*root_ / "encode/out", staging, fs::copy_options::recursive);
    CompletionRecord record;
    record.task = DescribeTask(encode_);
    const auto published = Store().Publish(staging, record);
    ASSERT_TRUE(published) << published.error().message;
  }

  ArtifactStore Store() const { return ArtifactStore(folder_ / "workspace"); }

  // The number of processes is no part of the key.
  Task TaskOf(const PretrainSpec& spec, std::int64_t processes) const {
    Task task;
    task.kind = "pretrain";
    task.version = kPretrainVersion;
    task.spec = ToJson(spec);
    task.label = "pretrain";
    task.inputs = {{"tokens", encode_.key}};
    task.key = ComputeTaskKey(task);
    task.info = {{"processes", processes}};
    return task;
  }

  // Starts the next attempt of the task.
  // `kilobytes`: of address space for it; 0: no limit.
  Subprocess StartAttempt(const Task& task, std::int64_t kilobytes = 0) {
    attempt_ = Store().AttemptFolder(task.key, ++attempts_);
    fs::create_directories(attempt_);
    const AttemptDescription description{
        .task = task,
        .inputs = {{"tokens", Store().Folder("encode", encode_.key)}},
        .staging = Store().StagingFolder(task.key, attempts_),
        .scratch = Store().ScratchFolder(task.key),
        .workspace = Store().workspace()};
    REPRO_CHECK(PutFile(attempt_ / "task.json", ToJson(description).dump()).has_value());
    SubprocessOptions options;
    options.program = "/bin/bash";
    options.arguments = {"-c", "[[ $1 == 0 ]] || ulimit -v $1; exec \"$0\" run \"$2\"",
                         REPRO_TASK_PROGRAM, std::to_string(kilobytes), attempt_.string()};
    options.stdout_file = attempt_ / "stdout";
    options.stderr_file = attempt_ / "stderr";
    auto started = Subprocess::Start(options);
    REPRO_CHECK(started.has_value());
    return std::move(started).value();
  }
  std::string Stderr() const { return ReadFile(attempt_ / "stderr").value_or(""); }
  std::string EventsText() const { return ReadFile(attempt_ / "events.jsonl").value_or(""); }

  // To its end, in one go.
  fs::path RunWhole(const Task& task) {
    Subprocess process = StartAttempt(task);
    EXPECT_EQ(EndOf(process).code, 0) << Stderr();
    return Store().Folder("pretrain", task.key);
  }
  // To its end, with the largest value that `name` in /proc/PID/status had, kB.
  std::int64_t PeakKilobytes(const Task& task, const std::string& name) {
    Subprocess process = StartAttempt(task);
    std::int64_t peak = 0;
    EXPECT_TRUE(testing::Within(120, [&] {
      peak = std::max(peak, StatusKilobytes(process.pid(), name));
      return process.Poll().value().has_value();
    }));
    EXPECT_EQ(EndOf(process).code, 0) << Stderr();
    return peak;
  }

  static PretrainSpec SpecOf(std::int64_t updates = 50) {
    PretrainSpec spec = Spec(updates);
    spec.settings.log_every = 1;
    spec.settings.peak_learning_rate = 1e-3;
    return spec;
  }
  // Enough updates that there is time to kill somebody.
  Task LongTask(std::int64_t processes = 2, std::int64_t log_every = 100) const {
    PretrainSpec spec = SpecOf(400);
    spec.settings.log_every = log_every;
    spec.settings.checkpoint_every = 20;
    return TaskOf(spec, processes);
  }
  std::string WeightsOf(const Task& task) const {
    return Sha256File(Store().Folder("pretrain", task.key) / "model.safetensors").value();
  }
  // SHA-256 of what LongTask gives when nobody disturbs it; made once.
  const std::string& UndisturbedWeights() {
    static const std::string kSha256 = [&] {
      const fs::path folder = RunWhole(LongTask());
      std::string hash = Sha256File(folder / "model.safetensors").value();
      fs::remove_all(folder);
      return hash;
    }();
    return kSha256;
  }
  // Waits for a checkpoint of an attempt under way.
  bool SawCheckpoint() const {
    return testing::Within(
        60, [&] { return EventsText().find("\"checkpoint\"") != std::string::npos; });
  }

  Task encode_;
  fs::path attempt_;
  int attempts_ = 0;
};

TEST_F(ParallelPretrainTest, TwoAndFourProcessesGiveTheCurveOfOne) {
  const auto history = [&](std::int64_t processes) {
    const fs::path folder = RunWhole(TaskOf(SpecOf(), processes));
    auto json = LoadJson(folder / "history.json");
    fs::remove_all(folder);  // the key is the same for all
    return json;
  };
  const auto alone = history(1);
  ASSERT_TRUE(alone);
  for (const std::int64_t processes : {2, 4}) {
    const auto together = history(processes);
    ASSERT_TRUE(together);
    EXPECT_EQ(together->at("processes"), Json::array({{{"from", 0}, {"processes", processes}}}));
    EXPECT_EQ(together->at("tokens"), alone->at("tokens"));
    ASSERT_EQ(together->at("updates").size(), 50U);
    for (std::size_t i = 0; i < 50; ++i) {
      const Json& expected = alone->at("updates")[i];
      const Json& found = together->at("updates")[i];
      EXPECT_EQ(found.at("tokens"), expected.at("tokens"))
          << i;  // packed: as many whatever they hold
      const double loss = expected.at("loss");
      EXPECT_NEAR(found.at("loss").get<double>(), loss, 1e-5 * loss) << i;
    }
  }
}

TEST_F(ParallelPretrainTest, AKilledWorkerIsNamedAndTheNextAttemptEndsWithTheSameBits) {
  const std::string expected = UndisturbedWeights();
  const Task task = LongTask();
  Subprocess leader = StartAttempt(task);
  ASSERT_TRUE(SawCheckpoint()) << Stderr();
  const std::vector<pid_t> workers = ChildrenOf(leader.pid());
  ASSERT_EQ(workers.size(), 1U);
  ASSERT_EQ(::kill(workers.front(), SIGKILL), 0);
  EXPECT_EQ(EndOf(leader, 30).code, static_cast<int>(TaskExit::kFailed));
  EXPECT_THAT(Stderr(), HasSubstr(fmt::format("rank 1 (process {}) was killed by signal 9 (Killed)",
                                              workers.front())));
  EXPECT_THAT(Stderr(), HasSubstr("the next attempt goes on from the last checkpoint"));

  Subprocess again = StartAttempt(task);
  EXPECT_EQ(EndOf(again).code, 0) << Stderr();
  EXPECT_THAT(EventsText(), HasSubstr("\"resumed\""));
  EXPECT_EQ(WeightsOf(task), expected);
}

TEST_F(ParallelPretrainTest, WorkersDieWithTheirLeader) {
  Subprocess leader = StartAttempt(LongTask());
  ASSERT_TRUE(SawCheckpoint()) << Stderr();
  const std::vector<pid_t> workers = ChildrenOf(leader.pid());
  ASSERT_EQ(workers.size(), 1U);
  ASSERT_EQ(::kill(leader.pid(), SIGKILL), 0);
  EXPECT_TRUE(testing::Within(30, [&] { return IsGone(workers.front()); }));
  EXPECT_EQ(EndOf(leader).signal, SIGKILL);
}

TEST_F(ParallelPretrainTest, AskedToStopAllStopAtTheSameUpdateAndGoOn) {
  const std::string expected = UndisturbedWeights();
  const Task task = LongTask();
  for (const int signal : {SIGTERM, SIGUSR1}) {
    Subprocess leader = StartAttempt(task);
    ASSERT_TRUE(SawCheckpoint()) << Stderr();
    ASSERT_EQ(::kill(leader.pid(), signal), 0);
    EXPECT_EQ(EndOf(leader).code, static_cast<int>(TaskExit::kContinue)) << Stderr();
    EXPECT_THAT(Stderr(), HasSubstr("checkpoint written"));
  }
  Subprocess last = StartAttempt(task);
  EXPECT_EQ(EndOf(last).code, 0) << Stderr();
  EXPECT_EQ(WeightsOf(task), expected);
}

TEST_F(ParallelPretrainTest, AnotherNumberOfProcessesGoesOnWithTheSameTask) {
  const Task together = LongTask(2, 1);
  const fs::path whole = RunWhole(together);
  const auto expected = LoadJson(whole / "history.json");
  fs::remove_all(whole);
  Subprocess leader = StartAttempt(together);
  ASSERT_TRUE(SawCheckpoint()) << Stderr();
  ASSERT_EQ(::kill(leader.pid(), SIGTERM), 0);
  ASSERT_EQ(EndOf(leader).code, static_cast<int>(TaskExit::kContinue)) << Stderr();

  const Task alone = LongTask(1, 1);
  Subprocess last = StartAttempt(alone);
  EXPECT_EQ(EndOf(last).code, 0) << Stderr();
  EXPECT_THAT(EventsText(), HasSubstr("going on with 1 process, not 2"));
  const auto found = LoadJson(Store().Folder("pretrain", alone.key) / "history.json");
  ASSERT_TRUE(expected && found);
  ASSERT_EQ(found->at("processes").size(), 2U);
  EXPECT_GT(found->at("processes")[1].at("from"), 0);
  EXPECT_EQ(found->at("tokens"), expected->at("tokens"));
  ASSERT_EQ(expected->at("updates").size(), 400U);
  ASSERT_EQ(found->at("updates").size(), 400U);
  for (std::size_t i = 0; i < 400; ++i) {
    const double loss = expected->at("updates")[i].at("loss");
    EXPECT_NEAR(found->at("updates")[i].at("loss").get<double>(), loss, 1e-5 * loss) << i;
  }
}

// Half the traffic: what is rounded on the way changes the weights, and little.
TEST_F(ParallelPretrainTest, GradientsMayTravelAsBfloat16) {
  PretrainSpec spec = SpecOf(10);
  const Task exact = TaskOf(spec, 2);
  spec.settings.gradient_dtype = "bfloat16";
  const Task rounded = TaskOf(spec, 2);
  const auto expected = LoadJson(RunWhole(exact) / "history.json");
  const auto found = LoadJson(RunWhole(rounded) / "history.json");
  ASSERT_TRUE(expected && found);
  ASSERT_EQ(found->at("updates").size(), 10U);
  for (std::size_t i = 0; i < 10; ++i) {
    const double loss = expected->at("updates")[i].at("loss");
    // Before the first update nothing has travelled.
    EXPECT_NEAR(found->at("updates")[i].at("loss").get<double>(), loss, i == 0 ? 0 : 1e-4 * loss)
        << i;
  }
  EXPECT_NE(WeightsOf(rounded), WeightsOf(exact));
}

// A batch whose memory is what the process needs most of.
PretrainSpec LargeBatch(PretrainSpec spec, std::int64_t sequences) {
  spec.model.hidden = 64;
  spec.settings.tokens_per_sample = 64;
  spec.settings.sequences_per_update = sequences;
  spec.settings.warmup_updates = 1;
  return spec;
}

// 256 x 64 tokens; q, k, v and the feed-forward layer's input and states alone are 512 floats a
// token, 32 MiB a layer. Of four layers only the one that is computed again has them.
TEST_F(ParallelPretrainTest, ActivationCheckpointingTakesLessMemoryAndGivesTheSameBits) {
  PretrainSpec spec = LargeBatch(SpecOf(3), 256);
  spec.model.layers = 4;
  const Task kept = TaskOf(spec, 1);
  spec.settings.activation_checkpointing = true;
  const Task recomputed = TaskOf(spec, 1);
  const std::int64_t all = PeakKilobytes(kept, "VmHWM");
  EXPECT_LT(PeakKilobytes(recomputed, "VmHWM"), all - (32 << 10));
  EXPECT_EQ(WeightsOf(recomputed), WeightsOf(kept));
}

// One process, and the system itself refuses the memory: it gives 128 MiB more than 32 sequences at
// a time take. For the backward pass 1024 sequences keep at least q, k, v and the feed-forward
// layer's input and states: 1024 x 64 tokens x 2 layers x 512 floats = 256 MiB.
TEST_F(ParallelPretrainTest, WhereTheSystemGivesNoMoreMemoryTheMicroBatchIsHalved) {
  PretrainSpec spec = LargeBatch(SpecOf(1), 1024);
  spec.model.layers = 2;
  spec.settings.sequences_per_micro_batch = 32;
  const std::int64_t small = PeakKilobytes(TaskOf(spec, 1), "VmPeak");
  ASSERT_GT(small, 0);
  spec.settings.sequences_per_micro_batch = 0;
  Subprocess process = StartAttempt(TaskOf(spec, 1), small + (128 << 10));
  EXPECT_EQ(EndOf(process).code, 0) << Stderr();
  EXPECT_THAT(EventsText(), HasSubstr("\"state\":\"out_of_memory\""));
  EXPECT_THAT(EventsText(), HasSubstr("\"micro_batch_from\":1024,\"micro_batch_to\":512"));
}

TEST_F(ParallelPretrainTest, AWorkerStartedByHandSaysWhatItIs) {
  SubprocessOptions options;
  options.program = REPRO_TASK_PROGRAM;
  options.arguments = {"worker", folder_.path().string()};
  options.stderr_file = folder_ / "stderr";
  for (const auto& [rank, message] :
       std::map<std::string, std::string>{{"x", "expected the number of a process"},
                                          {"1", "the process that started this worker is gone"}}) {
    options.environment = {{"REPRO_RANK", rank}};
    fs::remove(options.stderr_file);
    auto process = Subprocess::Start(options);
    ASSERT_TRUE(process);
    EXPECT_EQ(EndOf(*process).code, static_cast<int>(TaskExit::kBadSpec));
    EXPECT_THAT(ReadFile(options.stderr_file).value(), HasSubstr(message));
  }
}

}  // namespace
}  // namespace repro
