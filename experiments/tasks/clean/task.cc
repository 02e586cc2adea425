#include "experiments/tasks/clean/task.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/units.h"
#include "core/io/file.h"
#include "experiments/corpus/clean/clean_corpus.h"
#include "experiments/corpus/clean/line_model.h"
#include "experiments/corpus/clean/perplexity_stage.h"
#include "experiments/corpus/clean/stages.h"
#include "experiments/tasks/clean/spec.h"
#include "experiments/tasks/source_documents.h"

namespace repro {
namespace {

bool Has(const std::vector<std::string>& stages, std::string_view name) {
  return std::find(stages.begin(), stages.end(), name) != stages.end();
}

/// The stages that the settings name, and what they need.
Status AddStages(const CleanSettings& settings, const LanguageId* languages,
                 std::map<std::string, LineModel> models, std::vector<std::uint64_t> evaluation,
                 CleanCorpusOptions& options) {
  for (const std::string& name : settings.stages) {
    if (name == "length") {
      options.stages.push_back(std::make_unique<MinLength>(settings.min_characters));
    } else if (name == "repeated") {
      options.stages.push_back(std::make_unique<MarkedLines>(LineMark::kRepeated));
    } else if (name == "evaluation") {
      if (settings.evaluation_letters) {
        options.stages.push_back(std::make_unique<LinesOfTestSets>(std::move(evaluation)));
      } else {
        options.marks.evaluation = std::move(evaluation);
        options.stages.push_back(std::make_unique<MarkedLines>(LineMark::kEvaluation));
      }
    } else if (name == "language") {
      options.stages.push_back(std::make_unique<IdentifyLanguage>(
          *languages, IdentifyLanguage::Options{.threshold = settings.language_threshold,
                                                .check_named = settings.check_named_language}));
    } else if (name == "perplexity") {
      options.stages.push_back(std::make_unique<ScorePerplexity>(std::move(models)));
    } else {
      return Fail(ErrorCode::kInvalidArgument, "no stage is called '{}'", name);
    }
  }
  return {};
}

/// Language models: those of a data set, and those that tasks before this one trained.
Result<std::map<std::string, LineModel>> LoadLineModels(const std::vector<SourceFile>& files,
                                                        const TaskContext& context) {
  std::map<std::string, std::filesystem::path> folders;  // by language
  for (const SourceFile& file : files) {
    if (file.part == kLineModelPart) folders[file.language] = file.path.parent_path();
  }
  for (const auto& [role, folder] : context.inputs) {
    if (role.starts_with(kLineModelRole)) folders[role.substr(kLineModelRole.size())] = folder;
  }
  std::map<std::string, LineModel> models;
  for (const auto& [language, folder] : folders) {
    REPRO_ASSIGN_OR_RETURN(LineModel model, LineModel::LoadFrom(folder, language));
    models.emplace(language, std::move(model));
  }
  return models;
}

Status WriteReport(const CorpusReport& report, TaskContext& context) {
  const auto write = [&](const char* name, const Json& json) {
    return WriteFileAtomic(context.out / name, json.dump(1) + "\n");
  };
  Json classes = Json::object();
  for (const auto& [language, amounts] : report.classes) {
    for (const auto& [name, amount] : amounts) {
      classes[language][name] = amount.ToJson();
      context.events.Write({.name = fmt::format("clean.class.{}.bytes", name),
                            .value = static_cast<double>(amount.bytes),
                            .language = language});
    }
  }
  REPRO_RETURN_IF_ERROR(write(
      "funnel.json",
      {{"version", 1}, {"rows", report.sum.funnel.ToJson()}, {"classes", std::move(classes)}}));
  REPRO_RETURN_IF_ERROR(
      write("rejects.json", {{"version", 1}, {"rejects", report.sum.rejects.ToJson()}}));
  REPRO_RETURN_IF_ERROR(write(
      "notes.json",
      {{"version", 1}, {"notes", report.sum.notes}, {"passed_over", report.sum.passed_over}}));
  if (!report.cutoffs.empty()) {
    REPRO_RETURN_IF_ERROR(
        WriteFileAtomic(context.out / "cutoffs.csv", CutoffTable(report.cutoffs)));
  }
  std::map<std::string, TextAmount> kept;
  for (const auto& [key, row] : report.sum.funnel.rows()) kept[key.language] += row.kept;
  for (const auto& [language, amount] : kept) {
    const auto metric = [&](const char* name, std::int64_t value) {
      context.events.Write(
          {.name = name, .value = static_cast<double>(value), .language = language});
    };
    metric("clean.documents", amount.documents);
    metric("clean.lines", amount.lines);
    metric("clean.bytes", amount.bytes);
  }
  for (const auto& [reason, note] : report.sum.notes.items()) {
    context.events.Message("warning", fmt::format("{} in the input: {}, e.g. {}", reason,
                                                  FormatCount(IntegerField(note, "count")),
                                                  note.at("examples").at(0).get<std::string>()));
  }
  return context.events.status();
}

}  // namespace

Status RunCleanTask(TaskContext& context) {
  REPRO_ASSIGN_OR_RETURN(const CleanSpec spec, FromJson<CleanSpec>(context.task.spec));
  REPRO_ASSIGN_OR_RETURN(const auto files, SourceFilesOf(spec.files, context.task));
  REPRO_ASSIGN_OR_RETURN(const auto models, SourceFilesOf(spec.models, context.task));
  const int threads = std::max(1, context.task.resources.threads);
  context.events.Progress(0, 1, "bytes", {{"doing", "checking the files"}});
  REPRO_RETURN_IF_ERROR(VerifySourceFiles(files, threads, context.stop));
  REPRO_RETURN_IF_ERROR(VerifySourceFiles(models, threads, context.stop));

  std::optional<LanguageId> languages;
  if (Has(spec.settings.stages, "language")) {
    const auto model = std::find_if(models.begin(), models.end(), [](const SourceFile& file) {
      return file.part == kLanguageModelPart;
    });
    if (model == models.end()) {
      return Fail(ErrorCode::kInvalidArgument, "stage `language` without a model");
    }
    REPRO_ASSIGN_OR_RETURN(languages, LanguageId::Load(model->path));
  }
  CleanCorpusOptions options;
  for (const SourceFile& file : files) options.files.push_back(CorpusFileOf(file));
  std::map<std::string, LineModel> line_models;
  if (Has(spec.settings.stages, "perplexity")) {
    REPRO_ASSIGN_OR_RETURN(line_models, LoadLineModels(models, context));
    for (const SourceFile& file : models) {
      if (file.part != kCutoffsPart) continue;
      REPRO_ASSIGN_OR_RETURN(options.cutoffs, LoadCutoffs(file.path));
    }
  }
  std::vector<std::uint64_t> evaluation;
  if (Has(spec.settings.stages, "evaluation")) {
    REPRO_ASSIGN_OR_RETURN(const auto folder, context.Input("evaluation"));
    REPRO_ASSIGN_OR_RETURN(evaluation, LoadHashes(folder / "lines.hashes"));
  }
  REPRO_RETURN_IF_ERROR(AddStages(spec.settings, languages ? &*languages : nullptr,
                                  std::move(line_models), std::move(evaluation), options));
  options.marks.repeated = Has(spec.settings.stages, "repeated");
  options.marks.keep_first = spec.settings.keep_first;
  options.marks.memory_bytes =
      std::max<std::int64_t>(64 << 20, context.task.resources.memory_bytes / 2);
  options.mark_lines = options.marks.repeated || !options.marks.evaluation.empty();
  options.strict = spec.settings.strict;
  options.threads = threads;

  double next_report = 0;
  const auto progress = [&](std::string_view doing, std::int64_t done, std::int64_t total) {
    if (SteadySeconds() < next_report) return;
    next_report = SteadySeconds() + 0.5;
    context.events.Progress(done, std::max(done, total), "bytes", {{"doing", doing}});
  };
  REPRO_ASSIGN_OR_RETURN(
      const CorpusReport report,
      CleanCorpus(options, context.scratch, context.out, context.stop, progress));
  return WriteReport(report, context);
}

}  // namespace repro
