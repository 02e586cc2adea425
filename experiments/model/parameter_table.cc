#include "experiments/model/parameter_table.h"

#include <functional>
#include <numeric>

#include <fmt/format.h>

namespace repro {
namespace {

using Dimensions = std::vector<std::int64_t>;

PublishedModel Published(std::string_view name, std::string_view about, std::int64_t layers,
                         std::int64_t hidden, std::int64_t vocab_size) {
  PublishedModel model{.name = name, .about = about, .shape = {}};
  model.shape.settings.layers = layers;
  model.shape.settings.hidden = hidden;
  model.shape.settings.heads = hidden / kHeadWidth;
  model.shape.vocab_size = vocab_size;
  model.shape.max_positions = 514;  // the release: 512 tokens at most
  return model;
}

}  // namespace

std::int64_t ParameterGroup::Parameters() const {
  return std::accumulate(shape.begin(), shape.end(), tensors, std::multiplies<>());
}

std::vector<ParameterGroup> ParameterTable(const ModelShape& shape) {
  const std::int64_t hidden = shape.settings.hidden;
  const std::int64_t feed_forward = shape.FeedForward();
  const std::int64_t layers = shape.settings.layers;
  std::vector<ParameterGroup> table;
  const auto add = [&](const char* part, const std::string& name, Dimensions dimensions,
                       std::int64_t tensors = 1) {
    table.push_back({part, name, std::move(dimensions), tensors});
  };
  const std::string embeddings = "roberta.embeddings.";
  add("embeddings", embeddings + "word_embeddings.weight", {shape.vocab_size, hidden});
  add("embeddings", embeddings + "position_embeddings.weight", {shape.max_positions, hidden});
  add("embeddings", embeddings + "LayerNorm.weight", {hidden});
  add("embeddings", embeddings + "LayerNorm.bias", {hidden});

  const std::string layer = layers == 1
                                ? std::string("roberta.encoder.layer.0.")
                                : fmt::format("roberta.encoder.layer.{{0..{}}}.", layers - 1);
  const auto add_linear = [&](const std::string& name, std::int64_t outputs, std::int64_t inputs,
                              std::int64_t tensors) {
    add("layers", layer + name + ".weight", {outputs, inputs}, tensors);
    add("layers", layer + name + ".bias", {outputs}, tensors);
  };
  const auto add_norm = [&](const std::string& name) {
    add("layers", layer + name + ".weight", {hidden}, layers);
    add("layers", layer + name + ".bias", {hidden}, layers);
  };
  add_linear("attention.self.{query,key,value}", hidden, hidden, 3 * layers);
  add_linear("attention.output.dense", hidden, hidden, layers);
  add_norm("attention.output.LayerNorm");
  add_linear("intermediate.dense", feed_forward, hidden, layers);
  add_linear("output.dense", hidden, feed_forward, layers);
  add_norm("output.LayerNorm");

  add("lm_head", "lm_head.dense.weight", {hidden, hidden});
  add("lm_head", "lm_head.dense.bias", {hidden});
  add("lm_head", "lm_head.layer_norm.weight", {hidden});
  add("lm_head", "lm_head.layer_norm.bias", {hidden});
  add("lm_head", "lm_head.bias", {shape.vocab_size});
  return table;
}

const std::vector<PublishedModel>& PublishedModels() {
  static const std::vector<PublishedModel> kModels = {
      Published("base", "XLM-R Base (Table 7)", 12, 768, 250'002),
      Published("large", "XLM-R (Table 7)", 24, 1024, 250'002),
      Published("ablation", "the ablations' BERT-Base with 150K pieces (section 4)", 12, 768,
                150'000),
      Published("ablation-960", "the width at 30 languages (Figure 4)", 12, 960, 150'000),
      Published("ablation-1152", "the width at 100 languages (Figure 4)", 12, 1152, 150'000)};
  return kModels;
}

}  // namespace repro
