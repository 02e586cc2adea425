#include <algorithm>
#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/text.h"
#include "core/cli/log_access.h"
#include "core/cli/terminal.h"
#include "core/cli/text_table.h"
#include "core/io/file.h"
#include "core/report/html_writer.h"
#include "experiments/programs/clean_report.h"
#include "experiments/programs/clean_report_writers.h"
#include "experiments/programs/data_subcommands.h"
#include "experiments/programs/dataset_counts.h"
#include "experiments/programs/named_tasks.h"
#include "experiments/programs/run_leaks.h"
#include "experiments/tasks/real_text.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

/// What the name on the command line is.
struct Subject {
  std::optional<NamedTasks> tasks;
  std::optional<DatasetManifest> dataset;
};

bool IsNotFound(const Error& error) {
  return error.code == ErrorCode::kNotFound;
}

Result<CleanReport> ReadCleanReport(const NamedTasks& named, const ArtifactStore& store) {
  const std::vector<TaskRow> cleaned = named.OfKind("clean");
  if (cleaned.size() == 1) return LoadCleanReport(store, cleaned.front());
  if (cleaned.empty()) {
    return Fail(ErrorCode::kNotFound,
                "{}: no `clean` task is among its tasks: no real text was cleaned for it",
                named.name);
  }
  std::string list;
  for (const TaskRow& task : cleaned) {
    list += fmt::format("\n  {}  {}", ShortKey(task.key), Printable(task.label));
  }
  return Fail(ErrorCode::kInvalidArgument, "{} has several cleaned texts; name one of them:{}",
              named.name, list);
}

class DataStatsCommand final : public Command {
 public:
  void Define(CLI::App& app) override {
    app_ = &app;
    app.add_option("target", what_,
                   "A run's number, the first digits of a task's key, an experiment that ran here, "
                   "or a data set (`repro data list`)")
        ->required()
        ->type_name("WHAT");
    app.add_option("--unit", unit_, "What a run's funnel is measured in")
        ->check(CLI::IsMember({"documents", "lines", "bytes"}))
        ->capture_default_str();
    app.add_option("--by", by_, "set: a row for each data set of a language")
        ->check(CLI::IsMember({"language", "set"}))
        ->capture_default_str();
    app.add_option("--rejects", rejects_, "Print some of what was dropped, of one stage or reason")
        ->expected(0, 1)
        ->type_name("STAGE[:REASON]");
    app.add_option("-n", count_, "How many rejects of each stage, reason and language")
        ->check(CLI::Range(1, static_cast<int>(RejectSample::kEach)))
        ->capture_default_str();
    app.add_option("--language", language_, "Only rejects of this language")->type_name("CODE");
    app.add_flag("--leaks", leaks_, "Count lines of test sets in the text that is trained on");
    app.add_flag("--strict", strict_, "Of a data set: what is wrong with its files is an error");
    app.add_option("--mirror", mirror_, "A data set as this folder has it, not the workspace")
        ->type_name("DIR");
    app.add_option("--html", html_, "Write the funnel as a page with a chart")->type_name("FILE");
    app.add_option("--csv", csv_, "Write all numbers as CSV")->type_name("FILE");
    app.footer(
        "Of a run: how much text was read, what each stage dropped and why, what is left; every "
        "language.\n"
        "--leaks: exit code 3 where a line of a test set is trained on, 1 where some text is not "
        "made yet or no test set was at hand.\n"
        "Of a data set: its examples or documents, counted in its files; this reads all of them. "
        "Words are what stands between blanks.\n"
        "What is wrong in it is left out and counted, unless --strict is given; a run does the "
        "same, "
        "and stops at it with `--set clean.strict=true`.\n"
        "Examples:\n"
        "  repro data stats 12 --html funnel.html\n"
        "  repro data stats 12 --rejects language:unsure -n 10\n"
        "  repro data stats lab-real --leaks\n"
        "  repro data stats xnli --mirror ~/data\n"
        "  repro data stats xnli --strict");
  }

  Result<int> Run(const CommandContext& context) override {
    REPRO_ASSIGN_OR_RETURN(const Subject subject, Find(context));
    if (!subject.tasks) {
      REPRO_RETURN_IF_ERROR(
          RefuseFlags("of a run, and this is a data set",
                      {"--unit", "--by", "--rejects", "-n", "--language", "--leaks", "--html"}));
      return CountFiles(context, *subject.dataset);
    }
    REPRO_RETURN_IF_ERROR(RefuseFlags(
        "of a data set; a run has `clean.strict` in its manifest, or by --set", {"--strict"}));
    const ArtifactStore store(context.options.workspace);
    if (leaks_) {
      REPRO_RETURN_IF_ERROR(RefuseFlags(
          "not for --leaks", {"--unit", "--by", "--rejects", "-n", "--language", "--html"}));
      return Leaks(context, *subject.tasks, store);
    }
    REPRO_ASSIGN_OR_RETURN(const CleanReport report, ReadCleanReport(*subject.tasks, store));
    return app_->count("--rejects") > 0 ? Rejects(context, report) : ShowFunnel(context, report);
  }

 private:
  Status RefuseFlags(const char* why, std::initializer_list<const char*> flags) const {
    for (const char* const flag : flags) {
      if (app_->count(flag) == 0) continue;
      return Fail(ErrorCode::kInvalidArgument, "{} is {}", flag, why);
    }
    return {};
  }

  static Result<DatasetManifest> FindSet(const CommandContext& context, const std::string& name) {
    REPRO_ASSIGN_OR_RETURN(const fs::path folder, DatasetManifestFolder(context));
    return FindDataset(folder, name);
  }

  /// An experiment, a run's number, a data set, a task's key: the first that there is.
  Result<Subject> Find(const CommandContext& context) const {
    Subject subject;
    if (!mirror_.empty()) {
      REPRO_ASSIGN_OR_RETURN(subject.dataset, FindSet(context, what_));
      return subject;
    }
    const auto log = OpenLogForReading(context.options);
    if (!log && !IsNotFound(log.error())) return tl::unexpected<Error>(log.error());
    if (log) {
      REPRO_ASSIGN_OR_RETURN(subject.tasks, TasksOfExperiment(*log, what_));
      if (subject.tasks) return subject;
    }
    std::string no_dataset;
    if (what_.find_first_not_of("#0123456789") != std::string::npos) {
      auto dataset = FindSet(context, what_);
      if (dataset) {
        subject.dataset = std::move(*dataset);
        return subject;
      }
      if (!log || !IsNotFound(dataset.error())) return tl::unexpected<Error>(dataset.error());
      no_dataset = dataset.error().message;
    }
    if (!log) return tl::unexpected<Error>(log.error());
    auto tasks = TasksOfTarget(*log, what_);
    if (tasks) {
      subject.tasks = std::move(*tasks);
      return subject;
    }
    if (no_dataset.empty() || !IsNotFound(tasks.error())) {
      return tl::unexpected<Error>(tasks.error());
    }
    return Fail(ErrorCode::kNotFound, "{}; nor is it an experiment that ran here, and {}",
                tasks.error().message, no_dataset);
  }

  FunnelLook LookOf(const CommandContext& context) const {
    return {.unit = FindFunnelUnit(unit_),
            .by_set = by_ == "set",
            .table_width = TableWidth(),
            .width = ReadingWidth(),
            .color = context.options.color,
            .unicode = LocaleIsUtf8(),
            .command = fmt::format("repro data stats {}{}", ShellWord(what_),
                                   context.options.workspace_flag)};
  }

  /// Errors: kIo.
  Status WriteCsv(const std::string& csv) const {
    return csv_.empty() ? Status() : WriteFileAtomic(csv_, csv);
  }

  Result<int> ShowFunnel(const CommandContext& context, const CleanReport& report) const {
    REPRO_RETURN_IF_ERROR(RefuseFlags("for --rejects", {"--language"}));
    const FunnelLook look = LookOf(context);
    REPRO_RETURN_IF_ERROR(WriteCsv(FunnelToCsv(report)));
    if (!html_.empty()) {
      REPRO_ASSIGN_OR_RETURN(const HtmlAssets assets, LoadHtmlAssets(context.suite.report_dir));
      REPRO_ASSIGN_OR_RETURN(const std::string page,
                             WriteTablePage(FunnelPage(report, look, count_), assets));
      REPRO_RETURN_IF_ERROR(WriteFileAtomic(html_, page));
    }
    if (context.options.json) {
      PrintJson(context.out, FunnelToJson(report, look));
      return 0;
    }
    PrintFunnel(report, look, context.out);
    NameTheDataset(context);
    return 0;
  }

  /// An experiment may be called as the data set that it is trained on.
  void NameTheDataset(const CommandContext& context) const {
    const fs::path manifest = context.suite.manifest_dir / "datasets" / (what_ + ".toml");
    std::error_code error;
    if (!fs::exists(manifest, error)) return;
    context.out << Printable(
        fmt::format("the data set of this name: repro data stats {}{}\n",
                    ShellWord(manifest.string()), context.options.workspace_flag),
        /*keep_lines=*/true);
  }

  Result<int> Rejects(const CommandContext& context, const CleanReport& report) const {
    REPRO_RETURN_IF_ERROR(RefuseFlags("not for --rejects", {"--unit", "--by", "--html", "--csv"}));
    REPRO_ASSIGN_OR_RETURN(auto keys, ChooseRejects(report, ParseRejectFilter(rejects_)));
    if (!language_.empty()) {
      std::erase_if(keys, [&](const auto& key) { return key.language != language_; });
      if (keys.empty()) {
        return Fail(ErrorCode::kNotFound, "no such rejects in '{}' are kept", Printable(language_));
      }
    }
    if (context.options.json) {
      PrintJson(context.out, RejectsToJson(report, keys, count_));
    } else {
      PrintRejects(report, keys, count_, LookOf(context), context.out);
    }
    return 0;
  }

  Result<int> Leaks(const CommandContext& context, const NamedTasks& named,
                    const ArtifactStore& store) const {
    REPRO_ASSIGN_OR_RETURN(const RunLeaks leaks, FindLeaks(named, store));
    REPRO_RETURN_IF_ERROR(WriteCsv(LeaksToCsv(leaks)));
    if (context.options.json) {
      PrintJson(context.out, LeaksToJson(leaks));
    } else {
      PrintLeaks(leaks, TableWidth(), ReadingWidth(), context.options.color, context.out);
    }
    if (leaks.shared() > 0) return 3;
    return leaks.unmade() > 0 || leaks.evaluation_lines == 0 ? 1 : 0;
  }

  Result<int> CountFiles(const CommandContext& context, const DatasetManifest& manifest) const {
    REPRO_ASSIGN_OR_RETURN(const auto places, DatasetPlaces::Open(context, mirror_));
    std::vector<PartCounts> parts;
    REPRO_RETURN_IF_ERROR(Count(places, manifest, {}, parts));
    for (const MixtureTake& take : manifest.takes) {
      const auto taken = FindSet(context, take.set);
      if (!taken) return Context(take.where.ToString(), taken.error());
      REPRO_RETURN_IF_ERROR(
          Count(places, *taken, {.parts = take.parts, .languages = take.languages}, parts));
    }
    if (std::all_of(parts.begin(), parts.end(), [](const auto& part) { return part.files == 0; })) {
      return Fail(ErrorCode::kNotFound, "{}: no file of it is at hand; {}", manifest.id,
                  manifest.folder.empty()
                      ? fmt::format("`repro data show {}` says how it is got", manifest.id)
                      : fmt::format("its `folder` is {}",
                                    DatasetFolder(manifest, context.options.workspace).string()));
    }
    REPRO_RETURN_IF_ERROR(WriteCsv(DatasetCountsToCsv(parts)));
    if (context.options.json) {
      PrintJson(context.out, {{"id", manifest.id},
                              {"title", manifest.title},
                              {"kind", manifest.kind},
                              {"use", manifest.use},
                              {"parts", DatasetCountsToJson(parts)}});
      return 0;
    }
    context.out << Styled(Printable(manifest.title), Style::kBold, context.options.color) << "\n\n";
    PrintDatasetCounts(parts, TableWidth(), ReadingWidth(), context.options.color, context.out);
    return 0;
  }

  Status Count(const DatasetPlaces& places, const DatasetManifest& manifest,
               const FileFilter& wanted, std::vector<PartCounts>& parts) const {
    REPRO_ASSIGN_OR_RETURN(const DatasetState state, places.Look(manifest));
    REPRO_ASSIGN_OR_RETURN(
        std::vector<PartCounts> counted,
        CountDataset(
            manifest, state, strict_, [&](const DatasetPart& part) { return wanted.Wants(part); },
            [&](const DatasetFileAt& file) { return wanted.Wants(file); }));
    std::move(counted.begin(), counted.end(), std::back_inserter(parts));
    return {};
  }

  std::string what_;
  std::string unit_ = "bytes";
  std::string by_ = "language";
  std::string rejects_;
  std::size_t count_ = 3;
  std::string language_;
  bool leaks_ = false;
  bool strict_ = false;
  std::string mirror_;
  std::string html_;
  std::string csv_;
  const CLI::App* app_ = nullptr;  ///< which flags were given; outlives the command's run
};

}  // namespace

std::unique_ptr<Command> MakeDataStatsCommand() {
  return std::make_unique<DataStatsCommand>();
}

}  // namespace repro
