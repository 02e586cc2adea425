// `repro export` on a workspace with a run of a tiny model. That transformers loads what it writes
// is tested with transformers itself, in tests/experiments/tasks/peer_test.cc.

#include "experiments/programs/export_command.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "experiments/programs/import_command.h"
#include "experiments/tasks/import/import_record.h"
#include "tests/core/cli/command_runner.h"
#include "tests/core/temp_folder.h"
#include "tests/experiments/export_workspace.h"
#include "tests/experiments/tiny_model.h"

namespace repro {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using testing::CommandOutcome;
using ::testing::HasSubstr;
using testing::MlmTensors;
using ::testing::Not;
using testing::TinyShape;
using ::testing::UnorderedElementsAre;

void WriteModel(const fs::path& folder, const std::string& architecture,
                const std::vector<std::string>& labels, std::uint64_t seed) {
  fs::create_directories(folder);
  auto tensors = MlmTensors(TinyShape());
  tensors.back() = testing::RandomTensor(tensors.back().name, tensors.back().shape,
                                         TensorType::kF32, seed);  // tells the models apart
  testing::WriteTensors(folder / "model.safetensors", tensors);
  const Json config = TransformersConfig(TinyShape(), architecture, labels);
  REPRO_CHECK(PutFile(folder / "config.json", config.dump(2)).has_value());
}

class ExportCommandTest : public ::testing::Test {
 protected:
  ExportCommandTest() : workspace_(root_ / "workspace") {
    vocab_ =
        workspace_.AddTask("vocab", "vocab en+sw", Json::object(), {}, [](const fs::path& out) {
          REPRO_CHECK(PutFile(out / "sp.model", testing::SentencePieceModel(38)).has_value());
        });
    const std::string encode =
        workspace_.AddWaitingTask("encode", "encode en+sw", Json::object(), {{"vocab", vocab_}});
    pretrain_ = workspace_.AddTask(
        "pretrain", "pretrain en+sw seed 1", Json::object(), {{"tokens", encode}},
        [](const fs::path& out) { WriteModel(out, "XLMRobertaForMaskedLM", {}, 1); });
    for (const int seed : {1, 2}) {
      workspace_.AddTask(
          "finetune", fmt::format("finetune xnli en+sw seed 1.{}", seed),
          {{"task", "xnli"}, {"seed", seed}}, {{"encoder", pretrain_}, {"vocab", vocab_}},
          [&](const fs::path& out) {
            const std::vector<std::string> labels = {"no", "maybe", "yes"};
            const std::string kind = "XLMRobertaForSequenceClassification";
            WriteModel(out, kind, labels, 10);
            WriteModel(out / "update-4", kind, labels, 11);
            const Json selection = {{"folders", {{"en", "."}, {"sw", "update-4"}}}};
            REPRO_CHECK(PutFile(out / "selection.json", selection.dump()).has_value());
          });
    }
    workspace_.AddWaitingTask("finetune", "finetune topic en+sw seed 1.1",
                              {{"task", "topic"}, {"seed", 1}},
                              {{"encoder", pretrain_}, {"vocab", vocab_}});
    run_ = workspace_.AddRun();
  }

  fs::path out() const { return root_ / "out"; }
  CommandOutcome Export(std::vector<std::string> arguments, bool json = false) const {
    return testing::RunCommand(&MakeExportCommand, root_ / "workspace", std::move(arguments), json);
  }
  static std::vector<std::string> Names(const fs::path& folder) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder))
      names.push_back(entry.path().filename());
    return names;
  }

  TempFolder root_;
  testing::ExportWorkspace workspace_;
  std::string vocab_, pretrain_, run_;
};

TEST_F(ExportCommandTest, WritesTheEncoderWithItsTokenizer) {
  const CommandOutcome outcome = Export({run_, "--to", "hf", "--out", out().string()});
  ASSERT_EQ(outcome.code, 0) << outcome.out;
  EXPECT_THAT(outcome.out, HasSubstr("XLMRobertaForMaskedLM.from_pretrained("));
  EXPECT_THAT(Names(out()), UnorderedElementsAre("model.safetensors", "config.json",
                                                 "sentencepiece.bpe.model", "tokenizer_config.json",
                                                 "special_tokens_map.json", "repro-export.json"));
  const fs::path artifact = workspace_.store().Folder("pretrain", pretrain_);
  for (const char* name : {"model.safetensors", "config.json"}) {
    EXPECT_EQ(Sha256File(out() / name).value(), Sha256File(artifact / name).value());
  }
  const Json tokenizer = LoadJson(out() / "tokenizer_config.json").value();
  EXPECT_EQ(tokenizer.at("model_max_length"), 32);
  EXPECT_EQ(tokenizer.at("tokenizer_class"), "XLMRobertaTokenizer");
  const Json mark = LoadJson(out() / "repro-export.json").value();
  EXPECT_EQ(mark.at("task").at("key"), pretrain_);
  EXPECT_EQ(mark.at("vocabulary").at("key"), vocab_);
  EXPECT_EQ(mark.at("made_by"), "the-build");
  EXPECT_THAT(Names(root_.path()), UnorderedElementsAre("workspace", "out"));  // nothing half-made
}

TEST_F(ExportCommandTest, ExportThenImportGivesEveryTensorByteForByte) {
  ASSERT_EQ(Export({pretrain_.substr(0, 8), "--out", out().string()}).code, 0);
  const CommandOutcome imported =
      testing::RunCommand(&MakeImportCommand, root_ / "workspace", {out().string(), "--as", "own"});
  ASSERT_EQ(imported.code, 0) << imported.out;
  const auto folder = TransformersFolder::Open(LoadImport(root_ / "workspace", "own")->folder);
  ASSERT_TRUE(folder);
  auto tensors = MlmTensors(TinyShape());
  ASSERT_EQ(folder->tensors().size(), tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    EXPECT_EQ(folder->tensors()[i].name, tensors[i].name);
    const auto ours = tensors[i].View().bytes, theirs = folder->tensors()[i].bytes;
    EXPECT_TRUE(std::equal(ours.begin(), ours.end(), theirs.begin(), theirs.end()));
  }
}

TEST_F(ExportCommandTest, AVocabularyOfWordsIsSaidAndNotImportedAsOneOfRawText) {
  const Json rules = {{"rules", {{"en", "moses-like-1"}}}, {"icu", "72.1"}};
  ASSERT_TRUE(PutFile(workspace_.store().Folder("vocab", vocab_) / "vocab.json",
                      Json{{"pre_tokenization", rules}}.dump()));
  const CommandOutcome outcome = Export({run_, "--out", out().string()});
  ASSERT_EQ(outcome.code, 0) << outcome.out;
  EXPECT_THAT(outcome.out, HasSubstr("Its vocabulary takes text that is cut into words"));
  const Json mark = LoadJson(out() / kExportMark).value();
  EXPECT_EQ(mark.at("pre_tokenization").at("rules"), rules.at("rules"));
  const CommandOutcome imported =
      testing::RunCommand(&MakeImportCommand, root_ / "workspace", {out().string(), "--as", "own"});
  EXPECT_EQ(imported.code, -1);
  EXPECT_THAT(imported.out, HasSubstr("an imported model is given raw text"));
}

TEST_F(ExportCommandTest, ChoosesAFineTunedModelByTaskSeedAndLanguage) {
  const CommandOutcome several = Export({run_, "--task", "xnli"});
  EXPECT_THAT(several.out,
              AllOf(HasSubstr("several models fit --task xnli"),
                    HasSubstr("finetune xnli en+sw seed 1.2"), Not(HasSubstr("vocab"))));
  const CommandOutcome one = Export({run_, "--task", "xnli", "--seed", "2"}, true);
  ASSERT_EQ(one.code, 0) << one.out;
  const Json json = ParseJson(one.out, "json").value();
  EXPECT_EQ(json.at("architecture"), "XLMRobertaForSequenceClassification");
  EXPECT_EQ(json.at("task").at("label"), "finetune xnli en+sw seed 1.2");
  const fs::path folder = json.at("folder").get<std::string>();
  EXPECT_EQ(folder.parent_path(), root_ / "workspace" / "exports");
  EXPECT_EQ(LoadJson(folder / "config.json").value().at("id2label").at("2"), "yes");

  // The model of "sw" is the one of another update.
  const CommandOutcome sw =
      Export({run_, "--task", "xnli", "--seed", "2", "--language", "sw", "--out", out().string()});
  ASSERT_EQ(sw.code, 0) << sw.out;
  EXPECT_NE(Sha256File(out() / "model.safetensors").value(),
            Sha256File(folder / "model.safetensors").value());
  EXPECT_THAT(Export({run_, "--task", "xnli", "--seed", "2", "--language", "ur"}).out,
              HasSubstr("no model was picked for 'ur', but for en sw"));
}

TEST_F(ExportCommandTest, SaysWhatItCannotFind) {
  EXPECT_THAT(Export({"77"}).out, HasSubstr("no run 77 in "));
  EXPECT_THAT(Export({vocab_.substr(0, 10)}).out, HasSubstr("leaves no model"));
  EXPECT_THAT(Export({run_, "--task", "topic"}).out, HasSubstr("has left nothing yet"));
  EXPECT_THAT(Export({run_, "--task", "tags"}).out, HasSubstr("no model fits --task tags"));
  EXPECT_THROW(Export({run_, "--to", "tf"}), CLI::ValidationError);
}

TEST_F(ExportCommandTest, ReplacesOnlyAnEarlierExportAndOnlyWhenForced) {
  const std::vector<std::string> arguments = {run_, "--out", out().string()};
  std::vector<std::string> forced = arguments;
  forced.emplace_back("--force");
  fs::create_directories(out());
  EXPECT_EQ(Export(arguments).code, 0) << "an empty folder is fine";
  EXPECT_THAT(Export(arguments).out, HasSubstr("--force replaces it"));
  REPRO_CHECK(PutFile(out() / "model.safetensors", "old").has_value());
  EXPECT_EQ(Export(forced).code, 0);
  EXPECT_GT(fs::file_size(out() / "model.safetensors"), 1000U);

  fs::remove(out() / "repro-export.json");
  for (const auto& given : {arguments, forced}) {
    EXPECT_THAT(Export(given).out, HasSubstr("holds other things and no earlier export"));
  }
  fs::remove_all(out());
  REPRO_CHECK(PutFile(out(), "a file").has_value());
  EXPECT_THAT(Export(forced).out, HasSubstr("a file is there"));
}

TEST_F(ExportCommandTest, ResultsReplaceNothingButEarlierResults) {
  const fs::path manifest = root_ / "fig2.toml";
  REPRO_CHECK(PutFile(manifest, "schema = 1\n").has_value());
  for (const fs::path& there : {manifest, root_ / "workspace"}) {
    const CommandOutcome outcome = Export({"fig2", "--results", there.string()});
    EXPECT_EQ(outcome.error.code, ErrorCode::kInvalidArgument) << outcome.out;
    EXPECT_THAT(outcome.out, AllOf(HasSubstr(there.string()), HasSubstr("it is never replaced")));
  }
  EXPECT_EQ(ReadFile(manifest).value(), "schema = 1\n");
}

TEST_F(ExportCommandTest, ADamagedArtifactIsNotExported) {
  const fs::path weights = workspace_.store().Folder("pretrain", pretrain_) / "model.safetensors";
  {
    std::fstream file(weights, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(-1, std::ios::end);
    file.put('\x7f');
  }
  const CommandOutcome outcome = Export({run_, "--out", out().string()});
  EXPECT_EQ(outcome.error.code, ErrorCode::kCorrupt);
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("its SHA-256 differs"), HasSubstr("repro doctor --fix")));
  EXPECT_THAT(Names(root_.path()),
              UnorderedElementsAre("workspace"));  // and nothing is left behind
}

}  // namespace
}  // namespace repro
