// `repro import` on folders that are good, damaged, lying or hostile.

#include "experiments/programs/import_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/hash.h"
#include "core/io/json_io.h"
#include "experiments/tasks/import/import_record.h"
#include "tests/core/temp_folder.h"
#include "tests/experiments/programs/command_runner.h"
#include "tests/experiments/tiny_model.h"

namespace repro {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using testing::BaseShape;
using testing::CommandOutcome;
using ::testing::Contains;
using testing::EditJson;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::LargeShape;
using testing::MlmTensors;
using ::testing::Not;
using testing::OwnedTensor;
using testing::RandomTensor;
using testing::TensorNamed;
using testing::TinyShape;
using testing::WriteTinyFolder;

class ImportCommandTest : public ::testing::Test {
 protected:
  ImportCommandTest() { fs::create_directories(model()); }

  fs::path model() const { return root_ / "model"; }
  fs::path workspace() const { return root_ / "workspace"; }

  CommandOutcome Run(const std::vector<std::string>& arguments, bool json = false) const {
    return testing::RunCommand(&MakeImportCommand, workspace(), arguments, json);
  }
  CommandOutcome Import() const { return Run({model().string(), "--as", "tiny"}); }

  // The import fails so, and leaves no record.
  void ExpectRefused(ErrorCode code, const std::string& what) const {
    const CommandOutcome outcome = Import();
    EXPECT_EQ(outcome.code, -1) << "taken, but: " << what;
    EXPECT_THAT(outcome.out, HasSubstr(what));
    EXPECT_EQ(outcome.error, code) << outcome.out;
    EXPECT_FALSE(fs::exists(workspace() / "imports" / "tiny.json"));
  }
  void Write(const std::string& name, const std::string& content) const {
    REPRO_CHECK(WriteFileAtomic(model() / name, content).has_value());
  }
  // A weights file with this header and so many data bytes.
  void WriteWeights(const std::string& header, std::size_t data_bytes) const {
    const std::uint64_t size = header.size();
    Write("model.safetensors", std::string(reinterpret_cast<const char*>(&size), 8) + header +
                                   std::string(data_bytes, '\0'));
  }

  TempFolder root_;
};

TEST_F(ImportCommandTest, RegistersAFolderWithTheHashOfEveryFile) {
  WriteTinyFolder(model());
  const CommandOutcome outcome = Import();
  EXPECT_EQ(outcome.code, 0) << outcome.out;
  EXPECT_THAT(outcome.out, HasSubstr("from = \"import:tiny\""));
  const Json record = LoadJson(workspace() / "imports" / "tiny.json").value();
  EXPECT_EQ(record.at("folder"), model().string());
  EXPECT_EQ(record.at("build"), "test-build");
  EXPECT_EQ(record.at("dtype"), "F32");
  EXPECT_EQ(record.at("has_lm_head"), true);
  ASSERT_EQ(record.at("files").size(), 3U);
  for (const Json& file : record.at("files")) {
    const fs::path path = model() / file.at("name").get<std::string>();
    EXPECT_EQ(file.at("sha256"), Sha256File(path).value());
    EXPECT_EQ(file.at("bytes"), fs::file_size(path));
  }
}

TEST_F(ImportCommandTest, ListsAndForgets) {
  EXPECT_THAT(Run({"--list"}).out, HasSubstr("nothing is imported"));
  WriteTinyFolder(model());
  ASSERT_EQ(Import().code, 0);
  ASSERT_EQ(Run({model().string(), "--as", "again"}).code, 0);
  const Json list = ParseJson(Run({"--list"}, true).out, "list").value();
  ASSERT_EQ(list.at("imports").size(), 2U);
  EXPECT_EQ(list.at("imports")[0].at("name"), "again");
  EXPECT_EQ(list.at("imports")[0].at("standing"), "there");
  EXPECT_EQ(Run({"--remove", "again"}).code, 0);
  EXPECT_TRUE(fs::exists(model() / "model.safetensors"));
  EXPECT_THAT(Run({"--remove", "again"}).out,
              AllOf(HasSubstr("nothing is imported as 'again'"), HasSubstr("there is tiny")));
  fs::remove(model() / "model.safetensors");
  EXPECT_THAT(Run({"--list"}).out, HasSubstr("gone"));
}

TEST_F(ImportCommandTest, ANameKeepsItsMeaningUnlessForced) {
  WriteTinyFolder(model());
  ASSERT_EQ(Import().code, 0);
  EXPECT_EQ(Import().code, 0) << "the same files again";
  EditJson(model() / "config.json", "attention_probs_dropout_prob", 0.0);
  EXPECT_THAT(Import().out, HasSubstr("take another name, or --force"));
  EXPECT_EQ(Run({model().string(), "--as", "tiny", "--force"}).code, 0);
}

TEST_F(ImportCommandTest, SaysWhatItWants) {
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {}, {"folder"}, {"--as", "x"}, {"folder", "--as", "x", "--list"}}) {
    EXPECT_THAT(Run(arguments).out, HasSubstr("repro import DIR --as NAME"));
  }
  EXPECT_THAT(Run({"folder", "--as", "../x"}).out, HasSubstr("a name is 1 to 64 letters"));
  EXPECT_THAT(Run({(root_ / "nowhere").string(), "--as", "x"}).out, HasSubstr("no such folder"));
}

TEST_F(ImportCommandTest, DamagedHeadersAreRefused) {
  WriteTinyFolder(model());
  const auto raw = [&](const std::string& content, const std::string& what) {
    Write("model.safetensors", content);
    ExpectRefused(ErrorCode::kCorrupt, what);
  };
  raw("", "too few");
  raw("1234567", "too few");
  raw(std::string(8, '\xff') + "{}", "claims");                         // longer than any file
  raw(std::string("\0\xe1\xf5\x05\1\0\0\0{}", 10), "claims");           // longer than 100 MB
  raw(std::string("\x40\0\0\0\0\0\0\0{}", 10), "claims");               // cut short
  raw(std::string("\2\0\0\0\0\0\0\0{", 9) + "\xff", "not valid JSON");  // no text
  const auto header = [&](const std::string& text, std::size_t data, const std::string& what) {
    WriteWeights(text, data);
    ExpectRefused(ErrorCode::kCorrupt, what);
  };
  header("[1]", 0, "no object");
  header(std::string(100'000, '['), 0, "not valid JSON");  // deep nesting
  const auto tensor = [](const std::string& dtype, const std::string& shape,
                         const std::string& offsets) {
    return R"({"a":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" +
           offsets + "}}";
  };
  header(tensor("F31", "[1]", "[0,4]"), 4, "unknown dtype");
  header(tensor("F32", "[2]", "[0,4]"), 4, "shape and dtype need 8");
  header(tensor("F32", "[18446744073709551615]", "[0,4]"), 4, "not a size");
  header(tensor("F32", "[4611686018427387904,4]", "[0,0]"), 0, "too large");
  header(tensor("F32", "[1]", "[0,8]"), 4, "outside");
  header(tensor("F32", "[1]", "[4,8]"), 8, "begins at 4");
  header(tensor("F32", "[1]", "[0,4]"), 5, "follow the last tensor");
}

TEST_F(ImportCommandTest, EveryCutOfTheWeightsIsRefused) {
  WriteTinyFolder(model());
  const std::string whole = ReadFile(model() / "model.safetensors").value();
  for (std::size_t size = 0; size < whole.size(); size += 997) {
    Write("model.safetensors", whole.substr(0, size));
    EXPECT_EQ(Import().error, ErrorCode::kCorrupt) << size;
  }
}

TEST_F(ImportCommandTest, FilesThatAreMissingAreNamed) {
  WriteTinyFolder(model());
  for (const char* name : {"config.json", "model.safetensors", "sentencepiece.bpe.model"}) {
    fs::rename(model() / name, root_ / "away");
    ExpectRefused(ErrorCode::kNotFound, name);
    fs::rename(root_ / "away", model() / name);
  }
  fs::remove(model() / "sentencepiece.bpe.model");
  Write("tokenizer.json", "{}");
  ExpectRefused(ErrorCode::kNotFound, "tokenizer.json alone is not read");
}

TEST_F(ImportCommandTest, NothingIsUnpickled) {
  WriteTinyFolder(model());
  fs::rename(model() / "model.safetensors", model() / "pytorch_model.bin");
  ExpectRefused(ErrorCode::kInvalidArgument, "nothing is ever unpickled");
  EXPECT_THAT(Import().out, AllOf(HasSubstr("save_pretrained"), HasSubstr("python -c")));
}

TEST_F(ImportCommandTest, ConfigsThatLieAreRefused) {
  const auto lie = [&](const std::string& key, const Json& value, ErrorCode code,
                       const std::string& what) {
    WriteTinyFolder(model());
    EditJson(model() / "config.json", key, value);
    ExpectRefused(code, what);
  };
  const ErrorCode corrupt = ErrorCode::kCorrupt, other = ErrorCode::kInvalidArgument;
  lie("num_hidden_layers", 1, corrupt, "layer.1.attention.self.query.weight' has no place");
  lie("num_hidden_layers", 3, corrupt,
      "no tensor 'roberta.encoder.layer.2.attention.self.query.weight' (and 15 more)");
  lie("num_hidden_layers", 1'000'000'000, corrupt, "beyond any XLM-R");
  lie("num_hidden_layers", 2.5, corrupt, "expected a whole number");
  lie("hidden_size", 16, corrupt, "is [40, 8], by config.json it is [40, 16]");
  lie("hidden_size", -8, corrupt, "'hidden_size' is -8");
  lie("hidden_size", nullptr, corrupt, "'hidden_size' is missing");
  lie("num_attention_heads", 3, corrupt, "not a multiple");
  lie("intermediate_size", 32, corrupt, "intermediate.dense.weight' is [16, 8]");
  lie("vocab_size", 41, corrupt, "word_embeddings.weight' is [40, 8]");
  lie("max_position_embeddings", 514, corrupt, "position_embeddings.weight' is [34, 8]");
  lie("layer_norm_eps", 0, corrupt, "beyond any XLM-R");
  lie("model_type", "bert", other, "'model_type' is \"bert\"");
  lie("hidden_act", "relu", other, "'hidden_act'");
  lie("position_embedding_type", "relative_key", other, "'position_embedding_type'");
  lie("type_vocab_size", 2, other, "'type_vocab_size'");
  lie("tie_word_embeddings", false, other, "'tie_word_embeddings'");
  Write("config.json", "[]");
  ExpectRefused(corrupt, "expected a JSON object");
  Write("config.json", "{\"model_type\": ");
  ExpectRefused(corrupt, "config.json");
}

TEST_F(ImportCommandTest, VocabulariesThatDoNotFitAreRefused) {
  WriteTinyFolder(model());
  Write("sentencepiece.bpe.model", testing::SentencePieceModel(37));
  ExpectRefused(ErrorCode::kCorrupt, "37 pieces make 39 rows");
  Write("sentencepiece.bpe.model", "no such thing");
  ExpectRefused(ErrorCode::kCorrupt, "not a SentencePiece model");
}

TEST_F(ImportCommandTest, TensorsOfAnotherKindAreRefused) {
  auto tensors = MlmTensors(TinyShape());
  TensorNamed(tensors, "lm_head.dense.bias") =
      RandomTensor("lm_head.dense.bias", {8}, TensorType::kI32);
  WriteTinyFolder(model(), tensors);
  ExpectRefused(ErrorCode::kCorrupt, "'lm_head.dense.bias' is I32");

  tensors = MlmTensors(TinyShape());
  tensors.push_back(RandomTensor("roberta.encoder.layer.0.adapter.weight", {8}));
  WriteTinyFolder(model(), tensors);
  ExpectRefused(ErrorCode::kCorrupt, "'roberta.encoder.layer.0.adapter.weight' has no place");

  tensors = MlmTensors(TinyShape());
  std::erase_if(tensors, [](const auto& tensor) { return tensor.name == "lm_head.bias"; });
  WriteTinyFolder(model(), tensors);
  ExpectRefused(ErrorCode::kCorrupt, "no tensor 'lm_head.bias'");
}

TEST_F(ImportCommandTest, TheOutputMatrixMayBeThereTwiceButNotDiffer) {
  auto tensors = MlmTensors(TinyShape());
  OwnedTensor copy = TensorNamed(tensors, "roberta.embeddings.word_embeddings.weight");
  copy.name = "lm_head.decoder.weight";
  tensors.push_back(copy);
  TensorNamed(tensors, "lm_head.bias").name = "lm_head.decoder.bias";  // under its other name
  WriteTinyFolder(model(), tensors);
  ASSERT_EQ(Import().code, 0) << Import().out;
  const auto record = LoadImport(workspace(), "tiny");
  EXPECT_THAT(record->left_out, ElementsAre("lm_head.decoder.weight"));
  ASSERT_EQ(Run({"--remove", "tiny"}).code, 0);

  tensors.back().bytes.back() = static_cast<char>(tensors.back().bytes.back() ^ 1);
  WriteTinyFolder(model(), tensors);
  ExpectRefused(ErrorCode::kCorrupt, "'lm_head.decoder.weight' differs from");
}

TEST_F(ImportCommandTest, TakesWhatPublishedFoldersHoldBesides) {
  auto tensors = MlmTensors(TinyShape(), TensorType::kBF16);
  tensors.push_back(RandomTensor("roberta.pooler.dense.weight", {8, 8}));
  tensors.push_back(RandomTensor("roberta.pooler.dense.bias", {8}));
  tensors.push_back(RandomTensor("roberta.embeddings.position_ids", {1, 34}, TensorType::kI64));
  std::erase_if(tensors, [](const auto& tensor) {
    return tensor.name == "roberta.embeddings.token_type_embeddings.weight";
  });
  WriteTinyFolder(model(), tensors);
  ASSERT_EQ(Import().code, 0) << Import().out;
  const auto record = LoadImport(workspace(), "tiny");
  EXPECT_EQ(record->dtype, "BF16");
  EXPECT_TRUE(record->has_lm_head);
  EXPECT_EQ(record->left_out.size(), 3U);
}

TEST_F(ImportCommandTest, TakesAnEncoderAloneAndAClassifiersEncoder) {
  auto tensors = MlmTensors(TinyShape(), TensorType::kF16);
  std::erase_if(tensors, [](const auto& tensor) { return tensor.name.starts_with("lm_head."); });
  tensors.push_back(RandomTensor("classifier.out_proj.weight", {3, 8}));
  WriteTinyFolder(model(), tensors);
  ASSERT_EQ(Import().code, 0) << Import().out;
  EXPECT_FALSE(LoadImport(workspace(), "tiny")->has_lm_head);
  EXPECT_THAT(LoadImport(workspace(), "tiny")->left_out, Contains("classifier.out_proj.weight"));

  tensors.pop_back();
  for (OwnedTensor& tensor : tensors) tensor.name = tensor.name.substr(8);  // as XLMRobertaModel
  WriteTinyFolder(model(), tensors);
  const CommandOutcome bare = Run({model().string(), "--as", "bare"});
  EXPECT_EQ(bare.code, 0) << bare.out;
  EXPECT_EQ(LoadImport(workspace(), "bare")->dtype, "F16");
}

TEST_F(ImportCommandTest, TakesShardsWithTheirIndex) {
  testing::WriteShardedFolder(model());
  ASSERT_EQ(Import().code, 0) << Import().out;
  EXPECT_EQ(LoadImport(workspace(), "tiny")->files.size(), 5U);
}

TEST_F(ImportCommandTest, ShardsThatAreMissingTwiceOrElsewhereAreRefused) {
  const std::string first = "model-00001-of-00002.safetensors";
  const std::string second = "model-00002-of-00002.safetensors";
  const std::string words = "roberta.embeddings.word_embeddings.weight";
  const fs::path index = model() / "model.safetensors.index.json";
  const auto remap = [&](const std::string& tensor, const Json& shard) {
    testing::WriteShardedFolder(model());
    Json map = LoadJson(index).value().at("weight_map");
    map[tensor] = shard;
    EditJson(index, "weight_map", map);
  };
  testing::WriteShardedFolder(model());
  fs::remove(model() / second);
  ExpectRefused(ErrorCode::kNotFound, second + ": no such file");

  testing::WriteShardedFolder(model());
  auto tensors = MlmTensors(TinyShape());
  testing::WriteTensors(model() / second, tensors);  // all of them: those of the first shard too
  ExpectRefused(ErrorCode::kCorrupt, "is there twice: in " + first + " and in " + second);

  remap(words, second);
  ExpectRefused(ErrorCode::kCorrupt, "lies in " + first + ", the index says " + second);
  remap("roberta.extra", first);
  ExpectRefused(ErrorCode::kCorrupt, "there is no tensor 'roberta.extra'");
  remap(words, nullptr);
  ExpectRefused(ErrorCode::kCorrupt, "is no text");
  for (const char* name :
       {"../model.safetensors", "/etc/passwd", "a/b.safetensors", "", "weights.bin"}) {
    remap(words, name);
    ExpectRefused(ErrorCode::kInvalidArgument, "expected the name of a .safetensors file");
  }
  testing::WriteShardedFolder(model());
  EditJson(index, "weight_map", Json::object());
  ExpectRefused(ErrorCode::kCorrupt, "weight_map");
  Write(index.filename(), "{");
  ExpectRefused(ErrorCode::kCorrupt, index.filename());
}

TEST_F(ImportCommandTest, LinksOutOfTheFolderAreRefused) {
  for (const char* name : {"model-00002-of-00002.safetensors", "config.json",
                           "model.safetensors.index.json", "sentencepiece.bpe.model"}) {
    fs::remove_all(model());
    testing::WriteShardedFolder(model());
    fs::rename(model() / name, root_ / "outside");
    fs::create_symlink(root_ / "outside", model() / name);
    ExpectRefused(ErrorCode::kInvalidArgument, "outside the model's folder");
  }
  fs::remove(root_ / "outside");
  ExpectRefused(ErrorCode::kNotFound, "a link to what is no file");
}

TEST_F(ImportCommandTest, TakesAModelHubsCacheWhereFilesAreLinksToBlobs) {
  const fs::path repository = root_ / "models--xlm-r";
  const fs::path snapshot = repository / "snapshots" / "0123abcd";
  fs::create_directories(snapshot);
  fs::create_directories(repository / "blobs");
  WriteTinyFolder(model());
  for (const char* name : {"config.json", "model.safetensors", "sentencepiece.bpe.model"}) {
    const std::string blob = std::string("blob-of-") + name;
    fs::rename(model() / name, repository / "blobs" / blob);
    fs::create_symlink("../../blobs/" + blob, snapshot / name);
  }
  const CommandOutcome outcome = Run({snapshot.string(), "--as", "cached"});
  EXPECT_EQ(outcome.code, 0) << outcome.out;
  EXPECT_EQ(LoadImport(workspace(), "cached")->folder, snapshot);
}

// Bytes that checking and hashing took at most, in a process of its own.
template <class Work>
std::int64_t PeakBytes(Work work) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(work() ? 0 : 1);
  int status = -1;
  struct rusage usage {};
  ::wait4(child, &status, 0, &usage);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  return static_cast<std::int64_t>(usage.ru_maxrss) * 1024;
}

std::vector<ExpectedTensor> AllTensors(const ModelShape& shape) {
  std::vector<ExpectedTensor> tensors = EncoderTensors(shape);
  for (ExpectedTensor& tensor : LmHeadTensors(shape)) tensors.push_back(std::move(tensor));
  return tensors;
}

constexpr std::int64_t kMega = 1 << 20;
#ifdef __SANITIZE_ADDRESS__
constexpr std::int64_t kLittle = 900 * kMega;  // it keeps what was freed for a while
#else
constexpr std::int64_t kLittle = 200 * kMega;  // the vocabulary's 250,000 pieces take most of it
#endif

// 2.2 GB of float32; parameters as published (fairseq's README of XLM-R; transformers counts
// alike).
TEST_F(ImportCommandTest, ChecksALargeModelWithoutReadingItsWeights) {
  testing::WriteModelFiles(model(), LargeShape());
  testing::WriteSparseTensors(model() / "model.safetensors", AllTensors(LargeShape()),
                              TensorType::kF32);
  ASSERT_GT(fs::file_size(model() / "model.safetensors"), 2'235'000'000U);
  const std::int64_t peak = PeakBytes([&] {
    const auto folder = TransformersFolder::Open(model());
    return folder && EncoderParameters(folder->shape()) == 558'839'808 && folder->has_lm_head();
  });
  EXPECT_LT(peak, kLittle);
}

// With the output matrix there a second time, as older folders have it: 384 MB to compare.
TEST_F(ImportCommandTest, ComparesTheOutputMatrixOfABaseModelInLittleMemory) {
  testing::WriteModelFiles(model(), BaseShape());
  auto tensors = AllTensors(BaseShape());
  tensors.push_back({"lm_head.decoder.weight", {250'002, 768}});
  testing::WriteSparseTensors(model() / "model.safetensors", tensors, TensorType::kF16);
  const std::int64_t peak = PeakBytes([&] {
    const auto folder = TransformersFolder::Open(model());
    return folder && EncoderParameters(folder->shape()) == 277'452'288 &&
           folder->left_out() == std::vector<std::string>{"lm_head.decoder.weight"};
  });
  EXPECT_LT(peak, kLittle);
}

}  // namespace
}  // namespace repro
