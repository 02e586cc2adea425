#pragma once
/// Folders as transformers writes them, made here byte by byte: any shape, dtype and number of
/// shards, with a SentencePiece model of as many pieces as the shape wants. No LibTorch, no Python.

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "core/base/check.h"
#include "core/base/rng.h"
#include "core/io/file.h"
#include "core/io/json_io.h"
#include "experiments/model/transformers_config.h"
#include "experiments/model/transformers_folder.h"
#include "tests/core/temp_folder.h"

namespace repro::testing {

// Protocol buffers' wire format, as far as sentencepiece_model.proto needs it.
inline void AppendVarint(std::string& out, std::uint64_t value) {
  for (; value >= 128; value >>= 7U) out += static_cast<char>(value | 128U);
  out += static_cast<char>(value);
}
inline void AppendBytes(std::string& out, unsigned field, const std::string& bytes) {
  AppendVarint(out, field << 3U | 2U);
  AppendVarint(out, bytes.size());
  out += bytes;
}

/// A unigram model of so many pieces: <unk>, <s>, </s>, then words w0, w1, ... with a mark before.
inline std::string SentencePieceModel(std::int64_t pieces) {
  constexpr unsigned kNormal = 1, kUnknown = 2, kControl = 3;
  std::string model;
  for (std::int64_t i = 0; i < pieces; ++i) {
    const char* special[] = {"<unk>", "<s>", "</s>"};
    const std::string text = i < 3 ? special[i] : "\xE2\x96\x81w" + std::to_string(i - 3);
    const auto score = static_cast<float>(i < 3 ? 0 : -1 - static_cast<double>(i) / 1e6);
    std::string piece;
    AppendBytes(piece, 1, text);
    AppendVarint(piece, 2U << 3U | 5U);
    piece.append(reinterpret_cast<const char*>(&score), sizeof score);
    AppendVarint(piece, 3U << 3U);
    AppendVarint(piece, i == 0 ? kUnknown : i < 3 ? kControl : kNormal);
    AppendBytes(model, 1, piece);
  }
  std::string trainer, normalizer;
  AppendVarint(trainer, 3U << 3U);  // model_type
  AppendVarint(trainer, 1);         // unigram
  AppendBytes(model, 2, trainer);
  AppendBytes(normalizer, 1, "identity");
  AppendBytes(model, 3, normalizer);
  return model;
}

/// XLM-R of a few kilobytes.
inline ModelShape TinyShape() {
  return {.settings = {.layers = 2, .hidden = 8, .heads = 2, .feed_forward = 16, .init_std = 0.02},
          .vocab_size = 40,
          .max_positions = 34};
}
/// The shapes of Table 7, as published.
inline ModelShape BaseShape() {
  return {.settings = {.layers = 12, .hidden = 768, .heads = 12, .feed_forward = 3072},
          .vocab_size = 250'002,
          .max_positions = 514};
}
inline ModelShape LargeShape() {
  return {.settings = {.layers = 24, .hidden = 1024, .heads = 16, .feed_forward = 4096},
          .vocab_size = 250'002,
          .max_positions = 514};
}

/// A tensor with bytes of its own.
struct OwnedTensor {
  std::string name;
  TensorType type = TensorType::kF32;
  std::vector<std::int64_t> shape;
  std::string bytes;

  TensorView View() const { return {name, type, shape, std::as_bytes(std::span(bytes))}; }
};

/// Random bytes that are small finite numbers in any floating type.
inline OwnedTensor RandomTensor(const std::string& name, const std::vector<std::int64_t>& shape,
                                TensorType type = TensorType::kF32, std::uint64_t seed = 1) {
  OwnedTensor tensor{name, type, shape, {}};
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  Rng rng(seed, name);
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t k = 0; k < TensorTypeSize(type); ++k) {
      const bool top = k == TensorTypeSize(type) - 1;
      tensor.bytes += static_cast<char>(top ? 0x38 : rng.Below(256));
    }
  }
  return tensor;
}

/// What transformers' XLMRobertaForMaskedLM of this shape saves.
inline std::vector<OwnedTensor> MlmTensors(const ModelShape& shape,
                                           TensorType type = TensorType::kF32) {
  std::vector<OwnedTensor> tensors;
  for (const auto& list : {EncoderTensors(shape), LmHeadTensors(shape)}) {
    for (const ExpectedTensor& tensor : list) {
      tensors.push_back(RandomTensor(tensor.name, tensor.shape, type));
    }
  }
  tensors.push_back(RandomTensor("roberta.embeddings.token_type_embeddings.weight",
                                 {1, shape.settings.hidden}, type));
  return tensors;
}

inline OwnedTensor& TensorNamed(std::vector<OwnedTensor>& tensors, const std::string& name) {
  for (OwnedTensor& tensor : tensors) {
    if (tensor.name == name) return tensor;
  }
  REPRO_CHECK(false);
}

inline void WriteTensors(const std::filesystem::path& path,
                         const std::vector<OwnedTensor>& tensors) {
  std::vector<TensorView> views;
  views.reserve(tensors.size());
  for (const OwnedTensor& tensor : tensors) views.push_back(tensor.View());
  REPRO_CHECK(WriteSafetensors(path, views, {{"format", "pt"}}).has_value());
}

/// A file of the right size whose tensors are holes: it takes no disk, and reading it gives zeros.
inline void WriteSparseTensors(const std::filesystem::path& path,
                               const std::vector<ExpectedTensor>& tensors, TensorType type) {
  Json header = Json::object();
  std::int64_t offset = 0;
  for (const ExpectedTensor& tensor : tensors) {
    std::int64_t bytes = TensorTypeSize(type);
    for (const std::int64_t size : tensor.shape) bytes *= size;
    header[tensor.name] = {{"dtype", TensorTypeName(type)},
                           {"shape", tensor.shape},
                           {"data_offsets", {offset, offset + bytes}}};
    offset += bytes;
  }
  const std::string text = header.dump();
  const std::uint64_t size = text.size();
  std::string content(8, '\0');
  std::memcpy(content.data(), &size, sizeof size);
  REPRO_CHECK(PutFile(path, content + text).has_value());
  std::filesystem::resize_file(path, 8 + size + static_cast<std::uint64_t>(offset));
}

inline void WriteModelFiles(const std::filesystem::path& folder, const ModelShape& shape) {
  const Json config = TransformersConfig(shape, "XLMRobertaForMaskedLM", {});
  REPRO_CHECK(PutFile(folder / "config.json", config.dump(2)).has_value());
  REPRO_CHECK(PutFile(folder / kTransformersVocabulary, SentencePieceModel(shape.vocab_size - 2))
                  .has_value());
}

/// config.json, model.safetensors, sentencepiece.bpe.model.
inline void WriteTinyFolder(const std::filesystem::path& folder,
                            const std::vector<OwnedTensor>& tensors = MlmTensors(TinyShape())) {
  WriteModelFiles(folder, TinyShape());
  WriteTensors(folder / "model.safetensors", tensors);
}

/// The same in two shards and their index.
inline void WriteShardedFolder(const std::filesystem::path& folder) {
  WriteModelFiles(folder, TinyShape());
  const std::vector<OwnedTensor> tensors = MlmTensors(TinyShape());
  const auto middle = tensors.begin() + static_cast<std::ptrdiff_t>(tensors.size() / 2);
  Json map = Json::object();
  const auto write = [&](const std::string& name, const std::vector<OwnedTensor>& part) {
    for (const OwnedTensor& tensor : part) map[tensor.name] = name;
    WriteTensors(folder / name, part);
  };
  write("model-00001-of-00002.safetensors", {tensors.begin(), middle});
  write("model-00002-of-00002.safetensors", {middle, tensors.end()});
  const Json index = {{"metadata", {{"total_size", 1}}}, {"weight_map", map}};
  REPRO_CHECK(PutFile(folder / "model.safetensors.index.json", index.dump(2)).has_value());
}

/// Changes one field of a JSON file; null removes it.
inline void EditJson(const std::filesystem::path& path, const std::string& key, const Json& value) {
  Json json = LoadJson(path).value();
  if (value.is_null()) {
    json.erase(key);
  } else {
    json[key] = value;
  }
  REPRO_CHECK(PutFile(path, json.dump(2)).has_value());
}

}  // namespace repro::testing
