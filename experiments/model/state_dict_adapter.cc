#include "experiments/model/state_dict_adapter.h"

#include <array>
#include <string_view>

#include "core/io/file.h"
#include "core/io/json_io.h"
#include "experiments/model/tensor_file.h"
#include "experiments/model/transformers_config.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFused = ".self.qkv.";
constexpr std::array<std::string_view, 3> kParts = {".self.query.", ".self.key.", ".self.value."};

fs::path WeightsPath(const fs::path& folder) {
  return folder / "model.safetensors";
}
fs::path ConfigPath(const fs::path& folder) {
  return folder / "config.json";
}

// Whether the file's sizes are the config's, before memory is taken for what the config claims.
Status CheckClaim(const SafetensorsFile& file, const ModelShape& shape) {
  const TensorView* words = file.Find(kWordEmbeddings);
  const std::vector<std::int64_t> expected = {shape.vocab_size, shape.settings.hidden};
  std::int64_t file_bytes = 0;
  for (const TensorView& tensor : file.tensors()) {
    file_bytes += static_cast<std::int64_t>(tensor.bytes.size());
  }
  if (words == nullptr || words->shape != expected || EncoderParameters(shape) > file_bytes) {
    return Fail(ErrorCode::kCorrupt,
                "{}: the weights are not those of the config.json beside it (vocab_size {}, "
                "hidden_size {}, {} layers)",
                file.path().string(), shape.vocab_size, shape.settings.hidden,
                shape.settings.layers);
  }
  return {};
}

// A token type row of zeros, as conversions of fairseq's weights have it, says nothing: it is left
// out.
Status AdoptTokenType(const SafetensorsFile& file, Encoder& encoder) {
  const TensorView* view = file.Find(kTokenTypeRow);
  if (view == nullptr) return {};
  at::Tensor row_1C = at::zeros({1, encoder.shape.settings.hidden}, at::kFloat);
  REPRO_RETURN_IF_ERROR(CopyTensor(file, kTokenTypeRow, row_1C));
  if (row_1C.ne(0).any().item<bool>()) encoder.token_type_1C = row_1C;
  return {};
}

template <class Model>
Status FillModel(const SafetensorsFile& file, Model& model, Encoder& encoder) {
  REPRO_RETURN_IF_ERROR(AdoptTokenType(file, encoder));
  for (const NamedTensor& tensor : ToTransformersNames(Parameters(model))) {
    REPRO_RETURN_IF_ERROR(CopyTensor(file, tensor.name, tensor.tensor));
  }
  VisitTensors(model, [](const std::string&, at::Tensor& tensor) { tensor.requires_grad_(true); });
  return {};
}

struct OpenedModel {
  ModelShape shape;
  SafetensorsFile file;
};

Result<OpenedModel> OpenModel(const fs::path& folder) {
  REPRO_ASSIGN_OR_RETURN(ModelShape shape, LoadTransformersShape(ConfigPath(folder)));
  REPRO_ASSIGN_OR_RETURN(SafetensorsFile file, SafetensorsFile::Open(WeightsPath(folder)));
  REPRO_RETURN_IF_ERROR(CheckClaim(file, shape));
  return OpenedModel{shape, std::move(file)};
}

// Outputs of a head, from the first dimension of its weight.
Result<std::int64_t> HeadOutputs(const SafetensorsFile& file, const std::string& name) {
  const TensorView* view = file.Find(name);
  if (view == nullptr || view->shape.size() != 2) {
    return Fail(ErrorCode::kCorrupt, "{}: no matrix '{}'", file.path().string(), name);
  }
  return view->shape[0];
}

template <class Model>
Status SaveWithConfig(const fs::path& folder, const Model& model, std::string_view architecture,
                      const std::vector<std::string>& labels) {
  REPRO_RETURN_IF_ERROR(MakeDirectories(folder));
  std::vector<NamedTensor> tensors = ToTransformersNames(Parameters(model));
  if (!model.encoder.token_type_1C.defined()) {
    // transformers expects the row; zeros leave the sum as it is.
    tensors.push_back(
        {kTokenTypeRow, at::zeros({1, model.encoder.shape.settings.hidden}, at::kFloat)});
  }
  REPRO_RETURN_IF_ERROR(SaveTensors(WeightsPath(folder), tensors, {{"format", "pt"}}));
  const Json config = TransformersConfig(model.encoder.shape, architecture, labels);
  return WriteFileAtomic(ConfigPath(folder), config.dump(2) + "\n");
}

}  // namespace

std::vector<NamedTensor> ToTransformersNames(const std::vector<NamedTensor>& ours) {
  std::vector<NamedTensor> theirs;
  for (const NamedTensor& tensor : ours) {
    const std::size_t at = tensor.name.find(kFused);
    if (at == std::string::npos) {
      theirs.push_back({tensor.name, tensor.tensor.detach()});
      continue;
    }
    const std::vector<at::Tensor> rows = tensor.tensor.detach().chunk(3, 0);
    for (std::size_t part = 0; part < kParts.size(); ++part) {
      std::string name = tensor.name;
      name.replace(at, kFused.size(), kParts[part]);
      theirs.push_back({std::move(name), rows[part]});
    }
  }
  return theirs;
}

Status SaveModel(const fs::path& folder, const MlmModel& model) {
  return SaveWithConfig(folder, model, "XLMRobertaForMaskedLM", {});
}
Status SaveModel(const fs::path& folder, const SequenceClassifier& model,
                 const std::vector<std::string>& labels) {
  return SaveWithConfig(folder, model, "XLMRobertaForSequenceClassification", labels);
}
Status SaveModel(const fs::path& folder, const TokenClassifier& model,
                 const std::vector<std::string>& labels) {
  return SaveWithConfig(folder, model, "XLMRobertaForTokenClassification", labels);
}
Status SaveModel(const fs::path& folder, const QuestionAnswerer& model) {
  return SaveWithConfig(folder, model, "XLMRobertaForQuestionAnswering", {});
}

Result<MlmModel> LoadMlmModel(const fs::path& folder) {
  REPRO_ASSIGN_OR_RETURN(OpenedModel opened, OpenModel(folder));
  MlmModel model = MlmModelOfShape(opened.shape);
  REPRO_RETURN_IF_ERROR(FillModel(opened.file, model, model.encoder));
  return model;
}

Result<SequenceClassifier> LoadSequenceClassifier(const fs::path& folder) {
  REPRO_ASSIGN_OR_RETURN(OpenedModel opened, OpenModel(folder));
  REPRO_ASSIGN_OR_RETURN(const std::int64_t labels,
                         HeadOutputs(opened.file, "classifier.out_proj.weight"));
  const std::int64_t width = opened.shape.settings.hidden;
  SequenceClassifier model{EncoderOfShape(opened.shape), LinearOfShape(width, width),
                           LinearOfShape(labels, width)};
  REPRO_RETURN_IF_ERROR(FillModel(opened.file, model, model.encoder));
  return model;
}

Result<TokenClassifier> LoadTokenClassifier(const fs::path& folder) {
  REPRO_ASSIGN_OR_RETURN(OpenedModel opened, OpenModel(folder));
  REPRO_ASSIGN_OR_RETURN(const std::int64_t labels, HeadOutputs(opened.file, "classifier.weight"));
  TokenClassifier model{EncoderOfShape(opened.shape),
                        LinearOfShape(labels, opened.shape.settings.hidden)};
  REPRO_RETURN_IF_ERROR(FillModel(opened.file, model, model.encoder));
  return model;
}

Result<QuestionAnswerer> LoadQuestionAnswerer(const fs::path& folder) {
  REPRO_ASSIGN_OR_RETURN(OpenedModel opened, OpenModel(folder));
  QuestionAnswerer model{EncoderOfShape(opened.shape),
                         LinearOfShape(2, opened.shape.settings.hidden)};
  REPRO_RETURN_IF_ERROR(FillModel(opened.file, model, model.encoder));
  return model;
}

Result<Encoder> LoadEncoder(const fs::path& folder) {
  REPRO_ASSIGN_OR_RETURN(OpenedModel opened, OpenModel(folder));
  Encoder encoder = EncoderOfShape(opened.shape);
  REPRO_RETURN_IF_ERROR(FillModel(opened.file, encoder, encoder));
  return encoder;
}

Result<std::vector<std::string>> LoadLabels(const fs::path& folder) {
  const fs::path path = ConfigPath(folder);
  REPRO_ASSIGN_OR_RETURN(const Json config, LoadJson(path));
  const auto names = config.find("id2label");
  if (names == config.end() || !names->is_object()) {
    return Fail(ErrorCode::kCorrupt, "{}: no 'id2label'", path.string());
  }
  std::vector<std::string> labels;
  for (std::size_t i = 0; i < names->size(); ++i) {
    const auto name = names->find(std::to_string(i));
    if (name == names->end() || !name->is_string()) {
      return Fail(ErrorCode::kCorrupt, "{}: 'id2label' has no label {}", path.string(), i);
    }
    labels.push_back(name->get<std::string>());
  }
  return labels;
}

void SetDropout(Encoder& encoder, double p) {
  encoder.shape.settings.dropout = p;
}

}  // namespace repro
