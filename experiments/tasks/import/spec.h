#pragma once
/// `import`: a pretrained XLM-R from a folder that transformers wrote or a model hub published
/// (experiments/model/transformers_folder.h), in place of `vocab`, `encode` and `pretrain`. No
/// inputs: the folder stands in the task's info ("folder"), since where the files lie is no part of
/// what they are; the spec has their SHA-256s. Artifact: model.safetensors (names of transformers'
/// XLMRobertaForMaskedLM, each tensor in its own dtype), config.json, sp.model, vocab.json: both
/// the "encoder" and the "vocab" that other tasks read.

#include <string>
#include <vector>

#include "core/manifest/fields.h"

namespace repro {

inline constexpr int kImportVersion = 1;

struct ImportSpec {
  std::vector<std::string> files;   ///< names of all files that are read, sorted
  std::vector<std::string> sha256;  ///< of each of them

  template <class V>
  void Visit(V& v) {
    v("files", files);
    v("sha256", sha256);
  }
};

}  // namespace repro
