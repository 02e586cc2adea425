#include "experiments/train/finetuner.h"

#include <algorithm>
#include <fstream>
#include <limits>

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/rng.h"
#include "experiments/train/checkpoint.h"
#include "experiments/train/loss.h"
#include "tests/core/temp_folder.h"
#include "tests/experiments/one_thread.h"
#include "tests/experiments/tiny_corpus.h"

namespace repro {
namespace {

using ::testing::HasSubstr;

// A linear classifier over 6 features whose label is the sign of one of them: the loop without an
// encoder.
class FinetunerTest : public ::testing::Test {
 protected:
  static constexpr std::int64_t kExamples = 90;

  void SetUp() override {
    Rng rng(1, "toy");
    std::vector<double> features;
    std::vector<std::int64_t> labels;
    for (std::int64_t i = 0; i < kExamples; ++i) {
      for (int d = 0; d < 6; ++d) features.push_back(rng.Uniform() * 2 - 1);
      labels.push_back(features[features.size() - 6] > 0 ? 1 : 0);
    }
    features_ND_ = at::tensor(features, at::kDouble).to(at::kFloat).view({kExamples, 6});
    labels_N_ = at::tensor(labels, at::kLong);
    Reset();
    options_.schedule = {.peak = 0.2, .warmup_updates = 4, .total_updates = 60};
    options_.batch_size = 16;
    options_.validate_every = 10;
    options_.patience = 0;
    options_.source_language = "aa";
    options_.metric_seed = 3;
    options_.loss_metric = "toy.loss";
    options_.score_metric = "toy.accuracy";
    options_.folder = folder_ / "scratch";
  }

  void Reset() {
    weight_ = at::zeros({2, 6}, at::kFloat).requires_grad_(true);
    problem_.parameters = {{"toy.weight", weight_}};
    problem_.lengths.assign(kExamples, 4);
    updates_run_ = 0;
    problem_.loss = [this](const std::vector<std::size_t>& examples, DropoutRng& dropout) {
      if (++updates_run_ == stop_at_) stop_ = true;
      std::vector<std::int64_t> rows(examples.begin(), examples.end());
      const at::Tensor rows_B = at::tensor(rows, at::kLong);
      const at::Tensor inputs_BD = Dropout(features_ND_.index_select(0, rows_B), 0.1, &dropout);
      at::Tensor loss =
          ClassificationLoss(at::linear(inputs_BD, weight_), labels_N_.index_select(0, rows_B));
      if (updates_run_ == infinite_at_) loss = loss * std::numeric_limits<double>::infinity();
      if (updates_run_ == bad_gradient_at_) loss = loss + (weight_ * 0).sqrt().sum();
      return loss;
    };
    problem_.validate = [this] {
      const at::Tensor right_N = at::linear(features_ND_, weight_).argmax(1).eq(labels_N_);
      const double score = right_N.to(at::kDouble).mean().item<double>();
      return std::map<std::string, DevScore>{{"aa", {score, 0.1}}, {"bb", {score / 2, 0.2}}};
    };
  }

  Result<FinetuneOutcome> Run() {
    auto events = EventWriter::Open(folder_ / "events.jsonl");
    EXPECT_TRUE(events);
    return Finetune(problem_, options_, *events, stop_);
  }
  // Dev scores come from a list, one row {aa, bb} a validation.
  void Script(std::vector<std::pair<double, double>> scores) {
    problem_.validate = [this, scores, next = std::size_t{0}]() mutable {
      const auto [aa, bb] = scores.at(next++);
      return std::map<std::string, DevScore>{{"aa", {aa, 0}}, {"bb", {bb, 0}}};
    };
  }

  /// What the newest "diverged" event says.
  Json DivergedInfo() const {
    Json info;
    std::ifstream events(folder_ / "events.jsonl");
    for (std::string line; std::getline(events, line);) {
      const Json event = Json::parse(line);
      if (event.value("state", "") == "diverged") info = event.at("info");
    }
    return info;
  }
  static void Damage(const std::filesystem::path& path) {
    std::string bytes = ReadFile(path).value();
    bytes[bytes.size() - 3] ^= 1;
    ASSERT_TRUE(PutFile(path, bytes));
  }

  testing::TempFolder folder_;
  at::Tensor features_ND_, labels_N_, weight_;
  FinetuneProblem problem_;
  FinetunerOptions options_;
  StopFlag stop_{false};
  int updates_run_ = 0, stop_at_ = -1, infinite_at_ = -1, bad_gradient_at_ = -1;
};

TEST_F(FinetunerTest, LearnsAndReportsEachValidation) {
  const auto outcome = Run();
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->updates, 60);
  EXPECT_FALSE(outcome->stopped_early);
  EXPECT_GT(outcome->best.at(kBestOverall).score, 0.9 * 0.75);  // mean of 1 and 1/2, nearly
  ASSERT_EQ(outcome->history.size(), 6U);
  EXPECT_LT(outcome->history.back().at("train_loss").get<double>(),
            0.5 * outcome->history.front().at("train_loss").get<double>());
  const std::string events = ReadFile(folder_ / "events.jsonl").value();
  EXPECT_THAT(events, HasSubstr("\"toy.accuracy\""));
  EXPECT_THAT(events, HasSubstr("\"seed\":3"));
  EXPECT_THAT(events, HasSubstr("examples_per_second"));
}

TEST_F(FinetunerTest, BestWeightsAreThoseOfTheBestValidation) {
  Script({{0.5, 0.5}, {0.9, 0.5}, {0.6, 0.6}, {0.2, 0.2}, {0.9, 0.5}, {0.1, 0.1}});
  at::Tensor at_best;
  const auto loss = problem_.loss;
  problem_.loss = [&](const std::vector<std::size_t>& examples, DropoutRng& dropout) {
    if (updates_run_ == 20)
      at_best = weight_.detach().clone();  // after 20 updates, before the next
    return loss(examples, dropout);
  };
  const auto outcome = Run();
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->best.at(kBestOverall).update, 20);  // 0.7, and a later tie does not replace it
  EXPECT_DOUBLE_EQ(outcome->best.at(kBestOverall).score, 0.7);
  ASSERT_TRUE(LoadBestWeights(problem_, options_, 20));
  EXPECT_TRUE(at::equal(weight_, at_best));
}

TEST_F(FinetunerTest, OutOfMemoryHalvesWhatIsComputedAtATimeAndKeepsTheBatch) {
  ASSERT_TRUE(Run());
  const at::Tensor roomy = weight_.detach().clone();
  options_.folder = folder_ / "tight";
  Reset();
  const auto loss = problem_.loss;
  problem_.loss = [&](const std::vector<std::size_t>& examples, DropoutRng& dropout) {
    TORCH_CHECK_WITH(OutOfMemoryError, examples.size() <= 4, "no room for ", examples.size());
    return loss(examples, dropout);
  };
  const auto outcome = Run();
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_TRUE(at::allclose(weight_, roomy, 1e-4, 1e-5));
  const std::string events = ReadFile(folder_ / "events.jsonl").value();
  EXPECT_THAT(events, HasSubstr("\"micro_batch_from\":16,\"micro_batch_to\":8"));
  EXPECT_THAT(events, HasSubstr("\"micro_batch_from\":8,\"micro_batch_to\":4"));
}

TEST_F(FinetunerTest, AValidationThatFailsEndsTheRunWithItsError) {
  problem_.validate = []() -> Result<std::map<std::string, DevScore>> {
    return Fail(ErrorCode::kFailed, "no room for a single example");
  };
  const auto outcome = Run();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kFailed);
  EXPECT_THAT(outcome.error().message, HasSubstr("no room for a single example"));
}

// {score, loss} of aa and bb at each validation: updates 10 and 20 tie under every rule, 20 with
// the lower loss; 30 ties with a loss that is no lower.
TEST_F(FinetunerTest, OfEqualScoresTheOneWithTheLowerLossIsTakenButPatienceRunsOn) {
  for (const Selection selection :
       {Selection::kJointDev, Selection::kSourceDev, Selection::kPerLanguageDev}) {
    options_.selection = selection;
    options_.folder = folder_ / std::to_string(static_cast<int>(selection));
    options_.patience = 2;
    problem_.validate = [validation = 0]() mutable {
      const double loss = validation++ == 0 ? 0.6 : 0.5;
      return std::map<std::string, DevScore>{{"aa", {0.7, loss}}, {"bb", {0.4, loss}}};
    };
    const auto outcome = Run();
    ASSERT_TRUE(outcome) << outcome.error().message;
    EXPECT_EQ(outcome->updates, 30);
    EXPECT_TRUE(outcome->stopped_early);
    for (const auto& [key, best] : outcome->best) {
      EXPECT_EQ(best.update, 20) << key;
      EXPECT_DOUBLE_EQ(best.loss, 0.5) << key;
    }
    EXPECT_EQ(outcome->best.size(), selection == Selection::kPerLanguageDev ? 3U : 1U);
    EXPECT_TRUE(LoadBestWeights(problem_, options_, 20));
  }
}

// The dev loss is not finite at first, and again at last.
TEST_F(FinetunerTest, OfEqualScoresAFiniteLossIsTakenBeforeOneThatIsNot) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  problem_.validate = [losses = std::vector<double>{kNone, 0.6, 0.5, kNone, 0.5, kNone},
                       next = std::size_t{0}]() mutable {
    const double loss = losses.at(next++);
    return std::map<std::string, DevScore>{{"aa", {0.7, loss}}, {"bb", {0.4, loss}}};
  };
  const auto outcome = Run();
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->best.at(kBestOverall).update, 30);
  EXPECT_DOUBLE_EQ(outcome->best.at(kBestOverall).loss, 0.5);
}

TEST_F(FinetunerTest, SelectionRulesPickDifferentCheckpoints) {
  const std::vector<std::pair<double, double>> scores = {{0.9, 0.1}, {0.5, 0.8}, {0.6, 0.9},
                                                         {0.8, 0.2}, {0.1, 0.1}, {0.1, 0.1}};
  Script(scores);
  auto outcome = Run();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->best.at(kBestOverall).update, 30);  // mean 0.75
  EXPECT_EQ(outcome->best.size(), 1U);

  options_.selection = Selection::kSourceDev;
  options_.folder = folder_ / "source";
  Script(scores);
  outcome = Run();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->best.at(kBestOverall).update, 10);

  options_.selection = Selection::kPerLanguageDev;
  options_.folder = folder_ / "each";
  Script(scores);
  outcome = Run();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->best.at("aa").update, 10);
  EXPECT_EQ(outcome->best.at("bb").update, 30);
  EXPECT_EQ(outcome->best.at(kBestOverall).update, 30);
  EXPECT_TRUE(LoadBestWeights(problem_, options_, 10));
  EXPECT_TRUE(LoadBestWeights(problem_, options_, 30));
  EXPECT_FALSE(LoadBestWeights(problem_, options_, 50));  // never the best of anything
}

TEST_F(FinetunerTest, PatienceEndsTheRun) {
  options_.patience = 2;
  Script({{0.5, 0.5}, {0.6, 0.6}, {0.6, 0.6}, {0.5, 0.5}, {0.9, 0.9}, {0.9, 0.9}});
  const auto outcome = Run();
  ASSERT_TRUE(outcome);
  EXPECT_TRUE(outcome->stopped_early);
  EXPECT_EQ(outcome->updates, 40);
  EXPECT_EQ(outcome->best.at(kBestOverall).update, 20);
}

TEST_F(FinetunerTest, InterruptedAndResumedEqualsUndisturbedToTheBit) {
  const auto whole = Run();
  ASSERT_TRUE(whole);
  const at::Tensor expected = weight_.detach().clone();
  for (const int stop_at : {1, 7, 10, 33, 60}) {
    Reset();
    options_.folder = folder_ / ("stop" + std::to_string(stop_at));
    stop_at_ = stop_at;
    auto outcome = Run();
    if (stop_at < 60) {
      ASSERT_FALSE(outcome) << stop_at;
      EXPECT_EQ(outcome.error().code, ErrorCode::kInterrupted);
      stop_ = false;
      stop_at_ = -1;
      Reset();
      outcome = Run();
    }
    stop_ = false;
    ASSERT_TRUE(outcome) << outcome.error().message;
    EXPECT_TRUE(at::equal(weight_, expected)) << "stopped after update " << stop_at;
    EXPECT_EQ(outcome->history, whole->history);
    EXPECT_EQ(outcome->best.at(kBestOverall).update, whole->best.at(kBestOverall).update);
  }
}

TEST_F(FinetunerTest, DamagedCheckpointFallsBackToTheOneBefore) {
  const auto whole = Run();
  ASSERT_TRUE(whole);
  const at::Tensor expected = weight_.detach().clone();
  Reset();
  options_.folder = folder_ / "damaged";
  stop_at_ = 37;
  ASSERT_FALSE(Run());
  stop_ = false;
  const auto checkpoints = ListCheckpoints(options_.folder);
  ASSERT_EQ(checkpoints.size(), 2U);
  Damage(checkpoints[0]);
  Reset();
  stop_at_ = -1;
  const auto outcome = Run();
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(updates_run_, 30);  // from update 30 on, not from 37
  EXPECT_TRUE(at::equal(weight_, expected));
  EXPECT_EQ(outcome->history, whole->history);
  EXPECT_THAT(ReadFile(folder_ / "events.jsonl").value(), HasSubstr("\"level\":\"warning\""));
}

// Each validation is the best so far: the checkpoint of update 30 names best-30, the one of update
// 20 best-20.
TEST_F(FinetunerTest, ADamagedBestFileCostsTheCheckpointsThatNameIt) {
  const auto rising = [](int from) {
    std::vector<std::pair<double, double>> scores;
    for (int i = from; i <= 6; ++i) scores.emplace_back(0.1 * i, 0.1 * i);
    return scores;
  };
  Script(rising(1));
  const auto whole = Run();
  ASSERT_TRUE(whole) << whole.error().message;
  const at::Tensor expected = weight_.detach().clone();
  for (const bool damages_both : {false, true}) {
    SCOPED_TRACE(damages_both);
    Reset();
    options_.folder = folder_ / (damages_both ? "both" : "newest");
    Script(rising(1));
    stop_at_ = 30;
    ASSERT_FALSE(Run());
    stop_ = false;
    stop_at_ = -1;
    Damage(options_.folder / "best-000000030.safetensors");
    if (damages_both) Damage(options_.folder / "best-000000020.safetensors");

    Reset();
    Script(rising(damages_both ? 1 : 3));
    const auto outcome = Run();
    ASSERT_TRUE(outcome) << outcome.error().message;
    EXPECT_EQ(updates_run_, damages_both ? 60 : 40);
    EXPECT_TRUE(at::equal(weight_, expected));
    EXPECT_EQ(outcome->history, whole->history);
    EXPECT_TRUE(LoadBestWeights(problem_, options_, outcome->best.at(kBestOverall).update));
    const std::string events = ReadFile(folder_ / "events.jsonl").value();
    EXPECT_THAT(events, HasSubstr("checkpoint passed over: checkpoint-000000030.safetensors names "
                                  "best weights: "));
    EXPECT_THAT(events, HasSubstr("best-000000030.safetensors: the checksum does not fit the"));
    EXPECT_EQ(events.find("no whole checkpoint left: starts anew") != std::string::npos,
              damages_both);
  }
}

// Sealed and of the right shapes: its weights must not stay.
TEST_F(FinetunerTest, ACheckpointWhoseNotesCannotBeReadIsPassedOverForTheOneBefore) {
  ASSERT_TRUE(Run());
  const at::Tensor expected = weight_.detach().clone();
  Reset();
  options_.folder = folder_ / "notes";
  stop_at_ = 37;
  ASSERT_FALSE(Run());
  stop_ = false;
  stop_at_ = -1;
  Reset();
  const at::Tensor other = at::full({2, 6}, 7, at::kFloat);
  ASSERT_TRUE(SaveCheckpoint(options_.folder, AdamW({{"toy.weight", other}}, {}), 38, "{}", 9));
  const auto outcome = Run();
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(updates_run_, 60 - 37);
  EXPECT_TRUE(at::equal(weight_, expected));
  EXPECT_THAT(ReadFile(folder_ / "events.jsonl").value(),
              HasSubstr("checkpoint-000000038.safetensors: notes of a fine-tuning run"));
}

TEST_F(FinetunerTest, FinishedRunIsNotTrainedAgain) {
  ASSERT_TRUE(Run());
  const at::Tensor expected = weight_.detach().clone();
  Reset();
  const auto again = Run();
  ASSERT_TRUE(again);
  EXPECT_EQ(updates_run_, 0);
  EXPECT_TRUE(at::equal(weight_, expected));
}

TEST_F(FinetunerTest, NonFiniteLossOrGradientStopsBeforeTheStep) {
  infinite_at_ = 5;
  for (std::size_t i = 0; i < problem_.lengths.size(); ++i) {
    problem_.lengths[i] = 4 + static_cast<std::int64_t>(i % 5);
  }
  std::vector<std::size_t> batch;
  std::int64_t longest = 0;
  problem_.loss = [this, &batch, &longest, loss = problem_.loss](
                      const std::vector<std::size_t>& examples, DropoutRng& dropout) {
    batch = examples;
    longest = 0;
    for (const std::size_t i : batch) longest = std::max(longest, problem_.lengths[i]);
    return loss(examples, dropout);
  };
  auto outcome = Run();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kDiverged);
  EXPECT_THAT(outcome.error().message,
              HasSubstr(fmt::format(
                  "update 4 (learning rate 0.2, batch of {} examples of aa, the longest of {} "
                  "tokens, the first example {}): the loss is ",
                  batch.size(), longest, batch.front())));
  EXPECT_TRUE(weight_.isfinite().all().item<bool>());
  const Json info = DivergedInfo();
  EXPECT_EQ(info.at("update"), 4);
  EXPECT_EQ(info.at("batch_rows"), batch.size());
  EXPECT_EQ(info.at("batch_languages"), fmt::format("aa {}", batch.size()));
  EXPECT_EQ(info.at("batch_longest"), longest);
  EXPECT_EQ(info.at("batch_examples"), Json(batch));

  infinite_at_ = -1;
  bad_gradient_at_ = 3;  // a finite loss with the gradient 0 * inf
  options_.folder = folder_ / "gradient";
  Reset();
  outcome = Run();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kDiverged);
  EXPECT_THAT(outcome.error().message, HasSubstr("the gradient norm is nan (loss "));
  EXPECT_THAT(DivergedInfo().at("reason").get<std::string>(),
              HasSubstr("not finite in: toy.weight)"));
  EXPECT_TRUE(weight_.isfinite().all().item<bool>());
}

TEST_F(FinetunerTest, NoExamplesAndUnknownSelectionAreExplained) {
  problem_.lengths.clear();
  EXPECT_EQ(Run().error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(ParseSelection("best").error().message, HasSubstr("`joint-dev`"));
  EXPECT_EQ(ParseSelection("english-dev").value(), Selection::kSourceDev);
}

}  // namespace
}  // namespace repro
