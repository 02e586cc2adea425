#pragma once
/// A CleanReport for a terminal, as JSON, as CSV and as a page.

#include <cstddef>
#include <ostream>
#include <string>
#include <vector>

#include "core/io/json_io.h"
#include "core/report/table_page.h"
#include "experiments/programs/clean_report.h"

namespace repro {

struct FunnelLook {
  const FunnelUnit* unit = nullptr;
  bool by_set = false;
  std::size_t table_width = 0;  ///< columns; 0: as many as it takes
  std::size_t width = 100;      ///< columns for text and the chart
  bool color = false;
  bool unicode = true;
  std::string command;  ///< what was typed, to say how rejects are read: "repro data stats 12"
};

/// The table, largest language first; the chart; reasons; what was wrong with the input; rejects.
void PrintFunnel(const CleanReport& report, const FunnelLook& look, std::ostream& out);
/// At most `count` of each stage, reason and language.
void PrintRejects(const CleanReport& report, const std::vector<RejectSample::Key>& keys,
                  std::size_t count, const FunnelLook& look, std::ostream& out);

Json FunnelToJson(const CleanReport& report, const FunnelLook& look);
Json RejectsToJson(const CleanReport& report, const std::vector<RejectSample::Key>& keys,
                   std::size_t count);

/// A row for what was read, for what was kept and for each reason, of each data set and language:
/// set, language, step, reason, documents, lines, bytes.
std::string FunnelToCsv(const CleanReport& report);

/// The funnel, with at most `rejects` of each stage, reason and language.
TablePage FunnelPage(const CleanReport& report, const FunnelLook& look, std::size_t rejects);

}  // namespace repro
