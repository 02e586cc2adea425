#pragma once
/// A folder of XLM-R as transformers' `save_pretrained` or the model hub has it, checked whole
/// without LibTorch: config.json, model.safetensors (or model.safetensors.index.json and its
/// shards), sentencepiece.bpe.model. Nothing is ever unpickled: pytorch_model.bin alone is refused.
///
/// The folder comes from others and is trusted in nothing: every tensor that the config promises
/// must be there once, with its shape, and no other tensor of the encoder or the LM head; the
/// vocabulary must fit the embedding; no file may lie outside the folder (but for the blobs that
/// the entries of a model hub's cache point to).

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "experiments/model/config.h"
#include "experiments/model/safetensors.h"

namespace repro {

/// Name of the SentencePiece model in such a folder.
inline constexpr const char* kTransformersVocabulary = "sentencepiece.bpe.model";

/// A tensor that a model of a given shape has in transformers' files.
struct ExpectedTensor {
  std::string name;
  std::vector<std::int64_t> shape;
};
/// Encoder (the token type row left out: it may be absent) and LM head (the output matrix is tied,
/// so not in it), in the order of our files.
std::vector<ExpectedTensor> EncoderTensors(const ModelShape& shape);
std::vector<ExpectedTensor> LmHeadTensors(const ModelShape& shape);

/// Files stay mapped as long as this lives. Movable; thread-safe to read.
class TransformersFolder {
 public:
  /// Opens and checks everything but the weights' values. Memory: headers and vocabulary; weights
  /// are mapped, not read. Errors name the file and what to do: kNotFound (no folder, or a file is
  /// missing), kCorrupt (damaged, or files that contradict each other), kInvalidArgument (another
  /// architecture, pickled weights, a file outside the folder), kIo (or no plain file).
  static Result<TransformersFolder> Open(const std::filesystem::path& folder);

  /// Reads every weight that is not left out, once; the pages of the files come back as it goes.
  /// Errors: kCorrupt naming file, tensor and element where one is NaN or infinite.
  Status CheckWeights() const;

  const std::filesystem::path& folder() const { return folder_; }  ///< absolute, without links
  const ModelShape& shape() const { return shape_; }
  /// Whether the LM head is there. Folders of an encoder alone, or of a classifier, have none.
  bool has_lm_head() const { return has_lm_head_; }
  /// Of all weights: "F32", "F16", "BF16", "F64", or "mixed".
  const std::string& dtype() const { return dtype_; }
  /// Encoder and LM head under the names of transformers' XLMRobertaForMaskedLM, in the order of
  /// the files. Views of the mapped files.
  const std::vector<TensorView>& tensors() const { return tensors_; }
  /// Tensors of the files that are left out: other heads, the pooler, buffers, the output matrix
  /// where it repeats the word embeddings.
  const std::vector<std::string>& left_out() const { return left_out_; }
  /// Name -> path without links of every file that was read.
  const std::map<std::string, std::filesystem::path>& files() const { return files_; }

 private:
  class Opener;
  TransformersFolder() = default;
  std::filesystem::path folder_;
  ModelShape shape_;
  bool has_lm_head_ = false;
  std::string dtype_;
  std::vector<SafetensorsFile> weights_;
  std::vector<TensorView> tensors_;
  std::vector<std::string> left_out_;
  std::map<std::string, std::filesystem::path> files_;
};

}  // namespace repro
