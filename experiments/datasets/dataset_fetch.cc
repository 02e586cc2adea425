#include "experiments/datasets/dataset_fetch.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <optional>
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

std::int64_t ExpectedBytes(const PublishedFile& file) {
  if (file.first_bytes == 0) return file.bytes;
  return file.bytes > 0 ? std::min(file.bytes, file.first_bytes) : file.first_bytes;
}

bool IsPackedAlike(std::string_view a, std::string_view b) {
  return a.substr(WithoutPacking(a).size()) == b.substr(WithoutPacking(b).size());
}

/// Says that an archive was unpacked.
fs::path UnpackedMarker(const fs::path& folder, const std::string& name) {
  const fs::path path = folder / name;
  return path.parent_path() / ("." + path.filename().string() + ".unpacked");
}

/// What a marker says.
struct Unpacked {
  std::int64_t bytes = 0;  ///< of the archive
  MirrorIndex files;       ///< without SHA-256 in markers of earlier versions: only names are known
};

MirrorIndex IndexFromJson(const Json& files) {
  MirrorIndex index;
  if (!files.is_object()) return index;
  for (const auto& [name, entry] : files.items()) {
    if (!entry.is_object() || TextField(entry, "sha256").empty()) continue;
    index[name] = {IntegerField(entry, "bytes"), TextField(entry, "sha256")};
  }
  return index;
}

/// None where the archive was not unpacked.
std::optional<Unpacked> LoadUnpacked(const fs::path& folder, const std::string& name) {
  const auto marker = LoadJson(UnpackedMarker(folder, name));
  if (!marker || !marker->is_object() || !marker->contains("files")) return std::nullopt;
  const Json& files = marker->at("files");
  Unpacked unpacked{.bytes = IntegerField(*marker, "bytes"), .files = IndexFromJson(files)};
  if (!files.is_array()) return unpacked;
  for (const Json& file : files) {
    if (file.is_string()) unpacked.files[file.get<std::string>()] = {};
  }
  return unpacked;
}

/// Where an archive may lie in the set's folder (`FindPublished`).
std::array<std::string, 2> ArchiveNames(const DatasetManifest& manifest,
                                        const PublishedFile& archive) {
  return {archive.path, manifest.id + "/" + archive.path};
}

/// Those of a set's archives that were unpacked.
std::vector<Unpacked> LoadAllUnpacked(const DatasetManifest& manifest, const fs::path& folder) {
  std::vector<Unpacked> all;
  for (const PublishedFile& file : manifest.files) {
    if (file.unpack.empty()) continue;
    for (const std::string& name : ArchiveNames(manifest, file)) {
      if (auto unpacked = LoadUnpacked(folder, name)) all.push_back(std::move(*unpacked));
    }
  }
  return all;
}

/// A file of the set's folder that may be the one that an item is about.
struct Candidate {
  std::string name;
  bool sure = true;  ///< false: it has its name, but may have other content
};

/// Tells what is there already of what is wanted: a file that is there twice, packed or in another
/// folder, would be read twice.
class ThereCheck {
 public:
  ThereCheck(const FetchPlan& plan, const FolderListing& listing, bool verify)
      : manifest_(*plan.manifest),
        folder_(plan.folder),
        verify_(verify),
        listing_(listing),
        state_(LookAt(manifest_, listing)),
        unpacked_(LoadAllUnpacked(manifest_, folder_)),
        fetched_(FetchedIndex(manifest_, folder_)),
        hashes_(FileHashes::Load(plan.hashes)) {}
  ~ThereCheck() { hashes_.Save(); }
  ThereCheck(const ThereCheck&) = delete;
  ThereCheck& operator=(const ThereCheck&) = delete;

  bool Holds(const std::string& name) const {
    return std::binary_search(listing_.names.begin(), listing_.names.end(), name);
  }

  std::optional<Candidate> FindPublished(const PublishedFile& file) const {
    for (const PublishedState& at : state_.published) {
      if (at.file != &file) continue;
      if (at.name) return Candidate{*at.name};
      if (at.elsewhere) return Candidate{*at.elsewhere, /*sure=*/false};
    }
    return std::nullopt;
  }

  /// A file of the part that has the path, packed or not.
  std::optional<Candidate> FindOfPart(const DatasetPart& part, const std::string& path) const {
    for (const DatasetFileAt& at : StateOf(part).files) {
      if (WithoutPacking(at.name) == WithoutPacking(path)) return Candidate{at.name};
    }
    return std::nullopt;
  }

  /// Whether all files of the part are there, and some came out of an archive: other copies of them
  /// may be called otherwise.
  bool CameUnpacked(const DatasetPart& part) const {
    const PartState& state = StateOf(part);
    if (state.at_hand != AtHand::kWhole) return false;
    return std::any_of(state.files.begin(), state.files.end(), [&](const DatasetFileAt& file) {
      return std::any_of(unpacked_.begin(), unpacked_.end(), [&](const Unpacked& unpacked) {
        return unpacked.files.contains(file.name);
      });
    });
  }

  /// Sets what `item` says of what is there. `sha256`: of what the item would bring, where the
  /// manifest or a mirror says so.
  Status Look(FetchItem& item, const std::string& sha256, const std::optional<Candidate>& at) {
    if (!at) return {};
    const Expected expected = ExpectedOf(item, sha256, at->name);
    REPRO_ASSIGN_OR_RETURN(const bool same, IsAsExpected(item, expected, *at));
    if (!same && !at->sure && !WasAsExpected(expected, at->name)) return {};
    item.there = same;
    item.differs = !same;
    if (same) {
      item.name = at->name;
    } else if (item.name != at->name) {
      item.replaces = at->name;
    }
    return {};
  }

  /// Of an archive, after `Look`: whether what is in it is there. Then it may be thrown away.
  Status LookUnpacked(FetchItem& item) {
    if (item.there) {
      if (const auto unpacked = LoadUnpacked(folder_, item.name)) {
        REPRO_ASSIGN_OR_RETURN(item.unpacked, IsThere(*unpacked, SizeAt(folder_ / item.name)));
      }
      return {};
    }
    if (item.differs) return {};
    bool ever = false;
    for (const std::string& name : ArchiveNames(manifest_, *item.file)) {
      const auto unpacked = LoadUnpacked(folder_, name);
      if (!unpacked) continue;
      ever = true;
      REPRO_ASSIGN_OR_RETURN(item.there, IsThere(*unpacked, item.bytes));
      if (!item.there) continue;
      item.name = name;
      break;
    }
    // It never was here: what it would bring came from a mirror, under names of the mirror's.
    if (!ever && item.source.empty()) item.there = EveryPartIsWhole();
    item.unpacked = item.there;
    return {};
  }

 private:
  struct Expected {
    std::int64_t bytes = 0;
    bool sized = false;  ///< `bytes` are known
    std::string sha256;  ///< empty: not known
  };

  const PartState& StateOf(const DatasetPart& part) const {
    return *std::find_if(state_.parts.begin(), state_.parts.end(),
                         [&](const PartState& at) { return at.part == &part; });
  }

  bool EveryPartIsWhole() const {
    return !state_.parts.empty() &&
           std::all_of(state_.parts.begin(), state_.parts.end(),
                       [](const PartState& at) { return at.at_hand == AtHand::kWhole; });
  }

  /// Of the file called `name`, as the manifest or a mirror has it.
  static Expected ExpectedOf(const FetchItem& item, const std::string& sha256,
                             const std::string& name) {
    if (IsPackedAlike(name, item.name)) {
      // A mirror's file of no bytes has no bytes; of a published one it is not known.
      return {item.bytes, item.bytes > 0 || !item.source.empty(), sha256};
    }
    if (item.file == nullptr || PackedOnTop(name, item.file->path)) return {};
    const std::int64_t bytes = ExpectedBytes(*item.file);
    return {bytes, bytes > 0, item.file->sha256};
  }

  Result<bool> IsAsExpected(const FetchItem& item, Expected expected, const Candidate& at) {
    const fs::path path = folder_ / at.name;
    const std::int64_t bytes = SizeAt(path);
    if (const auto fetched = fetched_.find(at.name); fetched != fetched_.end()) {
      if (!std::exchange(expected.sized, true)) expected.bytes = fetched->second.bytes;
      // Of another size it was another file.
      const bool same = fetched->second.bytes == expected.bytes;
      if (expected.sha256.empty() && same) expected.sha256 = fetched->second.sha256;
    }
    if (expected.sized && bytes != expected.bytes) return false;
    if (!expected.sha256.empty() && (verify_ || !at.sure || hashes_.Knows(path))) {
      REPRO_ASSIGN_OR_RETURN(const std::string actual, Sha256Of(path));
      if (actual != expected.sha256) return false;
    }
    if (verify_ && item.source.empty()) return UnpacksToPublished(item, at.name);
    return true;
  }

  /// True where that cannot be told.
  Result<bool> UnpacksToPublished(const FetchItem& item, const std::string& name) const {
    const PublishedFile& file = *item.file;
    if (file.sha256.empty() || !PackedOnTop(name, file.path)) return true;
    const auto digest = DigestOf(folder_ / name, /*unpacked=*/true);
    if (!digest && digest.error().code != ErrorCode::kCorrupt) {
      return tl::unexpected<Error>(digest.error());
    }
    return digest && digest->sha256 == file.sha256;
  }

  /// Whether the file that was fetched as `name` was the expected one, be it damaged now.
  bool WasAsExpected(const Expected& expected, const std::string& name) const {
    const auto fetched = fetched_.find(name);
    if (fetched == fetched_.end()) return false;
    return (!expected.sized || fetched->second.bytes == expected.bytes) &&
           (expected.sha256.empty() || fetched->second.sha256 == expected.sha256);
  }

  /// `bytes`: of the archive; 0: not known.
  Result<bool> IsThere(const Unpacked& unpacked, std::int64_t bytes) {
    if (bytes > 0 && unpacked.bytes != bytes) return false;
    for (const auto& [name, expected] : unpacked.files) {
      const fs::path path = folder_ / name;
      const std::int64_t actual = SizeAt(path);
      if (actual < 0) return false;
      if (expected.sha256.empty()) continue;
      if (actual != expected.bytes) return false;
      if (!verify_) continue;
      REPRO_ASSIGN_OR_RETURN(const std::string sha256, Sha256Of(path));
      if (sha256 != expected.sha256) return false;
    }
    return true;
  }

  Result<std::string> Sha256Of(const fs::path& path) {
    if (verify_) hashes_.Forget(path);
    return hashes_.Sha256Of(path);
  }

  const DatasetManifest& manifest_;
  fs::path folder_;
  bool verify_;
  const FolderListing& listing_;
  DatasetState state_;
  std::vector<Unpacked> unpacked_;  // of its archives
  MirrorIndex fetched_;
  FileHashes hashes_;
};

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
      if (!item.replaces.empty()) REPRO_RETURN_IF_ERROR(Remove(item.replaces));
      ++outcome_.fetched;
      outcome_.bytes += IntegerField(entry, "bytes");
      record_["files"][item.name] = std::move(entry);
      REPRO_RETURN_IF_ERROR(WriteFileAtomic(FetchRecordPath(plan_.folder), record_.dump(2) + "\n"));
      if (options_.on_done) options_.on_done(item);
    }
    const bool archive = item.file != nullptr && !item.file->unpack.empty();
    return archive ? Unpack(item, target) : Status();
  }

  Status Remove(const std::string& name) {
    std::error_code error;
    fs::remove(plan_.folder / name, error);
    if (error) {
      return Fail(ErrorCode::kIo, "remove {}: {}", (plan_.folder / name).string(), error.message());
    }
    record_["files"].erase(name);
    return {};
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
    if (item.there && item.unpacked) return {};
    // It holds no longer, and would hide from the next call that this one came to no end.
    const fs::path marker = UnpackedMarker(plan_.folder, item.name);
    std::error_code error;
    fs::remove(marker, error);
    if (error) return Fail(ErrorCode::kIo, "remove {}: {}", marker.string(), error.message());
    UnpackOptions options;
    options.on_progress = [&](std::int64_t written) {
      return Report({&item, written, 0, 0, true});
    };
    const ArchiveKind kind = item.file->unpack == "zip" ? ArchiveKind::kZip : ArchiveKind::kTar;
    const fs::path folder = target.parent_path();
    REPRO_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                           UnpackArchive(target, kind, folder, options));
    Json files = Json::object();
    for (const std::string& name : names) {
      REPRO_ASSIGN_OR_RETURN(const MirrorEntry digest, DigestOf(folder / name, /*unpacked=*/false));
      files[(folder / name).lexically_relative(plan_.folder).generic_string()] = {
          {"bytes", digest.bytes}, {"sha256", digest.sha256}};
    }
    outcome_.unpacked += static_cast<std::int64_t>(names.size());
    const Json content = {
        {"archive", item.name}, {"bytes", SizeAt(target)}, {"files", std::move(files)}};
    return WriteFileAtomic(marker, content.dump(2) + "\n");
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
  REPRO_ASSIGN_OR_RETURN(const FolderListing listing, ListFolder(plan.folder));
  ThereCheck check(plan, listing, verify);
  for (const PublishedFile& file : manifest.files) {
    if (file.url.empty()) continue;
    FetchItem item;
    item.name = file.path;
    item.file = &file;
    item.bytes = ExpectedBytes(file);
    REPRO_RETURN_IF_ERROR(check.Look(item, file.sha256, check.FindPublished(file)));
    if (!file.unpack.empty()) REPRO_RETURN_IF_ERROR(check.LookUnpacked(item));
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
  REPRO_ASSIGN_OR_RETURN(const FolderListing listing, ListFolder(plan.folder));
  ThereCheck check(plan, listing, verify);
  std::set<std::string> names;
  const auto add = [&](const std::string& name, const PublishedFile* file,
                       const std::optional<Candidate>& at) -> Status {
    if (!names.insert(name).second) return {};
    FetchItem item;
    item.name = name;
    item.file = file;
    item.source = mirror.folder / name;
    item.bytes = std::max<std::int64_t>(SizeAt(item.source), 0);
    const auto listed = index.find(name);
    const bool as_published = file != nullptr && !PackedOnTop(name, file->path);
    REPRO_RETURN_IF_ERROR(check.Look(item,
                                     listed != index.end() ? listed->second.sha256
                                     : as_published        ? file->sha256
                                                           : "",
                                     check.Holds(name) ? Candidate{name} : at));
    const bool archive = file != nullptr && !file->unpack.empty();
    if (archive) REPRO_RETURN_IF_ERROR(check.LookUnpacked(item));
    plan.items.push_back(std::move(item));
    return {};
  };
  const DatasetState offered = LookAt(manifest, mirror);
  std::map<std::string, Candidate> in_place;  // of published files, by their names
  for (const PublishedState& at : offered.published) {
    const std::optional<Candidate> here = check.FindPublished(*at.file);
    if (at.name) REPRO_RETURN_IF_ERROR(add(*at.name, at.file, here));
    if (at.elsewhere && here)
      in_place.emplace(*at.elsewhere, Candidate{here->name, /*sure=*/false});
  }
  for (const PartState& part : offered.parts) {
    const bool needed = !check.CameUnpacked(*part.part);
    for (const DatasetFileAt& file : part.files) {
      if (!needed && !check.Holds(file.name)) {
        if (!names.insert(file.name).second) continue;
        FetchItem& item = plan.items.emplace_back();
        item.name = file.name;
        item.there = true;
        continue;
      }
      auto at = check.FindOfPart(*part.part, file.name);
      if (const auto place = in_place.find(file.name); !at && place != in_place.end()) {
        at = place->second;
      }
      REPRO_RETURN_IF_ERROR(add(file.name, nullptr, at));
    }
  }
  if (!plan.items.empty()) return plan;
  return Fail(ErrorCode::kNotFound, "{} ({}): nothing in {} belongs to it; expected{}", manifest.id,
              manifest.title, mirror.folder.string(), ExpectedLayout(manifest));
}

MirrorIndex FetchedIndex(const DatasetManifest& manifest, const fs::path& folder) {
  MirrorIndex index;
  const auto record = LoadJson(FetchRecordPath(folder));
  if (record && record->is_object() && record->contains("files")) {
    index = IndexFromJson(record->at("files"));
  }
  for (const Unpacked& unpacked : LoadAllUnpacked(manifest, folder)) {
    for (const auto& [name, entry] : unpacked.files) {
      if (!entry.sha256.empty()) index.emplace(name, entry);
    }
  }
  return index;
}

Result<FetchOutcome> RunFetch(const FetchPlan& plan, const FetchOptions& options) {
  return Fetcher(plan, options).Run();
}

}  // namespace repro
