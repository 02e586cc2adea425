#include "core/report/table_page.h"

#include <algorithm>

#include <fmt/format.h>
#include <kainjow/mustache.hpp>

#include "core/base/text.h"
#include "core/base/units.h"
#include "core/report/page_data.h"

namespace repro {

using kainjow::mustache::data;
using kainjow::mustache::list;
using kainjow::mustache::mustache;

data TextOrNothing(const std::string& text) {
  return text.empty() ? data(false) : data(Printable(text));
}

data TableView(const PageTable& table) {
  data view;
  view.set("title", Printable(table.title));
  view.set("about", TextOrNothing(table.about));
  view.set("open", table.open);
  list columns;
  for (const PageTable::Column& column : table.columns) {
    data head;
    head.set("name", Printable(column.name));
    head.set("right", column.right);
    columns.push_back(head);
  }
  view.set("columns", columns);
  list rows;
  for (const auto& cells : table.rows) {
    list row;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      data cell;
      cell.set("text", Printable(cells[i].text));
      cell.set("below", TextOrNothing(cells[i].below));
      cell.set("right", table.columns[i].right);
      row.push_back(cell);
    }
    data entry;
    entry.set("cells", row);
    rows.push_back(entry);
  }
  view.set("rows", rows);
  view.set("count", Plural(rows.size(), "row"));
  return view;
}

void SetShareChart(const ShareBars& chart, std::string (*show_part)(std::int64_t),
                   const HtmlAssets& assets, data& view) {
  list legend;
  for (std::size_t i = 0; i < chart.classes.size(); ++i) {
    data entry;
    entry.set("color", std::to_string(ShareColor(i)));
    entry.set("name", Printable(chart.classes[i]));
    legend.push_back(entry);
  }
  view.set("legend", legend);
  view.set("spec", ScriptJson(VegaShareBars(chart, show_part, assets.shares)));
}

std::string TextOf(const PageCell& cell) {
  return cell.below.empty() ? cell.text : fmt::format("{} {}", cell.text, cell.below);
}

PlainTable TextOf(const PageTable& table) {
  PlainTable plain;
  for (const PageTable::Column& column : table.columns) plain.header.push_back(column.name);
  const auto numbers = std::find_if(table.columns.begin(), table.columns.end(),
                                    [](const auto& column) { return column.right; });
  plain.text_columns = static_cast<std::size_t>(numbers - table.columns.begin());
  for (const auto& cells : table.rows) {
    auto& row = plain.rows.emplace_back();
    for (const PageCell& cell : cells) row.push_back(TextOf(cell));
  }
  return plain;
}

Result<std::string> WriteTablePage(const TablePage& page, const HtmlAssets& assets) {
  mustache file(assets.table_page);
  if (!file.is_valid()) return Fail(ErrorCode::kCorrupt, "tables.html: {}", file.error_message());
  data view;
  view.set("kind", Printable(page.kind));
  view.set("title", Printable(page.title));
  list headline;
  for (const std::string& sentence : page.headline) headline.push_back(Printable(sentence));
  view.set("headline", headline);
  view.set("has_chart", page.chart.has_value());
  if (page.chart) {
    view.set("chart_title", Printable(page.chart_title));
    view.set("chart_about", Printable(page.chart_about));
    SetShareChart(*page.chart, page.show_part, assets, view);
  }
  list tables;
  for (const PageTable& table : page.tables) {
    if (!table.rows.empty()) tables.push_back(TableView(table));
  }
  view.set("tables", tables);
  auto facts = page.facts;
  for (auto& [name, value] : facts) value = Printable(value);
  view.set("facts", NamedValues(facts));
  view.set("made", FormatTime(page.made_ms));
  view.set("style", assets.style);
  view.set("viewer", assets.viewer);
  view.set("vega", assets.vega);
  return file.render(view);
}

}  // namespace repro
