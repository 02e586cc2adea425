#include "experiments/tasks/import/task.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/ranges.h>

#include "core/base/hash.h"
#include "core/io/file.h"
#include "experiments/model/transformers_config.h"
#include "experiments/model/transformers_folder.h"
#include "experiments/tasks/import/spec.h"
#include "experiments/text/vocabulary.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

// transformers' word for the dtype of the weights; of several that of the word embeddings.
std::string DtypeWord(const TransformersFolder& model) {
  TensorType type = TensorType::kF32;
  for (const TensorView& tensor : model.tensors()) {
    if (tensor.name == kWordEmbeddings) type = tensor.type;
  }
  switch (type) {
    case TensorType::kF64:
      return "float64";
    case TensorType::kF16:
      return "float16";
    case TensorType::kBF16:
      return "bfloat16";
    default:
      return "float32";
  }
}

// The files are those that the spec names, byte for byte.
Status VerifyFiles(const ImportSpec& spec, const TransformersFolder& model, TaskContext& context) {
  std::vector<std::string> names;
  for (const auto& [name, path] : model.files()) names.push_back(name);
  if (names != spec.files || names.size() != spec.sha256.size()) {
    return Fail(ErrorCode::kCorrupt, "{}: other files than when it was planned; plan again",
                model.folder().string());
  }
  const auto steps = static_cast<std::int64_t>(names.size()) + 1;
  for (std::size_t i = 0; i < names.size(); ++i) {
    context.events.Progress(static_cast<std::int64_t>(i), steps, "steps",
                            {{"doing", "hashing " + names[i]}});
    if (context.stop) return Fail(ErrorCode::kInterrupted, "asked to stop");
    REPRO_ASSIGN_OR_RETURN(const std::string sha256, Sha256File(model.files().at(names[i])));
    if (sha256 == spec.sha256[i]) continue;
    return Fail(ErrorCode::kCorrupt,
                "{}: its SHA-256 is {}, when it was planned it was {}: the file was changed or is "
                "damaged; plan again, or import it anew",
                (model.folder() / names[i]).string(), sha256, spec.sha256[i]);
  }
  context.events.Progress(steps - 1, steps, "steps", {{"doing", "copying the weights"}});
  return {};
}

Status WriteWeights(const TransformersFolder& model, const fs::path& out) {
  std::vector<TensorView> tensors = model.tensors();
  std::vector<std::byte> zeros;
  bool has_token_type = false;
  for (const TensorView& tensor : tensors) {
    has_token_type = has_token_type || tensor.name == kTokenTypeRow;
  }
  if (!has_token_type) {
    // transformers expects the row; zeros leave the sum as it is.
    const TensorType type = tensors.front().type;
    const std::int64_t hidden = model.shape().settings.hidden;
    zeros.resize(static_cast<std::size_t>(hidden * TensorTypeSize(type)));
    tensors.push_back({kTokenTypeRow, type, {1, hidden}, zeros});
  }
  return WriteSafetensors(out / "model.safetensors", tensors, {{"format", "pt"}});
}

}  // namespace

Status RunImportTask(TaskContext& context) {
  REPRO_ASSIGN_OR_RETURN(const ImportSpec spec, FromJson<ImportSpec>(context.task.spec));
  const std::string folder = TextField(context.task.info, "folder");
  if (folder.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "the task does not say where the model's folder is");
  }
  REPRO_ASSIGN_OR_RETURN(const TransformersFolder model, TransformersFolder::Open(folder));
  REPRO_RETURN_IF_ERROR(VerifyFiles(spec, model, context));
  REPRO_RETURN_IF_ERROR(WriteWeights(model, context.out));
  const Json config = TransformersConfig(
      model.shape(), model.has_lm_head() ? "XLMRobertaForMaskedLM" : "XLMRobertaModel", {},
      DtypeWord(model));
  REPRO_RETURN_IF_ERROR(WriteFileAtomic(context.out / "config.json", config.dump(2) + "\n"));
  REPRO_ASSIGN_OR_RETURN(const std::string vocabulary,
                         ReadFile(model.files().at(kTransformersVocabulary)));
  REPRO_RETURN_IF_ERROR(WriteFileAtomic(context.out / "sp.model", vocabulary));
  const std::int64_t size = model.shape().vocab_size;
  const Json summary = {{"version", 1},
                        {"model", "imported"},
                        {"size", size},
                        {"pieces", PieceCount(size)},
                        {"mask_id", MaskId(size)},
                        {"languages", Json::object()}};
  REPRO_RETURN_IF_ERROR(WriteFileAtomic(context.out / "vocab.json", CanonicalJson(summary) + "\n"));
  if (!model.left_out().empty()) {
    context.events.Message("info", fmt::format("{} left out: no part of the encoder or the LM head",
                                               fmt::join(model.left_out(), ", ")));
  }
  const auto steps = static_cast<std::int64_t>(model.files().size()) + 1;
  context.events.Progress(steps, steps, "steps");
  return {};
}

}  // namespace repro
