#pragma once
/// Our models as transformers' model.safetensors and config.json ("xlm-roberta"), and back. A
/// folder with both is what `pretrain` and `finetune` leave, and what transformers' from_pretrained
/// reads. Our names of tensors are transformers' but for qkv (encoder.h, heads.h); here is what
/// else differs. Without LibTorch the same names and shapes are listed in transformers_folder.cc
/// and grouped in parameter_table.cc; the tests hold the three lists against each other.

#include <filesystem>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "experiments/model/heads.h"

namespace repro {

/// Our named tensors under transformers' names: qkv becomes three views of the same storage. Works
/// on weights, gradients and moments alike.
std::vector<NamedTensor> ToTransformersNames(const std::vector<NamedTensor>& ours);

/// Writes model.safetensors and config.json into `folder` (each atomically). `architecture`:
/// "XLMRobertaForMaskedLM", "XLMRobertaForSequenceClassification",
/// "XLMRobertaForTokenClassification" (these two state `labels`; transformers takes a sequence
/// classifier of one label as a regression) or "XLMRobertaForQuestionAnswering".
Status SaveModel(const std::filesystem::path& folder, const MlmModel& model);
Status SaveModel(const std::filesystem::path& folder, const SequenceClassifier& model,
                 const std::vector<std::string>& labels);
Status SaveModel(const std::filesystem::path& folder, const TokenClassifier& model,
                 const std::vector<std::string>& labels);
Status SaveModel(const std::filesystem::path& folder, const QuestionAnswerer& model);

/// Reads a folder of that kind onto the CPU. Errors: kNotFound, kCorrupt naming the file, the
/// tensor, and the shape that was expected; kInvalidArgument for an architecture that is not
/// XLM-R's.
Result<MlmModel> LoadMlmModel(const std::filesystem::path& folder);
Result<SequenceClassifier> LoadSequenceClassifier(const std::filesystem::path& folder);
Result<TokenClassifier> LoadTokenClassifier(const std::filesystem::path& folder);
Result<QuestionAnswerer> LoadQuestionAnswerer(const std::filesystem::path& folder);
/// The encoder alone, whatever head lies beside it.
Result<Encoder> LoadEncoder(const std::filesystem::path& folder);

/// The label names that `config.json` of a classifier states, in order of their ids.
Result<std::vector<std::string>> LoadLabels(const std::filesystem::path& folder);

/// Sets the encoder's dropout of hidden states, as fine-tuning states it; attention dropout stays
/// as the config says.
void SetDropout(Encoder& encoder, double p);

}  // namespace repro
