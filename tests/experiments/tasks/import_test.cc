// The `import` task, and the graph of a manifest that fine-tunes from weights of elsewhere.

#include <set>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "core/base/hash.h"
#include "core/manifest/manifest.h"
#include "experiments/tasks/pipeline.h"
#include "experiments/text/tokenizer.h"
#include "tests/core/temp_folder.h"
#include "tests/experiments/tasks/import_fixture.h"
#include "tests/experiments/tiny_model.h"

namespace repro {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Contains;
using testing::EditJson;
using ::testing::HasSubstr;
using testing::MlmTensors;
using ::testing::Not;
using testing::OwnedTensor;
using testing::RunImport;
using testing::TaskFixture;
using testing::TinyShape;
using testing::WriteTinyFolder;

constexpr const char* kTokenType = "roberta.embeddings.token_type_embeddings.weight";

class ImportTest : public ::testing::Test {
 protected:
  ImportTest() { fs::create_directories(model()); }

  fs::path model() const { return root_ / "model"; }
  fs::path workspace() const { return root_ / "workspace"; }

  void Register(const std::string& name) const {
    ImportRecord record = ReadImport(model()).value();
    record.name = name;
    ASSERT_TRUE(SaveImport(workspace(), record));
  }

  // Flips a bit of a file behind everybody's back: size and modification time stay.
  static void DamageUnseen(const fs::path& path) {
    struct stat before {};
    ASSERT_EQ(::stat(path.c_str(), &before), 0);
    std::string content = ReadFile(path).value();
    content.back() = static_cast<char>(content.back() ^ 1);
    {
      std::FILE* file = std::fopen(path.c_str(), "wb");
      ASSERT_EQ(std::fwrite(content.data(), 1, content.size(), file), content.size());
      std::fclose(file);
    }
    const struct timespec times[] = {before.st_atim, before.st_mtim};
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  }

  TempFolder root_;
};

// --- the task ---

using ImportTaskTest = ImportTest;

TEST_F(ImportTaskTest, LeavesEveryTensorByteForByteUnderItsName) {
  for (const TensorType type : {TensorType::kF32, TensorType::kF16, TensorType::kBF16}) {
    const auto tensors = MlmTensors(TinyShape(), type);
    WriteTinyFolder(model(), tensors);
    TaskFixture task(root_ / TensorTypeName(type).data());
    const Status done = RunImport(task, model());
    ASSERT_TRUE(done) << done.error().message;
    const auto file = SafetensorsFile::Open(task.out() / "model.safetensors");
    ASSERT_TRUE(file);
    ASSERT_EQ(file->tensors().size(), tensors.size());
    for (const OwnedTensor& tensor : tensors) {
      const TensorView* view = file->Find(tensor.name);
      ASSERT_NE(view, nullptr) << tensor.name;
      EXPECT_EQ(view->type, type);
      EXPECT_EQ(view->shape, tensor.shape);
      const auto bytes = tensor.View().bytes;
      EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), view->bytes.begin(), view->bytes.end()));
    }
    const auto tokenizer = Tokenizer::Load(task.out() / "sp.model");
    ASSERT_TRUE(tokenizer);
    EXPECT_EQ(tokenizer->vocab_size(), TinyShape().vocab_size);
    const Json config = LoadJson(task.out() / "config.json").value();
    EXPECT_EQ(config.at("architectures"), Json::array({"XLMRobertaForMaskedLM"}));
    EXPECT_EQ(config.at("hidden_size"), 8);
    EXPECT_EQ(LoadJson(task.out() / "vocab.json").value().at("mask_id"), 39);
  }
}

// The artifact is itself a folder that `repro import` takes, but for the name of the vocabulary.
TEST_F(ImportTaskTest, WhatItLeavesFromShardsIsWhatItLeavesFromOneFile) {
  testing::WriteShardedFolder(model());
  TaskFixture task(root_ / "task");
  ASSERT_TRUE(RunImport(task, model()));
  fs::create_directories(root_ / "whole");
  WriteTinyFolder(root_ / "whole");
  TaskFixture other(root_ / "other");
  ASSERT_TRUE(RunImport(other, root_ / "whole"));
  for (const char* name : {"model.safetensors", "config.json", "sp.model"}) {
    EXPECT_EQ(Sha256File(task.out() / name).value(), Sha256File(other.out() / name).value());
  }
}

TEST_F(ImportTaskTest, AMissingTokenTypeRowBecomesZerosAndOtherHeadsAreLeftOut) {
  auto tensors = MlmTensors(TinyShape());
  tensors.pop_back();
  tensors.push_back(testing::RandomTensor("roberta.pooler.dense.bias", {8}));
  WriteTinyFolder(model(), tensors);
  TaskFixture task(root_ / "task");
  ASSERT_TRUE(RunImport(task, model()));
  const auto file = SafetensorsFile::Open(task.out() / "model.safetensors");
  ASSERT_TRUE(file);
  const TensorView* row = file->Find(kTokenType);
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(row->shape, (std::vector<std::int64_t>{1, 8}));
  for (const std::byte byte : row->bytes) EXPECT_EQ(byte, std::byte{0});
  EXPECT_EQ(file->Find("roberta.pooler.dense.bias"), nullptr);
  const auto messages = task.Events("message");
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_THAT(messages[0].dump(), HasSubstr("roberta.pooler.dense.bias left out"));
}

TEST_F(ImportTaskTest, FilesThatChangedSinceThePlanAreRefused) {
  WriteTinyFolder(model());
  const ImportSpec spec = testing::SpecOf(model()).value();
  DamageUnseen(model() / "model.safetensors");
  TaskFixture task(root_ / "task");
  const Status damaged = RunImport(task, model(), spec);
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(damaged.error().message,
              AllOf(HasSubstr((model() / "model.safetensors").string()), HasSubstr("SHA-256")));
  EXPECT_FALSE(fs::exists(task.out() / "model.safetensors"));

  fs::remove_all(model());
  fs::create_directories(model());
  testing::WriteShardedFolder(model());
  const Status other = RunImport(task, model(), spec);
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().message, HasSubstr("other files than when it was planned"));
}

// --- the graph ---

class ImportGraphTest : public ImportTest {
 protected:
  ImportGraphTest() { WriteTinyFolder(model()); }

  // A manifest of one point, with these lines.
  fs::path Manifest(const std::string& head, const std::string& sections) const {
    fs::path path = root_ / "m.toml";
    REPRO_CHECK(
        PutFile(path, R"(schema = 1
id = "m"
world = "babel"
selection = "joint-dev"
)" +
                          (head.find("seeds") == std::string::npos
                               ? std::string("seeds = { pretrain = [1], finetune = [1, 2] }\n")
                               : std::string()) +
                          head + "languages = [\"en\", \"sw\"]\n" +
                          "[corpus]\nsource = \"babel-wiki\"\n" + sections)
            .has_value());
    return path;
  }
  Result<TaskGraph> Graph(const std::string& sections, const std::string& head = "") const {
    REPRO_ASSIGN_OR_RETURN(const Experiment experiment,
                           LoadExperiment(Manifest(head, sections).string(),
                                          {.scale = "paper",
                                           .sets = {},
                                           .manifest_dir = REPRO_SOURCE_DIR "/manifests",
                                           .reference_dir = REPRO_SOURCE_DIR "/results/reference",
                                           .validate_sections = &ValidateSections}));
    return BuildTaskGraph(experiment, {.workspace = workspace(), .datasets = {}});
  }
  static std::multiset<std::string> Kinds(const TaskGraph& graph) {
    std::multiset<std::string> kinds;
    for (const Task& task : graph.tasks()) kinds.insert(task.kind);
    return kinds;
  }
  static const Task& OfKind(const TaskGraph& graph, std::string_view kind) {
    for (const Task& task : graph.tasks()) {
      if (task.kind == kind) return task;
    }
    REPRO_CHECK(false);
  }
  std::string FromPath() const { return "[pretrain]\nfrom = \"" + model().string() + "\"\n"; }
};

constexpr const char* kFromName = "[pretrain]\nfrom = \"import:tiny\"\n";

TEST_F(ImportGraphTest, AnImportStandsInPlaceOfVocabEncodeAndPretrain) {
  Register("tiny");
  const auto graph = Graph(kFromName);
  ASSERT_TRUE(graph) << graph.error().message;
  EXPECT_EQ(Kinds(*graph),
            (std::multiset<std::string>{"benchmark", "benchmark", "controls", "evaluate",
                                        "evaluate", "evaluate", "finetune", "finetune", "import"}));
  const Task& import = OfKind(*graph, "import");
  EXPECT_EQ(import.info.at("folder"), model().string());
  EXPECT_EQ(import.info.at("encoder_parameters"), EncoderParameters(TinyShape()));
  const Task& finetune = OfKind(*graph, "finetune");
  EXPECT_EQ(finetune.inputs.at("encoder"), import.key);
  EXPECT_EQ(finetune.inputs.at("vocab"), import.key);
  ASSERT_EQ(graph->runs().size(), 1U);
  const Json& config = graph->runs()[0].config;
  EXPECT_EQ(config.at("pretrain"), (Json{{"from", "import:tiny"}}));
  EXPECT_EQ(config.at("model").at("hidden"), 8);
  EXPECT_EQ(config.at("vocab"), (Json{{"size", 40}}));
}

TEST_F(ImportGraphTest, TheKeyIsTheFilesNotTheirPlaceOrName) {
  Register("tiny");
  const auto by_name = Graph(kFromName);
  const auto by_path = Graph(FromPath());
  ASSERT_TRUE(by_name && by_path);
  EXPECT_EQ(OfKind(*by_name, "import").key, OfKind(*by_path, "import").key);
  fs::rename(model(), root_ / "elsewhere");
  const auto moved = Graph("[pretrain]\nfrom = \"" + (root_ / "elsewhere").string() + "\"\n");
  ASSERT_TRUE(moved) << moved.error().message;
  EXPECT_EQ(OfKind(*moved, "import").key, OfKind(*by_path, "import").key);
  EditJson(root_ / "elsewhere" / "config.json", "attention_probs_dropout_prob", 0.0);
  const auto changed = Graph("[pretrain]\nfrom = \"" + (root_ / "elsewhere").string() + "\"\n");
  ASSERT_TRUE(changed) << changed.error().message;
  EXPECT_NE(OfKind(*changed, "import").key, OfKind(*by_path, "import").key);
}

// Size and time are as before, so nothing is read: neither by name nor by path.
TEST_F(ImportGraphTest, UnchangedFilesAreNotReadAgain) {
  Register("tiny");
  ASSERT_TRUE(fs::is_directory(workspace()));
  const auto before = Graph(FromPath());
  ASSERT_TRUE(before);
  DamageUnseen(model() / "model.safetensors");
  for (const std::string& sections : {std::string(kFromName), FromPath()}) {
    const auto after = Graph(sections);
    ASSERT_TRUE(after) << after.error().message;
    EXPECT_EQ(OfKind(*after, "import").key, OfKind(*before, "import").key);
  }
}

TEST_F(ImportGraphTest, ATouchedFileIsHashedAgainAndAnotherOneRefused) {
  Register("tiny");
  const auto before = Graph(kFromName);
  ASSERT_TRUE(before);
  const fs::path config = model() / "config.json";
  fs::last_write_time(config, fs::last_write_time(config) + std::chrono::seconds(5));
  const auto touched = Graph(kFromName);
  ASSERT_TRUE(touched) << touched.error().message;
  EXPECT_EQ(OfKind(*touched, "import").key, OfKind(*before, "import").key);
  EXPECT_EQ(CheckImport(LoadImport(workspace(), "tiny").value()), ImportStanding::kSame);

  EditJson(config, "attention_probs_dropout_prob", 0.0);
  const auto changed = Graph(kFromName);
  ASSERT_FALSE(changed);
  EXPECT_THAT(changed.error().message,
              AllOf(HasSubstr("m.toml:10:8: `pretrain.from` = \"import:tiny\""),
                    HasSubstr("it is not what was imported"), HasSubstr("--as tiny --force")));
  // What was made from the files stands when they are gone.
  fs::remove_all(model());
  const auto gone = Graph(kFromName);
  ASSERT_TRUE(gone) << gone.error().message;
  EXPECT_EQ(OfKind(*gone, "import").key, OfKind(*before, "import").key);
}

TEST_F(ImportGraphTest, WithoutAnLmHeadNothingIntrinsicIsMeasured) {
  auto tensors = MlmTensors(TinyShape());
  std::erase_if(tensors, [](const auto& tensor) { return tensor.name.starts_with("lm_head."); });
  WriteTinyFolder(model(), tensors);
  const auto graph = Graph(FromPath());
  ASSERT_TRUE(graph) << graph.error().message;
  EXPECT_EQ(Kinds(*graph).count("evaluate"), 2U);
  const auto refused =
      Graph(FromPath() + "[[series]]\nid = \"r\"\nmetric = \"retrieval.accuracy\"\n" +
            "languages = [\"sw\"]\ncompanion = true\n");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("has no LM head, and series `r`"));
}

TEST_F(ImportGraphTest, ControlsKeepTheModelsShapeAndVocabulary) {
  const auto graph = Graph(FromPath() + "[sweep]\nlanguages = [[\"en\", \"sw\"]]\n[controls]\n" +
                           "null_world = [\"en+sw\"]\nno_pretraining = [\"en+sw\"]\n");
  ASSERT_TRUE(graph) << graph.error().message;
  EXPECT_EQ(Kinds(*graph).count("vocab"), 0U);
  const Task& pretrain = OfKind(*graph, "pretrain");
  EXPECT_EQ(pretrain.spec.at("settings").at("updates"), 0);
  EXPECT_EQ(pretrain.spec.at("settings").at("tokens_per_sample"), 32);
  EXPECT_EQ(pretrain.spec.at("model").at("hidden"), 8);
  EXPECT_EQ(OfKind(*graph, "encode").inputs.at("vocab"), OfKind(*graph, "import").key);
  EXPECT_EQ(graph->runs().size(), 3U);
}

TEST_F(ImportGraphTest, ContradictionsAreReportedWithTheirPlaces) {
  const auto expect = [&](const std::string& sections, const std::string& head,
                          const std::string& what) {
    const auto graph = Graph(sections, head);
    ASSERT_FALSE(graph) << what;
    EXPECT_EQ(graph.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(graph.error().message, HasSubstr(what));
  };
  expect(FromPath() + "[model]\nhidden = 16\n", "", "`model.hidden` = 16 with `pretrain.from`");
  expect(FromPath(), "seeds = { pretrain = [1, 2], finetune = [1] }\n", "with 2 seeds");
  expect(FromPath() + "[evaluate]\nretrieval_layer = 3\n", "", "has 2 layers");
  expect("[pretrain]\nfrom = \"import:other\"\n", "", "nothing is imported as 'other'");
  expect("[pretrain]\nfrom = \"/no/such/folder\"\n", "", "/no/such/folder: no such folder");
  fs::remove(model() / "model.safetensors");
  expect(FromPath(), "", "neither model.safetensors nor");
}

TEST_F(ImportGraphTest, AModelSectionThatSaysWhatTheFilesSayIsFine) {
  const auto graph = Graph(FromPath() + "[model]\nlayers = 2\nhidden = 8\nheads = 2\n" +
                           "feed_forward = 16\ndropout = 0.1\n");
  EXPECT_TRUE(graph) << graph.error().message;
}

// The settings of a pretraining do not include `from`: no task of an earlier build runs again.
TEST_F(ImportGraphTest, NoKeyOfAPretrainingNamesFrom) {
  const auto graph = Graph("");
  ASSERT_TRUE(graph) << graph.error().message;
  EXPECT_FALSE(OfKind(*graph, "pretrain").spec.at("settings").contains("from"));
  EXPECT_EQ(graph->runs()[0].config.at("pretrain").at("from"), "");
}

}  // namespace
}  // namespace repro
