#include "experiments/tasks/source_files.h"

#include <iterator>
#include <system_error>
#include <utility>

#include "core/base/hash.h"
#include "core/base/parallel_for.h"

namespace repro {
namespace {

constexpr const char* kFolders = "folders";  // of `Task::info`: by data set

void Append(SourceFile file, SourceFilesSpec& spec) {
  spec.sets.push_back(std::move(file.set));
  spec.parts.push_back(std::move(file.part));
  spec.names.push_back(std::move(file.name));
  spec.sha256.push_back(std::move(file.sha256));
  spec.languages.push_back(std::move(file.language));
  spec.layouts.push_back(std::move(file.layout));
  spec.fields.push_back(std::move(file.field));
  spec.id_fields.push_back(std::move(file.id_field));
  spec.contents.push_back(std::move(file.content));
  spec.encodings.push_back(std::move(file.encoding));
  spec.prefixes.push_back(file.prefix);
}

/// Entry `i`, its path empty.
SourceFile EntryOf(const SourceFilesSpec& spec, std::size_t i) {
  return {.path = {},
          .set = spec.sets[i],
          .part = spec.parts[i],
          .name = spec.names[i],
          .sha256 = spec.sha256[i],
          .language = spec.languages[i],
          .layout = spec.layouts[i],
          .field = spec.fields[i],
          .id_field = spec.id_fields[i],
          .content = spec.contents[i],
          .encoding = spec.encodings[i],
          .prefix = spec.prefixes[i]};
}

/// All entries; the path of one is empty where the task does not say where its set lies.
std::vector<SourceFile> EntriesOf(const SourceFilesSpec& spec, const Task& task) {
  const Json folders = task.info.value(kFolders, Json::object());
  std::vector<SourceFile> files;
  for (std::size_t i = 0; i < spec.size(); ++i) {
    SourceFile& file = files.emplace_back(EntryOf(spec, i));
    const std::string folder = TextField(folders, file.set.c_str());
    if (!folder.empty()) file.path = std::filesystem::path(folder) / file.name;
  }
  return files;
}

bool AreOfOneLength(const SourceFilesSpec& spec) {
  for (const auto* list : {&spec.sets, &spec.parts, &spec.sha256, &spec.languages, &spec.layouts,
                           &spec.fields, &spec.id_fields, &spec.contents, &spec.encodings}) {
    if (list->size() != spec.size()) return false;
  }
  return spec.prefixes.size() == spec.size();
}

/// However they are written.
bool IsOneFolder(const std::filesystem::path& one, const std::filesystem::path& other) {
  std::error_code error;  // where they are not there, their names decide
  return one.lexically_normal() == other.lexically_normal() ||
         std::filesystem::equivalent(one, other, error);
}

}  // namespace

SourceFile SourceFileOf(const DatasetManifest& manifest, const DatasetFileAt& file,
                        std::string sha256) {
  return {.path = file.path,
          .set = manifest.id,
          .part = file.part->name,
          .name = file.name,
          .sha256 = std::move(sha256),
          .language = file.language,
          .layout = file.part->layout,
          .field = file.part->field,
          .id_field = file.part->id_field,
          .content = file.part->content,
          .encoding = file.part->encoding,
          .prefix = file.prefix};
}

Status AddSourceFile(const DatasetManifest& manifest, const DatasetFileAt& file,
                     const std::filesystem::path& folder, std::string sha256, SourceFilesSpec& spec,
                     Json& info) {
  Json& known = info[kFolders][manifest.id];
  if (!known.is_null() && !IsOneFolder(known.get<std::string>(), folder)) {
    return Fail(
        ErrorCode::kInvalidArgument,
        "{}: data set {} in {}, beside another one of this name in {}; expected one set of a "
        "name: rename this manifest, or name the other set instead",
        manifest.path.string(), manifest.id, folder.string(), known.get<std::string>());
  }
  known = folder.string();
  Append(SourceFileOf(manifest, file, std::move(sha256)), spec);
  return {};
}

void CopySourceFile(const SourceFilesSpec& from, std::size_t i, SourceFilesSpec& to) {
  Append(EntryOf(from, i), to);
}

std::vector<SourceFile> SourceFilesIn(const Task& task) {
  std::vector<SourceFile> files;
  for (const Json& field : task.spec) {
    const auto spec = FromJson<SourceFilesSpec>(field);
    if (!spec || !AreOfOneLength(*spec)) continue;
    std::vector<SourceFile> entries = EntriesOf(*spec, task);
    files.insert(files.end(), std::make_move_iterator(entries.begin()),
                 std::make_move_iterator(entries.end()));
  }
  return files;
}

Result<std::vector<SourceFile>> SourceFilesOf(const SourceFilesSpec& spec, const Task& task) {
  if (!AreOfOneLength(spec)) {
    return Fail(ErrorCode::kCorrupt, "{}: lists of files of different lengths", task.label);
  }
  std::vector<SourceFile> files = EntriesOf(spec, task);
  for (const SourceFile& file : files) {
    if (!file.path.empty()) continue;
    return Fail(ErrorCode::kInvalidArgument, "{}: it does not say where data set {} lies",
                task.label, file.set);
  }
  return files;
}

Status VerifySourceFiles(const std::vector<SourceFile>& files, int threads,
                         const std::atomic<bool>& stop) {
  return ParallelFor(files.size(), threads, [&](std::size_t i) -> Status {
    if (stop) return Fail(ErrorCode::kInterrupted, "asked to stop");
    REPRO_ASSIGN_OR_RETURN(const std::string sha256, Sha256File(files[i].path));
    if (sha256 == files[i].sha256) return {};
    return Fail(ErrorCode::kCorrupt,
                "{}: its SHA-256 is {}, when it was planned it was {}: the file was changed or is "
                "damaged; plan again, or fetch it anew",
                files[i].path.string(), sha256, files[i].sha256);
  });
}

}  // namespace repro
