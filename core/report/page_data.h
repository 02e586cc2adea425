#pragma once
/// What the templates of several pages take alike.

#include <string>

#include <kainjow/mustache.hpp>

#include "core/report/table_page.h"

namespace repro {

/// `values`: pairs of text. A list of {name, value}.
template <class Pairs>
kainjow::mustache::list NamedValues(const Pairs& values) {
  kainjow::mustache::list entries;
  for (const auto& [name, value] : values) {
    kainjow::mustache::data entry;
    entry.set("name", name);
    entry.set("value", value);
    entries.push_back(entry);
  }
  return entries;
}

/// A value that is also a condition: false when the text is empty. Control characters are made
/// harmless.
kainjow::mustache::data TextOrNothing(const std::string& text);

/// What templates show of a table: title, about, open, columns, rows, count.
kainjow::mustache::data TableView(const PageTable& table);

/// Sets `legend` and `spec` of a chart of shares.
void SetShareChart(const ShareBars& chart, std::string (*show_part)(std::int64_t),
                   const HtmlAssets& assets, kainjow::mustache::data& view);

}  // namespace repro
