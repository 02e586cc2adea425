// Several processes of one training, here as threads of one process: each has its own model,
// optimizer, store connection and Gloo group, as processes do. tests/experiments/tasks has real
// ones.
#include "experiments/train/training_group.h"

#include <functional>
#include <optional>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/experiments/memory_limit.h"
#include "tests/experiments/train/tiny_training.h"

namespace repro {
namespace {

using ::testing::HasSubstr;

/// Runs `work` for each rank in a thread of its own and returns what they returned.
template <class T>
std::vector<T> InGroup(std::int64_t size, const std::function<T(const TrainingGroup&)>& work) {
  MeetingPoint point;
  auto leader = TrainingGroup::Open(point, size);
  REPRO_CHECK(leader.has_value());
  std::vector<std::optional<T>> results(static_cast<std::size_t>(size));
  std::vector<std::thread> threads;
  for (std::int64_t rank = 0; rank < size; ++rank) {
    threads.emplace_back([&, rank] {
      auto group = rank == 0 ? leader : TrainingGroup::Connect(point, rank, size);
      REPRO_CHECK(group.has_value());
      const Status met = group->Meet();
      REPRO_CHECK(met.has_value());
      results[static_cast<std::size_t>(rank)].emplace(work(*group));
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<T> values;
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
};

class TrainingGroupTest : public TrainTest {
 protected:
  Trained TrainAs(const TrainingGroup& group, const TrainerOptions& given,
                  std::int64_t limit_bytes = 0, const StopFlag& stop = never_) {
    MlmModel model = InitMlmModel(TinyShape(), 1);
    TrainingData data = CountingData();
    data.validation.push_back(
        {"bb", Slice(CountingBatch(2'000'000), 4, 6), {.unigram = 4, .context_free = 3}});
    data.batch = [&](std::int64_t update) {
      return PartOf(CountingBatch(update), group.rank(), group.size());
    };
    TrainerOptions options = given;
    options.group = &group;
    options.log_every = 1;
    auto events = EventWriter::Open(folder_ / fmt::format("events.{}.jsonl", group.rank()));
    MemoryLimit limit;
    model.encoder.word_embeddings_VC.register_hook([&](const at::Tensor& gradient) {
      if (limit_bytes > 0) limit.Forbid(limit_bytes);  // after the first update's passes
      return gradient;
    });
    const auto history = Train(model, data, options, *events, stop);
    limit.Lift();
    Trained trained{Copies(model), {}, {}, {}};
    if (!history) {
      trained.error = history.error().message;
      return trained;
    }
    for (const Json& update : history->updates) trained.losses.push_back(update.at("loss"));
    trained.validation = history->validation;
    return trained;
  }
};

void ExpectSameCurve(const Json& expected, const Json& losses, double tolerance) {
  ASSERT_EQ(expected.size(), losses.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double truth = expected[i].get<double>();
    EXPECT_NEAR(losses[i].get<double>(), truth, tolerance * truth) << "update " << i + 1;
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
  ASSERT_EQ(alone.error, "");
  for (const std::int64_t size : {2, 4}) {
    const auto trained = InGroup<Trained>(size, [&](const TrainingGroup& group) {
      return TrainAs(group, Options(50, fmt::format("of-{}", size)));
    });
    ExpectSameCurve(alone.losses, trained.front().losses, 1e-5);
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
  ExpectSameCurve(alone.losses, trained.front().losses, 1e-5);
}

TEST_F(TrainingGroupTest, Bfloat16GradientsAreNearAndTheSameEverywhere) {
  const Trained alone = TrainAs(TrainingGroup(), Options(20, "alone"));
  TrainerOptions options = Options(20, "two");
  options.bfloat16_gradients = true;
  const auto trained =
      InGroup<Trained>(2, [&](const TrainingGroup& group) { return TrainAs(group, options); });
  ExpectSameCurve(alone.losses, trained.front().losses, 2e-2);
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
  ExpectSameCurve(alone.losses, second_half.front().losses, 1e-5);
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
  ExpectSameCurve(alone.losses, again.front().losses, 1e-5);
}

}  // namespace
}  // namespace repro
