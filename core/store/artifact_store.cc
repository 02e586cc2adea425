#include "core/store/artifact_store.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <set>
#include <system_error>
#include <tuple>

#include <unistd.h>

#include "core/base/hash.h"
#include "core/base/units.h"
#include "core/io/file.h"
#include "core/io/host.h"

namespace repro {

namespace fs = std::filesystem;

namespace {

constexpr int kFormat = 1;
constexpr const char* kResultsOnly = "results_only";

/// A path that stays inside the folder that it is taken from.
bool IsInside(std::string_view path) {
  if (path.empty() || path.front() == '/' || path.find('\0') != std::string_view::npos)
    return false;
  const fs::path parts{std::string(path)};
  return std::none_of(parts.begin(), parts.end(), [](const fs::path& part) {
    return part == ".." || part == "." || part.empty();
  });
}

/// A name that is one folder: kinds and keys come from task files and command lines.
bool IsFolderName(std::string_view name) {
  return IsInside(name) && name.find('/') == std::string_view::npos;
}

/// Every regular file below `folder`, sorted, hashed. Errors: kInvalidArgument for anything that is
/// neither a file nor a folder: an artifact must mean the same wherever it is copied.
Result<std::vector<ArtifactFile>> ListFiles(const fs::path& folder) {
  std::vector<ArtifactFile> files;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    const fs::file_status status = it->symlink_status(error);
    if (error) break;
    if (fs::is_directory(status)) continue;
    const std::string path = it->path().lexically_relative(folder).generic_string();
    if (!fs::is_regular_file(status)) {
      return Fail(ErrorCode::kInvalidArgument,
                  "{}: neither a file nor a folder; an artifact holds nothing else",
                  it->path().string());
    }
    if (path == kCompletionFile) continue;
    const std::uintmax_t bytes = it->file_size(error);
    if (error) break;
    REPRO_ASSIGN_OR_RETURN(std::string hash, Sha256File(it->path()));
    files.push_back({path, static_cast<std::int64_t>(bytes), std::move(hash)});
  }
  if (error) {
    return Fail(ErrorCode::kIo, "{}: cannot list: {}", folder.string(), error.message());
  }
  std::sort(files.begin(), files.end(),
            [](const ArtifactFile& a, const ArtifactFile& b) { return a.path < b.path; });
  return files;
}

Status RemoveTree(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) return Fail(ErrorCode::kIo, "{}: cannot remove: {}", path.string(), error.message());
  return {};
}

/// Moves a folder out of artifacts/ by one rename, so that it is gone at once, then removes it at
/// leisure.
Status MoveAwayAndRemove(const fs::path& folder, const fs::path& staging, std::string_view key) {
  REPRO_RETURN_IF_ERROR(MakeDirectories(staging));
  const fs::path aside = staging / fmt::format("{}.removed.{}.{}", key, ::getpid(), WallTimeMs());
  if (std::rename(folder.c_str(), aside.c_str()) != 0) {
    if (errno == ENOENT) return {};
    return FailErrno("move away", folder.string());
  }
  REPRO_RETURN_IF_ERROR(SyncDirectory(folder.parent_path()));
  return RemoveTree(aside);
}

Status CheckNames(std::string_view kind, std::string_view key) {
  if (IsFolderName(kind) && IsFolderName(key)) return {};
  return Fail(ErrorCode::kInvalidArgument, "'{}/{}' names no artifact", kind, key);
}

/// The record in `folder`, when it is that of the task and its files have their sizes.
Result<std::optional<CompletionRecord>> ReadRecord(const fs::path& folder, std::string_view kind,
                                                   std::string_view key) {
  const fs::path file = folder / kCompletionFile;
  const auto json = LoadJson(file);
  if (!json) {
    if (json.error().code == ErrorCode::kNotFound) return std::optional<CompletionRecord>();
    return tl::unexpected<Error>(json.error());
  }
  REPRO_ASSIGN_OR_RETURN(CompletionRecord record, CompletionRecord::FromJson(*json, file.string()));
  if (TextField(record.task, "kind") != kind || TextField(record.task, "key") != key) {
    return Fail(ErrorCode::kCorrupt, "{}: belongs to another task ({} {})", file.string(),
                TextField(record.task, "kind"), TextField(record.task, "key"));
  }
  for (const ArtifactFile& entry : record.files) {
    if (!HoldsFile(record, entry.path)) continue;
    std::error_code error;
    const fs::path path = folder / entry.path;
    const std::uintmax_t bytes = fs::file_size(path, error);
    if (error) {
      return Fail(ErrorCode::kCorrupt, "{}: {}, but the completion record lists it", path.string(),
                  error.message());
    }
    if (static_cast<std::int64_t>(bytes) != entry.bytes) {
      return Fail(ErrorCode::kCorrupt, "{}: {} bytes, expected {}", path.string(), bytes,
                  entry.bytes);
    }
  }
  return std::optional<CompletionRecord>(std::move(record));
}

/// Holds every file that should be in `folder` against the SHA-256 of `record`.
Status VerifyFiles(const fs::path& folder, const std::optional<CompletionRecord>& record) {
  if (!record) {
    return Fail(ErrorCode::kNotFound, "{}: no completion record here", folder.string());
  }
  std::string wrong;
  for (const ArtifactFile& entry : record->files) {
    if (!HoldsFile(*record, entry.path)) continue;
    REPRO_ASSIGN_OR_RETURN(const std::string hash, Sha256File(folder / entry.path));
    if (hash != entry.sha256) wrong += fmt::format("{}'{}'", wrong.empty() ? "" : ", ", entry.path);
  }
  if (wrong.empty()) return {};
  return Fail(ErrorCode::kCorrupt, "{}: the content of {} does not match its SHA-256",
              folder.string(), wrong);
}

/// Renames `staging`, whole and synced, to `target`. What `find` says is whole there stays, and
/// ours is dropped; what is damaged is replaced. Returns the record of what stands afterwards.
template <class Find>
Result<CompletionRecord> PublishFolder(const fs::path& staging, const fs::path& target,
                                       const fs::path& aside, CompletionRecord record,
                                       const Find& find) {
  REPRO_RETURN_IF_ERROR(MakeSyncedDirectories(target.parent_path()));
  // Two tries: the second after a damaged artifact was moved out of the way.
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (std::rename(staging.c_str(), target.c_str()) == 0) {
      REPRO_RETURN_IF_ERROR(SyncDirectory(target.parent_path()));
      return record;
    }
    if (errno != ENOTEMPTY && errno != EEXIST) return FailErrno("publish to", target.string());
    auto present = find();
    if (present && present->has_value()) {
      REPRO_RETURN_IF_ERROR(RemoveTree(staging));
      return **present;
    }
    // What cannot be looked at (no permission, a failing disk) may be whole: it is not taken away.
    if (!present && present.error().code != ErrorCode::kCorrupt) {
      return tl::unexpected<Error>(present.error());
    }
    REPRO_RETURN_IF_ERROR(MoveAwayAndRemove(target, aside, target.filename().string()));
  }
  return Fail(ErrorCode::kBusy, "{}: another process publishes the same artifact: try again",
              target.string());
}

/// Every folder `root`/KIND/KEY, sorted, and what `find` says of it.
template <class Find>
Result<std::vector<StoredArtifact>> ListBelow(const fs::path& root, const Find& find) {
  std::vector<StoredArtifact> artifacts;
  std::error_code error;
  if (!fs::exists(root, error)) return artifacts;
  for (fs::directory_iterator kinds(root, error), end; !error && kinds != end;
       kinds.increment(error)) {
    std::error_code ignored;  // of a dangling link, which is no folder
    if (!kinds->is_directory(ignored)) continue;
    for (fs::directory_iterator keys(kinds->path(), error); !error && keys != end;
         keys.increment(error)) {
      if (!keys->is_directory(ignored)) continue;
      StoredArtifact artifact;
      artifact.kind = kinds->path().filename().string();
      artifact.key = keys->path().filename().string();
      artifact.folder = keys->path();
      auto found = find(artifact.kind, artifact.key);
      if (!found) {
        artifact.problem = found.error().message;
      } else if (!*found) {
        artifact.problem = artifact.folder.string() + ": no completion record";
      } else {
        artifact.record = std::move(**found);
      }
      artifacts.push_back(std::move(artifact));
    }
    if (error) break;
  }
  if (error) return Fail(ErrorCode::kIo, "{}: cannot list: {}", root.string(), error.message());
  std::sort(artifacts.begin(), artifacts.end(), [](const auto& a, const auto& b) {
    return std::tie(a.kind, a.key) < std::tie(b.kind, b.key);
  });
  return artifacts;
}

}  // namespace

std::int64_t CompletionRecord::TotalBytes() const {
  std::int64_t bytes = 0;
  for (const ArtifactFile& file : files) bytes += file.bytes;
  return bytes;
}

Json CompletionRecord::ToJson() const {
  Json list = Json::array();
  for (const ArtifactFile& file : files) {
    list.push_back({{"path", file.path}, {"bytes", file.bytes}, {"sha256", file.sha256}});
  }
  Json json = {{"format", kFormat},
               {"task", task},
               {"files", std::move(list)},
               {"build", build},
               {"wall_seconds", wall_seconds},
               {"peak_rss_bytes", peak_rss_bytes},
               {"finished_ms", finished_ms},
               {"host", host}};
  if (!imported.is_null()) json["imported"] = imported;
  return json;
}

Result<CompletionRecord> CompletionRecord::FromJson(const Json& object, std::string_view where) {
  const auto bad = [where](std::string_view what) {
    return Fail(ErrorCode::kCorrupt, "{}: not a completion record: {}", where, what);
  };
  if (!object.is_object()) return bad("expected a JSON object");
  CompletionRecord record;
  try {
    const int format = object.at("format").get<int>();
    if (format != kFormat) return bad(fmt::format("format {}, expected {}", format, kFormat));
    record.task = object.at("task");
    if (!record.task.is_object()) return bad("`task` is not an object");
    std::set<std::string> paths;
    for (const Json& file : object.at("files")) {
      ArtifactFile entry{file.at("path").get<std::string>(), file.at("bytes").get<std::int64_t>(),
                         file.at("sha256").get<std::string>()};
      if (!IsInside(entry.path)) {
        return bad(fmt::format("the path '{}' leaves the folder", entry.path));
      }
      if (entry.bytes < 0 || !IsSha256Hex(entry.sha256)) {
        return bad(fmt::format("the size or SHA-256 of '{}' is malformed", entry.path));
      }
      if (!paths.insert(entry.path).second) {
        return bad(fmt::format("'{}' is there twice", entry.path));
      }
      record.files.push_back(std::move(entry));
    }
    record.build = object.at("build").get<std::string>();
    record.wall_seconds = object.at("wall_seconds").get<double>();
    record.peak_rss_bytes = object.at("peak_rss_bytes").get<std::int64_t>();
    record.finished_ms = object.at("finished_ms").get<std::int64_t>();
    record.host = object.at("host").get<std::string>();
    const auto imported = object.find("imported");
    if (imported != object.end()) {
      if (!imported->is_object()) return bad("`imported` is not an object");
      record.imported = *imported;
    }
  } catch (const Json::exception& error) {
    return bad(JsonProblem(error));
  }
  return record;
}

bool HoldsFile(const CompletionRecord& record, std::string_view path) {
  const auto kept = record.imported.find("kept");
  if (kept == record.imported.end()) return true;
  return std::find(kept->begin(), kept->end(), path) != kept->end();
}

std::int64_t StartedMs(const CompletionRecord& record) {
  constexpr double kMsPerSecond = 1000;
  return record.finished_ms - static_cast<std::int64_t>(record.wall_seconds * kMsPerSecond);
}

fs::path ArtifactStore::Folder(std::string_view kind, std::string_view key) const {
  return workspace_ / "artifacts" / kind / key;
}

fs::path ArtifactStore::ResultsFolder(std::string_view kind, std::string_view key) const {
  return workspace_ / kResultsOnly / kind / key;
}

fs::path ArtifactStore::StagingFolder(std::string_view key, int attempt) const {
  return workspace_ / "staging" / fmt::format("{}.{}", key, attempt);
}

fs::path ArtifactStore::WorkFolder(std::string_view key) const {
  return workspace_ / "work" / key;
}

fs::path ArtifactStore::ScratchFolder(std::string_view key) const {
  return WorkFolder(key) / "scratch";
}

fs::path ArtifactStore::AttemptFolder(std::string_view key, int attempt) const {
  return WorkFolder(key) / "attempts" / std::to_string(attempt);
}

Result<CompletionRecord> ArtifactStore::Publish(const fs::path& staging,
                                                CompletionRecord record) const {
  const std::string kind = TextField(record.task, "kind");
  const std::string key = TextField(record.task, "key");
  if (!CheckNames(kind, key)) {
    return Fail(ErrorCode::kInvalidArgument,
                "{}: cannot publish: the record's task has kind '{}' and key '{}'",
                staging.string(), kind, key);
  }
  REPRO_ASSIGN_OR_RETURN(record.files, ListFiles(staging));
  if (record.finished_ms == 0) record.finished_ms = WallTimeMs();
  if (record.host.empty()) record.host = HostName();
  REPRO_RETURN_IF_ERROR(WriteFileAtomic(staging / kCompletionFile, record.ToJson().dump(1) + "\n"));
  REPRO_RETURN_IF_ERROR(SyncTree(staging));

  return PublishFolder(staging, Folder(kind, key), workspace_ / "staging", record,
                       [&] { return Find(kind, key); });
}

Result<std::optional<CompletionRecord>> ArtifactStore::Find(std::string_view kind,
                                                            std::string_view key) const {
  REPRO_RETURN_IF_ERROR(CheckNames(kind, key));
  return ReadRecord(Folder(kind, key), kind, key);
}

Status ArtifactStore::PublishResults(const fs::path& staging,
                                     const CompletionRecord& record) const {
  const std::string kind = TextField(record.task, "kind");
  const std::string key = TextField(record.task, "key");
  REPRO_RETURN_IF_ERROR(CheckNames(kind, key));
  REPRO_RETURN_IF_ERROR(WriteFileAtomic(staging / kCompletionFile, record.ToJson().dump(1) + "\n"));
  REPRO_RETURN_IF_ERROR(SyncTree(staging));
  REPRO_RETURN_IF_ERROR(PublishFolder(staging, ResultsFolder(kind, key), workspace_ / "staging",
                                      record, [&] { return FindResults(kind, key); }));
  return {};
}

Result<std::optional<CompletionRecord>> ArtifactStore::FindResults(std::string_view kind,
                                                                   std::string_view key) const {
  REPRO_RETURN_IF_ERROR(CheckNames(kind, key));
  return ReadRecord(ResultsFolder(kind, key), kind, key);
}

Status ArtifactStore::Verify(std::string_view kind, std::string_view key) const {
  REPRO_ASSIGN_OR_RETURN(const std::optional<CompletionRecord> record, Find(kind, key));
  return VerifyFiles(Folder(kind, key), record);
}

Status ArtifactStore::VerifyResults(std::string_view kind, std::string_view key) const {
  REPRO_ASSIGN_OR_RETURN(const std::optional<CompletionRecord> record, FindResults(kind, key));
  return VerifyFiles(ResultsFolder(kind, key), record);
}

Result<std::vector<StoredArtifact>> ArtifactStore::List() const {
  return ListBelow(workspace_ / "artifacts",
                   [this](const auto& kind, const auto& key) { return Find(kind, key); });
}

Result<std::vector<StoredArtifact>> ArtifactStore::ListResults() const {
  return ListBelow(workspace_ / kResultsOnly,
                   [this](const auto& kind, const auto& key) { return FindResults(kind, key); });
}

Status ArtifactStore::Remove(std::string_view kind, std::string_view key) const {
  REPRO_RETURN_IF_ERROR(CheckNames(kind, key));
  return MoveAwayAndRemove(Folder(kind, key), workspace_ / "staging", key);
}

Status ArtifactStore::RemoveResults(std::string_view kind, std::string_view key) const {
  REPRO_RETURN_IF_ERROR(CheckNames(kind, key));
  return MoveAwayAndRemove(ResultsFolder(kind, key), workspace_ / "staging", key);
}

}  // namespace repro
