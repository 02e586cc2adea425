#pragma once
/// One self-contained HTML page: style, charts and their library inside, nothing from the network.

#include <filesystem>
#include <string>

#include "core/base/result.h"
#include "core/report/report_model.h"

namespace repro {

/// What the page is made of: the files of reports/ and the Vega bundle that the build makes.
struct HtmlAssets {
  std::string page;        ///< templates/report.html, mustache
  std::string run_page;    ///< templates/run.html, mustache
  std::string table_page;  ///< templates/tables.html, mustache
  std::string style;       ///< style.css
  std::string viewer;      ///< viewer.js
  std::string vega;        ///< vega.js
  Json chart;              ///< chart.vega.json
  Json curves;             ///< curves.vega.json
  Json shares;             ///< shares.vega.json
};

/// Reads them from `report_dir`; vega.js from there (an installed tree) or from the build's own
/// folder. Errors: kNotFound, kIo, kCorrupt.
Result<HtmlAssets> LoadHtmlAssets(const std::filesystem::path& report_dir);

/// JSON for a script element: "<" never appears, so no text in it can end the element.
std::string ScriptJson(const Json& value);

/// The page. All text is escaped, also inside the charts' JSON. Errors: kCorrupt when the template
/// is broken.
Result<std::string> WriteHtml(const Report& report, const HtmlAssets& assets);

}  // namespace repro
