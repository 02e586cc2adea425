#include "experiments/programs/results_commands.h"

#include <algorithm>
#include <array>
#include <ostream>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include "core/base/hash.h"
#include "core/base/text.h"
#include "core/base/units.h"
#include "core/cli/log_access.h"
#include "core/cli/text_table.h"
#include "core/graph/collect_results.h"
#include "core/scheduler/import_results.h"
#include "core/store/lease.h"
#include "experiments/datasets/known_files.h"
#include "experiments/tasks/source_files.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

struct KeptFile {
  std::string_view kind, path;
};
// Of each kind all but what holds text (rejects.json, notes.json, test sets) or is large (weights,
// shards, vocabularies).
constexpr std::array<KeptFile, 10> kKept = {{{"clean", "funnel.json"},
                                             {"coded", "stats.json"},
                                             {"controls", "controls.json"},
                                             {"corpus", "stats.json"},
                                             {"corpus_stats", "stats.json"},
                                             {"encode", "meta.json"},
                                             {"evaluate", "predictions.jsonl"},
                                             {"evaluate", "scores.json"},
                                             {"evaluation_text", "counts.json"},
                                             {"subset", "stats.json"}}};

/// The files of data sets in the tasks' settings, each once, with their sizes.
Result<std::vector<ResultsSource>> SourcesOf(const TaskGraph& graph, const fs::path& workspace) {
  REPRO_ASSIGN_OR_RETURN(const KnownFiles known, KnownFiles::Load(workspace));
  std::map<std::pair<std::string, std::string>, ResultsSource> sources;
  for (const Task& task : graph.tasks()) {
    for (const SourceFile& file : SourceFilesIn(task)) {
      ResultsSource& source = sources[{file.set, file.name}];
      if (!source.sha256.empty()) continue;
      source = {.set = file.set, .name = file.name, .bytes = 0, .sha256 = file.sha256};
      std::error_code error;
      const std::uintmax_t bytes = fs::file_size(file.path, error);
      const KnownFiles::Entry* const entry = known.Find(file.set, file.name);
      if (!error) {
        source.bytes = static_cast<std::int64_t>(bytes);
      } else if (entry != nullptr) {
        source.bytes = entry->bytes;
      }
    }
  }
  std::vector<ResultsSource> list;
  for (auto& [name, source] : sources) list.push_back(std::move(source));
  return list;
}

/// An earlier export is replaced, anything else is not.
Status CheckTarget(const fs::path& file) {
  std::error_code error;
  if (!fs::exists(file, error)) return {};
  const auto results = fs::is_regular_file(file, error) ? IsResultsFile(file) : Result<bool>(false);
  if (results && *results) return {};
  return Fail(ErrorCode::kInvalidArgument,
              "{}: what is there is no results file, so it is never replaced: name another",
              Printable(file.string()));
}

void AddSources(std::vector<ResultsSource> fresh, std::vector<ResultsSource>& sources) {
  std::set<std::pair<std::string, std::string>> there;
  for (const ResultsSource& source : sources) there.emplace(source.set, source.name);
  for (ResultsSource& source : fresh) {
    if (!there.contains({source.set, source.name})) sources.push_back(std::move(source));
  }
}

Status KeepSources(const std::vector<ResultsSource>& sources, const CommandContext& context) {
  if (sources.empty()) return {};
  REPRO_ASSIGN_OR_RETURN(KnownFiles known, KnownFiles::Load(context.options.workspace));
  std::map<std::string, KnownFiles::Names> sets;
  for (const ResultsSource& source : sources) {
    sets[source.set][source.name] = {.bytes = source.bytes, .sha256 = source.sha256};
  }
  for (auto& [set, names] : sets) {
    if (!known.Add(set, std::move(names))) continue;
    context.err << fmt::format(
        "warning: of data set {} a file has another SHA-256 than in results imported before; "
        "without the data those are not found any more\n",
        Printable(set));
  }
  return known.Save(context.options.workspace);
}

/// A check found what it looks for: other results than those that are here.
constexpr int kDifferingExit = 3;

/// "2.96" of a value, "SHA-256 3f2a91c07b1d..." of a file, "none".
std::string ShowResult(const Json& value) {
  if (value.is_null()) return "none";
  if (!value.is_string()) return CanonicalJson(value);
  const std::string text = value.get<std::string>();
  return IsSha256Hex(text) ? "SHA-256 " + text.substr(0, 12) + "..." : text;
}

Json ToJson(const DifferingTask& task) {
  Json differences = Json::array();
  for (const ResultsDifference& one : task.differences) {
    differences.push_back({{"what", one.what}, {"workspace", one.here}, {"file", one.file}});
  }
  return {{"task", task.key}, {"label", task.label}, {"differences", std::move(differences)}};
}

void PrintDiffering(const std::vector<DifferingTask>& differing, std::ostream& out) {
  constexpr std::size_t kShown = 20;
  for (std::size_t i = 0; i < std::min(differing.size(), kShown); ++i) {
    const ResultsDifference& first = differing[i].differences.front();
    const std::size_t more = differing[i].differences.size() - 1;
    out << fmt::format("  task {}: {}: the workspace has {}, the file {}{}; kept what is there\n",
                       Printable(differing[i].label), Printable(first.what), ShowResult(first.here),
                       ShowResult(first.file),
                       more == 0 ? "" : fmt::format(" (and {})", Plural(more, "other difference")));
  }
  if (differing.size() > kShown) {
    out << fmt::format("  and {}; --json lists all\n",
                       Plural(differing.size() - kShown, "other task"));
  }
}

}  // namespace

bool KeepsResultsFile(const std::string& kind, const std::string& path) {
  return std::any_of(kKept.begin(), kKept.end(),
                     [&](const KeptFile& kept) { return kept.kind == kind && kept.path == path; });
}

Result<int> ExportResults(const CommandContext& context,
                          const std::vector<ExperimentArguments>& experiments,
                          const fs::path& file) {
  const GlobalOptions& options = context.options;
  REPRO_RETURN_IF_ERROR(CheckTarget(file));
  REPRO_ASSIGN_OR_RETURN(const RunLog log, OpenLogForReading(options));
  const ArtifactStore store(options.workspace);
  ResultsFile results;
  for (const ExperimentArguments& arguments : experiments) {
    REPRO_ASSIGN_OR_RETURN(const LoadedExperiment loaded,
                           LoadGraph(arguments, context.suite, options.workspace));
    const std::string& id = loaded.experiment.id;
    for (const ResultsExperiment& other : results.experiments) {
      if (other.id != id) continue;
      return Fail(ErrorCode::kInvalidArgument, "{}: experiment {} is named twice",
                  Printable(arguments.manifest), id);
    }
    REPRO_RETURN_IF_ERROR(
        CollectResults(loaded.experiment, loaded.graph, log, store, &KeepsResultsFile, results));
    REPRO_ASSIGN_OR_RETURN(auto sources, SourcesOf(loaded.graph, options.workspace));
    AddSources(std::move(sources), results.sources);
  }
  REPRO_RETURN_IF_ERROR(WriteResults(results, file));

  const auto complete =
      std::count_if(results.tasks.begin(), results.tasks.end(),
                    [](const ResultsTask& task) { return task.record.has_value(); });
  std::size_t kept = 0;
  std::size_t runs = 0;
  for (const ResultsTask& task : results.tasks) kept += task.files.size();
  for (const ResultsExperiment& experiment : results.experiments) runs += experiment.runs.size();
  std::error_code error;
  const auto bytes = static_cast<std::int64_t>(fs::file_size(file, error));
  if (options.json) {
    PrintJson(context.out, {{"file", fs::absolute(file, error).string()},
                            {"bytes", bytes},
                            {"experiments", results.experiments.size()},
                            {"runs", runs},
                            {"tasks", results.tasks.size()},
                            {"complete", complete},
                            {"files", kept},
                            {"sources", results.sources.size()}});
    return 0;
  }
  context.out << fmt::format(
      "{}: {}: {} of {} complete, in {}; {} of them kept, no weights, no text\n",
      Printable(file.string()), FormatBytes(bytes), complete, Plural(results.tasks.size(), "task"),
      Plural(runs, "run"), Plural(kept, "file"));
  context.out << fmt::format("`repro import {}` in another workspace takes them as done\n",
                             Printable(ShellWord(file.filename().string())));
  return 0;
}

Result<int> ImportResultsFile(const CommandContext& context, const fs::path& file) {
  const GlobalOptions& options = context.options;
  REPRO_ASSIGN_OR_RETURN(const ResultsFile results, ReadResults(file));
  REPRO_ASSIGN_OR_RETURN(const Lease lease,
                         Lease::Acquire(options.workspace, CommandText(options)));
  REPRO_ASSIGN_OR_RETURN(RunLog log, OpenLogForWriting(options));
  const ArtifactStore store(options.workspace);
  REPRO_ASSIGN_OR_RETURN(const ImportedResults imported, ImportResults(results, store, log));
  REPRO_RETURN_IF_ERROR(KeepSources(results.sources, context));
  const int code = imported.differing.empty() ? 0 : kDifferingExit;

  if (options.json) {
    Json differing = Json::array();
    for (const DifferingTask& task : imported.differing) differing.push_back(ToJson(task));
    Json experiments = Json::array();
    for (const ResultsExperiment& experiment : results.experiments) {
      experiments.push_back({{"experiment", experiment.id},
                             {"scale", experiment.scale},
                             {"runs", experiment.runs.size()}});
    }
    PrintJson(context.out, {{"experiments", std::move(experiments)},
                            {"artifacts", imported.artifacts},
                            {"results_only", imported.results_only},
                            {"there", imported.there},
                            {"planned", imported.planned},
                            {"differing", std::move(differing)}});
    return code;
  }
  context.out << fmt::format(
      "{}: {} with all files, {} with results only; {} that the workspace had{}\n",
      Printable(file.string()), Plural(imported.artifacts, "task"), imported.results_only,
      imported.there,
      code == 0 ? "" : fmt::format(", {} with other results", imported.differing.size()));
  PrintDiffering(imported.differing, context.out);
  std::error_code error;
  for (const ResultsExperiment& experiment : results.experiments) {
    // Commands find a manifest of the suite by its name; of another only the user knows the place.
    const bool by_name = fs::exists(context.suite.manifest_dir / (experiment.id + ".toml"), error);
    context.out << fmt::format("  {} at scale {}: {}; repro report {} --scale {}{}\n",
                               Printable(experiment.id), Printable(experiment.scale),
                               Plural(experiment.runs.size(), "run"),
                               by_name ? experiment.id : "MANIFEST.toml",
                               Printable(experiment.scale), Printable(options.workspace_flag));
  }
  return code;
}

}  // namespace repro
