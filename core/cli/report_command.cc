#include "core/cli/report_command.h"

#include <algorithm>
#include <functional>
#include <ostream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/text.h"
#include "core/base/units.h"
#include "core/cli/experiment_plan.h"
#include "core/cli/log_access.h"
#include "core/cli/terminal.h"
#include "core/cli/training_view.h"
#include "core/io/file.h"
#include "core/manifest/reference.h"
#include "core/report/html_writer.h"
#include "core/report/report_inputs.h"
#include "core/report/report_model.h"
#include "core/report/text_writers.h"
#include "core/report/training_page.h"
#include "core/report/training_writers.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRunWord = "run";

class ReportCommand : public Command {
 public:
  void Define(CLI::App& app) override {
    arguments_.DefineExperiment(app);
    app.add_option("run", run_,
                   "After the word `run`: the number of a run, as `repro status --runs` lists them")
        ->type_name("RUN");
    app.add_option("--format", formats_, "Which of terminal, html, md, csv, json (default: all)")
        ->delimiter(',')
        ->check(CLI::IsMember({"terminal", "html", "md", "csv", "json"}));
    app.add_option(
           "--out", out_dir_,
           "Folder for the files (default: reports/out of the checkout; with a workspace of "
           "your own its reports/)")
        ->type_name("DIR");
    app.footer(
        "Reads only: works while a run is going, and with nothing run yet it shows the paper's "
        "values.\n"
        "Files: MANIFEST.SCALE.html, .md, .csv, .json.\n"
        "The last line printed is the path of the page (or of the last file written).\n\n"
        "`repro report run RUN` shows instead how one run trained: loss, learning rate, gradient\n"
        "norm, tokens/s, MFU, data wait, memory, every language, and what went wrong. RUN is its\n"
        "number: `repro status --runs` lists them. Files: run-RUN.html (all curves), run-RUN.md,\n"
        "run-RUN.csv (every point), run-RUN.json; those of an earlier look are replaced. --scale\n"
        "and --set are not for it.\n\n"
        "Example:\n"
        "  repro report fig2 --scale smoke\n"
        "Example: the page alone, elsewhere\n"
        "  repro report fig2 --format html --out /tmp\n"
        "Example: how run 12 trained, or trains; its page is reports/out/run-12.html\n"
        "  repro report run 12\n"
        "Example: every point of every curve of run 12, as /tmp/run-12.csv\n"
        "  repro report run 12 --format csv --out /tmp");
    app_ = &app;
  }

  Result<int> Run(const CommandContext& context) override {
    if (arguments_.manifest == kRunWord) return ReportRun(context);
    if (!run_.empty()) {
      return Fail(ErrorCode::kInvalidArgument,
                  "'{}' follows the manifest {}: one manifest a report; the training of a run is "
                  "`repro report run NUMBER`",
                  Printable(run_), Printable(arguments_.manifest));
    }
    REPRO_ASSIGN_OR_RETURN(const ReportInputs inputs, Collect(context));
    const Report report = BuildReport(inputs);
    if (context.options.json) {
      context.out << WriteJson(report);
      if (formats_.empty() && out_dir_.empty()) return 0;
    } else if (Wants("terminal")) {
      context.out << WriteTerminal(report,
                                   {.width = ReadingWidth(), .color = context.options.color});
    }
    // Other settings are another report: they must not replace the one of the manifest as it
    // stands.
    const std::string variant =
        arguments_.sets.empty() ? "" : "." + report.provenance.manifest_hash.substr(0, 8);
    const std::string stem = fmt::format("{}.{}{}", report.id, report.provenance.scale, variant);
    REPRO_ASSIGN_OR_RETURN(
        const std::vector<fs::path> written,
        WriteFiles(stem, context,
                   {.json = [&] { return WriteJson(report); },
                    .csv = [&] { return WriteCsv(report); },
                    .md = [&] { return WriteMarkdown(report); },
                    .html = [&](const HtmlAssets& assets) { return WriteHtml(report, assets); }}));
    ListWritten(written, context);
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
    PrintNotes(loaded.graph, context);
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

  /// `repro report run NUMBER`.
  Result<int> ReportRun(const CommandContext& context) const {
    if (run_.empty()) {
      return Fail(ErrorCode::kInvalidArgument,
                  "which run? `repro status --runs` lists them; then `repro report run NUMBER` (a "
                  "manifest called run is ./run.toml)");
    }
    if (app_->count("--scale") > 0 || app_->count("--set") > 0) {
      return Fail(ErrorCode::kInvalidArgument,
                  "--scale and --set choose a manifest's settings; run {} has its own",
                  Printable(run_));
    }
    REPRO_ASSIGN_OR_RETURN(const RunLog log, OpenLogForReading(context.options));
    REPRO_ASSIGN_OR_RETURN(const RunRow run, FindRunTarget(log, run_));
    REPRO_ASSIGN_OR_RETURN(const TrainingReport report,
                           ReadTrainingReport(log, context.options.workspace, run, WallTimeMs()));
    if (context.options.json) {
      context.out << WriteTrainingJson(report);
      if (formats_.empty() && out_dir_.empty()) return 0;
    } else if (Wants("terminal")) {
      const TrainingViewOptions view{
          .width = ReadingWidth(), .color = context.options.color, .unicode = LocaleIsUtf8()};
      for (const std::string& sentence : TrainingHeadline(report)) {
        for (const std::string& line : WrapToColumns(Printable(sentence), view.width)) {
          context.out << line << '\n';
        }
      }
      for (const TrainingTask& training : report.training) {
        context.out << '\n';
        for (const std::string& line : DrawTraining(training, report.now_ms, view)) {
          context.out << line << '\n';
        }
      }
    }
    REPRO_ASSIGN_OR_RETURN(
        const std::vector<fs::path> written,
        WriteFiles(
            fmt::format("run-{}", run.id), context,
            {.json = [&] { return WriteTrainingJson(report); },
             .csv = [&] { return WriteTrainingCsv(report); },
             .md = [&] { return WriteTrainingMarkdown(report); },
             .html = [&](const HtmlAssets& assets) { return WriteTrainingHtml(report, assets); }}));
    ListWritten(written, context);
    return 0;
  }

  void ListWritten(const std::vector<fs::path>& written, const CommandContext& context) const {
    if (context.options.json || written.empty()) return;
    if (Wants("terminal")) context.out << "\n";
    for (const fs::path& path : written) context.out << path.string() << "\n";
  }

  /// A report in each of its file formats.
  struct Writers {
    std::function<std::string()> json, csv, md;
    std::function<Result<std::string>(const HtmlAssets&)> html;
  };

  /// The page last: its path is what a person looks for.
  Result<std::vector<fs::path>> WriteFiles(const std::string& stem, const CommandContext& context,
                                           const Writers& writers) const {
    const fs::path folder = OutFolder(context);
    std::vector<fs::path> written;
    const auto write = [&](const char* extension, const std::string& content) -> Status {
      const fs::path path = folder / (stem + "." + extension);
      REPRO_RETURN_IF_ERROR(MakeDirectories(folder));
      REPRO_RETURN_IF_ERROR(WriteFileAtomic(path, content));
      std::error_code error;
      const fs::path absolute = fs::absolute(path, error);
      written.push_back(error ? path : absolute);
      return {};
    };
    if (Wants("json")) REPRO_RETURN_IF_ERROR(write("json", writers.json()));
    if (Wants("csv")) REPRO_RETURN_IF_ERROR(write("csv", writers.csv()));
    if (Wants("md")) REPRO_RETURN_IF_ERROR(write("md", writers.md()));
    if (Wants("html")) {
      REPRO_ASSIGN_OR_RETURN(const HtmlAssets assets, LoadHtmlAssets(context.suite.report_dir));
      REPRO_ASSIGN_OR_RETURN(const std::string page, writers.html(assets));
      REPRO_RETURN_IF_ERROR(write("html", page));
    }
    return written;
  }

  ExperimentArguments arguments_;
  std::vector<std::string> formats_;
  std::string out_dir_;
  std::string run_;
  const CLI::App* app_ = nullptr;  ///< which flags were given; outlives the command's run
};

}  // namespace

std::unique_ptr<Command> MakeReportCommand() {
  return std::make_unique<ReportCommand>();
}

}  // namespace repro
