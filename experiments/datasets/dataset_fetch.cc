#include "experiments/datasets/dataset_fetch.h"

#include <algorithm>
#include <cerrno>
#include <set>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "core/base/hash.h"
#include "core/base/units.h"
#include "core/io/archive.h"
#include "core/io/download.h"
#include "core/io/file.h"
#include "core/io/file_hashes.h"
#include "core/io/file_lock.h"
#include "core/io/json_io.h"
#include "core/io/write_all.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

/// Bytes of a plain file; -1 where there is none.
std::int64_t SizeAt(const fs::path& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return -1;
  const auto bytes = fs::file_size(path, error);
  return error ? -1 : static_cast<std::int64_t>(bytes);
}

fs::path FetchRecordPath(const fs::path& folder) {
  return folder / ".fetched.json";
}

/// Tells whether a file that is there is the one that is wanted.
class ThereCheck {
 public:
  ThereCheck(const FetchPlan& plan, bool verify)
      : folder_(plan.folder),
        verify_(verify),
        fetched_(FetchedIndex(folder_)),
        hashes_(FileHashes::Load(plan.hashes)) {}
  ~ThereCheck() { hashes_.Save(); }
  ThereCheck(const ThereCheck&) = delete;
  ThereCheck& operator=(const ThereCheck&) = delete;

  /// Sets what `item` says of it. `sha256`: what is expected of it, where the manifest or a mirror
  /// says so.
  Status Look(FetchItem& item, const std::string& sha256) {
    const fs::path path = folder_ / item.name;
    const std::int64_t bytes = SizeAt(path);
    if (bytes < 0) return {};
    // A mirror's file of no bytes has no bytes; of a published one it is not known.
    bool sized = item.bytes > 0 || !item.source.empty();
    MirrorEntry expected{.bytes = item.bytes, .sha256 = sha256};
    if (const auto fetched = fetched_.find(item.name); fetched != fetched_.end()) {
      if (!std::exchange(sized, true)) expected.bytes = fetched->second.bytes;
      // Of another size it was another file.
      const bool same = fetched->second.bytes == expected.bytes;
      if (expected.sha256.empty() && same) expected.sha256 = fetched->second.sha256;
    }
    item.there = !sized || bytes == expected.bytes;
    if (item.there && !expected.sha256.empty() && (verify_ || hashes_.Knows(path))) {
      if (verify_) hashes_.Forget(path);
      REPRO_ASSIGN_OR_RETURN(const std::string actual, hashes_.Sha256Of(path));
      item.there = actual == expected.sha256;
    }
    item.differs = !item.there;
    return {};
  }

 private:
  fs::path folder_;
  bool verify_;
  MirrorIndex fetched_;
  FileHashes hashes_;
};

/// Says that an archive was unpacked: its size, and the names of its files.
fs::path UnpackedMarker(const fs::path& folder, const std::string& name) {
  const fs::path path = folder / name;
  return path.parent_path() / ("." + path.filename().string() + ".unpacked");
}

/// Bytes of the archive that was unpacked; -1 when none was, or its files are gone.
std::int64_t UnpackedBytes(const fs::path& folder, const std::string& name) {
  const auto marker = LoadJson(UnpackedMarker(folder, name));
  if (!marker || !marker->is_object() || !marker->contains("files")) return -1;
  for (const Json& file : marker->at("files")) {
    if (!file.is_string() || SizeAt(folder / file.get<std::string>()) < 0) return -1;
  }
  return IntegerField(*marker, "bytes");
}

std::int64_t ExpectedBytes(const PublishedFile& file) {
  if (file.first_bytes == 0) return file.bytes;
  return file.bytes > 0 ? std::min(file.bytes, file.first_bytes) : file.first_bytes;
}

Status CheckFetchable(const DatasetManifest& manifest) {
  if (!manifest.takes.empty()) {
    std::vector<std::string> sets;
    for (const MixtureTake& take : manifest.takes) sets.push_back(take.set);
    return Fail(ErrorCode::kInvalidArgument, "{} is a mixture: fetch what it takes: {}",
                manifest.id, fmt::join(sets, " "));
  }
  if (!manifest.folder.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "{} lies in {} already: there is nothing to fetch",
                manifest.id, DatasetFolder(manifest, {}).string());
  }
  return {};
}

FetchPlan EmptyPlan(const DatasetManifest& manifest, const fs::path& workspace) {
  FetchPlan plan;
  plan.manifest = &manifest;
  plan.folder = DatasetFolder(manifest, workspace);
  plan.hashes = HashesPath(workspace);
  return plan;
}

/// How its files must lie, for a person who gets them.
std::string ExpectedLayout(const DatasetManifest& manifest) {
  std::string text;
  for (const DatasetPart& part : manifest.parts) {
    text += fmt::format("\n  {} ({}): {}", part.name, part.layout, fmt::join(part.files, ", "));
  }
  return text;
}

class Fetcher {
 public:
  Fetcher(const FetchPlan& plan, const FetchOptions& options) : plan_(plan), options_(options) {}

  Result<FetchOutcome> Run() {
    REPRO_RETURN_IF_ERROR(MakeSyncedDirectories(plan_.folder));
    auto lock = FileLock::TryLock(plan_.folder / ".lock");
    if (!lock) {
      if (lock.error().code != ErrorCode::kBusy) return tl::unexpected(lock.error());
      return Fail(ErrorCode::kBusy, "{}: another process fetches it", plan_.manifest->id);
    }
    if (auto record = LoadJson(FetchRecordPath(plan_.folder)); record && record->is_object())
      record_ = *record;
    for (const FetchItem& item : plan_.items) REPRO_RETURN_IF_ERROR(Take(item));
    return outcome_;
  }

 private:
  Status Take(const FetchItem& item) {
    const fs::path target = plan_.folder / item.name;
    if (item.there) {
      ++outcome_.there;
    } else {
      REPRO_RETURN_IF_ERROR(MakeSyncedDirectories(target.parent_path()));
      REPRO_ASSIGN_OR_RETURN(
          Json entry, item.source.empty() ? FromUrl(item, target) : FromMirror(item, target));
      Remember(target, TextField(entry, "sha256"));
      ++outcome_.fetched;
      outcome_.bytes += IntegerField(entry, "bytes");
      record_["files"][item.name] = std::move(entry);
      REPRO_RETURN_IF_ERROR(WriteFileAtomic(FetchRecordPath(plan_.folder), record_.dump(2) + "\n"));
      if (options_.on_done) options_.on_done(item);
    }
    const bool archive = item.file != nullptr && !item.file->unpack.empty();
    return archive ? Unpack(item, target) : Status();
  }

  /// The memory is loaded each time: others may add to it meanwhile.
  void Remember(const fs::path& target, std::string sha256) const {
    FileHashes hashes = FileHashes::Load(plan_.hashes);
    hashes.Remember(target, std::move(sha256));
    hashes.Save();
  }

  bool Report(const FetchProgress& progress) const {
    return !options_.on_progress || options_.on_progress(progress);
  }

  Result<Json> FromUrl(const FetchItem& item, const fs::path& target) {
    const PublishedFile& file = *item.file;
    DownloadOptions options;
    options.retries = options_.retries;
    options.first_wait_seconds = options_.first_wait_seconds;
    options.on_progress = [&](const DownloadProgress& progress) {
      return Report({&item, progress.bytes, progress.total, progress.failures, false});
    };
    REPRO_ASSIGN_OR_RETURN(const DownloadOutcome got, Download({.url = file.url,
                                                                .target = target,
                                                                .bytes = file.bytes,
                                                                .sha256 = file.sha256,
                                                                .first_bytes = file.first_bytes},
                                                               options));
    return Json{
        {"url", file.url},  {"bytes", got.bytes},         {"sha256", got.sha256},
        {"etag", got.etag}, {"fetched_ms", WallTimeMs()}, {"last_modified", got.last_modified}};
  }

  Result<Json> FromMirror(const FetchItem& item, const fs::path& target) {
    const fs::path part = target.string() + ".part";
    std::error_code ignored;
    auto copied = Copy(item, part);
    if (!copied) {
      fs::remove(part, ignored);
      return tl::unexpected(copied.error());
    }
    if (::rename(part.c_str(), target.c_str()) != 0) return FailErrno("rename", target.string());
    REPRO_RETURN_IF_ERROR(SyncDirectory(target.parent_path()));
    return Json{{"copied_from", item.source.string()},
                {"bytes", copied->first},
                {"sha256", copied->second},
                {"fetched_ms", WallTimeMs()}};
  }

  /// Bytes and SHA-256.
  Result<std::pair<std::int64_t, std::string>> Copy(const FetchItem& item, const fs::path& part) {
    const int in = ::open(item.source.c_str(), O_RDONLY | O_CLOEXEC);
    if (in < 0) return FailErrno("open", item.source.string());
    const int out = ::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    auto copied = out < 0 ? FailErrno("open", part.string()) : CopyBytes(item, in, out, part);
    ::close(in);
    if (out >= 0 && ::close(out) != 0 && copied) return FailErrno("close", part.string());
    return copied;
  }

  Result<std::pair<std::int64_t, std::string>> CopyBytes(const FetchItem& item, int in, int out,
                                                         const fs::path& part) {
    Sha256 hash;
    std::int64_t bytes = 0;
    std::vector<char> block(1 << 20);
    for (;;) {
      const ssize_t got = ::read(in, block.data(), block.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return FailErrno("read", item.source.string());
      if (got == 0) break;
      const std::string_view read(block.data(), static_cast<std::size_t>(got));
      hash.Update(read);
      REPRO_RETURN_IF_ERROR(WriteAll(out, read, part));
      bytes += got;
      if (!Report({&item, bytes, item.bytes, 0, false})) {
        return Fail(ErrorCode::kInterrupted, "{}: stopped; the same command goes on",
                    plan_.manifest->id);
      }
    }
    if (::fsync(out) != 0) return FailErrno("fsync", part.string());
    std::string sha256 = hash.HexDigest();
    REPRO_RETURN_IF_ERROR(CheckCopy(item, bytes, sha256));
    return std::pair(bytes, std::move(sha256));
  }

  Status CheckCopy(const FetchItem& item, std::int64_t bytes, const std::string& sha256) const {
    const auto differs = [&](std::string_view who, std::int64_t expected_bytes,
                             const std::string& expected) -> Status {
      if (expected_bytes > 0 && bytes != expected_bytes) {
        return Fail(ErrorCode::kCorrupt, "{}: has {} bytes, {} says {}; copy it anew",
                    item.source.string(), FormatCount(bytes), who, FormatCount(expected_bytes));
      }
      if (!expected.empty() && sha256 != expected) {
        return Fail(ErrorCode::kCorrupt, "{}: SHA-256 is {}, {} says {}; copy it anew",
                    item.source.string(), sha256, who, expected);
      }
      return {};
    };
    if (const auto entry = options_.index.find(item.name); entry != options_.index.end()) {
      REPRO_RETURN_IF_ERROR(differs("its MANIFEST.tsv", entry->second.bytes, entry->second.sha256));
    }
    if (item.file == nullptr || PackedOnTop(item.name, item.file->path)) return {};
    return differs("the manifest", ExpectedBytes(*item.file), item.file->sha256);
  }

  Status Unpack(const FetchItem& item, const fs::path& target) {
    const std::int64_t bytes = SizeAt(target);
    // An archive that was unpacked may be thrown away.
    if (bytes < 0 || (item.there && UnpackedBytes(plan_.folder, item.name) == bytes)) return {};
    UnpackOptions options;
    options.on_progress = [&](std::int64_t written) {
      return Report({&item, written, 0, 0, true});
    };
    const ArchiveKind kind = item.file->unpack == "zip" ? ArchiveKind::kZip : ArchiveKind::kTar;
    const fs::path folder = target.parent_path();
    REPRO_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                           UnpackArchive(target, kind, folder, options));
    Json files = Json::array();
    for (const std::string& name : names) {
      files.push_back((folder / name).lexically_relative(plan_.folder).generic_string());
    }
    outcome_.unpacked += static_cast<std::int64_t>(names.size());
    const Json marker = {{"archive", item.name}, {"bytes", bytes}, {"files", std::move(files)}};
    return WriteFileAtomic(UnpackedMarker(plan_.folder, item.name), marker.dump(2) + "\n");
  }

  const FetchPlan& plan_;
  const FetchOptions& options_;
  FetchOutcome outcome_;
  Json record_ = {{"files", Json::object()}};
};

}  // namespace

std::int64_t FetchPlan::bytes_to_fetch() const {
  std::int64_t bytes = 0;
  for (const FetchItem& item : items) bytes += item.there ? 0 : item.bytes;
  return bytes;
}

std::int64_t FetchPlan::files_to_fetch() const {
  return std::count_if(items.begin(), items.end(),
                       [](const FetchItem& item) { return !item.there; });
}

bool FetchPlan::size_known() const {
  return std::all_of(items.begin(), items.end(),
                     [](const FetchItem& item) { return item.there || item.bytes > 0; });
}

Result<FetchPlan> PlanFetch(const DatasetManifest& manifest, const fs::path& workspace,
                            bool verify) {
  REPRO_RETURN_IF_ERROR(CheckFetchable(manifest));
  FetchPlan plan = EmptyPlan(manifest, workspace);
  ThereCheck check(plan, verify);
  for (const PublishedFile& file : manifest.files) {
    if (file.url.empty()) continue;
    FetchItem item;
    item.name = file.path;
    item.file = &file;
    item.bytes = ExpectedBytes(file);
    REPRO_RETURN_IF_ERROR(check.Look(item, file.sha256));
    // What was unpacked is there without its archive, too.
    if (!item.differs && !file.unpack.empty() && UnpackedBytes(plan.folder, file.path) >= 0) {
      item.there = true;
    }
    plan.items.push_back(std::move(item));
  }
  if (!plan.items.empty()) return plan;
  return Fail(ErrorCode::kNotFound,
              "{} ({}) cannot be fetched from here. {}\nThen `repro data fetch {} --mirror DIR` "
              "takes it from DIR, or put the files below {}:{}",
              manifest.id, manifest.title, manifest.how_to_get, manifest.id, plan.folder.string(),
              ExpectedLayout(manifest));
}

Result<FetchPlan> PlanCopy(const DatasetManifest& manifest, const fs::path& workspace,
                           const FolderListing& mirror, const MirrorIndex& index, bool verify) {
  REPRO_RETURN_IF_ERROR(CheckFetchable(manifest));
  FetchPlan plan = EmptyPlan(manifest, workspace);
  ThereCheck check(plan, verify);
  std::set<std::string> names;
  const auto add = [&](const std::string& name, const PublishedFile* file) -> Status {
    if (!names.insert(name).second) return {};
    FetchItem item;
    item.name = name;
    item.file = file;
    item.source = mirror.folder / name;
    item.bytes = std::max<std::int64_t>(SizeAt(item.source), 0);
    const auto listed = index.find(name);
    const bool as_published = file != nullptr && !PackedOnTop(name, file->path);
    REPRO_RETURN_IF_ERROR(check.Look(item, listed != index.end() ? listed->second.sha256
                                           : as_published        ? file->sha256
                                                                 : ""));
    plan.items.push_back(std::move(item));
    return {};
  };
  for (const PublishedFile& file : manifest.files) {
    const auto name = FindPublished(manifest, file, mirror);
    if (name) REPRO_RETURN_IF_ERROR(add(*name, &file));
  }
  for (const DatasetPart& part : manifest.parts) {
    for (const DatasetFileAt& file : MatchFiles(manifest, part, mirror)) {
      REPRO_RETURN_IF_ERROR(add(file.name, nullptr));
    }
  }
  if (!plan.items.empty()) return plan;
  return Fail(ErrorCode::kNotFound, "{} ({}): nothing in {} belongs to it; expected{}", manifest.id,
              manifest.title, mirror.folder.string(), ExpectedLayout(manifest));
}

MirrorIndex FetchedIndex(const fs::path& folder) {
  MirrorIndex index;
  const auto record = LoadJson(FetchRecordPath(folder));
  if (!record || !record->is_object() || !record->contains("files")) return index;
  for (const auto& [name, entry] : record->at("files").items()) {
    if (!entry.is_object() || TextField(entry, "sha256").empty()) continue;
    index[name] = {IntegerField(entry, "bytes"), TextField(entry, "sha256")};
  }
  return index;
}

Result<FetchOutcome> RunFetch(const FetchPlan& plan, const FetchOptions& options) {
  return Fetcher(plan, options).Run();
}

}  // namespace repro
