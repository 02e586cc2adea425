#include "core/report/text_data.h"

#include <utility>

#include "core/report/report_model.h"

namespace repro {
namespace {

Json OrNull(const std::optional<std::int64_t>& value) {
  return value ? Json(*value) : Json();
}

Json ToJson(const FunnelAmount& amount) {
  return {{"documents", amount.documents}, {"lines", amount.lines}, {"bytes", amount.bytes}};
}

Json ToJson(const TextFunnel::Row& row) {
  Json at = Json::array();
  for (const FunnelAmount& amount : row.at) at.push_back(ToJson(amount));
  return {{"language", row.language}, {"at", std::move(at)}};
}

Json ToJson(const TextFunnel& funnel) {
  Json steps = Json::array();
  for (const TextFunnel::Step& step : funnel.steps) {
    steps.push_back({{"step", step.name}, {"reason", step.reason}});
  }
  Json rows = Json::array();
  for (const TextFunnel::Row& row : funnel.rows) rows.push_back(ToJson(row));
  return {{"points", funnel.points},
          {"steps", std::move(steps)},
          {"languages", std::move(rows)},
          {"total", ToJson(funnel.total).at("at")}};
}

}  // namespace

Json ToJson(const LanguageFacts& facts) {
  Json columns = Json::array();
  for (const LanguageFacts::Column& column : facts.columns) {
    columns.push_back({{"series", column.series},
                       {"name", column.name},
                       {"metric", column.measure.metric},
                       {"point", column.point},
                       {"measured", column.measured},
                       {"total", column.total},
                       {"paper_rows", column.paper_cells},
                       {"paper_total", column.paper_total}});
  }
  Json rows = Json::array();
  for (const LanguageFacts::Row& row : facts.rows) {
    Json cells = Json::array();
    for (const LanguageFacts::Cell& cell : row.cells) {
      cells.push_back({{"value", cell.value ? Json(*cell.value) : Json()},
                       {"paper", cell.paper ? Json(cell.paper->value) : Json()},
                       {"state", cell.paper ? Json(CellStateName(cell.state)) : Json()}});
    }
    rows.push_back({{"language", row.code}, {"name", row.name}, {"cells", std::move(cells)}});
  }
  return {{"columns", std::move(columns)}, {"languages", std::move(rows)}};
}

Json ToJson(const CorpusPanel& corpus) {
  Json volumes = Json::object();
  for (const auto& [point, volume] : corpus.volumes) {
    volumes[point] = {{"languages", volume.languages},
                      {"bytes", volume.bytes},
                      {"lines", volume.lines},
                      {"words", volume.words},
                      {"seen_bytes", OrNull(volume.seen_bytes)},
                      {"available_bytes", OrNull(volume.available_bytes)},
                      {"heldout_lines", OrNull(volume.heldout_lines)},
                      {"left_out", volume.left_out}};
  }
  Json halves = {{"most", Json::object()}, {"least", Json::object()}, {"misplaced", Json::array()}};
  for (const auto& [language, bytes] : corpus.halves.most) halves["most"][language] = bytes;
  for (const auto& [language, bytes] : corpus.halves.least) halves["least"][language] = bytes;
  for (const TextHalves::Misplaced& one : corpus.halves.misplaced) {
    halves["misplaced"].push_back(
        {{"series", one.series}, {"text", one.text}, {"language", one.language}});
  }
  Json funnels = Json::array();
  for (const TextFunnel& funnel : corpus.funnels) funnels.push_back(ToJson(funnel));
  Json leaks = Json::array();
  for (const LeakCheck& check : corpus.leaks) {
    Json languages = Json::object();
    for (const auto& [language, count] : check.leaking) languages[language] = count;
    leaks.push_back({{"point", check.point},
                     {"evaluation_lines", check.evaluation_lines},
                     {"lines", check.lines},
                     {"shared_lines", check.shared},
                     {"alike_lines", check.alike},
                     {"languages", std::move(languages)}});
  }
  return {{"volumes", std::move(volumes)},
          {"halves", std::move(halves)},
          {"funnels", std::move(funnels)},
          {"leaks", std::move(leaks)},
          {"faults", corpus.faults}};
}

}  // namespace repro
