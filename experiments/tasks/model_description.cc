#include "experiments/tasks/model_description.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/units.h"
#include "core/manifest/diagnostics.h"
#include "core/manifest/document.h"
#include "core/manifest/section_reader.h"
#include "experiments/model/parameter_table.h"

namespace repro {
namespace {

ModelShape ShapeOf(const RunSettings& settings) {
  const ModelSettings& model = settings.model;
  return {.settings = model,
          .vocab_size = settings.vocab.size,
          .max_positions = settings.pretrain.tokens_per_sample + 2};
}

// `asked`: parameters that the manifest states; 0: none.
ModelTable MakeTable(const ModelShape& shape, std::int64_t asked) {
  const ModelSettings& settings = shape.settings;
  const std::int64_t total = MlmParameters(shape);
  const std::int64_t encoder = EncoderParameters(shape);
  ModelTable table;
  table.title =
      fmt::format("L {}, H {}, A {}, F {}, V {}, {} positions", settings.layers,
                  FormatCount(settings.hidden), settings.heads, FormatCount(shape.FeedForward()),
                  FormatCount(shape.vocab_size), FormatCount(shape.max_positions));
  table.total = total;
  Json groups = Json::array();
  std::map<std::string, std::int64_t> parts;
  for (const ParameterGroup& group : ParameterTable(shape)) {
    table.rows.push_back({group.name, fmt::format("{}", fmt::join(group.shape, " x ")),
                          group.tensors, group.Parameters()});
    parts[group.part] += group.Parameters();
    groups.push_back({{"part", group.part},
                      {"name", group.name},
                      {"shape", group.shape},
                      {"tensors", group.tensors},
                      {"parameters", group.Parameters()}});
  }
  table.totals = {{"embeddings", parts["embeddings"]},
                  {"layers", parts["layers"]},
                  {"encoder", encoder},
                  {"LM head (its matrix is the word embeddings)", parts["lm_head"]},
                  {"all (MLM)", total}};
  table.facts = {{"weights, float32", FormatBytes(WeightBytes(shape))},
                 {"weights and Adam's two moments", FormatBytes(CheckpointBytes(shape))},
                 {"and gradients", FormatBytes(CheckpointBytes(shape) + WeightBytes(shape))}};
  if (asked > 0) {
    table.facts.push_back(
        {"asked for",
         fmt::format("{} parameters; this is {:+.2f} %", FormatCount(asked),
                     100 * (static_cast<double>(total) / static_cast<double>(asked) - 1))});
  }
  table.json = {{"layers", settings.layers},
                {"hidden", settings.hidden},
                {"heads", settings.heads},
                {"feed_forward", shape.FeedForward()},
                {"vocab_size", shape.vocab_size},
                {"max_positions", shape.max_positions},
                {"parameters", total},
                {"encoder_parameters", encoder},
                {"embedding_parameters", parts["embeddings"]},
                {"layer_parameters", parts["layers"]},
                {"lm_head_parameters", parts["lm_head"]},
                {"asked_parameters", asked > 0 ? Json(asked) : Json(nullptr)},
                {"weight_bytes", WeightBytes(shape)},
                {"checkpoint_bytes", CheckpointBytes(shape)},
                {"groups", std::move(groups)}};
  return table;
}

}  // namespace

Status ResolveModel(RunSettings& settings) {
  ModelSection& model = settings.model;
  if (model.parameters > 0) {
    REPRO_ASSIGN_OR_RETURN(model.hidden, SolveHidden(ShapeOf(settings), model.parameters));
  }
  if (model.heads == 0) model.heads = model.hidden / kHeadWidth;
  return {};
}

Result<ModelTable> DescribeModel(const Point& point) {
  Diagnostics diagnostics;
  auto settings = ReadSettings<RunSettings>(*point.config, diagnostics);
  REPRO_RETURN_IF_ERROR(diagnostics.ToStatus());
  REPRO_RETURN_IF_ERROR(ResolveModel(settings));
  return MakeTable(ShapeOf(settings), settings.model.parameters);
}

Result<ModelTable> DescribePublishedModel(const std::string& name) {
  std::vector<std::string_view> names;
  for (const PublishedModel& model : PublishedModels()) {
    names.push_back(model.name);
    if (model.name != name) continue;
    ModelTable table = MakeTable(model.shape, 0);
    table.title = fmt::format("{}: {}", model.about, table.title);
    table.json["name"] = model.name;
    return table;
  }
  return Fail(ErrorCode::kNotFound, "no model of the paper is named '{}'; there are {}", name,
              fmt::join(names, ", "));
}

}  // namespace repro
