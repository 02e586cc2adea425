#pragma once
/// A page of tables, and of a chart of shares above them: one self-contained HTML file.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/report/html_writer.h"
#include "core/report/share_bars.h"

namespace repro {

struct PageCell {
  std::string text;
  std::string below;  ///< smaller, under the text; may be empty
};

/// "16.5 ± 0.8": both in a line.
std::string TextOf(const PageCell& cell);

struct PageTable {
  struct Column {
    std::string name;
    bool right = false;  ///< numbers
  };
  std::string title;
  std::string about;  ///< a sentence under the title; may be empty
  std::vector<Column> columns;
  std::vector<std::vector<PageCell>> rows;  ///< as many cells as columns
  bool open = true;                         ///< false: the reader unfolds it
};

/// What a writer of text lays out: names of columns, rows, and how many columns of text stand
/// before the first of numbers.
struct PlainTable {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
  std::size_t text_columns = 0;
};
PlainTable TextOf(const PageTable& table);

struct TablePage {
  std::string kind;  ///< what the page is about, over its title
  std::string title;
  std::vector<std::string> headline;  ///< sentences that must be read first
  std::string chart_title;
  std::string chart_about;
  std::optional<ShareBars> chart;
  std::string (*show_part)(std::int64_t) = nullptr;        ///< of the chart
  std::vector<PageTable> tables;                           ///< those without rows are left out
  std::vector<std::pair<std::string, std::string>> facts;  ///< where it comes from
  std::int64_t made_ms = 0;
};

/// The page. All text is escaped and printable, also inside the chart's JSON. Errors: kCorrupt when
/// the template is broken.
Result<std::string> WriteTablePage(const TablePage& page, const HtmlAssets& assets);

}  // namespace repro
