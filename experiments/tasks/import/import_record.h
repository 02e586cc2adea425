#pragma once
/// Which folders hold imported models, what is in them, and the SHA-256 of every file.
///
///   <workspace>/imports/NAME.json            what `repro import DIR --as NAME` registered
///   <workspace>/imports/by-path/DIGITS.json  the same of folders that manifests name by their path
///
/// The weights stay where they are. Hashes are kept with size and modification time of the file, so
/// that a run which finds both unchanged reads nothing. Fields: docs/formats.md, "Import record".
/// No LibTorch.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/io/json_io.h"
#include "experiments/model/config.h"

namespace repro {

struct ImportedFile {
  std::string name;  ///< in the folder
  std::int64_t bytes = 0;
  std::int64_t modified_ns = 0;  ///< of the file itself, not of a link to it
  std::string sha256{};
};

struct ImportRecord {
  std::string name;  ///< empty in by-path
  std::filesystem::path folder;
  std::vector<ImportedFile> files;  ///< sorted by name
  ModelShape shape;
  std::string dtype;  ///< "F32", "F16", "BF16", "F64", "mixed"
  bool has_lm_head = false;
  std::vector<std::string> left_out;  ///< tensors that are no part of encoder or LM head
  std::int64_t imported_ms = 0;
  std::string build;  ///< build id of the program that registered it; empty in by-path

  std::int64_t TotalBytes() const;
  Json ToJson() const;
  /// `where` names the source. Errors: kCorrupt.
  static Result<ImportRecord> FromJson(const Json& json, std::string_view where);
};

/// What `repro export` leaves beside a model.
inline constexpr const char* kExportMark = "repro-export.json";

/// Checks the folder whole (TransformersFolder::Open and CheckWeights) and hashes every file.
/// Errors: as there; kInvalidArgument for an export whose vocabulary takes words, not raw text.
Result<ImportRecord> ReadImport(const std::filesystem::path& folder);

/// 1 to 64 characters out of letters, digits, '.', '_' and '-', the first no '.'.
bool IsImportName(std::string_view name);

/// Errors: kNotFound naming those that there are; kCorrupt, kIo.
Result<ImportRecord> LoadImport(const std::filesystem::path& workspace, std::string_view name);
/// By name. A record that cannot be read is an error that names it.
Result<std::vector<ImportRecord>> ListImports(const std::filesystem::path& workspace);
/// Under record.name, replacing what is there.
Status SaveImport(const std::filesystem::path& workspace, const ImportRecord& record);
/// Errors: kNotFound.
Status RemoveImport(const std::filesystem::path& workspace, std::string_view name);

/// How the files stand to the record, by size and modification time only.
enum class ImportStanding { kSame, kChanged, kMissing };
ImportStanding CheckImport(const ImportRecord& record);

/// What a manifest's `pretrain.from` may be.
inline constexpr std::string_view kImportPrefix = "import:";
bool IsImportSource(std::string_view from);  ///< "import:NAME" or an absolute path

/// The record of `from`. Reads files only where a size or time differs from the record (or there is
/// none yet), and keeps what it learnt in the workspace if there is one. A registered folder that
/// is gone keeps its record: what was made from it before still stands. Errors: as ReadImport and
/// LoadImport; kInvalidArgument when a registered file holds something else than what was imported.
Result<ImportRecord> ResolveImport(const std::filesystem::path& workspace, const std::string& from);

}  // namespace repro
