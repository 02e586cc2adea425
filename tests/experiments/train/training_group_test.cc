// Several processes of one training, here as threads of one process: each has its own model,
// optimizer, store connection and Gloo group, as processes do. tests/experiments/tasks has real
// ones.
#include "experiments/train/training_group.h"

#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <thread>

#include <ATen/core/grad_mode.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "experiments/train/checkpoint.h"
#include "experiments/train/training_flops.h"
#include "tests/core/temp_folder.h"
#include "tests/experiments/memory_limit.h"
#include "tests/experiments/train/tiny_training.h"

namespace repro {
namespace {

using ::testing::HasSubstr;

/// Runs `work` for each rank in a thread of its own and returns what they returned.
template <class T>
std::vector<T> InGroup(std::int64_t size, const std::function<T(const TrainingGroup&)>& work) {
  auto leader = TrainingGroup::Open(size);
  REPRO_CHECK(leader.has_value());
  std::vector<std::optional<T>> results(static_cast<std::size_t>(size));
  std::vector<std::thread> threads;
  for (std::int64_t rank = 0; rank < size; ++rank) {
    threads.emplace_back([&, rank] {
      auto group = rank == 0 ? leader : TrainingGroup::Connect(leader->port(), rank, size);
      REPRO_CHECK(group.has_value());
      const Status met = group->Meet();
      REPRO_CHECK(met.has_value());
      results[static_cast<std::size_t>(rank)].emplace(work(*group));
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<T> values;
  values.reserve(results.size());
  for (auto& result : results) values.push_back(std::move(*result));
  return values;
}

/// The rows of a rank, as BatchSource::Get(update, part) gives them.
MaskedBatch PartOf(const MaskedBatch& batch, std::int64_t rank, std::int64_t size) {
  MaskedBatch part;
  for (std::int64_t row = rank; row < batch.rows; row += size) {
    const MaskedBatch one = Slice(batch, row, row + 1);
    if (part.rows == 0) part.columns = one.columns;
    for (std::int64_t column = 0; column < part.columns; ++column) {
      const bool there = column < one.columns;
      const auto at = static_cast<std::size_t>(column);
      part.inputs.push_back(there ? one.inputs[at] : 1);
      part.targets.push_back(there ? one.targets[at] : kIgnoreTarget);
    }
    part.lengths.push_back(one.lengths.front());
    part.languages.push_back(one.languages.front());
    part.samples.push_back(one.samples.front());
    part.tokens += one.tokens;
    part.predicted += one.predicted;
    ++part.rows;
  }
  return part;
}

struct Trained {
  std::vector<at::Tensor> weights;
  Json losses = Json::array();
  Json validation;
  std::string error;
  std::optional<ErrorCode> code;  // of the error
  std::int64_t at_a_time = -1;    // sequences, at the end
};

class TrainingGroupTest : public TrainTest {
 protected:
  /// c10d's flight recorder is one for the whole process and is written without a lock, which is
  /// right for a rank to a process; here ranks are threads. It is off where it holds no entry.
  static void SetUpTestSuite() { ::setenv("TORCH_FR_BUFFER_SIZE", "0", 1); }

  Trained TrainAs(const TrainingGroup& group, const TrainerOptions& given,
                  std::int64_t limit_bytes = 0, const StopFlag& stop = kNever,
                  const std::function<void(const MlmModel&)>& spoil = {}) {
    MlmModel model = InitMlmModel(TinyShape(), 1);
    if (spoil) spoil(model);
    TrainingData data = CountingData();
    data.validation.push_back({"bb", CountingBatch(2'000'000), {.unigram = 4, .context_free = 3}});
    data.batch = [&](std::int64_t update) {
      return PartOf(CountingBatch(update), group.rank(), group.size());
    };
    TrainerOptions options = given;
    options.group = &group;
    options.log_every = 1;
    auto events = EventWriter::Open(EventFile(group.rank()));
    MemoryLimit limit;
    model.encoder.word_embeddings_VC.register_hook([&](const at::Tensor& gradient) {
      if (limit_bytes > 0) limit.Forbid(limit_bytes);  // after the first update's passes
      return gradient;
    });
    const auto history = Train(model, data, options, *events, stop);
    limit.Lift();
    Trained trained;
    trained.weights = Copies(model);
    if (!history) {
      trained.error = history.error().message;
      trained.code = history.error().code;
      return trained;
    }
    for (const Json& update : history->updates) trained.losses.push_back(update.at("loss"));
    trained.validation = history->validation;
    trained.at_a_time = history->sequences_per_micro_batch;
    return trained;
  }

  std::filesystem::path EventFile(std::int64_t rank) const {
    return folder_ / fmt::format("events.{}.jsonl", rank);
  }
  std::vector<Json> EventsOf(std::int64_t rank) const {
    std::vector<Json> events;
    std::istringstream lines(ReadFile(EventFile(rank)).value());
    for (std::string line; std::getline(lines, line);) events.push_back(Json::parse(line));
    return events;
  }

  /// All ended with `message`, which the leader's events say once, and no weight had moved (rate 0
  /// in update 0); looked at in the ranks `untouched`, since a test changes weights of others.
  void ExpectDiverged(const std::vector<Trained>& trained, const std::set<std::size_t>& untouched,
                      std::int64_t update, const std::string& message) const {
    const std::vector<at::Tensor> initial = Copies(InitMlmModel(TinyShape(), 1));
    for (std::size_t rank = 0; rank < trained.size(); ++rank) {
      SCOPED_TRACE(rank);
      EXPECT_EQ(trained[rank].code, ErrorCode::kDiverged);
      EXPECT_THAT(trained[rank].error, HasSubstr(message));
      if (untouched.contains(rank)) {
        EXPECT_TRUE(BitEqual(initial, trained[rank].weights));
      }
      std::vector<Json> said;
      for (const Json& event : EventsOf(static_cast<std::int64_t>(rank))) {
        if (event.value("state", "") == "diverged") said.push_back(event.at("info"));
      }
      ASSERT_EQ(said.size(), rank == 0 ? 1U : 0U);
      if (rank > 0) continue;
      EXPECT_EQ(said[0].at("update"), update);
      EXPECT_EQ(said[0].at("batch_rows"), 6);
      EXPECT_EQ(said[0].at("batch_languages"), "aa 3, bb 3");
      EXPECT_THAT(trained[rank].error, HasSubstr(said[0].at("reason").get<std::string>()));
    }
    EXPECT_TRUE(ListCheckpoints(folder_ / "checkpoints").empty());
  }
};

void ExpectSameCurve(const Trained& expected, const Trained& found, double tolerance) {
  ASSERT_EQ(expected.error, "");
  ASSERT_EQ(found.error, "");
  ASSERT_FALSE(expected.losses.empty());
  ASSERT_EQ(expected.losses.size(), found.losses.size());
  for (std::size_t i = 0; i < expected.losses.size(); ++i) {
    const double truth = expected.losses[i].get<double>();
    EXPECT_NEAR(found.losses[i].get<double>(), truth, tolerance * truth) << "update " << i + 1;
  }
}

TEST_F(TrainingGroupTest, SumsAndBroadcasts) {
  const auto sums = InGroup<std::vector<double>>(3, [](const TrainingGroup& group) {
    std::vector<double> values = {1, static_cast<double>(group.rank())};
    REPRO_CHECK(group.Sum(values).has_value());
    const at::Tensor tensor = at::full({2}, group.rank(), at::kFloat);
    REPRO_CHECK(group.Broadcast({tensor}).has_value());
    values.push_back(tensor.sum().item<double>());
    return values;
  });
  for (const auto& values : sums) EXPECT_EQ(values, (std::vector<double>{3, 3, 0}));
}

// Dropout on: it is keyed by sequence, so the division does not change what falls out.
TEST_F(TrainingGroupTest, TwoAndFourProcessesGiveTheCurveOfOne) {
  const Trained alone = TrainAs(TrainingGroup(), Options(50, "alone"));
  for (const std::int64_t size : {2, 4}) {
    const auto trained = InGroup<Trained>(size, [&](const TrainingGroup& group) {
      return TrainAs(group, Options(50, fmt::format("of-{}", size)));
    });
    ExpectSameCurve(alone, trained.front(), 1e-5);
    for (const Trained& other : trained) {
      EXPECT_EQ(other.error, "");
      EXPECT_TRUE(BitEqual(trained.front().weights, other.weights));
    }
    for (const std::string code : {"aa", "bb"}) {
      const double truth = alone.validation.back().at("loss").at(code);
      EXPECT_NEAR(trained.front().validation.back().at("loss").at(code).get<double>(), truth,
                  1e-5 * truth);
    }
  }
}

TEST_F(TrainingGroupTest, MicroBatchesChangeNothingButRounding) {
  const Trained alone = TrainAs(TrainingGroup(), Options(50, "alone"));
  TrainerOptions options = Options(50, "two");
  options.sequences_per_micro_batch = 2;  // 2 and 1 of each process's 3
  const auto trained =
      InGroup<Trained>(2, [&](const TrainingGroup& group) { return TrainAs(group, options); });
  ExpectSameCurve(alone, trained.front(), 1e-5);
}

TEST_F(TrainingGroupTest, Bfloat16GradientsAreNearAndTheSameEverywhere) {
  const Trained alone = TrainAs(TrainingGroup(), Options(20, "alone"));
  TrainerOptions options = Options(20, "two");
  options.bfloat16_gradients = true;
  const auto trained =
      InGroup<Trained>(2, [&](const TrainingGroup& group) { return TrainAs(group, options); });
  ExpectSameCurve(alone, trained.front(), 2e-2);
  EXPECT_NE(alone.losses, trained.front().losses);
  EXPECT_TRUE(BitEqual(trained[0].weights, trained[1].weights));
}

// A checkpoint does not know how many made it.
TEST_F(TrainingGroupTest, AnotherNumberOfProcessesGoesOnWithTheSameData) {
  const Trained alone = TrainAs(TrainingGroup(), Options(40, "alone"));
  const auto first_half = InGroup<Trained>(4, [&](const TrainingGroup& group) {
    TrainerOptions options = Options(40, "moving");
    StopFlag stop{false};
    int calls = 0;
    options.peak_memory = [&]() -> std::int64_t {  // asked at every logged update of the leader
      if (++calls == 17) stop.store(true);
      return 0;
    };
    return TrainAs(group, options, 0, stop);
  });
  EXPECT_THAT(first_half.front().error, HasSubstr("stopped after update 17 of 40"));
  EXPECT_THAT(first_half.back().error, HasSubstr("stopped after update 17 of 40"));
  const auto second_half = InGroup<Trained>(
      2, [&](const TrainingGroup& group) { return TrainAs(group, Options(40, "moving")); });
  ExpectSameCurve(alone, second_half.front(), 1e-5);
}

TEST_F(TrainingGroupTest, WhereMemoryRunsOutAllStartAgainWithLess) {
  const std::int64_t limit = PartOf(CountingBatch(0), 1, 2).tokens * 3 * 16 * 4;
  const auto failed = InGroup<Trained>(2, [&](const TrainingGroup& group) {
    return TrainAs(group, Options(9), group.rank() == 1 ? limit : 0);
  });
  EXPECT_THAT(failed[1].error,
              HasSubstr("rank 1 of 2: out of memory at update 1 with 3 sequences"));
  EXPECT_THAT(failed[0].error, HasSubstr("rank 0 of 2: "));
  EXPECT_TRUE(std::filesystem::exists(MicroBatchFile(folder_ / "checkpoints")));
  const auto again = InGroup<Trained>(2, [&](const TrainingGroup& group) {
    return TrainAs(group, Options(9), group.rank() == 1 ? limit : 0);
  });
  for (const Trained& trained : again) EXPECT_EQ(trained.error, "");
  const Trained alone = TrainAs(TrainingGroup(), Options(9, "alone"));
  ExpectSameCurve(alone, again.front(), 1e-5);
}

// One process found 2 sequences to fit, and the file says so; alone, the training went on with 1.
TEST_F(TrainingGroupTest, WhatMemoryTookIsNeverGivenBack) {
  TrainerOptions options = Options(9);
  options.sequences_per_micro_batch = 1;
  StopFlag stop{false};
  options.peak_memory = [&]() -> std::int64_t {  // asked at every logged update
    stop.store(true);
    return 0;
  };
  EXPECT_THAT(TrainAs(TrainingGroup(), options, 0, stop).error,
              HasSubstr("stopped after update 1"));
  ASSERT_TRUE(PutFile(MicroBatchFile(options.checkpoint_folder),
                      R"({"update":0,"micro_batch_from":3,"micro_batch_to":2})"));
  const auto trained =
      InGroup<Trained>(2, [&](const TrainingGroup& group) { return TrainAs(group, Options(9)); });
  for (std::size_t rank = 0; rank < 2; ++rank) {
    EXPECT_EQ(trained[rank].error, "");
    EXPECT_EQ(trained[rank].at_a_time, 1);
    for (const Json& event : EventsOf(static_cast<std::int64_t>(rank))) {
      EXPECT_NE(event.value("state", ""), "out_of_memory");
    }
  }
}

// Six sequences are too many for the second process, three are not: the widest activation of six is
// [66 tokens, 32] or more in float32, of three [42, 3 x 16]. In training it has three of fewer
// tokens.
TEST_F(TrainingGroupTest, TheLeaderSaysWhereAWorkersValidationTakesFewerSequences) {
  constexpr std::int64_t kLimit = std::int64_t{66} * 32 * 4;
  static_assert(std::int64_t{42} * 3 * 16 * 4 < kLimit);
  const Trained alone = TrainAs(TrainingGroup(), Options(3, "alone"));
  const auto trained = InGroup<Trained>(2, [&](const TrainingGroup& group) {
    return TrainAs(group, Options(3), group.rank() == 1 ? kLimit : 0);
  });
  ExpectSameCurve(alone, trained.front(), 1e-5);
  const double truth = alone.validation.back().at("loss").at("bb");
  EXPECT_NEAR(trained.front().validation.back().at("loss").at("bb").get<double>(), truth,
              1e-5 * truth);
  for (std::int64_t rank = 0; rank < 2; ++rank) {
    std::vector<std::string> said;
    for (const Json& event : EventsOf(rank)) {
      const std::string text = event.value("text", "");
      if (text.find("out of memory in validation") != std::string::npos) said.push_back(text);
    }
    if (rank == 0) {
      EXPECT_THAT(said, ::testing::ElementsAre("out of memory in validation: going on with 3 "
                                               "(rank 1) sequences at a time"));
    } else {
      EXPECT_TRUE(said.empty());
    }
  }
}

int LowestFreeDescriptor() {
  const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  REPRO_CHECK(fd >= 0 && ::close(fd) == 0);
  return fd;
}

// One descriptor is left: the socket takes it, and the store finds none for its loop.
TEST(MeetingPointTest, ASocketThatTheStoreDoesNotTakeIsClosed) {
  const int free = LowestFreeDescriptor();
  struct rlimit before {};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  struct rlimit tight = before;
  tight.rlim_cur = static_cast<rlim_t>(free) + 1;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
  const auto group = TrainingGroup::Open(2);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_FALSE(group);
  EXPECT_THAT(group.error().message, HasSubstr("rank 0 of 2: cannot open the meeting point: "));
  EXPECT_EQ(LowestFreeDescriptor(), free);
}

// The first process has the sequences of aa, the second those of bb, in micro-batches of 2 and 1.
// The second's weights go bad after the first micro-batch of update 1; update 0 has rate 0.
TEST_F(TrainingGroupTest, ALossOfOneProcessThatIsNotFiniteEndsAll) {
  TrainerOptions options = Options(9);
  options.sequences_per_micro_batch = 2;
  const auto trained = InGroup<Trained>(2, [&](const TrainingGroup& group) {
    int passes = 0;
    return TrainAs(group, options, 0, kNever, [&](const MlmModel& model) {
      if (group.rank() != 1) return;
      const at::Tensor bias_C = model.encoder.layers[1].output.bias_O;
      model.encoder.word_embeddings_VC.register_hook([&passes, bias_C](const at::Tensor& gradient) {
        const at::NoGradGuard no_grad;
        if (++passes == 3) bias_C.fill_(std::numeric_limits<float>::infinity());
        return gradient;
      });
    });
  });
  ExpectDiverged(trained, {0}, 1,
                 "update 1 (learning rate 0.00166667, batch of 6 sequences: aa 3, bb 3): the loss "
                 "of micro-batch 1 of rank 1 is not finite (");
}

TEST_F(TrainingGroupTest, AGradientOfOneProcessThatIsNotFiniteEndsAll) {
  const auto trained = InGroup<Trained>(2, [&](const TrainingGroup& group) {
    return TrainAs(group, Options(9), 0, kNever, [&](const MlmModel& model) {
      if (group.rank() != 1) return;
      model.encoder.layers[0].intermediate.bias_O.register_hook([](const at::Tensor& gradient) {
        return gradient * std::numeric_limits<double>::infinity();
      });
    });
  });
  ExpectDiverged(trained, {0, 1}, 0,
                 "update 0 (learning rate 0, batch of 6 sequences: aa 3, bb 3): the gradient norm "
                 "is ");
  for (const Trained& one : trained) {
    EXPECT_THAT(one.error,
                HasSubstr("not finite in: roberta.encoder.layer.0.intermediate.dense.bias)"));
  }
}

// Operations of the whole update over what all devices could do in the time, which the tokens a
// second tell.
TEST_F(TrainingGroupTest, MfuCountsTheWholeUpdateAndEveryDevice) {
  TrainerOptions options = Options(3);
  options.peak_flops = 1e9;
  const auto trained =
      InGroup<Trained>(2, [&](const TrainingGroup& group) { return TrainAs(group, options); });
  ASSERT_EQ(trained.front().error, "");
  std::map<std::int64_t, double> mfu;
  std::map<std::int64_t, double> tokens_per_second;
  for (const Json& event : EventsOf(0)) {
    const std::string name = event.value("name", "");
    if (name == "pretrain.mfu") mfu[event.at("step")] = event.at("value");
    if (name == "pretrain.tokens_per_second") tokens_per_second[event.at("step")] = event["value"];
  }
  ASSERT_EQ(mfu.size(), 3U);
  for (const auto& [done, share] : mfu) {
    const MaskedBatch batch = CountingBatch(done - 1);
    const double flops = TrainingFlops(TinyShape(), batch.lengths, batch.predicted);
    const double seconds = static_cast<double>(batch.tokens) / tokens_per_second.at(done);
    EXPECT_NEAR(share, flops / seconds / 2e9, 1e-9 * share) << "update " << done;
  }
}

}  // namespace
}  // namespace repro
