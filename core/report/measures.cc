#include "core/report/measures.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "core/io/json_io.h"

namespace repro {
namespace {

constexpr std::array<std::pair<const char*, MeasureKind>, 6> kKinds = {{
    {"task", MeasureKind::kTask},
    {"intrinsic", MeasureKind::kIntrinsic},
    {"surface", MeasureKind::kSurface},
    {"vocabulary", MeasureKind::kVocabulary},
    {"data", MeasureKind::kData},
    {"training", MeasureKind::kTraining},
}};

}  // namespace

Result<std::vector<Measure>> LoadMeasures(const std::filesystem::path& path) {
  REPRO_ASSIGN_OR_RETURN(const Json json, LoadJson(path));
  std::vector<Measure> measures;
  try {
    for (const Json& entry : json.at("measures")) {
      Measure measure;
      measure.metric = entry.at("metric").get<std::string>();
      measure.name = entry.at("name").get<std::string>();
      measure.about = entry.at("about").get<std::string>();
      measure.unit = entry.value("unit", "");
      measure.factor = entry.value("factor", 1.0);
      measure.decimals = entry.value("decimals", 1);
      measure.higher_is_better = entry.value("higher_is_better", true);
      measure.in_source_language = entry.value("in_source_language", true);
      measure.chance_one_over = entry.value("chance_one_over", "");
      if (entry.contains("chance")) measure.chance = entry.at("chance").get<double>();
      if (entry.contains("informative_from")) {
        measure.informative_from = entry.at("informative_from").get<double>();
      }
      const std::string kind = entry.at("kind").get<std::string>();
      const auto* found = std::find_if(kKinds.begin(), kKinds.end(),
                                       [&](const auto& known) { return kind == known.first; });
      if (found == kKinds.end()) {
        return Fail(ErrorCode::kCorrupt, "{}: measure '{}': unknown kind '{}'", path.string(),
                    measure.metric, kind);
      }
      measure.kind = found->second;
      measures.push_back(std::move(measure));
    }
  } catch (const Json::exception& e) {
    return Fail(ErrorCode::kCorrupt, "{}: {}", path.string(), JsonProblem(e));
  }
  return measures;
}

Measure FindMeasure(const std::vector<Measure>& measures, std::string_view metric) {
  for (const Measure& measure : measures) {
    if (measure.metric == metric) return measure;
  }
  Measure plain;
  plain.metric = plain.name = std::string(metric);
  plain.decimals = 3;
  return plain;
}

}  // namespace repro
