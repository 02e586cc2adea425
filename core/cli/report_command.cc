#include "core/cli/report_command.h"

#include <algorithm>
#include <cstdlib>
#include <ostream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/base/units.h"
#include "core/cli/experiment_plan.h"
#include "core/cli/log_access.h"
#include "core/io/file.h"
#include "core/manifest/reference.h"
#include "core/report/html_writer.h"
#include "core/report/report_inputs.h"
#include "core/report/report_model.h"
#include "core/report/text_writers.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kDefaultWidth = 100;
constexpr std::size_t kWidestTable = 140;

std::size_t TerminalWidth(const GlobalOptions& options) {
  struct winsize size {};
  if (options.terminal && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    return std::min<std::size_t>(size.ws_col, kWidestTable);
  }
  const char* columns = std::getenv("COLUMNS");
  const int asked = columns == nullptr ? 0 : std::atoi(columns);
  return asked > 0 ? std::min(static_cast<std::size_t>(asked), kWidestTable) : kDefaultWidth;
}

class ReportCommand : public Command {
 public:
  void Define(CLI::App& app) override {
    arguments_.DefineExperiment(app);
    app.add_option("--format", formats_, "Which of terminal, html, md, csv, json (default: all)")
        ->delimiter(',')
        ->check(CLI::IsMember({"terminal", "html", "md", "csv", "json"}));
    app.add_option("--out", out_dir_, "Folder for the files")->type_name("DIR");
    app.footer(
        "Reads only: works while a run is going, and with nothing run yet it shows the paper's "
        "values.\n"
        "The last line printed is the path of the page (or of the last file written).\n\n"
        "Example:\n"
        "  repro report fig2 --scale smoke\n"
        "Example: the page alone, elsewhere\n"
        "  repro report fig2 --format html --out /tmp");
  }

  Result<int> Run(const CommandContext& context) override {
    REPRO_ASSIGN_OR_RETURN(const ReportInputs inputs, Collect(context));
    const Report report = BuildReport(inputs);
    if (context.options.json) {
      context.out << WriteJson(report);
      if (formats_.empty() && out_dir_.empty()) return 0;
    } else if (Wants("terminal")) {
      context.out << WriteTerminal(
          report, {.width = TerminalWidth(context.options), .color = context.options.color});
    }
    REPRO_ASSIGN_OR_RETURN(const std::vector<fs::path> written, WriteFiles(report, context));
    if (context.options.json || written.empty()) return 0;
    if (Wants("terminal")) context.out << "\n";
    for (const fs::path& path : written) context.out << path.string() << "\n";
    return 0;
  }

 private:
  bool Wants(const char* format) const {
    return formats_.empty() ||
           std::find(formats_.begin(), formats_.end(), format) != formats_.end();
  }

  Result<ReportInputs> Collect(const CommandContext& context) {
    const Suite& suite = context.suite;
    REPRO_ASSIGN_OR_RETURN(LoadedExperiment loaded,
                           LoadGraph(arguments_, suite, context.options.workspace));
    ReportInputs inputs;
    inputs.experiment = std::move(loaded.experiment);
    inputs.build_id = suite.build_id;
    inputs.now_ms = WallTimeMs();
    inputs.command = RunCommandText(arguments_, context.options);
    REPRO_ASSIGN_OR_RETURN(inputs.measures, LoadMeasures(suite.report_dir / "measures.json"));
    auto reference = LoadReference(suite.reference_dir, inputs.experiment.item);
    if (reference) {
      inputs.reference = std::move(*reference);
    } else if (reference.error().code != ErrorCode::kNotFound) {
      return tl::unexpected<Error>(reference.error());
    }
    auto log = OpenLogForReading(context.options);
    if (!log && log.error().code != ErrorCode::kNotFound) return tl::unexpected<Error>(log.error());
    REPRO_RETURN_IF_ERROR(ReadRunLog(log ? &*log : nullptr, loaded.graph, inputs));
    return inputs;
  }

  /// --out; else reports/out of the checkout when its own workspace is used; else reports/ of the
  /// workspace.
  fs::path OutFolder(const CommandContext& context) const {
    if (!out_dir_.empty()) return out_dir_;
    const fs::path checkout = context.suite.report_dir.parent_path();
    const bool in_checkout = context.suite.default_workspace == checkout / "results" / "workspace";
    if (in_checkout && context.options.workspace_flag.empty())
      return context.suite.report_dir / "out";
    return context.options.workspace / "reports";
  }

  /// The page last: its path is what a person looks for.
  Result<std::vector<fs::path>> WriteFiles(const Report& report,
                                           const CommandContext& context) const {
    // Other settings are another report: they must not replace the one of the manifest as it
    // stands.
    const std::string variant =
        arguments_.sets.empty() ? "" : "." + report.provenance.manifest_hash.substr(0, 8);
    const std::string stem = fmt::format("{}.{}{}", report.id, report.provenance.scale, variant);
    const fs::path folder = OutFolder(context);
    std::vector<fs::path> written;
    const auto write = [&](const char* extension, const std::string& content) -> Status {
      const fs::path path = folder / (stem + "." + extension);
      REPRO_RETURN_IF_ERROR(WriteFileAtomic(path, content));
      std::error_code error;
      const fs::path absolute = fs::absolute(path, error);
      written.push_back(error ? path : absolute);
      return {};
    };
    if (Wants("json")) REPRO_RETURN_IF_ERROR(write("json", WriteJson(report)));
    if (Wants("csv")) REPRO_RETURN_IF_ERROR(write("csv", WriteCsv(report)));
    if (Wants("md")) REPRO_RETURN_IF_ERROR(write("md", WriteMarkdown(report)));
    if (Wants("html")) {
      REPRO_ASSIGN_OR_RETURN(const HtmlAssets assets, LoadHtmlAssets(context.suite.report_dir));
      REPRO_ASSIGN_OR_RETURN(const std::string page, WriteHtml(report, assets));
      REPRO_RETURN_IF_ERROR(write("html", page));
    }
    return written;
  }

  ExperimentArguments arguments_;
  std::vector<std::string> formats_;
  std::string out_dir_;
};

}  // namespace

std::unique_ptr<Command> MakeReportCommand() {
  return std::make_unique<ReportCommand>();
}

}  // namespace repro
