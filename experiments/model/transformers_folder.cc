#include "experiments/model/transformers_folder.h"

#include <algorithm>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include <fmt/ranges.h>

#include "core/base/text.h"
#include "core/io/file.h"
#include "core/io/json_io.h"
#include "experiments/model/transformers_config.h"
#include "experiments/text/tokenizer.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

constexpr const char* kConfig = "config.json";
constexpr const char* kWeights = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";
constexpr std::uintmax_t kMaxIndexBytes = 100'000'000;       // as a header may have
constexpr std::uintmax_t kMaxVocabularyBytes = 500'000'000;  // XLM-R's has 5 million
const std::string kEncoderPrefix = "roberta.";
const std::string kHeadPrefix = "lm_head.";

void AddLinear(std::vector<ExpectedTensor>& list, const std::string& prefix, std::int64_t outputs,
               std::int64_t inputs) {
  list.push_back({prefix + ".weight", {outputs, inputs}});
  list.push_back({prefix + ".bias", {outputs}});
}
void AddLayerNorm(std::vector<ExpectedTensor>& list, const std::string& prefix,
                  std::int64_t width) {
  list.push_back({prefix + ".weight", {width}});
  list.push_back({prefix + ".bias", {width}});
}

// A tensor of a file, and the name that it has in XLMRobertaForMaskedLM.
struct Found {
  const SafetensorsFile* file = nullptr;
  const TensorView* view = nullptr;
};

}  // namespace

std::vector<ExpectedTensor> EncoderTensors(const ModelShape& shape) {
  const std::int64_t hidden = shape.settings.hidden;
  std::vector<ExpectedTensor> list = {
      {kWordEmbeddings, {shape.vocab_size, hidden}},
      {"roberta.embeddings.position_embeddings.weight", {shape.max_positions, hidden}}};
  AddLayerNorm(list, "roberta.embeddings.LayerNorm", hidden);
  for (std::int64_t i = 0; i < shape.settings.layers; ++i) {
    const std::string layer = fmt::format("roberta.encoder.layer.{}.", i);
    for (const char* part : {"query", "key", "value"}) {
      AddLinear(list, layer + "attention.self." + part, hidden, hidden);
    }
    AddLinear(list, layer + "attention.output.dense", hidden, hidden);
    AddLayerNorm(list, layer + "attention.output.LayerNorm", hidden);
    AddLinear(list, layer + "intermediate.dense", shape.FeedForward(), hidden);
    AddLinear(list, layer + "output.dense", hidden, shape.FeedForward());
    AddLayerNorm(list, layer + "output.LayerNorm", hidden);
  }
  return list;
}

std::vector<ExpectedTensor> LmHeadTensors(const ModelShape& shape) {
  std::vector<ExpectedTensor> list;
  AddLinear(list, "lm_head.dense", shape.settings.hidden, shape.settings.hidden);
  AddLayerNorm(list, "lm_head.layer_norm", shape.settings.hidden);
  list.push_back({"lm_head.bias", {shape.vocab_size}});
  return list;
}

class TransformersFolder::Opener {
 public:
  Status Open(const fs::path& folder) {
    std::error_code error;
    out_.folder_ = fs::canonical(folder, error);
    if (error || !fs::is_directory(out_.folder_, error)) {
      return Fail(ErrorCode::kNotFound, "{}: {}; a model is a folder with {}, {} and {}",
                  folder.string(), error ? "no such folder" : "not a folder", kConfig, kWeights,
                  kTransformersVocabulary);
    }
    REPRO_ASSIGN_OR_RETURN(const fs::path config, Use(kConfig, "the model's settings"));
    REPRO_ASSIGN_OR_RETURN(out_.shape_, LoadTransformersShape(config));
    REPRO_RETURN_IF_ERROR(OpenWeights());
    REPRO_RETURN_IF_ERROR(CollectTensors());
    REPRO_RETURN_IF_ERROR(CheckTensors());
    return CheckVocabulary();
  }

  TransformersFolder Take() { return std::move(out_); }

 private:
  // The file of that name, which must lie in the folder: links in a folder from elsewhere could
  // name any file of this machine. In a hub's cache the entries of models--X/snapshots/REVISION are
  // links to models--X/blobs.
  Result<fs::path> Use(const std::string& name, std::string_view what) {
    const fs::path path = out_.folder_ / name;
    std::error_code error;
    const fs::path real = fs::canonical(path, error);
    if (error) {
      const bool link = fs::is_symlink(fs::symlink_status(path, error));
      return Fail(ErrorCode::kNotFound, "{}: {}: {}", path.string(),
                  link ? "a link to what is no file" : "no such file", what);
    }
    REPRO_RETURN_IF_ERROR(CheckPlainFile(path));
    const fs::path in = real.parent_path();
    const fs::path above = out_.folder_.parent_path();
    const bool blob = above.filename() == "snapshots" && in == above.parent_path() / "blobs";
    if (in != out_.folder_ && !blob) {
      return Fail(ErrorCode::kInvalidArgument,
                  "{}: a link to {}, outside the model's folder: put the file itself there",
                  path.string(), real.string());
    }
    out_.files_[name] = real;
    return real;
  }

  bool Exists(const char* name) const {
    std::error_code error;
    return fs::exists(fs::symlink_status(out_.folder_ / name, error));
  }

  Status OpenWeights() {
    if (Exists(kWeights)) return AddFile(kWeights, "the weights");
    if (Exists(kIndex)) return OpenShards();
    if (Exists("pytorch_model.bin") || Exists("pytorch_model.bin.index.json")) {
      const std::string from = ShellWord(out_.folder_.string());
      return Fail(
          ErrorCode::kInvalidArgument,
          "{}: the weights are there as a Python pickle only (pytorch_model.bin), and nothing is "
          "ever unpickled here, since a pickle runs any program it likes. Where you trust it, let "
          "transformers write safetensors:\n"
          "  python -c \"import sys; from transformers import AutoModelForMaskedLM as M; "
          "M.from_pretrained(sys.argv[1]).save_pretrained(sys.argv[2])\" {} {}\n"
          "then copy {} there and import that folder",
          out_.folder_.string(), from, ShellWord(out_.folder_.string() + "-safetensors"),
          kTransformersVocabulary);
    }
    return Fail(ErrorCode::kNotFound, "{}: neither {} nor {} is there", out_.folder_.string(),
                kWeights, kIndex);
  }

  Status AddFile(const std::string& name, std::string_view what) {
    REPRO_ASSIGN_OR_RETURN(const fs::path path, Use(name, what));
    auto file = SafetensorsFile::Open(path);
    if (!file) {
      // What a link points to says nothing to a person; the name in the folder does.
      const fs::path named = out_.folder_ / name;
      return path == named ? tl::unexpected<Error>(file.error())
                           : Context(named.string(), file.error());
    }
    out_.weights_.push_back(std::move(*file));
    weight_names_.push_back(name);
    return {};
  }

  Status OpenShards() {
    REPRO_ASSIGN_OR_RETURN(const fs::path path, Use(kIndex, "which shard holds which tensor"));
    const std::string where = (out_.folder_ / kIndex).string();
    std::error_code error;
    if (const auto bytes = fs::file_size(path, error); error || bytes > kMaxIndexBytes) {
      return Fail(ErrorCode::kCorrupt, "{}: {} bytes are too many for an index", where, bytes);
    }
    REPRO_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
    REPRO_ASSIGN_OR_RETURN(const Json index, ParseJsonOfUniqueNames(text, where));
    const auto map = index.is_object() ? index.find("weight_map") : index.end();
    if (!index.is_object() || map == index.end() || !map->is_object() || map->empty()) {
      return Fail(ErrorCode::kCorrupt, "{}: expected an object with a `weight_map`", where);
    }
    std::set<std::string> shards;
    for (const auto& [tensor, shard] : map->items()) {
      if (!shard.is_string()) {
        return Fail(ErrorCode::kCorrupt, "{}: the shard of '{}' is no text", where, tensor);
      }
      const auto& name = shard.get_ref<const std::string&>();
      if (name.empty() || name.find('/') != std::string::npos ||
          name.find('\0') != std::string::npos || !name.ends_with(".safetensors")) {
        return Fail(
            ErrorCode::kInvalidArgument,
            "{}: '{}' lies in '{}': expected the name of a .safetensors file of this folder", where,
            tensor, Printable(name));
      }
      shards.insert(name);
    }
    for (const std::string& shard : shards) {
      REPRO_RETURN_IF_ERROR(AddFile(shard, std::string("a shard that ") + kIndex + " names"));
    }
    return CheckIndex(*map, where);
  }

  // Each tensor lies in the shard that the index says, and in no other.
  Status CheckIndex(const Json& map, const std::string& where) const {
    std::map<std::string, std::string> found;
    for (std::size_t i = 0; i < out_.weights_.size(); ++i) {
      const std::string& shard = weight_names_[i];
      for (const TensorView& tensor : out_.weights_[i].tensors()) {
        const auto [first, is_new] = found.emplace(tensor.name, shard);
        if (!is_new) {
          return Fail(ErrorCode::kCorrupt, "{}: tensor '{}' is there twice: in {} and in {}", where,
                      tensor.name, first->second, shard);
        }
        const auto stated = map.find(tensor.name);
        if (stated == map.end() || *stated != shard) {
          return Fail(ErrorCode::kCorrupt, "{}: tensor '{}' lies in {}, the index says {}", where,
                      tensor.name, shard,
                      stated == map.end() ? "nothing of it" : stated->get<std::string>());
        }
      }
    }
    for (const auto& [tensor, shard] : map.items()) {
      if (!found.contains(tensor)) {
        return Fail(ErrorCode::kCorrupt, "{}: there is no tensor '{}' in {}", where, tensor,
                    shard.get<std::string>());
      }
    }
    return {};
  }

  // Everything under its name in XLMRobertaForMaskedLM; what is no part of that is left out.
  Status CollectTensors() {
    bool prefixed = false;
    for (const SafetensorsFile& file : out_.weights_) {
      for (const TensorView& tensor : file.tensors()) {
        prefixed = prefixed || tensor.name.starts_with(kEncoderPrefix);
      }
    }
    for (const SafetensorsFile& file : out_.weights_) {
      for (const TensorView& tensor : file.tensors()) {
        std::string name = tensor.name;
        // XLMRobertaModel alone is saved without the prefix.
        if (!prefixed && (name.starts_with("embeddings.") || name.starts_with("encoder.") ||
                          name.starts_with("pooler."))) {
          name.insert(0, kEncoderPrefix);
        }
        const bool encoder = name.starts_with(kEncoderPrefix) &&
                             !name.starts_with("roberta.pooler.") &&
                             name != "roberta.embeddings.position_ids";
        if (encoder || name.starts_with(kHeadPrefix)) {
          found_[name] = {&file, &tensor};
          order_.push_back(std::move(name));
        } else {
          out_.left_out_.push_back(tensor.name);
        }
      }
    }
    REPRO_RETURN_IF_ERROR(Untie("lm_head.decoder.weight", kWordEmbeddings));
    REPRO_RETURN_IF_ERROR(Untie("lm_head.decoder.bias", "lm_head.bias"));
    return {};
  }

  // `copy` is the same tensor as `name` in transformers' model. A file may hold both, or either.
  Status Untie(const std::string& copy, const std::string& name) {
    const auto twin = found_.find(copy);
    if (twin == found_.end()) return {};
    const Found other = twin->second;
    found_.erase(twin);
    const auto at = std::find(order_.begin(), order_.end(), copy);
    const auto first = found_.find(name);
    if (first == found_.end()) {
      found_[name] = other;
      *at = name;
      return {};
    }
    order_.erase(at);
    const TensorView& view = *first->second.view;
    if (view.type != other.view->type || view.shape != other.view->shape ||
        !SameMappedBytes(view, *other.view)) {
      return Fail(ErrorCode::kCorrupt,
                  "{}: '{}' differs from '{}'; in XLM-R the two are one tensor",
                  other.file->path().string(), copy, view.name);
    }
    out_.left_out_.push_back(copy);
    return {};
  }

  Status CheckTensors() {
    const ModelShape& shape = out_.shape_;
    std::vector<ExpectedTensor> expected = EncoderTensors(shape);
    expected.push_back({kTokenTypeRow, {1, shape.settings.hidden}});
    out_.has_lm_head_ = std::any_of(order_.begin(), order_.end(), [](const std::string& name) {
      return name.starts_with(kHeadPrefix);
    });
    if (out_.has_lm_head_) {
      for (ExpectedTensor& tensor : LmHeadTensors(shape)) expected.push_back(std::move(tensor));
    }
    std::map<std::string, const ExpectedTensor*> by_name;
    std::vector<std::string> missing;
    for (const ExpectedTensor& tensor : expected) {
      by_name[tensor.name] = &tensor;
      if (!found_.contains(tensor.name) && tensor.name != kTokenTypeRow) {
        missing.push_back(tensor.name);
      }
    }
    // What is too much says more than what is missing: a config of fewer layers, say.
    for (const std::string& name : order_) {
      const Found& found = found_.at(name);
      const std::string where = fmt::format("{}: tensor '{}'", found.file->path().string(), name);
      const auto tensor = by_name.find(name);
      if (tensor == by_name.end()) {
        return Fail(ErrorCode::kCorrupt, "{} has no place in XLM-R of {} layers, as {} states it",
                    where, shape.settings.layers, kConfig);
      }
      if (found.view->shape != tensor->second->shape) {
        return Fail(ErrorCode::kCorrupt, "{} is {}, by {} it is {}", where, found.view->shape,
                    kConfig, tensor->second->shape);
      }
      REPRO_RETURN_IF_ERROR(CheckType(*found.view, where));
      TensorView view = *found.view;
      view.name = name;
      out_.tensors_.push_back(std::move(view));
    }
    if (!missing.empty()) {
      return Fail(ErrorCode::kCorrupt, "{}: no tensor '{}'{}, which {} states",
                  (out_.folder_ / weight_names_.front()).string(), missing.front(),
                  missing.size() > 1 ? fmt::format(" (and {} more)", missing.size() - 1) : "",
                  kConfig);
    }
    return {};
  }

  Status CheckType(const TensorView& view, const std::string& where) {
    switch (view.type) {
      case TensorType::kF64:
      case TensorType::kF32:
      case TensorType::kF16:
      case TensorType::kBF16:
        break;
      default:
        return Fail(ErrorCode::kCorrupt, "{} is {}, expected F32, F16, BF16 or F64", where,
                    TensorTypeName(view.type));
    }
    const std::string_view name = TensorTypeName(view.type);
    if (out_.dtype_.empty()) out_.dtype_ = name;
    if (out_.dtype_ != name) out_.dtype_ = "mixed";
    return {};
  }

  Status CheckVocabulary() {
    REPRO_ASSIGN_OR_RETURN(
        const fs::path path,
        Use(kTransformersVocabulary,
            Exists("tokenizer.json")
                ? "tokenizer.json alone is not read; the published folders of XLM-R have the "
                  "SentencePiece model too: copy it from there"
                : "the SentencePiece model"));
    std::error_code error;
    if (const auto bytes = fs::file_size(path, error); error || bytes > kMaxVocabularyBytes) {
      return Fail(ErrorCode::kCorrupt, "{}: {} bytes are too many for a SentencePiece model",
                  path.string(), bytes);
    }
    REPRO_ASSIGN_OR_RETURN(const Tokenizer tokenizer, Tokenizer::Load(path));
    if (tokenizer.vocab_size() != out_.shape_.vocab_size) {
      return Fail(
          ErrorCode::kCorrupt,
          "{}: {} pieces make {} rows of vocabulary (fairseq's layout adds 2), but {} states "
          "{}: it is another model's vocabulary, or tokens were added",
          path.string(), PieceCount(tokenizer.vocab_size()), tokenizer.vocab_size(), kConfig,
          out_.shape_.vocab_size);
    }
    return {};
  }

  TransformersFolder out_;
  std::vector<std::string> weight_names_;  // of out_.weights_
  std::map<std::string, Found> found_;
  std::vector<std::string> order_;  // names in found_, in the order of the files
};

Result<TransformersFolder> TransformersFolder::Open(const fs::path& folder) {
  Opener opener;
  REPRO_RETURN_IF_ERROR(opener.Open(folder));
  return opener.Take();
}

Status TransformersFolder::CheckWeights() const {
  for (const SafetensorsFile& file : weights_) {
    for (const TensorView& tensor : file.tensors()) {
      if (std::find(left_out_.begin(), left_out_.end(), tensor.name) != left_out_.end()) continue;
      const std::optional<std::int64_t> at = FirstNonFinite(tensor);
      if (!at) continue;
      return Fail(ErrorCode::kCorrupt,
                  "{}: tensor '{}': element {} (of shape {}) is NaN or infinite, expected finite "
                  "weights: the file is damaged, or what it was trained by had diverged",
                  file.path().string(), tensor.name, *at, tensor.shape);
    }
  }
  return {};
}

}  // namespace repro
