#pragma once
/// Artifacts on disk: folders that appear whole, by rename, with a completion record.
///
///   <workspace>/artifacts/<kind>/<key>/{files..., completion.json}
///   <workspace>/results_only/<kind>/<key>/  the same, of imported results alone
///   <workspace>/staging/<key>.<n>/          where a task writes before it publishes
///   <workspace>/work/<key>/scratch/         checkpoints, kept between attempts
///   <workspace>/work/<key>/attempts/<n>/    task.json stdout stderr events.jsonl lock
///
/// A folder without a valid completion.json is not an artifact, whatever else lies in it. Used by
/// `repro` and by `repro-task`; knows nothing of the run log. The record's fields: docs/formats.md,
/// "Completion record".

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/io/json_io.h"

namespace repro {

struct ArtifactFile {
  std::string
      path;  ///< relative to the artifact's folder, '/' between parts, never "..", never absolute
  std::int64_t bytes = 0;
  std::string sha256;  ///< 64 hex digits
};

/// What completion.json says: which task made the artifact, with what build, and every file in it.
struct CompletionRecord {
  Json task = Json::object();       ///< kind, version, key, spec, inputs (role -> key), label
  std::vector<ArtifactFile> files;  ///< sorted by path; `Publish` fills it
  std::string build;                ///< build id of the program that made it
  double wall_seconds = 0;          ///< of the successful attempt
  std::int64_t peak_rss_bytes = 0;
  std::int64_t finished_ms = 0;  ///< `Publish` fills it when it is 0
  std::string host;              ///< `Publish` fills it when it is empty
  /// Null but for what came by a results file: `machine` (it was made on), and `kept` (paths of the
  /// files that came along, where that is not all of them).
  Json imported{};

  std::int64_t TotalBytes() const;  ///< of the files; completion.json itself not counted
  Json ToJson() const;
  /// `where` names the source in messages. Errors: kCorrupt when a field is missing or mistyped, a
  /// path leaves the folder or is there twice, or the format is not 1.
  static Result<CompletionRecord> FromJson(const Json& object, std::string_view where);
};

/// Whether a file of the record should be in its folder: all are, but for imported results.
bool HoldsFile(const CompletionRecord& record, std::string_view path);

/// When the successful attempt began, by the record.
std::int64_t StartedMs(const CompletionRecord& record);

/// A folder below artifacts/ and what `Find` says of it.
struct StoredArtifact {
  std::string kind, key;
  std::filesystem::path folder;
  std::optional<CompletionRecord> record;  ///< empty: not whole, and `problem` says why
  std::string problem;
};

/// Stateless: paths below one workspace. Methods may be called from several processes at once.
class ArtifactStore {
 public:
  explicit ArtifactStore(std::filesystem::path workspace) : workspace_(std::move(workspace)) {}

  const std::filesystem::path& workspace() const { return workspace_; }
  std::filesystem::path Folder(std::string_view kind, std::string_view key) const;
  std::filesystem::path ResultsFolder(std::string_view kind, std::string_view key) const;
  std::filesystem::path StagingFolder(std::string_view key, int attempt) const;
  std::filesystem::path WorkFolder(std::string_view key) const;
  std::filesystem::path ScratchFolder(std::string_view key) const;
  std::filesystem::path AttemptFolder(std::string_view key, int attempt) const;

  /// Turns the folder `staging` into the artifact of record.task's kind and key: lists and hashes
  /// every file, writes completion.json, fsyncs the tree, renames. A complete artifact that is
  /// there already is kept and ours is dropped; a damaged one is replaced. Returns the record of
  /// the artifact that stands afterwards. Errors: kInvalidArgument (record.task has no kind or key;
  /// a symlink or special file in `staging`), kIo.
  Result<CompletionRecord> Publish(const std::filesystem::path& staging,
                                   CompletionRecord record) const;

  /// The record of a whole artifact, by completion record and file sizes only (cheap: no file is
  /// read). Empty when there is no such folder or it has no completion.json. Errors: kCorrupt when
  /// the record is unreadable, belongs to another task, or a file is missing or has another size:
  /// the caller makes it again and says so.
  Result<std::optional<CompletionRecord>> Find(std::string_view kind, std::string_view key) const;

  /// As `Find`, and every file's SHA-256. Errors: kCorrupt naming the files that differ, kNotFound
  /// when not there.
  Status Verify(std::string_view kind, std::string_view key) const;

  /// Turns the folder `staging` into the record of a task whose files were not kept, or only those
  /// that `record.imported` names. One that is there already is kept. Errors: as `Publish`.
  Status PublishResults(const std::filesystem::path& staging, const CompletionRecord& record) const;
  /// The record of a task of which only results are here: it is done for all who do not read its
  /// files. Empty when there is none. Errors: as `Find`.
  Result<std::optional<CompletionRecord>> FindResults(std::string_view kind,
                                                      std::string_view key) const;
  /// As `FindResults`, and the SHA-256 of every file that came along. Errors: as `Verify`.
  Status VerifyResults(std::string_view kind, std::string_view key) const;

  /// Every folder below artifacts/, sorted by kind and key, whole or not. A missing artifacts/ is
  /// an empty store.
  Result<std::vector<StoredArtifact>> List() const;
  /// The same below results_only/, by `FindResults`.
  Result<std::vector<StoredArtifact>> ListResults() const;

  /// Removes an artifact so that a crash half-way leaves none (renamed away first). Not being there
  /// is no error.
  Status Remove(std::string_view kind, std::string_view key) const;
  Status RemoveResults(std::string_view kind, std::string_view key) const;

 private:
  std::filesystem::path workspace_;
};

/// Name of the completion record in an artifact's folder.
inline constexpr std::string_view kCompletionFile = "completion.json";

}  // namespace repro
