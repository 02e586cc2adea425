#pragma once
/// What a model's parameters are: one row for the tensors of one name and shape. And the models of
/// the paper by name. No LibTorch here, as in config.h.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "experiments/model/config.h"

namespace repro {

/// Tensors of one shape that differ in the layer alone, or in query, key and value.
struct ParameterGroup {
  std::string part;  ///< "embeddings", "layers" or "lm_head"
  /// As in transformers' files; "{0..11}" stands for each layer, "{query,key,value}" for each word.
  std::string name;
  std::vector<std::int64_t> shape;
  std::int64_t tensors = 1;

  std::int64_t Parameters() const;  ///< of all its tensors
};

/// Every tensor of the MLM model in the order of its file; the sum is MlmParameters. The output
/// matrix is the word embeddings and has no row of its own.
std::vector<ParameterGroup> ParameterTable(const ModelShape& shape);

/// A model of the paper.
struct PublishedModel {
  std::string_view name;   ///< "base"
  std::string_view about;  ///< what it is and where the paper states it
  ModelShape shape;
};

/// "base" and "large" (Table 7 and the released configurations), and the models of the ablations
/// with their vocabulary of 150K: "ablation" (section 4), "ablation-960" and "ablation-1152"
/// (Figure 4; heads of width 64 and 4 H inside are our reading, the paper states neither).
const std::vector<PublishedModel>& PublishedModels();

}  // namespace repro
