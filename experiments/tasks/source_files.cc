#include "experiments/tasks/source_files.h"

#include <algorithm>

#include "core/base/hash.h"
#include "core/base/parallel_for.h"

namespace repro {
namespace {

constexpr const char* kFolders = "folders";  // of `Task::info`: by data set

}  // namespace

Status AddSourceFile(const DatasetManifest& manifest, const DatasetFileAt& file,
                     const std::filesystem::path& folder, FileHashes& hashes, SourceFilesSpec& spec,
                     Json& info) {
  REPRO_ASSIGN_OR_RETURN(std::string sha256, hashes.Sha256Of(file.path));
  spec.sets.push_back(manifest.id);
  spec.parts.push_back(file.part->name);
  spec.names.push_back(file.name);
  spec.sha256.push_back(std::move(sha256));
  spec.languages.push_back(file.language);
  spec.layouts.push_back(file.part->layout);
  spec.fields.push_back(file.part->field);
  spec.id_fields.push_back(file.part->id_field);
  spec.contents.push_back(file.part->content);
  spec.encodings.push_back(file.part->encoding);
  info[kFolders][manifest.id] = folder.string();
  return {};
}

void CopySourceFile(const SourceFilesSpec& from, std::size_t i, SourceFilesSpec& to) {
  to.sets.push_back(from.sets[i]);
  to.parts.push_back(from.parts[i]);
  to.names.push_back(from.names[i]);
  to.sha256.push_back(from.sha256[i]);
  to.languages.push_back(from.languages[i]);
  to.layouts.push_back(from.layouts[i]);
  to.fields.push_back(from.fields[i]);
  to.id_fields.push_back(from.id_fields[i]);
  to.contents.push_back(from.contents[i]);
  to.encodings.push_back(from.encodings[i]);
}

Result<std::vector<SourceFile>> SourceFilesOf(const SourceFilesSpec& spec, const Task& task) {
  for (const auto* list : {&spec.sets, &spec.parts, &spec.sha256, &spec.languages, &spec.layouts,
                           &spec.fields, &spec.id_fields, &spec.contents, &spec.encodings}) {
    if (list->size() != spec.size()) {
      return Fail(ErrorCode::kCorrupt, "{}: lists of files of different lengths", task.label);
    }
  }
  std::vector<SourceFile> files;
  const Json folders = task.info.value(kFolders, Json::object());
  for (std::size_t i = 0; i < spec.size(); ++i) {
    const std::string folder = TextField(folders, spec.sets[i].c_str());
    if (folder.empty()) {
      return Fail(ErrorCode::kInvalidArgument, "{}: it does not say where data set {} lies",
                  task.label, spec.sets[i]);
    }
    files.push_back({.path = std::filesystem::path(folder) / spec.names[i],
                     .set = spec.sets[i],
                     .part = spec.parts[i],
                     .name = spec.names[i],
                     .sha256 = spec.sha256[i],
                     .language = spec.languages[i],
                     .layout = spec.layouts[i],
                     .field = spec.fields[i],
                     .id_field = spec.id_fields[i],
                     .content = spec.contents[i],
                     .encoding = spec.encodings[i]});
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
