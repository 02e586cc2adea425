#include "experiments/model/transformers_config.h"

#include <system_error>

#include "core/io/file.h"
#include "experiments/text/vocabulary.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

template <class T>
Status ReadField(const Json& config, const fs::path& path, const char* name, T& value) {
  const auto found = config.find(name);
  if (found == config.end() || !found->is_number()) {
    return Fail(ErrorCode::kCorrupt, "{}: '{}' is missing or no number", path.string(), name);
  }
  constexpr double kMost = 1e15;  // beyond it a double is no exact int64
  const double number = found->template get<double>();
  if (!(number >= 0) || number > kMost) {
    return Fail(ErrorCode::kCorrupt, "{}: '{}' is {}, expected 0 to {:g}", path.string(), name,
                found->dump(), kMost);
  }
  value = static_cast<T>(number);
  if (static_cast<double>(value) != number) {
    return Fail(ErrorCode::kCorrupt, "{}: '{}' is {}, expected a whole number", path.string(), name,
                found->dump());
  }
  return {};
}

// Settings that would make it another architecture; absent ones have XLM-R's value.
Status CheckArchitecture(const Json& config, const fs::path& path) {
  const Json expected = {{"model_type", "xlm-roberta"},
                         {"hidden_act", "gelu"},
                         {"pad_token_id", kPadId},
                         {"tie_word_embeddings", true},
                         {"position_embedding_type", "absolute"},
                         {"type_vocab_size", 1},
                         {"is_decoder", false}};
  for (const auto& [name, value] : expected.items()) {
    const auto found = config.find(name);
    if (found != config.end() && *found != value) {
      return Fail(ErrorCode::kInvalidArgument, "{}: '{}' is {}, XLM-R has {}", path.string(), name,
                  CanonicalJson(*found), CanonicalJson(value));
    }
  }
  return {};
}

}  // namespace

Json TransformersConfig(const ModelShape& shape, std::string_view architecture,
                        const std::vector<std::string>& labels, std::string_view dtype) {
  const ModelSettings& settings = shape.settings;
  Json config = {{"architectures", {architecture}},
                 {"model_type", "xlm-roberta"},
                 {"num_hidden_layers", settings.layers},
                 {"hidden_size", settings.hidden},
                 {"num_attention_heads", settings.heads},
                 {"intermediate_size", shape.FeedForward()},
                 {"hidden_act", "gelu"},
                 {"hidden_dropout_prob", settings.dropout},
                 {"attention_probs_dropout_prob", settings.attention_dropout},
                 {"layer_norm_eps", settings.layer_norm_eps},
                 {"initializer_range", settings.init_std},
                 {"max_position_embeddings", shape.max_positions},
                 {"vocab_size", shape.vocab_size},
                 {"type_vocab_size", 1},
                 {"tie_word_embeddings", true},
                 {"bos_token_id", kBosId},
                 {"pad_token_id", kPadId},
                 {"eos_token_id", kEosId},
                 {"dtype", dtype}};
  if (!labels.empty()) {
    Json names = Json::object();
    Json ids = Json::object();
    for (std::size_t i = 0; i < labels.size(); ++i) {
      names[std::to_string(i)] = labels[i];
      ids[labels[i]] = i;
    }
    config["id2label"] = names;
    config["label2id"] = ids;
  }
  return config;
}

Result<ModelShape> LoadTransformersShape(const fs::path& path) {
  constexpr std::uintmax_t kMostBytes = 10'000'000;  // published ones have less than a kilobyte
  std::error_code error;
  const std::uintmax_t bytes = fs::file_size(path, error);
  if (!error && bytes > kMostBytes) {
    return Fail(ErrorCode::kCorrupt, "{}: {} bytes are too many for a config.json", path.string(),
                bytes);
  }
  REPRO_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  REPRO_ASSIGN_OR_RETURN(const Json config, ParseJsonOfUniqueNames(text, path.string()));
  if (!config.is_object()) {
    return Fail(ErrorCode::kCorrupt, "{}: expected a JSON object", path.string());
  }
  REPRO_RETURN_IF_ERROR(CheckArchitecture(config, path));
  ModelShape shape;
  ModelSettings& settings = shape.settings;
  REPRO_RETURN_IF_ERROR(ReadField(config, path, "num_hidden_layers", settings.layers));
  REPRO_RETURN_IF_ERROR(ReadField(config, path, "hidden_size", settings.hidden));
  REPRO_RETURN_IF_ERROR(ReadField(config, path, "num_attention_heads", settings.heads));
  REPRO_RETURN_IF_ERROR(ReadField(config, path, "intermediate_size", settings.feed_forward));
  REPRO_RETURN_IF_ERROR(ReadField(config, path, "hidden_dropout_prob", settings.dropout));
  REPRO_RETURN_IF_ERROR(
      ReadField(config, path, "attention_probs_dropout_prob", settings.attention_dropout));
  REPRO_RETURN_IF_ERROR(ReadField(config, path, "layer_norm_eps", settings.layer_norm_eps));
  REPRO_RETURN_IF_ERROR(ReadField(config, path, "initializer_range", settings.init_std));
  REPRO_RETURN_IF_ERROR(ReadField(config, path, "max_position_embeddings", shape.max_positions));
  REPRO_RETURN_IF_ERROR(ReadField(config, path, "vocab_size", shape.vocab_size));
  // The bounds of a manifest: what lies beyond is no model but a damaged or hostile file.
  if (settings.layers < 1 || settings.layers > 200 || settings.hidden < 1 ||
      settings.hidden > 65'536 || settings.feed_forward < 1 || settings.feed_forward > 1'000'000 ||
      shape.max_positions < 3 || shape.max_positions > 1'000'000 ||
      shape.vocab_size <= kSpecialCount || shape.vocab_size > 10'000'000 || settings.dropout >= 1 ||
      settings.attention_dropout >= 1 || settings.layer_norm_eps <= 0) {
    return Fail(
        ErrorCode::kCorrupt,
        "{}: {} layers of {} and {}, {} positions, {} rows of vocabulary, dropout {} and {}, "
        "layer_norm_eps {}: beyond any XLM-R",
        path.string(), settings.layers, settings.hidden, settings.feed_forward, shape.max_positions,
        shape.vocab_size, settings.dropout, settings.attention_dropout, settings.layer_norm_eps);
  }
  if (settings.heads == 0 || settings.hidden % settings.heads != 0) {
    return Fail(ErrorCode::kCorrupt, "{}: hidden_size {} is not a multiple of {} heads",
                path.string(), settings.hidden, settings.heads);
  }
  return shape;
}

}  // namespace repro
