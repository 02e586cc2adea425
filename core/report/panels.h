#pragma once
/// Parts of a report that are sentences, bars and tables, laid out by every writer alike.

#include <optional>
#include <string>
#include <vector>

#include "core/report/report_model.h"
#include "core/report/share_bars.h"
#include "core/report/table_page.h"

namespace repro {

struct ReportPanel {
  std::string title;
  std::string about;  ///< a sentence under the title; may be empty
  std::vector<std::string> sentences;
  bool alarm = false;  ///< the sentences must not be overlooked
  std::optional<ShareBars> chart;
  std::string (*show_part)(std::int64_t) = nullptr;  ///< of the chart
  std::vector<PageTable> tables;
};

/// The tables by language, how much text there is and whether it leaks, its funnel, what it stands
/// for as text of one language. Without any of these: none.
std::vector<ReportPanel> ReportPanels(const Report& report);

/// What is trained on at a planned point: "4 languages, 61.2 MiB", "4 languages" while the size is
/// not known; "–" for a point that is not planned.
std::string ShowVolume(const Report& report, const std::string& point);

/// "all: 4 languages, 61.2 MiB, 10,204,331 words.", one for each point of which it is known.
std::vector<std::string> SayVolumes(const Report& report);

/// "Leak: 3 of 1,204,331 lines at lab4 are lines of test sets (en 3)."; empty where none is.
std::string LeakWarning(const CorpusPanel& corpus);

}  // namespace repro
