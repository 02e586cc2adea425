#pragma once
/// transformers' config.json of XLM-R ("xlm-roberta"): our shapes from it, and it from our shapes.
/// No LibTorch.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/io/json_io.h"
#include "experiments/model/config.h"

namespace repro {

/// The word embeddings, and the output matrix tied to them, in transformers' files.
inline constexpr const char* kWordEmbeddings = "roberta.embeddings.word_embeddings.weight";
/// The one token type embedding of transformers' files; conversions of fairseq's weights, which
/// have none, hold a row of zeros.
inline constexpr const char* kTokenTypeRow = "roberta.embeddings.token_type_embeddings.weight";

/// What `architecture` ("XLMRobertaForMaskedLM", ...) of this shape has in its config.json;
/// `labels` of a classifier, in order of their ids. `dtype` is of the weights beside it: "float32",
/// "float16", "bfloat16" or "float64".
Json TransformersConfig(const ModelShape& shape, std::string_view architecture,
                        const std::vector<std::string>& labels, std::string_view dtype = "float32");

/// Shape and settings that the file `path` states. Errors: kNotFound; kCorrupt for a value that is
/// missing, mistyped or beyond any XLM-R; kInvalidArgument for another architecture.
Result<ModelShape> LoadTransformersShape(const std::filesystem::path& path);

}  // namespace repro
