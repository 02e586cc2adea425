#include "experiments/tasks/real_text.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include <fmt/ranges.h>

#include "core/base/text.h"
#include "core/manifest/fields.h"
#include "experiments/datasets/layouts/read_examples.h"
#include "experiments/tasks/evaluation_text/spec.h"
#include "experiments/tasks/line_model/spec.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

bool Holds(const std::vector<std::string>& list, std::string_view value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

template <class Spec>
void Describe(std::string kind, int version, const Spec& spec, std::string label, Task& task) {
  task.kind = std::move(kind);
  task.version = version;
  task.spec = ToJson(spec);
  task.label = std::move(label);
}

/// Parts that are tested with: their lines are kept out of the text.
std::vector<const DatasetPart*> PartsToKeepOut(const DatasetManifest& manifest) {
  std::vector<const DatasetPart*> parts;
  for (const DatasetPart& part : manifest.parts) {
    if (part.name != "train" && part.layout != kFileLayout) parts.push_back(&part);
  }
  return parts;
}

/// The name that parts with the same examples have in common.
const std::string& ContentOf(const DatasetPart& part) {
  return part.same_as.empty() ? part.name : part.same_as;
}

/// Whether a part of these names, or any where there are none, is read as documents.
bool HoldsText(const DatasetManifest& manifest, const std::vector<std::string>& parts) {
  return std::any_of(manifest.parts.begin(), manifest.parts.end(), [&](const DatasetPart& part) {
    return (parts.empty() || Holds(parts, part.name)) && part.layout != kFileLayout &&
           !HoldsExamples(part.layout);
  });
}

/// By the name that `repro data fetch` takes: of a set that is not among `manifests` its path. One
/// with a folder of its own is not fetched.
void AddMissing(const DatasetManifest& manifest, const fs::path& manifests, Task& task) {
  if (!manifest.folder.empty()) return;
  const bool known = manifest.path.parent_path() == manifests;
  task.missing_sets.insert(known ? manifest.id : manifest.path.string());
}

}  // namespace

bool IsCodedSource(std::string_view source) {
  return source.starts_with(kCodedPrefix);
}

bool IsRealText(std::string_view source) {
  return source.starts_with(kDatasetPrefix) || IsCodedSource(source);
}

std::string_view DatasetOf(std::string_view source) {
  return source.substr((IsCodedSource(source) ? kCodedPrefix : kDatasetPrefix).size());
}

bool FileFilter::Wants(const DatasetPart& part) const {
  return parts.empty() || Holds(parts, part.name);
}

bool FileFilter::Wants(const DatasetFileAt& file) const {
  if (!code.empty() && file.code != code) return false;
  if (languages.empty()) return true;
  if (!file.language.empty()) return Holds(languages, file.language);
  const auto& held = file.part->languages;
  return held.empty() || std::any_of(held.begin(), held.end(), [&](const std::string& language) {
           return Holds(languages, language);
         });
}

RealText::RealText(const fs::path& workspace, fs::path manifests, fs::path base)
    : workspace_(workspace),
      manifests_(std::move(manifests)),
      base_(std::move(base)),
      hashes_(FileHashes::Load(HashesPath(workspace))) {}

RealText::~RealText() {
  hashes_.Save();
}

Result<const DatasetManifest*> RealText::Find(std::string_view name) {
  const auto known = known_.find(name);
  if (known != known_.end()) return &known->second;
  const bool is_path = name.ends_with(".toml");
  REPRO_ASSIGN_OR_RETURN(DatasetManifest manifest,
                         is_path ? LoadDataset(base_ / name) : FindDataset(manifests_, name));
  return &known_.emplace(std::string(name), std::move(manifest)).first->second;
}

Result<const RealText::Place*> RealText::PlaceOf(const DatasetManifest& manifest) {
  const fs::path folder = DatasetFolder(manifest, workspace_);
  const std::pair<std::string, fs::path> name(manifest.id, folder);
  const auto known = places_.find(name);
  if (known != places_.end()) return &known->second;
  auto listing = listings_.find(folder);
  if (listing == listings_.end()) {
    REPRO_ASSIGN_OR_RETURN(FolderListing walked, ListFolder(folder));
    listing = listings_.emplace(folder, std::move(walked)).first;
  }
  if (!known_files_) {
    REPRO_ASSIGN_OR_RETURN(known_files_, KnownFiles::Load(workspace_));
  }
  Place place{.listing = known_files_->ListingOf(manifest.id, folder), .absent = true};
  if (place.listing.names.empty() || AnyAtHand(manifest, listing->second)) {
    place = {.listing = listing->second, .absent = false};
  }
  return &places_.emplace(name, std::move(place)).first->second;
}

std::int64_t RealText::TotalBytes(const SourceFilesSpec& files, const Task& task) const {
  std::int64_t bytes = 0;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const fs::path folder = task.info.at("folders").at(files.sets[i]).get<std::string>();
    std::error_code error;
    const auto size = fs::file_size(folder / files.names[i], error);
    const auto* const known = error ? known_files_->Find(files.sets[i], files.names[i]) : nullptr;
    if (known != nullptr) bytes += known->bytes;
    if (!error) bytes += static_cast<std::int64_t>(size);
  }
  return bytes;
}

std::vector<std::string> RealText::AbsentSets() const {
  std::vector<std::string> sets;
  for (const auto& [name, place] : places_) {
    if (place.absent) sets.push_back(name.first);
  }
  return sets;
}

Status RealText::Check(std::string_view dataset) {
  REPRO_ASSIGN_OR_RETURN(const DatasetManifest* const manifest, Find(dataset));
  if (manifest->takes.empty() && !HoldsText(*manifest, {})) {
    return Fail(ErrorCode::kInvalidArgument, "data set {} holds no text to train on", manifest->id);
  }
  for (const MixtureTake& take : manifest->takes) {
    const auto taken = Find(take.set);
    if (!taken) return Context(take.where.ToString(), taken.error());
    if (!(*taken)->takes.empty()) {
      return Fail(ErrorCode::kInvalidArgument,
                  "{}: {} is a mixture itself; expected the sets that it takes",
                  take.where.ToString(), take.set);
    }
    for (const std::string& part : take.parts) {
      if ((*taken)->FindPart(part) != nullptr) continue;
      return Fail(ErrorCode::kInvalidArgument, "{}: data set {} has no part `{}`",
                  take.where.ToString(), take.set, part);
    }
  }
  return {};
}

Status RealText::CheckParts(std::string_view dataset, const Wanted& wanted) {
  REPRO_ASSIGN_OR_RETURN(const DatasetManifest* const manifest, Find(dataset));
  if (!wanted.kind.empty() && manifest->kind != wanted.kind) {
    return Fail(ErrorCode::kInvalidArgument, "data set {} is of kind `{}`", manifest->id,
                manifest->kind);
  }
  for (const std::string& name : wanted.parts) {
    const DatasetPart* const part = manifest->FindPart(name);
    if (part == nullptr) {
      return Fail(ErrorCode::kInvalidArgument, "data set {} has no part `{}`", manifest->id, name);
    }
    const bool held = part->language.empty()
                          ? part->languages.empty() || Holds(part->languages, wanted.language)
                          : part->language == wanted.language;
    if (!wanted.language.empty() && !held) {
      return Fail(ErrorCode::kInvalidArgument, "part `{}` of data set {} holds no text of {}", name,
                  manifest->id, wanted.language);
    }
  }
  return {};
}

Status RealText::CheckLineModelText(std::string_view dataset) {
  REPRO_RETURN_IF_ERROR(Check(dataset));
  REPRO_ASSIGN_OR_RETURN(const DatasetManifest* const manifest, Find(dataset));
  if (manifest->takes.empty()) return {};
  return Fail(ErrorCode::kInvalidArgument, "data set {} is a mixture: name a set that it takes",
              manifest->id);
}

Status RealText::CheckEvaluation(std::string_view dataset) {
  REPRO_ASSIGN_OR_RETURN(const DatasetManifest* const manifest, Find(dataset));
  if (!manifest->takes.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "data set {} is a mixture: name the sets that it takes", manifest->id);
  }
  if (PartsToKeepOut(*manifest).empty()) {
    return Fail(ErrorCode::kInvalidArgument, "data set {} has no part that is tested with",
                manifest->id);
  }
  return {};
}

Status RealText::AddFiles(const DatasetManifest& manifest, const FileFilter& wanted, bool required,
                          SourceFilesSpec& files, Task& task) {
  REPRO_ASSIGN_OR_RETURN(const Place* const place, PlaceOf(manifest));
  for (const DatasetPart& part : manifest.parts) {
    if (!wanted.Wants(part)) continue;
    const auto found = FilesOfPart(manifest, part, place->listing);
    if (!found) {  // nothing of it is at hand
      if (!required) continue;
      if (task.unresolved.empty()) task.unresolved = found.error().message;
      AddMissing(manifest, manifests_, task);
      continue;
    }
    const bool stands_in = !found->empty() && found->front().stand_in;  // reports say so
    for (const std::string& path :
         stands_in ? std::vector<std::string>{} : MissingPaths(part, *found)) {
      if (path.find_first_of("*{") != std::string::npos)
        continue;  // nobody says how many there are
      notes_.insert(fmt::format("{}, part `{}`: {} is not in {}, and is left out", manifest.id,
                                part.name, path, place->listing.folder.string()));
    }
    for (const DatasetFileAt& file : *found) {
      if (!wanted.Wants(file)) continue;
      if (!IsUtf8(file.name)) {
        return Fail(
            ErrorCode::kInvalidArgument,
            "{}, part `{}`: {} in {}: a name that is no UTF-8, expected one: rename the file",
            manifest.id, part.name, Printable(file.name), place->listing.folder.string());
      }
      std::string sha256;
      if (place->absent) {
        AddMissing(manifest, manifests_, task);
        sha256 = known_files_->Find(manifest.id, file.name)->sha256;
        if (task.absent.empty()) {
          task.absent = fmt::format("data set {}, its files in {}", manifest.id,
                                    place->listing.folder.string());
        }
      } else {
        REPRO_ASSIGN_OR_RETURN(sha256, hashes_.Sha256Of(file.path));
      }
      REPRO_RETURN_IF_ERROR(AddSourceFile(manifest, file, place->listing.folder, std::move(sha256),
                                          files, task.info));
    }
  }
  return {};
}

Result<Task> RealText::EvaluationText(const TestsetsSettings& settings, std::string_view dataset,
                                      bool letters) {
  std::error_code error;
  std::vector<DatasetManifest> manifests;
  if (settings.evaluation.empty() && fs::is_directory(manifests_, error)) {
    REPRO_ASSIGN_OR_RETURN(manifests, LoadDatasets(manifests_));
    std::erase_if(manifests, [](const auto& manifest) { return manifest.use != kUseEvaluation; });
  }
  for (const std::string& name : settings.evaluation) {
    REPRO_ASSIGN_OR_RETURN(const DatasetManifest* const named, Find(name));
    manifests.push_back(*named);
  }
  std::sort(manifests.begin(), manifests.end(),
            [](const auto& a, const auto& b) { return a.id < b.id; });
  const std::size_t listed = manifests.size();
  const auto add = [&](const std::string& name, bool only_evaluation) -> Status {
    REPRO_ASSIGN_OR_RETURN(const DatasetManifest* const own, Find(name));
    const bool there = std::any_of(manifests.begin(), manifests.end(), [&](const auto& manifest) {
      return manifest.path == own->path;
    });
    if (!there && (!only_evaluation || own->use == kUseEvaluation)) manifests.push_back(*own);
    return {};
  };
  for (const auto* name : {&settings.xnli, &settings.tags, &settings.parallel, &settings.pairs}) {
    if (!name->empty()) REPRO_RETURN_IF_ERROR(add(*name, /*only_evaluation=*/false));
  }
  // What the corpus itself takes of test sets.
  REPRO_ASSIGN_OR_RETURN(const DatasetManifest* const corpus, Find(dataset));
  REPRO_RETURN_IF_ERROR(add(std::string(dataset), /*only_evaluation=*/true));
  for (const MixtureTake& take : corpus->takes) {
    REPRO_RETURN_IF_ERROR(add(take.set, /*only_evaluation=*/true));
  }
  Task task;
  EvaluationTextSpec spec{.files = {}, .letters = letters};
  std::vector<std::string> not_kept_out;
  for (std::size_t i = 0; i < manifests.size(); ++i) {
    const DatasetManifest& manifest = manifests[i];
    const std::vector<const DatasetPart*> parts = PartsToKeepOut(manifest);
    std::set<std::string> kept_out;
    for (const DatasetPart* const part : parts) {
      const std::size_t before = spec.files.size();
      REPRO_RETURN_IF_ERROR(
          AddFiles(manifest, {.parts = {part->name}}, /*required=*/false, spec.files, task));
      if (spec.files.size() > before) kept_out.insert(ContentOf(*part));
    }
    std::vector<std::string> missing;
    for (const DatasetPart* const part : parts) {
      if (!kept_out.contains(ContentOf(*part))) missing.push_back(part->name);
    }
    if (missing.empty()) continue;
    if (!kept_out.empty()) {  // with the others it is of use: much of it may be published nowhere
      not_kept_out.push_back(fmt::format("{} ({} `{}`)", manifest.id,
                                         missing.size() == 1 ? "part" : "parts",
                                         fmt::join(missing, "`, `")));
      continue;
    }
    if (i >= listed || settings.evaluation.empty()) {
      not_kept_out.push_back(manifest.id);
      continue;
    }
    if (task.unresolved.empty()) {
      task.unresolved =
          fmt::format("data set {}; `repro data fetch {}` gets it", manifest.id, manifest.id);
    }
    AddMissing(manifest, manifests_, task);
  }
  Describe("evaluation_text", kEvaluationTextVersion, spec,
           letters ? "evaluation text, its letters" : "evaluation text", task);
  if (!not_kept_out.empty()) task.info[kNotKeptOut] = not_kept_out;
  task.work = static_cast<double>(TotalBytes(spec.files, task)) / 1e6;
  task.work_unit = "MB";
  return task;
}

Result<Task> RealText::Clean(std::string_view dataset, const CleanSection& settings,
                             std::map<std::string, std::string> inputs) {
  REPRO_ASSIGN_OR_RETURN(const DatasetManifest* const manifest, Find(dataset));
  Task task;
  CleanSpec spec{
      .files = {}, .models = {}, .settings = static_cast<const CleanSettings&>(settings)};
  REPRO_RETURN_IF_ERROR(AddFiles(*manifest, {}, /*required=*/true, spec.files, task));
  for (const MixtureTake& take : manifest->takes) {
    REPRO_ASSIGN_OR_RETURN(const DatasetManifest* const set, Find(take.set));
    REPRO_RETURN_IF_ERROR(AddFiles(*set, {.parts = take.parts, .languages = take.languages},
                                   /*required=*/true, spec.files, task));
  }
  if (Holds(settings.stages, "language")) {
    REPRO_ASSIGN_OR_RETURN(const DatasetManifest* const model, Find(settings.language_model));
    REPRO_RETURN_IF_ERROR(AddFiles(*model, {.parts = {std::string(kLanguageModelPart)}},
                                   /*required=*/true, spec.models, task));
  }
  if (Holds(settings.stages, "perplexity") && !settings.line_models.empty()) {
    REPRO_ASSIGN_OR_RETURN(const DatasetManifest* const models, Find(settings.line_models));
    REPRO_RETURN_IF_ERROR(
        AddFiles(*models, {.parts = {std::string(kLineModelPart), std::string(kCutoffsPart)}},
                 /*required=*/true, spec.models, task));
  }
  Describe("clean", kCleanVersion, spec, fmt::format("clean {}", manifest->id), task);
  task.inputs = std::move(inputs);
  const std::int64_t bytes = TotalBytes(spec.files, task);
  task.info["bytes"] = Json::object();
  for (std::size_t i = 0; i < spec.files.size(); ++i) {
    SourceFilesSpec one;
    CopySourceFile(spec.files, i, one);
    Json& sum = task.info["bytes"][spec.files.languages[i]];
    sum = (sum.is_null() ? 0 : sum.get<std::int64_t>()) + TotalBytes(one, task);
  }
  task.work = static_cast<double>(bytes) / 1e6;
  task.work_unit = "MB";
  task.resources.threads = static_cast<int>(settings.threads);
  task.resources.memory_bytes = settings.memory_mib << 20;
  task.resources.disk_bytes = 3 * bytes;
  return task;
}

Result<std::map<std::string, Task>> RealText::LineModels(const CleanSettings& settings) {
  std::map<std::string, Task> tasks;
  if (!Holds(settings.stages, "perplexity") || settings.line_model_text.empty()) return tasks;
  REPRO_ASSIGN_OR_RETURN(const DatasetManifest* const manifest, Find(settings.line_model_text));
  Task all;
  SourceFilesSpec files;
  REPRO_RETURN_IF_ERROR(AddFiles(*manifest, {}, /*required=*/true, files, all));
  std::map<std::string, LineModelSpec> specs;
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (files.languages[i].empty()) continue;
    LineModelSpec& spec = specs[files.languages[i]];
    spec.language = files.languages[i];
    spec.pieces = settings.line_model_pieces;
    CopySourceFile(files, i, spec.files);
  }
  if (specs.empty() && files.size() > 0) {
    return Fail(ErrorCode::kInvalidArgument,
                "`clean.line_model_text` = \"{}\": no file of data set {} says its language, "
                "expected `language` in its [[part]], or `{{language}}` in its paths",
                settings.line_model_text, manifest->id);
  }
  if (specs.empty()) specs[""].pieces = settings.line_model_pieces;  // its languages are not known
  for (const auto& [language, spec] : specs) {
    Task& task = tasks[language];
    Describe("line_model", kLineModelVersion, spec,
             fmt::format("line model {}", language.empty() ? manifest->id : language), task);
    task.info = all.info;
    task.unresolved = all.unresolved;
    task.absent = all.absent;
    task.missing_sets = all.missing_sets;
    task.work = static_cast<double>(TotalBytes(spec.files, task)) / 1e6;
    task.work_unit = "MB";
    task.resources.memory_bytes = std::int64_t{4} << 30;
  }
  return tasks;
}

Result<RealText::LanguageTestsets> RealText::Testsets(const TestsetsSettings& settings,
                                                      const BenchmarkSettings& sizes,
                                                      const std::vector<std::string>& tasks,
                                                      const std::string& language,
                                                      const std::string& source_language) {
  LanguageTestsets testsets;
  Task& task = testsets.task;
  TestsetsSpec spec{.language = language, .source_language = source_language, .sizes = sizes};
  const auto add = [&](const std::string& set, const FileFilter& wanted, bool required,
                       SourceFilesSpec& files) -> Status {
    if (set.empty()) return {};
    REPRO_ASSIGN_OR_RETURN(const DatasetManifest* const manifest, Find(set));
    return AddFiles(*manifest, wanted, required, files, task);
  };
  const auto of = [&](const char* part) {
    return FileFilter{.parts = {part}, .languages = {language}};
  };
  const bool xnli = Holds(tasks, "xnli");
  const bool tags = Holds(tasks, "tags");
  if (xnli) {
    if (language == source_language) {
      for (const std::string& set : settings.xnli_train) {
        REPRO_RETURN_IF_ERROR(add(set, of("train"), true, spec.xnli_train));
      }
    }
    REPRO_RETURN_IF_ERROR(add(settings.xnli, of("dev"), true, spec.xnli_dev));
    REPRO_RETURN_IF_ERROR(add(settings.xnli, of("test"), true, spec.xnli_test));
  }
  if (tags) {
    if (language == source_language) {
      REPRO_RETURN_IF_ERROR(add(settings.tags, of("train"), true, spec.tags_train));
    }
    REPRO_RETURN_IF_ERROR(add(settings.tags, of("dev"), true, spec.tags_dev));
    REPRO_RETURN_IF_ERROR(add(settings.tags, of("test"), false, spec.tags_test));
  }
  REPRO_RETURN_IF_ERROR(add(settings.parallel, of("text"), true, spec.parallel));
  if (language != source_language) {
    REPRO_RETURN_IF_ERROR(add(settings.pairs, of("text"), false, spec.pairs));
    REPRO_RETURN_IF_ERROR(add(
        settings.pairs, {.parts = {"english"}, .languages = {source_language}, .code = language},
        false, spec.pairs_source));
  }
  testsets.xnli = spec.xnli_dev.size() > 0 && spec.xnli_test.size() > 0;
  testsets.tags = spec.tags_dev.size() > 0;
  testsets.parallel = spec.parallel.size() > 0;
  Describe("testsets", kTestsetsVersion, spec, fmt::format("test sets {}", language), task);
  task.work = static_cast<double>(sizes.train + sizes.dev + sizes.test);
  task.work_unit = "examples";
  return testsets;
}

}  // namespace repro
