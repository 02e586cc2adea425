#include "core/report/share_bars.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include <fmt/format.h>

#include "core/base/text.h"
#include "core/base/units.h"

namespace repro {
namespace {

constexpr std::size_t kNarrowest = 40;
constexpr std::size_t kNameColumns = 16;
constexpr std::size_t kShareColumns = 8;
constexpr std::size_t kGap = 2;
constexpr std::array<std::string_view, 6> kFills = {"█", "▓", "▒", "░", "▚", "·"};
constexpr std::array<std::string_view, 6> kAsciiFills = {"#", "=", "+", "-", "x", "."};
constexpr std::array<std::size_t, 6> kPageColors = {2, 1, 4, 3, 0, 5};      // of style.css
constexpr std::array<std::size_t, 6> kTerminalColors = {4, 0, 1, 3, 2, 5};  // of `InStyle`

std::string_view FillOf(std::size_t style, bool unicode) {
  return (unicode ? kFills : kAsciiFills)[style % kFills.size()];
}

std::string Filled(const std::string& cells, std::size_t style, bool color) {
  return InStyle(cells, kTerminalColors[style % kTerminalColors.size()], color);
}

double ShareOf(std::int64_t part, std::int64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

/// A name in at most so many columns.
std::string Short(const std::string& name, std::size_t columns, bool unicode) {
  const std::string text = Printable(name);
  if (DisplayWidth(text) <= columns) return text;
  const std::string_view ellipsis = unicode ? "…" : ".";
  std::string_view cut = text;
  while (DisplayWidth(cut) + 1 > columns) cut = Prefix(cut, cut.size() - 1);
  return std::string(cut).append(ellipsis);
}

void AddLegend(const ShareBars& chart, const PlotLook& look, std::size_t width,
               std::vector<std::string>& rows) {
  std::string line;
  std::size_t used = 0;
  for (std::size_t i = 0; i < chart.classes.size(); ++i) {
    const std::string name = Short(chart.classes[i], width - kGap, look.unicode);
    const std::size_t wanted = 2 + DisplayWidth(name);
    if (used > 0 && used + kGap + wanted > width) {
      rows.push_back(std::move(line));
      line.clear();
      used = 0;
    }
    if (used > 0) line.append(kGap, ' ');
    line += Filled(std::string(FillOf(i, look.unicode)), i, look.color) + ' ' + name;
    used += (used > 0 ? kGap : 0) + wanted;
  }
  rows.push_back(std::move(line));
}

}  // namespace

std::string FormatShare(std::int64_t part, std::int64_t whole) {
  if (whole == 0) return "-";
  if (part == 0) return "0 %";
  if (part == whole) return "100 %";
  const double percent = 100 * ShareOf(part, whole);
  if (percent < 0.05) return "< 0.1 %";
  if (percent >= 99.95) return "> 99.9 %";
  return fmt::format("{:.1f} %", percent);
}

std::size_t ShareColor(std::size_t index) {
  return kPageColors[index % kPageColors.size()];
}

std::vector<std::string> DrawShareBars(const ShareBars& chart, const PlotLook& look) {
  std::vector<std::string> rows;
  if (chart.bars.empty()) return rows;
  const std::size_t width = std::max(look.width, kNarrowest);
  AddLegend(chart, look, width, rows);
  std::size_t name_columns = 1;
  for (const ShareBar& bar : chart.bars) {
    name_columns = std::max(name_columns, DisplayWidth(Printable(bar.name)));
  }
  name_columns = std::min(name_columns, kNameColumns);
  const std::size_t columns = width - name_columns - kShareColumns - 2 * kGap;
  for (const ShareBar& bar : chart.bars) {
    std::string row = Padded(Short(bar.name, name_columns, look.unicode), name_columns + kGap);
    double end = 0;
    std::int64_t drawn = 0;
    for (std::size_t i = 0; i < bar.parts.size(); ++i) {
      end += ShareOf(bar.parts[i], bar.whole);
      const auto to = std::llround(std::min(end, 1.0) * static_cast<double>(columns));
      std::string cells;
      for (; drawn < to; ++drawn) cells += FillOf(i, look.unicode);
      if (!cells.empty()) row += Filled(cells, i, look.color);
    }
    row.append(columns - static_cast<std::size_t>(drawn) + kGap, ' ');
    row += Pad(FormatShare(bar.parts.empty() ? 0 : bar.parts.front(), bar.whole), kShareColumns,
               /*left=*/true);
    rows.push_back(std::move(row));
  }
  return rows;
}

Json VegaShareBars(const ShareBars& chart, std::string (*show)(std::int64_t), Json specification) {
  Json rows = Json::array();
  Json names = Json::array();
  std::size_t longest = 0;
  for (std::size_t b = 0; b < chart.bars.size(); ++b) {
    const ShareBar& bar = chart.bars[b];
    const std::string name = Printable(bar.name);
    names.push_back(name);
    longest = std::max(longest, DisplayWidth(name));
    double end = 0;
    for (std::size_t i = 0; i < bar.parts.size(); ++i) {
      if (bar.parts[i] == 0) continue;
      const double begin = end;
      end += ShareOf(bar.parts[i], bar.whole);
      rows.push_back(
          {{"b", b},
           {"x0", begin},
           {"x1", end},
           {"c", ShareColor(i)},
           {"tip", fmt::format("{}\n{}: {} ({} of {})", name, Printable(chart.classes[i]),
                               FormatShare(bar.parts[i], bar.whole), show(bar.parts[i]),
                               show(bar.whole))}});
    }
  }
  for (Json& signal : specification["signals"]) {
    if (signal.value("name", "") == "names") signal["value"] = names;
    if (signal.value("name", "") == "nameColumns") signal["value"] = longest;
  }
  specification["data"][0]["values"] = std::move(rows);
  return specification;
}

}  // namespace repro
