/// Weights and vocabularies both ways between us and PyTorch's transformers: the real one, in the
/// private Python environment of `scripts/setup --peer` (peer_models.py beside this file).

#include <algorithm>
#include <cstdio>
#include <functional>
#include <stdexcept>

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/io/subprocess.h"
#include "experiments/model/state_dict_adapter.h"
#include "experiments/model/tensor_file.h"
#include "experiments/model/transformers_folder.h"
#include "experiments/programs/export_command.h"
#include "experiments/text/tokenizer.h"
#include "experiments/text/vocab_trainer.h"
#include "tests/core/cli/command_runner.h"
#include "tests/core/temp_folder.h"
#include "tests/experiments/export_workspace.h"
#include "tests/experiments/tasks/import_fixture.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

const fs::path kPython = REPRO_SOURCE_DIR "/.deps/peer/bin/python";
constexpr std::int64_t kVocab = 360;
constexpr std::int64_t kPositions = 66;

// Scripts, spaces and compositions that normalizers treat differently.
const std::vector<std::string>& OddTexts() {
  static const std::vector<std::string> kTexts = {"Grüße aus Köln, où l’été dure.",
                                                  "Привет, как дела?",
                                                  "你好,世界。今天天气很好。",
                                                  "यह एक वाक्य है।",
                                                  "مرحبا بالعالم",
                                                  "  two  spaces\tand a tab ",
                                                  "ﬁne ½ Ｆｕｌｌ ①",
                                                  "café vs cafe\u0301",
                                                  "emoji 🙂 unseen ℵ",
                                                  ""};
  return kTexts;
}

class PeerTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    at::set_num_threads(1);
    if (!fs::exists(kPython)) return;
    root_ = new TempFolder;
    std::string odd;
    for (int copy = 0; copy < 30; ++copy) {
      for (const std::string& text : OddTexts()) odd += text.empty() ? "" : text + "\n";
    }
    REPRO_CHECK(PutFile(*root_ / "a.txt", testing::TinyText("en", 600)).has_value());
    REPRO_CHECK(PutFile(*root_ / "b.txt", odd).has_value());
    const auto vocab = TrainVocabulary({{"en", *root_ / "a.txt", 1}, {"xx", *root_ / "b.txt", 1}},
                                       {.size = kVocab, .sample_sentences = 900});
    if (!vocab) throw std::runtime_error(vocab.error().message);
    REPRO_CHECK(PutFile(Vocabulary(), vocab->model).has_value());
  }
  static void TearDownTestSuite() {
    delete root_;
    root_ = nullptr;
  }
  void SetUp() override {
    if (root_ == nullptr) {
      GTEST_SKIP() << "no transformers here: scripts/setup --peer installs it";
    }
    std::string name = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::replace(name.begin(), name.end(), '/', '-');
    folder_ = root_->path() / name;
    fs::create_directories(folder_);
  }

  static fs::path Vocabulary() { return *root_ / "sp.model"; }

  void Python(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), REPRO_SOURCE_DIR "/tests/experiments/tasks/peer_models.py");
    auto child = Subprocess::Start({.program = kPython,
                                    .arguments = std::move(arguments),
                                    .working_folder = {},
                                    .environment = {},
                                    .stdout_file = folder_ / "python.log",
                                    .stderr_file = folder_ / "python.log",
                                    .cores = {},
                                    .inherited_fds = {}});
    ASSERT_TRUE(child) << child.error().message;
    const auto exit = child->Wait();
    ASSERT_TRUE(exit && exit->code == 0) << ReadFile(folder_ / "python.log").value_or("");
  }

  // Sequences of all lengths up to the longest, over the whole vocabulary.
  static at::Tensor Tokens() {
    const std::int64_t longest = kPositions - 2;
    at::Tensor tokens_BT = at::full({5, longest}, 1, at::kLong);
    Rng rng(3, "tokens");
    for (std::int64_t row = 0; row < 5; ++row) {
      const std::int64_t length = longest - row * 13;
      for (std::int64_t t = 0; t < length; ++t) {
        tokens_BT[row][t] = t == 0 ? 0
                            : t == length - 1
                                ? 2
                                : static_cast<std::int64_t>(3 + rng.Below(kVocab - 3));
      }
    }
    return tokens_BT;
  }

  // What transformers says of the folder: logits, and the labels' names by id.
  struct Theirs {
    at::Tensor logits;
    Json labels;
  };
  Theirs LogitsByTransformers(const fs::path& model, const std::string& architecture) const {
    REPRO_CHECK(SaveTensors(folder_ / "tokens.safetensors", {{"tokens", Tokens()}}).has_value());
    Python({"logits", model.string(), architecture, (folder_ / "tokens.safetensors").string(),
            (folder_ / "logits.safetensors").string()});
    const auto file = SafetensorsFile::Open(folder_ / "logits.safetensors");
    if (!file) return {at::zeros({0}), Json()};
    return {ToTensor(*file->Find("logits")),
            ParseJson(file->metadata().at("labels"), "labels").value()};
  }

  static at::Tensor OurMlmLogits(const MlmModel& model) {
    const at::NoGradGuard no_grad;
    const at::Tensor hidden_BTC = Encode(model.encoder, Tokens()).hidden_BTC;
    return MlmLogits(model, hidden_BTC.flatten(0, 1)).view({5, kPositions - 2, kVocab});
  }

  // At tokens that are no padding.
  static void ExpectSame(const at::Tensor& ours_BTK, const at::Tensor& theirs_BTK) {
    ASSERT_EQ(ours_BTK.sizes(), theirs_BTK.sizes());
    const at::Tensor real_BT = Tokens().ne(1);
    const at::Tensor ours_MK = ours_BTK.detach().index({real_BT});
    const at::Tensor theirs_MK = theirs_BTK.index({real_BT});
    EXPECT_LT((ours_MK - theirs_MK).abs().max().item<double>(), 1e-5);
    EXPECT_GT(theirs_MK.std().item<double>(), 0.1);  // a model that says something
  }

  // `repro export` of a task whose artifact `fill` makes.
  fs::path Export(const std::string& kind, const std::function<void(const fs::path&)>& fill) const {
    testing::ExportWorkspace workspace(folder_ / "workspace");
    const std::string vocab = workspace.AddTask(
        "vocab", "vocab", Json::object(), {},
        [](const fs::path& out) { fs::copy_file(Vocabulary(), out / "sp.model"); });
    const std::string model =
        workspace.AddTask(kind, kind, {{"task", "xnli"}, {"seed", 1}}, {{"vocab", vocab}}, fill);
    const auto outcome =
        testing::RunCommand(&MakeExportCommand, folder_ / "workspace",
                            {model, "--to", "hf", "--out", (folder_ / "export").string()});
    EXPECT_EQ(outcome.code, 0) << outcome.out;
    return folder_ / "export";
  }

  static ModelShape OurShape() {
    return {.settings = {.layers = 2,
                         .hidden = 32,
                         .heads = 4,
                         .feed_forward = 80,
                         .layer_norm_eps = 1e-5,
                         .init_std = 0.15},
            .vocab_size = kVocab,
            .max_positions = kPositions};
  }
  // Biases and LayerNorms away from 0 and 1, which would hide mistakes.
  template <class Model>
  static Model Shaken(Model model) {
    const at::NoGradGuard no_grad;
    at::manual_seed(9);
    VisitTensors(model, [](const std::string&, at::Tensor& tensor) {
      tensor.add_(at::randn_like(tensor), 0.05);
    });
    return model;
  }

  fs::path folder_;

 private:
  static inline TempFolder* root_ = nullptr;
};

struct Made {
  const char* name;
  const char* dtype;
  const char* shard_size;
};
class PeerImportTest : public PeerTest, public ::testing::WithParamInterface<Made> {};

TEST_P(PeerImportTest, WhatTransformersSavesHasItsLogitsHere) {
  const fs::path theirs = folder_ / "theirs";
  Python({"make", theirs.string(), Vocabulary().string(), GetParam().dtype, GetParam().shard_size,
          "XLMRobertaForMaskedLM"});
  EXPECT_EQ(fs::exists(theirs / "model.safetensors.index.json"),
            GetParam().name == std::string("shards"));
  const Theirs expected = LogitsByTransformers(theirs, "XLMRobertaForMaskedLM");
  const fs::path artifact = testing::ImportedArtifact(theirs, folder_ / "import");
  const auto model = LoadMlmModel(artifact);
  ASSERT_TRUE(model) << model.error().message;
  ExpectSame(OurMlmLogits(*model), expected.logits);

  // And out again.
  const fs::path exported = Export("import", [&](const fs::path& out) {
    fs::copy(artifact, out, fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  });
  const Theirs again = LogitsByTransformers(exported, "XLMRobertaForMaskedLM");
  EXPECT_TRUE(at::equal(again.logits, expected.logits));
}

INSTANTIATE_TEST_SUITE_P(Folders, PeerImportTest,
                         ::testing::Values(Made{"float32", "float32", "1GB"},
                                           Made{"float16", "float16", "1GB"},
                                           Made{"shards", "bfloat16", "40KB"}),
                         [](const auto& param) { return std::string(param.param.name); });

TEST_F(PeerTest, WhatWeExportHasOurLogitsThere) {
  const MlmModel model = Shaken(InitMlmModel(OurShape(), 1));
  const fs::path exported = Export(
      "pretrain", [&](const fs::path& out) { REPRO_CHECK(SaveModel(out, model).has_value()); });
  ExpectSame(OurMlmLogits(model), LogitsByTransformers(exported, "XLMRobertaForMaskedLM").logits);
}

TEST_F(PeerTest, ClassifiersHaveTheirLogitsAndLabels) {
  const std::vector<std::string> labels = {"contradiction", "neutral", "entailment"};
  const SequenceClassifier model = Shaken(AddSequenceHead(InitEncoder(OurShape(), 2), 3, 5));
  const fs::path exported = Export("finetune", [&](const fs::path& out) {
    REPRO_CHECK(SaveModel(out, model, labels).has_value());
  });
  const Theirs theirs = LogitsByTransformers(exported, "XLMRobertaForSequenceClassification");
  const at::NoGradGuard no_grad;
  const at::Tensor ours_BK = SequenceLogits(model, Tokens());
  ASSERT_EQ(ours_BK.sizes(), theirs.logits.sizes());
  EXPECT_LT((ours_BK - theirs.logits).abs().max().item<double>(), 1e-5);
  EXPECT_GT(theirs.logits.std().item<double>(), 0.1);
  EXPECT_EQ(theirs.labels, (Json{{"0", "contradiction"}, {"1", "neutral"}, {"2", "entailment"}}));
}

TEST_F(PeerTest, TokenClassifiersToo) {
  const std::vector<std::string> labels = {"O", "B-PER", "I-PER", "B-LOC", "I-LOC"};
  const TokenClassifier model = Shaken(AddTokenHead(InitEncoder(OurShape(), 3), 5, 5));
  const fs::path exported = Export("finetune", [&](const fs::path& out) {
    REPRO_CHECK(SaveModel(out, model, labels).has_value());
  });
  const Theirs theirs = LogitsByTransformers(exported, "XLMRobertaForTokenClassification");
  const at::NoGradGuard no_grad;
  ExpectSame(TokenLogits(model, Tokens()), theirs.logits);
  EXPECT_EQ(theirs.labels.at("1"), "B-PER");
}

// A sequence classifier of one label is one that transformers trains with the squared error.
TEST_F(PeerTest, RegressionsToo) {
  const SequenceClassifier model = Shaken(AddSequenceHead(InitEncoder(OurShape(), 4), 1, 5));
  const fs::path exported = Export("finetune", [&](const fs::path& out) {
    REPRO_CHECK(SaveModel(out, model, {"similarity"}).has_value());
  });
  const Theirs theirs = LogitsByTransformers(exported, "XLMRobertaForSequenceClassification");
  const at::NoGradGuard no_grad;
  const at::Tensor ours_B1 = SequenceLogits(model, Tokens());
  ASSERT_EQ(ours_B1.sizes(), theirs.logits.sizes());
  EXPECT_LT((ours_B1 - theirs.logits).abs().max().item<double>(), 1e-5);
  EXPECT_GT(theirs.logits.std().item<double>(), 0.01);  // five numbers
  EXPECT_EQ(theirs.labels, (Json{{"0", "similarity"}}));
}

TEST_F(PeerTest, QuestionAnswerersHaveTheirStartsAndEnds) {
  const QuestionAnswerer model = Shaken(AddAnswerHead(InitEncoder(OurShape(), 5), 5));
  const fs::path exported = Export(
      "finetune", [&](const fs::path& out) { REPRO_CHECK(SaveModel(out, model).has_value()); });
  const Theirs theirs = LogitsByTransformers(exported, "XLMRobertaForQuestionAnswering");
  const at::NoGradGuard no_grad;
  const SpanLogits ours = AnswerLogits(model, Tokens());
  ExpectSame(at::stack({ours.start_BT, ours.end_BT}, 2), theirs.logits);
}

// transformers 5 has no SentencePiece of its own: it makes its Unigram from our file. It must agree
// with SentencePiece on plain text; where it does not on odd text, that is between those two.
TEST_F(PeerTest, OurIdsAreTheirTokenizersIds) {
  const fs::path exported = Export("pretrain", [&](const fs::path& out) {
    REPRO_CHECK(SaveModel(out, InitMlmModel(OurShape(), 1)).has_value());
  });
  std::vector<std::string> texts;
  for (std::uint64_t i = 0; i < 200; ++i) texts.push_back(testing::TinySentence("en", 5000 + i));
  const std::size_t plain = texts.size();
  texts.insert(texts.end(), OddTexts().begin(), OddTexts().end());
  ASSERT_TRUE(PutFile(folder_ / "texts.json", Json(texts).dump()));
  Python({"ids", exported.string(), (folder_ / "texts.json").string(),
          (folder_ / "ids.json").string()});
  const auto ids = LoadJson(folder_ / "ids.json");
  ASSERT_TRUE(ids) << ids.error().message;

  const auto tokenizer = Tokenizer::Load(exported / kTransformersVocabulary);
  ASSERT_TRUE(tokenizer);
  const auto ours = [&](std::size_t i) {
    std::vector<TokenId> list = {kBosId};
    for (const TokenId id : tokenizer->Encode(texts[i])) list.push_back(id);
    list.push_back(kEosId);
    return list;
  };
  std::size_t agree = 0;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ(Json(ours(i)), ids->at("sentencepiece")[i]) << texts[i];
    const bool same = Json(ours(i)) == ids->at("transformers")[i];
    agree += same ? 1 : 0;
    if (i < plain) {
      EXPECT_TRUE(same) << texts[i];
    }
  }
  std::printf("transformers agrees with SentencePiece on %zu of %zu texts\n", agree, texts.size());
  EXPECT_GE(agree, plain + 7);

  std::vector<TokenId> pair = ours(0);
  pair.push_back(kEosId);  // <s> A </s></s> B </s>
  const auto second = ours(1);
  pair.insert(pair.end(), second.begin() + 1, second.end());
  EXPECT_EQ(Json(pair), ids->at("pair"));
  std::vector<TokenId> masked = ours(0);
  masked.insert(masked.end() - 1, tokenizer->mask_id());  // it swallows the space before it
  EXPECT_EQ(Json(masked), ids->at("masked"));
  const std::vector<TokenId> special = {kBosId, kPadId, kEosId, kUnkId, tokenizer->mask_id()};
  EXPECT_EQ(ids->at("special"), Json(special));
  EXPECT_EQ(ids->at("size"), kVocab);
  EXPECT_EQ(ids->at("longest"), kPositions - 2);
}

}  // namespace
}  // namespace repro
