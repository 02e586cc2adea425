/// Our encoder, heads, loss, gradients and AdamW against the answers of transformers 5.17 and
/// torch 2.11; see tests/testdata/golden/xlmr/README.md for origin and tolerances. Where the full
/// set lies under $REPRO_SHARED (default
/// ../shared), it is checked too.
#include <cstdlib>

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "core/io/json_io.h"
#include "experiments/data/batcher.h"
#include "experiments/model/state_dict_adapter.h"
#include "experiments/model/tensor_file.h"
#include "experiments/train/loss.h"
#include "experiments/train/lr_schedule.h"
#include "experiments/train/optimizer.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

// One thread: what is tested here is too small for more, and waiting threads would slow each other
// down.
class OneThread : public ::testing::Environment {
  void SetUp() override { at::set_num_threads(1); }
};
const auto* const kOneThread = ::testing::AddGlobalTestEnvironment(new OneThread);

fs::path SharedFolder() {
  const char* shared = std::getenv("REPRO_SHARED");
  return fs::path(shared != nullptr ? shared : REPRO_TESTDATA "/../../../shared") / "golden/xlmr";
}

double MaxAbs(const at::Tensor& tensor) {
  return tensor.abs().max().item<double>();
}

/// The largest distance of `ours` from `truth`, in double.
double Distance(const at::Tensor& ours, const at::Tensor& truth) {
  EXPECT_EQ(ours.sizes(), truth.sizes());
  return MaxAbs(ours.detach().to(at::kDouble) - truth.to(at::kDouble));
}

class XlmrGolden : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    folder_ = std::string(GetParam()) == "kept" ? fs::path(REPRO_TESTDATA "/golden/xlmr")
                                                : SharedFolder();
    if (!fs::exists(folder_ / "model.safetensors")) GTEST_SKIP() << "no " << folder_;
  }
  SafetensorsFile Open(const std::string& name) const {
    auto file = SafetensorsFile::Open(folder_ / name);
    if (!file) throw std::runtime_error(file.error().message);
    return std::move(file).value();
  }
  static at::Tensor Get(const SafetensorsFile& file, const std::string& name) {
    const TensorView* view = file.Find(name);
    if (view == nullptr) throw std::runtime_error("no tensor " + name);
    return ToTensor(*view);
  }
  template <class T>
  static T Value(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().message);
    return std::move(result).value();
  }
  MlmModel Model() const { return Value(LoadMlmModel(folder_)); }
  /// The encoder with the head of the golden set.
  SequenceClassifier SequenceModel(const SafetensorsFile& golden) const {
    SequenceClassifier model = AddSequenceHead(Model().encoder, 3, 1);
    const auto fill = [&](const std::string& name, at::Tensor& tensor) {
      tensor = Get(golden, "weight." + name).requires_grad_(true);
    };
    VisitLinear("classifier.dense", model.dense, fill);
    VisitLinear("classifier.out_proj", model.out, fill);
    return model;
  }

  /// Every gradient of `parameters` for which the file has a truth, by the tolerances of the golden
  /// set.
  static int ExpectGradients(const std::vector<NamedTensor>& parameters,
                             const SafetensorsFile& truth) {
    std::vector<NamedTensor> gradients;
    for (const NamedTensor& parameter : parameters) {
      gradients.push_back({parameter.name, parameter.tensor.grad()});
    }
    int checked = 0;
    for (const NamedTensor& gradient : ToTransformersNames(gradients)) {
      const TensorView* view = truth.Find("f64.grad." + gradient.name);
      if (view == nullptr) continue;
      const at::Tensor expected = ToTensor(*view);
      const bool zero = gradient.name.ends_with("key.bias");
      EXPECT_LE(Distance(gradient.tensor, expected), zero ? 1e-7 : 2e-5 * MaxAbs(expected))
          << gradient.name;
      ++checked;
    }
    return checked;
  }

  fs::path folder_;
};

TEST_P(XlmrGolden, PositionsFollowTheIds) {
  const Json items = Value(LoadJson(folder_ / "positions.json"));
  ASSERT_FALSE(items.empty());
  for (const Json& item : items) {
    const auto ids = item.at("input_ids").get<std::vector<std::vector<std::int64_t>>>();
    const auto positions = item.at("position_ids").get<std::vector<std::vector<std::int64_t>>>();
    ASSERT_EQ(ids.size(), positions.size());
    ASSERT_FALSE(ids.empty());
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const at::Tensor ours = PositionIds(at::tensor(ids[i], at::kLong).unsqueeze(0)).squeeze(0);
      EXPECT_TRUE(ours.equal(at::tensor(positions[i], at::kLong)));
    }
  }
}

TEST_P(XlmrGolden, HiddenStatesLogitsLossAndGradients) {
  const MlmModel model = Model();
  const SafetensorsFile inputs = Open("inputs.safetensors");
  const SafetensorsFile outputs = Open("outputs.safetensors");
  const at::Tensor tokens_BT = Get(inputs, "input_ids");
  const at::Tensor hidden_BTC = Encode(model.encoder, tokens_BT).hidden_BTC;
  if (outputs.Find("f64.last_hidden_state") != nullptr) {
    EXPECT_LE(Distance(hidden_BTC, Get(outputs, "f64.last_hidden_state")), 1e-5);
  }
  const at::Tensor index = Get(outputs, "masked_index");
  const at::Tensor rows_M = index.select(1, 0) * tokens_BT.size(1) + index.select(1, 1);
  const at::Tensor logits_MV = MlmLogits(model, hidden_BTC.flatten(0, 1).index_select(0, rows_M));
  EXPECT_LE(Distance(logits_MV, Get(outputs, "f64.mlm_logits")), 1e-5);

  const LossSum loss = MlmLoss(model, tokens_BT, Get(inputs, "labels"));
  EXPECT_EQ(loss.count, rows_M.size(0));
  const double sum = Get(outputs, "f64.loss_sum").item<double>();
  EXPECT_NEAR(loss.sum.item<double>(), sum, 1e-6 * sum);
  (loss.sum / static_cast<double>(loss.count)).backward();
  EXPECT_GT(ExpectGradients(Parameters(model), outputs), 50);
}

TEST_P(XlmrGolden, TenUpdatesOfAdamW) {
  const Json facts = Value(LoadJson(folder_ / "train.json"));
  const SafetensorsFile batches = Open("train_batches.safetensors");
  const at::Tensor tokens = Get(batches, "input_ids");
  const at::Tensor labels = Get(batches, "labels");
  const LrSchedule schedule{.peak = facts.at("peak"),
                            .warmup_updates = facts.at("warmup"),
                            .total_updates = facts.at("steps")};
  for (const char* run : {"adamw", "adamw_clip1", "adamw_clip_some"}) {
    const Json& truth = facts.at("runs").at(run);
    const MlmModel model = Model();
    AdamW optimizer(Parameters(model), {.beta1 = facts.at("betas")[0],
                                        .beta2 = facts.at("betas")[1],
                                        .eps = facts.at("eps"),
                                        .weight_decay = facts.at("weight_decay")});
    for (std::int64_t update = 0; update < schedule.total_updates; ++update) {
      const std::size_t u = static_cast<std::size_t>(update);
      EXPECT_DOUBLE_EQ(LearningRate(schedule, update), facts.at("lr")[u].get<double>());
      optimizer.ZeroGrad();
      const LossSum loss = MlmLoss(model, tokens[update], labels[update]);
      const at::Tensor mean = loss.sum / static_cast<double>(loss.count);
      mean.backward();
      const double norm = GradientNorm(optimizer.parameters());
      const double expected_loss = truth.at("loss_f64")[u];
      const double expected_norm = truth.at("grad_norm_f64")[u];
      EXPECT_NEAR(mean.item<double>(), expected_loss, 1e-6 * expected_loss) << run << " " << update;
      EXPECT_NEAR(norm, expected_norm, 5e-6 * expected_norm) << run << " " << update;
      if (!truth.at("clip").is_null())
        ClipGradients(optimizer.parameters(), norm, truth.at("clip"));
      optimizer.Step(LearningRate(schedule, update));
    }
    if (std::string(run) != "adamw" || !fs::exists(folder_ / "train_final.safetensors")) continue;
    const SafetensorsFile final = Open("train_final.safetensors");
    for (const NamedTensor& weight : ToTransformersNames(optimizer.parameters())) {
      EXPECT_LE(Distance(weight.tensor, Get(final, "adamw.f64." + weight.name)), 5e-6)
          << weight.name;
    }
  }
}

TEST_P(XlmrGolden, SequenceClassification) {
  const SafetensorsFile golden = Open("seqcls.safetensors");
  const SequenceClassifier model = SequenceModel(golden);
  const at::Tensor logits_BK = SequenceLogits(model, Get(golden, "input.input_ids"));
  EXPECT_LE(Distance(logits_BK, Get(golden, "f64.logits")), 1e-5);
  const at::Tensor loss = ClassificationLoss(logits_BK, Get(golden, "input.labels"));
  const double expected = Get(golden, "f64.loss").item<double>();
  EXPECT_NEAR(loss.item<double>(), expected, 1e-6 * expected);
  loss.backward();
  EXPECT_EQ(ExpectGradients(Parameters(model), golden), 6);
}

// Pairs of other lengths than the batch above, one at a time and all in one padded batch.
TEST_P(XlmrGolden, PairsAloneAndTogether) {
  if (!fs::exists(folder_ / "pairs.json")) GTEST_SKIP() << "no pairs.json in " << folder_;
  const SequenceClassifier model = SequenceModel(Open("seqcls.safetensors"));
  const Json pairs = Value(LoadJson(folder_ / "pairs.json"));
  ASSERT_FALSE(pairs.empty());
  std::vector<std::vector<std::int64_t>> rows;
  for (const Json& pair : pairs) {
    std::vector<std::int64_t> ids = {0};  // <s> A </s></s> B </s>
    const auto append = [&](const Json& part) {
      for (const Json& id : part) ids.push_back(id.get<std::int64_t>());
      ids.push_back(2);
    };
    append(pair.at("a"));
    if (!pair.at("b").is_null()) {
      ids.push_back(2);
      append(pair.at("b"));
    }
    EXPECT_EQ(ids, pair.at("input_ids").get<std::vector<std::int64_t>>());
    rows.push_back(std::move(ids));
  }
  const PaddedRows padded = PadRows(rows, 1);
  const at::Tensor together_BK = SequenceLogits(
      model, at::tensor(padded.values, at::kLong).view({padded.rows, padded.columns}));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const at::Tensor truth_K =
        at::tensor(pairs[i].at("seqcls_logits_f64").get<std::vector<double>>(), at::kDouble);
    const at::Tensor alone_K =
        SequenceLogits(model, at::tensor(rows[i], at::kLong).unsqueeze(0)).squeeze(0);
    EXPECT_LE(Distance(alone_K, truth_K), 1e-5) << i;
    EXPECT_LE(Distance(together_BK[static_cast<std::int64_t>(i)], truth_K), 1e-5) << i;
  }
}

TEST_P(XlmrGolden, TokenClassification) {
  const SafetensorsFile golden = Open("tokcls.safetensors");
  TokenClassifier model = AddTokenHead(Model().encoder, 9, 1);
  VisitLinear("classifier", model.out, [&](const std::string& name, at::Tensor& tensor) {
    tensor = Get(golden, "weight." + name).requires_grad_(true);
  });
  const at::Tensor tokens_BT = Get(golden, "input.input_ids");
  const at::Tensor logits_BTK = TokenLogits(model, tokens_BT);
  const at::Tensor real_BT1 = tokens_BT.ne(1).unsqueeze(-1);
  EXPECT_LE(Distance(logits_BTK * real_BT1, Get(golden, "f64.logits")), 1e-5);
  const at::Tensor loss =
      ClassificationLoss(logits_BTK.flatten(0, 1), Get(golden, "input.labels").flatten());
  const double expected = Get(golden, "f64.loss").item<double>();
  EXPECT_NEAR(loss.item<double>(), expected, 1e-6 * expected);
  loss.backward();
  EXPECT_EQ(ExpectGradients(Parameters(model), golden), 4);
}

INSTANTIATE_TEST_SUITE_P(Sets, XlmrGolden, ::testing::Values("kept", "shared"),
                         [](const auto& set) { return std::string(set.param); });

}  // namespace
}  // namespace repro
