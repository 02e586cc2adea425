#include "experiments/tasks/import/import_record.h"

#include <algorithm>
#include <map>
#include <optional>
#include <system_error>
#include <utility>

#include <fmt/ranges.h>
#include <sys/stat.h>

#include "core/base/hash.h"
#include "core/base/text.h"
#include "core/base/units.h"
#include "core/io/file.h"
#include "experiments/model/transformers_folder.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

constexpr int kFormat = 1;

fs::path ImportsFolder(const fs::path& workspace) {
  return workspace / "imports";
}
fs::path RecordPath(const fs::path& workspace, std::string_view name) {
  return ImportsFolder(workspace) / (std::string(name) + ".json");
}
fs::path ByPathRecord(const fs::path& workspace, const fs::path& folder) {
  return ImportsFolder(workspace) / "by-path" /
         (Sha256Hex(folder.string()).substr(0, 16) + ".json");
}

// Size and modification time, or nothing when there is no such file.
std::optional<ImportedFile> Stat(const std::string& name, const fs::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
  constexpr std::int64_t kSecond = 1'000'000'000;
  return ImportedFile{.name = name,
                      .bytes = info.st_size,
                      .modified_ns = info.st_mtim.tv_sec * kSecond + info.st_mtim.tv_nsec};
}

bool SameStat(const ImportedFile& a, const ImportedFile& b) {
  return a.bytes == b.bytes && a.modified_ns == b.modified_ns;
}

Result<ImportRecord> LoadRecord(const fs::path& path) {
  REPRO_ASSIGN_OR_RETURN(const Json json, LoadJson(path));
  return ImportRecord::FromJson(json, path.string());
}

Status SaveRecord(const fs::path& path, const ImportRecord& record) {
  REPRO_RETURN_IF_ERROR(MakeDirectories(path.parent_path()));
  return WriteFileAtomic(path, record.ToJson().dump(1) + "\n");
}

Result<ImportRecord> ResolveName(const fs::path& workspace, const std::string& name) {
  REPRO_ASSIGN_OR_RETURN(ImportRecord record, LoadImport(workspace, name));
  if (CheckImport(record) != ImportStanding::kChanged) return record;
  bool touched = false;
  for (ImportedFile& file : record.files) {
    const auto now = Stat(file.name, record.folder / file.name);
    if (!now || SameStat(*now, file)) continue;
    REPRO_ASSIGN_OR_RETURN(const std::string sha256, Sha256File(record.folder / file.name));
    if (sha256 != file.sha256) {
      return Fail(ErrorCode::kInvalidArgument,
                  "{}: it is not what was imported as '{}' on {}: put that file back, or import "
                  "what is there now: repro import {} --as {} --force",
                  (record.folder / file.name).string(), name, FormatTime(record.imported_ms),
                  ShellWord(record.folder.string()), name);
    }
    file.modified_ns = now->modified_ns;
    touched = true;
  }
  // Only a memory for the next time: a workspace that cannot be written costs time, nothing else.
  if (touched) (void)SaveImport(workspace, record);
  return record;
}

Result<ImportRecord> ResolvePath(const fs::path& workspace, const fs::path& from) {
  std::error_code error;
  fs::path folder = fs::canonical(from, error);
  if (error) folder = from;
  const fs::path path = ByPathRecord(workspace, folder);
  if (auto known = LoadRecord(path)) {
    if (known->folder == folder && CheckImport(*known) == ImportStanding::kSame) return *known;
  }
  REPRO_ASSIGN_OR_RETURN(ImportRecord record, ReadImport(folder));
  record.imported_ms = WallTimeMs();
  if (fs::is_directory(workspace, error)) (void)SaveRecord(path, record);  // as above
  return record;
}

}  // namespace

std::int64_t ImportRecord::TotalBytes() const {
  std::int64_t total = 0;
  for (const ImportedFile& file : files) total += file.bytes;
  return total;
}

Json ImportRecord::ToJson() const {
  Json list = Json::array();
  for (const ImportedFile& file : files) {
    list.push_back({{"name", file.name},
                    {"bytes", file.bytes},
                    {"modified_ns", file.modified_ns},
                    {"sha256", file.sha256}});
  }
  return {{"format", kFormat},
          {"name", name},
          {"folder", folder.string()},
          {"files", std::move(list)},
          {"shape", repro::ToJson(shape)},
          {"parameters", EncoderParameters(shape)},
          {"dtype", dtype},
          {"has_lm_head", has_lm_head},
          {"left_out", left_out},
          {"imported_ms", imported_ms},
          {"build", build}};
}

Result<ImportRecord> ImportRecord::FromJson(const Json& json, std::string_view where) {
  ImportRecord record;
  try {
    if (json.at("format") != kFormat) {
      return Fail(ErrorCode::kCorrupt, "{}: expected format {}", where, kFormat);
    }
    record.name = json.at("name").get<std::string>();
    record.folder = json.at("folder").get<std::string>();
    for (const Json& file : json.at("files")) {
      record.files.push_back({file.at("name"), file.at("bytes"), file.at("modified_ns"),
                              file.at("sha256").get<std::string>()});
    }
    REPRO_ASSIGN_OR_RETURN(record.shape, repro::FromJson<ModelShape>(json.at("shape")));
    record.dtype = json.at("dtype").get<std::string>();
    record.has_lm_head = json.at("has_lm_head").get<bool>();
    record.left_out = json.at("left_out").get<std::vector<std::string>>();
    record.imported_ms = json.at("imported_ms").get<std::int64_t>();
    record.build = json.at("build").get<std::string>();
  } catch (const Json::exception& e) {
    return Fail(ErrorCode::kCorrupt, "{}: not an import record: {}", where, JsonProblem(e));
  }
  return record;
}

Result<ImportRecord> ReadImport(const fs::path& folder) {
  REPRO_ASSIGN_OR_RETURN(const TransformersFolder model, TransformersFolder::Open(folder));
  REPRO_RETURN_IF_ERROR(model.CheckWeights());
  const fs::path mark = model.folder() / kExportMark;
  std::error_code error;
  if (fs::exists(mark, error)) {
    REPRO_ASSIGN_OR_RETURN(const Json json, LoadJson(mark));
    if (json.contains("pre_tokenization")) {
      return Fail(ErrorCode::kInvalidArgument,
                  "{}: its vocabulary is learnt from text that was cut into words first, and an "
                  "imported model is given raw text: expected a model with `vocab.model = "
                  "\"unigram\"`",
                  mark.string());
    }
  }
  ImportRecord record;
  record.folder = model.folder();
  record.shape = model.shape();
  record.dtype = model.dtype();
  record.has_lm_head = model.has_lm_head();
  record.left_out = model.left_out();
  for (const auto& [name, path] : model.files()) {
    // Before the content, so that a write in between is seen the next time.
    const auto file = Stat(name, path);
    if (!file) return Fail(ErrorCode::kNotFound, "{}: it has just gone", path.string());
    record.files.push_back(*file);
    REPRO_ASSIGN_OR_RETURN(record.files.back().sha256, Sha256File(path));
  }
  return record;
}

bool IsImportName(std::string_view name) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  return !name.empty() && name.size() <= 64 && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), plain);
}

bool IsImportSource(std::string_view from) {
  if (from.starts_with(kImportPrefix)) return IsImportName(from.substr(kImportPrefix.size()));
  return from.starts_with('/');
}

Result<ImportRecord> LoadImport(const fs::path& workspace, std::string_view name) {
  auto record = LoadRecord(RecordPath(workspace, name));
  if (record || record.error().code != ErrorCode::kNotFound) return record;
  std::vector<std::string> names;
  if (const auto all = ListImports(workspace)) {
    for (const ImportRecord& other : *all) names.push_back(other.name);
  }
  return Fail(ErrorCode::kNotFound, "nothing is imported as '{}' in {}; {}", Printable(name),
              workspace.string(),
              names.empty() ? fmt::format("repro import DIR --as {} does it", Printable(name))
                            : fmt::format("there is {}", fmt::join(names, ", ")));
}

Result<std::vector<ImportRecord>> ListImports(const fs::path& workspace) {
  std::vector<ImportRecord> records;
  std::error_code error;
  const fs::path folder = ImportsFolder(workspace);
  if (!fs::exists(folder, error)) return records;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const fs::path& path = at->path();
    if (path.extension() != ".json" || !IsImportName(path.stem().string())) continue;
    REPRO_ASSIGN_OR_RETURN(ImportRecord record, LoadRecord(path));
    records.push_back(std::move(record));
  }
  if (error) return Fail(ErrorCode::kIo, "{}: {}", folder.string(), error.message());
  std::sort(records.begin(), records.end(),
            [](const ImportRecord& a, const ImportRecord& b) { return a.name < b.name; });
  return records;
}

Status SaveImport(const fs::path& workspace, const ImportRecord& record) {
  return SaveRecord(RecordPath(workspace, record.name), record);
}

Status RemoveImport(const fs::path& workspace, std::string_view name) {
  const auto record = LoadImport(workspace, name);
  if (!record && record.error().code == ErrorCode::kNotFound) {
    return tl::unexpected<Error>(record.error());
  }
  const fs::path path = RecordPath(workspace, name);  // a damaged one can be removed too
  std::error_code error;
  fs::remove(path, error);
  if (error) return Fail(ErrorCode::kIo, "{}: {}", path.string(), error.message());
  return {};
}

ImportStanding CheckImport(const ImportRecord& record) {
  ImportStanding standing = ImportStanding::kSame;
  for (const ImportedFile& file : record.files) {
    const auto now = Stat(file.name, record.folder / file.name);
    if (!now) return ImportStanding::kMissing;
    if (!SameStat(*now, file)) standing = ImportStanding::kChanged;
  }
  return standing;
}

Result<ImportRecord> ResolveImport(const fs::path& workspace, const std::string& from) {
  if (from.starts_with(kImportPrefix)) {
    return ResolveName(workspace, from.substr(kImportPrefix.size()));
  }
  return ResolvePath(workspace, from);
}

}  // namespace repro
