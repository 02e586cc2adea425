#include "core/manifest/reference.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include <fmt/format.h>

#include "core/manifest/section_reader.h"

namespace repro {
namespace {

struct SeriesRow {
  ReferenceSeries series;
  std::string method = "printed";
  double uncertainty = 0;
  double relative_uncertainty = 0;
  const Node* values = nullptr;
  const Node* stated = nullptr;

  template <class V>
  void Visit(V& v) {
    v("id", series.id);
    v("name", series.name);
    v("metric", series.metric);
    v("method", method, OneOf({"printed", "pixels"}));
    v("uncertainty", uncertainty, AtLeast(0));
    v("relative_uncertainty", relative_uncertainty, HalfOpen(0, 1));
    v("direction", series.direction);
    v("values", values);
    v("stated", stated);
  }
};

struct ItemFile {
  ReferenceItem item;
  const Node* series = nullptr;

  template <class V>
  void Visit(V& v) {
    v("item", item.item);
    v("title", item.title);
    v("paper", item.source);
    v("unit", item.unit);
    v("verified", item.verified);
    v("notes", item.notes);
    v("points", item.points);
    v("series", series);
  }
};

/// Half a unit of the last digit that the paper prints (one decimal).
constexpr double kPrintedRounding = 0.05;

using Cells = std::map<std::string, ReferenceCell>;

/// Values as an array in the order of `points`, or as a table by point (points may be missing).
Cells ReadCells(const Node& node, const std::string& path, const std::vector<std::string>& points,
                Diagnostics& diagnostics) {
  Cells cells;
  const auto add = [&](const std::string& point, const Node& value) {
    ReadValue(value, path + "." + point, {}, diagnostics, cells[point].value);
  };
  if (const auto* array = node.As<Node::Array>()) {
    if (array->size() != points.size()) {
      diagnostics.Add(node.position, fmt::format("`{}` has {} values", path, array->size()),
                      fmt::format("expected one for each of the {} points", points.size()));
      return cells;
    }
    for (std::size_t i = 0; i < points.size(); ++i) add(points[i], (*array)[i]);
  } else if (const auto* table = node.As<Node::Table>()) {
    for (const auto& [point, value] : *table) {
      if (std::find(points.begin(), points.end(), point) == points.end()) {
        diagnostics.Add(value.key_position, fmt::format("`{}` holds `{}`", path, point),
                        "expected one of `points`" + DidYouMean(point, points));
        continue;
      }
      add(point, value);
    }
  } else {
    diagnostics.Add(node.position, fmt::format("`{}` is {}", path, node.TypeName()),
                    "expected an array in the order of `points`, or a table by point");
  }
  return cells;
}

ReferenceSeries ReadSeries(const Node& node, std::size_t index, const ReferenceItem& item,
                           Diagnostics& diagnostics) {
  const std::string path = fmt::format("series[{}]", index);
  SeriesRow row;
  SectionReader reader(node, path, diagnostics);
  row.Visit(reader);
  reader.ReportUnknownKeys();
  if (row.series.id.empty() || row.series.metric.empty() || row.values == nullptr) {
    diagnostics.Add(node.position, fmt::format("`{}` is incomplete", path),
                    "expected `id`, `metric` and `values`");
  }
  if (row.values != nullptr) {
    row.series.cells = ReadCells(*row.values, path + ".values", item.points, diagnostics);
  }
  for (auto& [point, cell] : row.series.cells) {
    cell.method = row.method;
    cell.uncertainty = row.uncertainty + row.relative_uncertainty * std::abs(cell.value);
  }
  if (row.stated != nullptr) {
    row.series.stated = ReadCells(*row.stated, path + ".stated", item.points, diagnostics);
  }
  for (auto& [point, cell] : row.series.stated) {
    cell.method = "stated";
    cell.uncertainty = kPrintedRounding;
  }
  return row.series;
}

}  // namespace

const ReferenceSeries* ReferenceItem::FindSeries(std::string_view id) const {
  const auto found =
      std::find_if(series.begin(), series.end(), [&](const auto& s) { return s.id == id; });
  return found == series.end() ? nullptr : &*found;
}

std::string ReferenceStem(std::string_view item) {
  std::string stem;
  for (const char c : item) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0) stem += static_cast<char>(std::tolower(byte));
  }
  return stem;
}

Result<ReferenceItem> LoadReference(const std::filesystem::path& dir, std::string_view item) {
  REPRO_ASSIGN_OR_RETURN(const Document document,
                         Document::Load(dir / (ReferenceStem(item) + ".toml")));
  Diagnostics diagnostics;
  ItemFile file;
  SectionReader reader(document.root(), "", diagnostics);
  file.Visit(reader);
  reader.ReportUnknownKeys();
  if (file.item.item.empty() || file.item.points.empty() || file.series == nullptr) {
    diagnostics.Add(document.root().position, "the reference is incomplete",
                    "expected `item`, `points` and [[series]]");
  }
  const auto* rows = file.series == nullptr ? nullptr : file.series->As<Node::Array>();
  for (std::size_t i = 0; rows != nullptr && i < rows->size(); ++i) {
    file.item.series.push_back(ReadSeries((*rows)[i], i, file.item, diagnostics));
  }
  REPRO_RETURN_IF_ERROR(diagnostics.ToStatus());
  return std::move(file.item);
}

Result<std::map<std::string, std::vector<std::string>>> LoadLanguageLists(
    const std::filesystem::path& dir) {
  REPRO_ASSIGN_OR_RETURN(const Document document, Document::Load(dir / "language_lists.toml"));
  Diagnostics diagnostics;
  std::map<std::string, std::vector<std::string>> lists;
  for (const auto& [path, node] : Leaves(document.root())) {
    const std::vector<std::string> parts = SplitPath(path);
    if (parts.size() != 3 || parts[0] != "lists" || parts[2] != "languages") continue;
    ReadValue(*node, path, {}, diagnostics, lists[parts[1]]);
  }
  REPRO_RETURN_IF_ERROR(diagnostics.ToStatus());
  return lists;
}

}  // namespace repro
