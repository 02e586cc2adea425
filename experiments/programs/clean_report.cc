#include "experiments/programs/clean_report.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/text.h"
#include "core/base/units.h"
#include "core/manifest/fields.h"
#include "experiments/programs/run_artifact.h"
#include "experiments/tasks/clean/spec.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

constexpr std::array<FunnelUnit, 3> kUnits = {{{"documents", &TextAmount::documents, &FormatCount},
                                               {"lines", &TextAmount::lines, &FormatCount},
                                               {"bytes", &TextAmount::bytes, &FormatBytes}}};

std::size_t PlaceOf(const std::vector<std::string>& stages, const std::string& stage) {
  return static_cast<std::size_t>(std::find(stages.begin(), stages.end(), stage) - stages.begin());
}

void Add(const Funnel::Row& row, Funnel::Row& sum) {
  sum.read += row.read;
  sum.kept += row.kept;
  for (const auto& [what, amount] : row.dropped) sum.dropped[what] += amount;
}

/// That what was dropped has a column.
Status CheckStages(const CleanReport& report) {
  for (const auto& [key, row] : report.funnel.rows()) {
    for (const auto& [what, amount] : row.dropped) {
      if (PlaceOf(report.stages, what.stage) < report.stages.size()) continue;
      return Fail(ErrorCode::kCorrupt, "stage `{}` dropped something, but the task had only {}",
                  Printable(Prefix(what.stage, 40)), fmt::join(report.stages, ", "));
    }
  }
  return {};
}

}  // namespace

Result<CleanReport> LoadCleanReport(const ArtifactStore& store, const TaskRow& task) {
  // Of imported results there is the funnel: rejects and notes hold text.
  REPRO_ASSIGN_OR_RETURN(const RunArtifact artifact, FindArtifactOrResults(store, task));
  const auto spec = FromJson<CleanSpec>(task.spec);
  if (!spec) return Context(task.label, spec.error());
  CleanReport report;
  report.task = task;
  report.stages = spec->settings.stages;
  const auto read = [&](const char* file, const auto& take) -> Status {
    if (!artifact.record.imported.empty() && !artifact.Holds(file)) return {};
    const fs::path path = artifact.folder / file;
    REPRO_ASSIGN_OR_RETURN(const Json json, LoadJson(path));
    try {
      const Status taken = take(json);
      return taken ? taken : Context(path.string(), taken.error());
    } catch (const Json::exception& error) {
      return Fail(ErrorCode::kCorrupt, "{}: {}", path.string(), JsonProblem(error));
    }
  };
  REPRO_RETURN_IF_ERROR(read("funnel.json", [&](const Json& json) -> Status {
    REPRO_ASSIGN_OR_RETURN(report.funnel, Funnel::FromJson(json.at("rows")));
    const Json classes = json.value("classes", Json::object());  // results of before have none
    for (const auto& [language, amounts] : classes.items()) {
      for (const auto& [name, amount] : amounts.items()) {
        report.classes[language][name] = {.documents = amount.at(0).get<std::int64_t>(),
                                          .lines = amount.at(1).get<std::int64_t>(),
                                          .bytes = amount.at(2).get<std::int64_t>()};
      }
    }
    return CheckStages(report);
  }));
  REPRO_RETURN_IF_ERROR(read("rejects.json", [&](const Json& json) -> Status {
    REPRO_ASSIGN_OR_RETURN(report.rejects, RejectSample::FromJson(json.at("rejects")));
    return {};
  }));
  REPRO_RETURN_IF_ERROR(read("notes.json", [&](const Json& json) -> Status {
    report.passed_over = json.at("passed_over").get<std::map<std::string, std::int64_t>>();
    return report.notes.MergeJson(json.at("notes"));
  }));
  return report;
}

const FunnelUnit* FindFunnelUnit(std::string_view name) {
  const auto* const found = std::find_if(kUnits.begin(), kUnits.end(),
                                         [&](const FunnelUnit& unit) { return unit.name == name; });
  return found == kUnits.end() ? nullptr : found;
}

TextAmount FunnelRow::DroppedBy(std::string_view stage) const {
  TextAmount sum;
  for (const auto& [what, amount] : dropped) {
    if (what.stage == stage) sum += amount;
  }
  return sum;
}

FunnelTable MakeFunnelTable(const CleanReport& report, const FunnelUnit& unit, bool by_set) {
  FunnelTable table{.stages = report.stages, .rows = {}, .total = {}};
  std::map<std::string, std::int64_t> of_language;
  std::map<std::pair<std::string, std::string>, FunnelRow> rows;
  for (const auto& [key, row] : report.funnel.rows()) {
    of_language[key.language] += row.read.*unit.count;
    FunnelRow& sum = rows[{key.language, by_set ? key.set : ""}];
    sum.language = key.language;
    if (by_set) sum.set = key.set;
    Add(row, sum);
    Add(row, table.total);
  }
  for (auto& [key, row] : rows) table.rows.push_back(std::move(row));
  std::stable_sort(table.rows.begin(), table.rows.end(),
                   [&](const FunnelRow& a, const FunnelRow& b) {
                     const auto left = of_language[a.language], right = of_language[b.language];
                     if (left != right) return left > right;
                     if (a.language != b.language) return a.language < b.language;
                     return a.read.*unit.count > b.read.*unit.count;
                   });
  return table;
}

std::vector<std::pair<Funnel::Dropped, TextAmount>> Reasons(
    const Funnel::Row& row, const std::vector<std::string>& stages) {
  std::vector<std::pair<Funnel::Dropped, TextAmount>> reasons(row.dropped.begin(),
                                                              row.dropped.end());
  std::stable_sort(reasons.begin(), reasons.end(), [&](const auto& a, const auto& b) {
    return PlaceOf(stages, a.first.stage) < PlaceOf(stages, b.first.stage);
  });
  return reasons;
}

RejectFilter ParseRejectFilter(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return {.stage = std::string(text), .reason = ""};
  return {.stage = std::string(text.substr(0, colon)),
          .reason = std::string(text.substr(colon + 1))};
}

Result<std::vector<RejectSample::Key>> ChooseRejects(const CleanReport& report,
                                                     const RejectFilter& filter) {
  std::vector<RejectSample::Key> keys;
  std::set<std::string> known;
  for (const auto& [key, rejects] : report.rejects.rejects()) {
    known.insert(fmt::format("{}:{}", key.stage, key.reason));
    if (!filter.stage.empty() && key.stage != filter.stage) continue;
    if (!filter.reason.empty() && key.reason != filter.reason) continue;
    keys.push_back(key);
  }
  if (keys.empty() && !known.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "no rejects of '{}{}{}' are kept, but of \"{}\"",
                Printable(filter.stage), filter.reason.empty() ? "" : ":", Printable(filter.reason),
                Printable(fmt::format("{}", fmt::join(known, "\", \""))));
  }
  std::stable_sort(keys.begin(), keys.end(), [&](const auto& a, const auto& b) {
    return PlaceOf(report.stages, a.stage) < PlaceOf(report.stages, b.stage);
  });
  return keys;
}

}  // namespace repro
