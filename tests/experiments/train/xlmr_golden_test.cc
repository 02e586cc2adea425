/// Our encoder, heads, losses, gradients and both forms of Adam against the answers of transformers
/// 5.17, torch 2.11 and fairseq's Adam, in float32 (fused operations) and in float64 (plain ATen);
/// see tests/testdata/golden/xlmr/README.md for origin and tolerances. Every full set under
/// $REPRO_SHARED (default ../shared), golden/xlmr*, is checked too.
#include <algorithm>
#include <cstdlib>
#include <map>
#include <string_view>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/io/file.h"
#include "core/io/json_io.h"
#include "experiments/data/batcher.h"
#include "experiments/model/state_dict_adapter.h"
#include "experiments/model/tensor_file.h"
#include "experiments/train/loss.h"
#include "experiments/train/lr_schedule.h"
#include "experiments/train/optimizer.h"
#include "tests/experiments/one_thread.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

fs::path KeptFolder() {
  return REPRO_TESTDATA "/golden/xlmr";
}

/// The full sets beside the checkout.
std::vector<fs::path> SharedFolders() {
  const char* shared = std::getenv("REPRO_SHARED");
  const fs::path folder =
      fs::path(shared != nullptr ? shared : REPRO_TESTDATA "/../../../shared") / "golden";
  std::vector<fs::path> sets;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const bool named = entry.path().filename().string().starts_with("xlmr");
    if (named && fs::exists(entry.path() / "model.safetensors")) sets.push_back(entry.path());
  }
  std::sort(sets.begin(), sets.end());
  return sets;
}

double MaxAbs(const at::Tensor& tensor) {
  return tensor.abs().max().item<double>();
}

struct Case {
  std::string name;
  fs::path folder;
  at::ScalarType type = at::kFloat;
};

std::vector<Case> Cases() {
  std::vector<Case> cases;
  const auto add = [&](const std::string& name, const fs::path& folder) {
    cases.push_back({name + "Float32", folder, at::kFloat});
    cases.push_back({name + "Float64", folder, at::kDouble});
  };
  add("Kept", KeptFolder());
  const std::vector<fs::path> shared = SharedFolders();
  for (std::size_t i = 0; i < shared.size(); ++i) add(fmt::format("Full{}", i), shared[i]);
  return cases;
}

class XlmrGolden : public ::testing::TestWithParam<Case> {
 protected:
  const fs::path& folder() const { return GetParam().folder; }
  bool InDouble() const { return GetParam().type == at::kDouble; }

  SafetensorsFile Open(const std::string& name) const {
    auto file = SafetensorsFile::Open(folder() / name);
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

  /// The model as leaves of the case's precision.
  template <class Model>
  Model Converted(Model model) const {
    VisitTensors(model, [&](const std::string&, at::Tensor& tensor) {
      tensor = tensor.detach().to(GetParam().type).requires_grad_(true);
    });
    return model;
  }
  MlmModel Model() const { return Converted(Value(LoadMlmModel(folder()))); }
  Encoder FloatEncoder() const { return Value(LoadEncoder(folder())); }
  /// The model with the head that a golden file states as "weight.*", converted.
  template <class HeadModel>
  HeadModel WithHead(HeadModel model, const SafetensorsFile& golden) const {
    int filled = 0;
    VisitTensors(model, [&](const std::string& name, at::Tensor& tensor) {
      if (golden.Find("weight." + name) == nullptr) return;
      tensor = Get(golden, "weight." + name);
      ++filled;
    });
    EXPECT_GE(filled, 2);
    return Converted(std::move(model));
  }
  static std::int64_t Rows(const SafetensorsFile& golden, const std::string& name) {
    return Get(golden, name).size(0);
  }
  SequenceClassifier SequenceModel(const SafetensorsFile& golden) const {
    const std::int64_t outputs = Rows(golden, "weight.classifier.out_proj.weight");
    return WithHead(AddSequenceHead(FloatEncoder(), outputs, 1), golden);
  }

  /// A float64 program is held to 1e-11, and to the rounding of what the kept set has in float32; a
  /// float32 one to `single`.
  void ExpectClose(const at::Tensor& ours, const at::Tensor& truth, double single,
                   const std::string& what) const {
    ASSERT_EQ(ours.sizes(), truth.sizes()) << what;
    const at::Tensor exact = truth.to(at::kDouble);
    const at::Tensor distance = (ours.detach().to(at::kDouble) - exact).abs();
    if (!InDouble()) {
      EXPECT_LE(MaxAbs(distance), single) << what;
      return;
    }
    ASSERT_EQ(ours.scalar_type(), at::kDouble) << what;
    const double rounding = truth.scalar_type() == at::kDouble ? 0 : 0x1p-24;
    EXPECT_LE(MaxAbs((distance - rounding * exact.abs()).clamp_min(0)), 1e-11) << what;
  }
  void ExpectLoss(const at::Tensor& loss, double truth, const std::string& what = "loss") const {
    EXPECT_NEAR(loss.item<double>(), truth, InDouble() ? 1e-11 : 1e-6 * std::abs(truth)) << what;
  }
  /// What a golden file states the gradients of.
  enum class Stated {
    kAll,   ///< every parameter
    kHead,  ///< the head, the position embeddings and one query matrix
  };
  /// Every gradient that the file states, which are at least those of `stated`.
  void ExpectGradients(const std::vector<NamedTensor>& parameters, const SafetensorsFile& truth,
                       Stated stated) const {
    std::vector<NamedTensor> gradients;
    gradients.reserve(parameters.size());
    for (const NamedTensor& parameter : parameters) {
      gradients.push_back({parameter.name, parameter.tensor.grad()});
    }
    std::map<std::string, at::Tensor> ours;
    for (const NamedTensor& gradient : ToTransformersNames(gradients)) {
      ours[gradient.name] = gradient.tensor;
    }
    constexpr std::string_view kPrefix = "f64.grad.";
    int queries = 0;
    for (const auto& [name, gradient] : ours) {
      const bool found = truth.Find(fmt::format("{}{}", kPrefix, name)) != nullptr;
      const bool needed = stated == Stated::kAll || !name.starts_with("roberta.") ||
                          name == "roberta.embeddings.position_embeddings.weight";
      EXPECT_TRUE(found || !needed) << "no " << kPrefix << name;
      queries += found && name.ends_with(".self.query.weight") ? 1 : 0;
    }
    EXPECT_GE(queries, 1);
    for (const TensorView& view : truth.tensors()) {
      if (!view.name.starts_with(kPrefix)) continue;
      const std::string name(view.name.substr(kPrefix.size()));
      ASSERT_TRUE(ours.contains(name)) << name;
      const at::Tensor expected = ToTensor(view);
      // 0 in exact arithmetic: what is there is rounding.
      const bool zero = name.ends_with("key.bias") || name == "qa_outputs.bias";
      ExpectClose(ours.at(name), expected, zero ? 1e-7 : 2e-5 * MaxAbs(expected), name);
    }
  }
};

TEST_P(XlmrGolden, PositionsFollowTheIds) {
  const Json items = Value(LoadJson(folder() / "positions.json"));
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
  ExpectClose(hidden_BTC, Get(outputs, "f64.last_hidden_state"), 1e-5, "hidden states");
  const at::Tensor index = Get(outputs, "masked_index");
  const at::Tensor rows_M = index.select(1, 0) * tokens_BT.size(1) + index.select(1, 1);
  const at::Tensor logits_MV = MlmLogits(model, hidden_BTC.flatten(0, 1).index_select(0, rows_M));
  ExpectClose(logits_MV, Get(outputs, "f64.mlm_logits"), 1e-5, "logits");

  const LossSum loss = MlmLoss(model, tokens_BT, Get(inputs, "labels"));
  EXPECT_EQ(loss.count, rows_M.size(0));
  ExpectLoss(loss.sum, Get(outputs, "f64.loss_sum").item<double>());
  const at::Tensor mean = loss.sum / static_cast<double>(loss.count);
  ExpectLoss(mean, Get(outputs, "f64.loss_mean").item<double>());
  mean.backward();
  ExpectGradients(Parameters(model), outputs, Stated::kAll);
  // <pad>: nothing through the positions, something through the tied output matrix.
  EXPECT_EQ(MaxAbs(model.encoder.position_embeddings_PC.grad()[1]), 0);
  EXPECT_GT(MaxAbs(model.encoder.word_embeddings_VC.grad()[1]), 0);
}

TEST_P(XlmrGolden, TenUpdatesOfBothFormsOfAdamWithAndWithoutClipping) {
  const Json facts = Value(LoadJson(folder() / "train.json"));
  const SafetensorsFile batches = Open("train_batches.safetensors");
  const SafetensorsFile final = Open("train_final.safetensors");
  const at::Tensor tokens = Get(batches, "input_ids");
  const at::Tensor labels = Get(batches, "labels");
  const LrSchedule schedule{.peak = facts.at("peak"),
                            .warmup_updates = facts.at("warmup"),
                            .total_updates = facts.at("steps")};
  ASSERT_GE(facts.at("runs").size(), 4U);
  int weights_checked = 0;
  for (const auto& [run, truth] : facts.at("runs").items()) {
    const bool fairseq = run.starts_with("fairseq_adam");
    ASSERT_TRUE(fairseq || run.starts_with("adamw")) << run;
    const MlmModel model = Model();
    AdamW optimizer(Parameters(model),
                    {.beta1 = facts.at("betas")[0],
                     .beta2 = facts.at("betas")[1],
                     .eps = facts.at("eps"),
                     .weight_decay = facts.at("weight_decay"),
                     .form = Value(ParseAdamForm(fairseq ? "fairseq-adam" : "adamw"))});
    for (std::int64_t update = 0; update < schedule.total_updates; ++update) {
      const std::size_t u = static_cast<std::size_t>(update);
      const std::string where = fmt::format("{}, update {}", run, update);
      EXPECT_DOUBLE_EQ(LearningRate(schedule, update), facts.at("lr")[u].get<double>());
      optimizer.ZeroGrad();
      const LossSum loss = MlmLoss(model, tokens[update], labels[update]);
      EXPECT_EQ(loss.count, facts.at("masked")[u]) << where;
      const at::Tensor mean = loss.sum / static_cast<double>(loss.count);
      mean.backward();
      ExpectLoss(mean, truth.at("loss_f64")[u], where);
      const double norm = GradientNorm(optimizer.parameters());
      const double expected_norm = truth.at("grad_norm_f64")[u];
      EXPECT_NEAR(norm, expected_norm, InDouble() ? 1e-11 : 5e-6 * expected_norm) << where;
      if (!truth.at("clip").is_null()) {
        ClipGradients(optimizer.parameters(), norm, truth.at("clip"));
      }
      optimizer.Step(LearningRate(schedule, update));
    }
    for (const NamedTensor& weight : ToTransformersNames(optimizer.parameters())) {
      const TensorView* view = final.Find(fmt::format("{}.f64.{}", run, weight.name));
      if (view == nullptr) continue;
      ExpectClose(weight.tensor, ToTensor(*view), 5e-6, run + " " + weight.name);
      ++weights_checked;
    }
  }
  int weights_given = 0;
  for (const TensorView& view : final.tensors()) {
    weights_given += view.name.find(".f64.") != std::string::npos ? 1 : 0;
  }
  EXPECT_EQ(weights_checked, weights_given);
  EXPECT_GE(weights_given, 10);
}

TEST_P(XlmrGolden, SequenceClassification) {
  const SafetensorsFile golden = Open("seqcls.safetensors");
  const SequenceClassifier model = SequenceModel(golden);
  const at::Tensor logits_BK = SequenceLogits(model, Get(golden, "input.input_ids"));
  ExpectClose(logits_BK, Get(golden, "f64.logits"), 1e-5, "logits");
  const at::Tensor loss = ClassificationLoss(logits_BK, Get(golden, "input.labels"));
  ExpectLoss(loss, Get(golden, "f64.loss").item<double>());
  loss.backward();
  ExpectGradients(Parameters(model), golden, Stated::kHead);
}

TEST_P(XlmrGolden, SequenceRegression) {
  const SafetensorsFile golden = Open("seqreg.safetensors");
  const SequenceClassifier model = SequenceModel(golden);
  const at::Tensor logits_B1 = SequenceLogits(model, Get(golden, "input.input_ids"));
  ExpectClose(logits_B1, Get(golden, "f64.logits"), 1e-5, "logits");
  const at::Tensor loss = RegressionLoss(logits_B1, Get(golden, "input.labels"));
  ExpectLoss(loss, Get(golden, "f64.loss").item<double>());
  loss.backward();
  ExpectGradients(Parameters(model), golden, Stated::kHead);
}

// transformers' loss reads the states at padding; the loss of each sequence alone does not, and is
// what the fused path computes.
TEST_P(XlmrGolden, QuestionAnswering) {
  const SafetensorsFile golden = Open("qa.safetensors");
  const QuestionAnswerer model = WithHead(AddAnswerHead(FloatEncoder(), 1), golden);
  const at::Tensor tokens_BT = Get(golden, "input.input_ids");
  const at::Tensor starts_B = Get(golden, "input.start_positions");
  const at::Tensor ends_B = Get(golden, "input.end_positions");
  const at::Tensor start_BT = Get(golden, "f64.start_logits");
  const at::Tensor end_BT = Get(golden, "f64.end_logits");

  const SpanLogits padded = AnswerLogits(model, tokens_BT, nullptr, /*padding_states=*/true);
  ExpectClose(padded.start_BT, start_BT, 1e-5, "start");
  ExpectClose(padded.end_BT, end_BT, 1e-5, "end");
  const at::Tensor padded_loss = PaddedAnswerLoss(padded, starts_B, ends_B);
  ExpectLoss(padded_loss, Get(golden, "f64.loss").item<double>());
  padded_loss.backward();
  ExpectGradients(Parameters(model), golden, Stated::kHead);
  EXPECT_EQ(MaxAbs(model.encoder.position_embeddings_PC.grad()[1]), 0);

  const SpanLogits own = AnswerLogits(model, tokens_BT);
  const at::Tensor real_BT = tokens_BT.ne(1);
  ExpectClose(own.start_BT * real_BT, start_BT * real_BT, 1e-5, "start without padding");
  ExpectClose(own.end_BT * real_BT, end_BT * real_BT, 1e-5, "end without padding");
  const AnswerLosses losses = AnswerLoss(own, tokens_BT, starts_B, ends_B);
  const at::Tensor alone = Get(golden, "f64.loss_unpadded_per_sequence");
  ExpectClose(losses.loss_B.masked_select(losses.counted_B), alone, 1e-6 * MaxAbs(alone),
              "loss of each sequence");
  EXPECT_EQ(MaxAbs(losses.loss_B.masked_select(~losses.counted_B)), 0);
}

// Pairs of other lengths than the batch above, one at a time and all in one padded batch.
TEST_P(XlmrGolden, PairsAloneAndTogether) {
  const SequenceClassifier model = SequenceModel(Open("seqcls.safetensors"));
  const Json pairs = Value(LoadJson(folder() / "pairs.json"));
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
    ExpectClose(alone_K, truth_K, 1e-5, fmt::format("pair {} alone", i));
    ExpectClose(together_BK[static_cast<std::int64_t>(i)], truth_K, 1e-5,
                fmt::format("pair {}", i));
  }
}

TEST_P(XlmrGolden, TokenClassification) {
  const SafetensorsFile golden = Open("tokcls.safetensors");
  const std::int64_t labels = Rows(golden, "weight.classifier.weight");
  const TokenClassifier model = WithHead(AddTokenHead(FloatEncoder(), labels, 1), golden);
  const at::Tensor tokens_BT = Get(golden, "input.input_ids");
  const at::Tensor logits_BTK = TokenLogits(model, tokens_BT);
  const at::Tensor real_BT1 = tokens_BT.ne(1).unsqueeze(-1);
  ExpectClose(logits_BTK * real_BT1, Get(golden, "f64.logits"), 1e-5, "logits");
  const at::Tensor loss =
      ClassificationLoss(logits_BTK.flatten(0, 1), Get(golden, "input.labels").flatten());
  ExpectLoss(loss, Get(golden, "f64.loss").item<double>());
  loss.backward();
  ExpectGradients(Parameters(model), golden, Stated::kHead);
}

INSTANTIATE_TEST_SUITE_P(Sets, XlmrGolden, ::testing::ValuesIn(Cases()),
                         [](const auto& set) { return set.param.name; });

TEST(XlmrGoldenSets, KeptModelIsTheFullOne) {
  const std::vector<fs::path> full = SharedFolders();
  if (full.empty())
    GTEST_SKIP() << "no golden/xlmr* in $REPRO_SHARED: only the kept set is checked";
  const auto kept = ReadFile(KeptFolder() / "model.safetensors");
  ASSERT_TRUE(kept) << kept.error().message;
  EXPECT_TRUE(std::any_of(full.begin(), full.end(), [&](const fs::path& folder) {
    const auto model = ReadFile(folder / "model.safetensors");
    return model && *model == *kept;
  }));
}

}  // namespace
}  // namespace repro
