/// Weights that transformers wrote, through the `import` task, give transformers' logits: the
/// golden folder (tests/testdata/golden/xlmr/README.md), whole and in shards.

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include "experiments/model/state_dict_adapter.h"
#include "experiments/model/tensor_file.h"
#include "tests/core/temp_folder.h"
#include "tests/experiments/tasks/import_fixture.h"
#include "tests/experiments/tiny_model.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

const fs::path kGolden = REPRO_TESTDATA "/golden/xlmr";

class ImportModelTest : public ::testing::Test {
 protected:
  ImportModelTest() {
    at::set_num_threads(1);
    fs::create_directories(root_ / "theirs");
    fs::copy_file(kGolden / "config.json", root_ / "theirs" / "config.json");
    REPRO_CHECK(
        PutFile(root_ / "theirs" / kTransformersVocabulary, testing::SentencePieceModel(998))
            .has_value());
  }

  // The artifact of the folder "theirs".
  fs::path Import() { return testing::ImportedArtifact(root_ / "theirs", root_ / "task"); }

  static void ExpectGoldenLogits(const fs::path& artifact) {
    const auto model = LoadMlmModel(artifact);
    ASSERT_TRUE(model) << model.error().message;
    const auto inputs = SafetensorsFile::Open(kGolden / "inputs.safetensors");
    const auto outputs = SafetensorsFile::Open(kGolden / "outputs.safetensors");
    ASSERT_TRUE(inputs && outputs);
    const at::NoGradGuard no_grad;
    const at::Tensor tokens_BT = ToTensor(*inputs->Find("input_ids"));
    const at::Tensor hidden_BTC = Encode(model->encoder, tokens_BT).hidden_BTC;
    const at::Tensor expected_MV = ToTensor(*outputs->Find("f64.mlm_logits"));
    const at::Tensor masked_M2 = ToTensor(*outputs->Find("masked_index"));
    const at::Tensor rows_M = masked_M2.select(1, 0) * tokens_BT.size(1) + masked_M2.select(1, 1);
    const at::Tensor logits_MV =
        MlmLogits(*model, hidden_BTC.flatten(0, 1).index_select(0, rows_M));
    ASSERT_EQ(logits_MV.sizes(), expected_MV.sizes());
    EXPECT_LT((logits_MV - expected_MV).abs().max().item<double>(), 1e-5);
  }

  TempFolder root_;
};

TEST_F(ImportModelTest, OneFileGivesTheGoldenLogits) {
  fs::copy_file(kGolden / "model.safetensors", root_ / "theirs" / "model.safetensors");
  ExpectGoldenLogits(Import());
}

TEST_F(ImportModelTest, ShardsGiveTheGoldenLogits) {
  const auto whole = SafetensorsFile::Open(kGolden / "model.safetensors");
  ASSERT_TRUE(whole);
  Json map = Json::object();
  for (int shard = 0; shard < 3; ++shard) {
    const std::string name = fmt::format("model-{:05}-of-00003.safetensors", shard + 1);
    std::vector<TensorView> views;
    for (std::size_t i = 0; i < whole->tensors().size(); ++i) {
      if (i % 3 != static_cast<std::size_t>(shard)) continue;
      views.push_back(whole->tensors()[i]);
      map[views.back().name] = name;
    }
    ASSERT_TRUE(WriteSafetensors(root_ / "theirs" / name, views));
  }
  const Json index = {{"metadata", Json::object()}, {"weight_map", map}};
  ASSERT_TRUE(PutFile(root_ / "theirs" / "model.safetensors.index.json", index.dump()));
  ExpectGoldenLogits(Import());
}

}  // namespace
}  // namespace repro
