// Prints the sample report and writes its page, to look at: repro_report_preview FILE [moves|partial|one].

#include <cstdio>
#include <string>

#include "core/io/file.h"
#include "core/report/html_writer.h"
#include "core/report/text_writers.h"
#include "tests/core/report/sample.h"

int main(int argc, char** argv) {
  using namespace repro;
  if (argc < 2) return 2;
  const std::string kind = argc > 2 ? argv[2] : "";
  SampleOptions options;
  options.xnli_moves = kind == "moves";
  options.complete_sweep = kind == "moves";
  if (kind == "one") options.seeds = 1;
  ReportInputs inputs = SampleInputs(options);
  if (kind == "partial") {
    inputs.tasks[SampleKey("pretrain", "wiki30", "main", 2)].state = "diverged";
    inputs.tasks[SampleKey("pretrain", "xnli15", "main", 3)].state = "running";
    inputs.tasks[SampleKey("pretrain", "wiki30", "null-world", 1)].build = "older";
  }
  const auto assets = LoadHtmlAssets(REPRO_REPORTS);
  if (!assets) return std::fputs(assets.error().message.c_str(), stderr), 1;
  const Report report = BuildReport(inputs);
  std::fputs(WriteTerminal(report, {.width = 110}).c_str(), stdout);
  const auto page = WriteHtml(report, *assets);
  if (!page) return std::fputs(page.error().message.c_str(), stderr), 1;
  return WriteFileAtomic(argv[1], *page) ? 0 : 1;
}
