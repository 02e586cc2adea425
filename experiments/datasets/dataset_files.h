#pragma once
/// The files of a data set that are at hand.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "experiments/datasets/dataset_manifest.h"

namespace repro {

struct DatasetFileAt {
  std::filesystem::path path;  ///< absolute, where the folder was
  std::string name;            ///< relative to the data set's folder
  std::string language;        ///< of its text: the part's, else `code`; empty: not said
  std::string code;  ///< what `{language}` stands for here, aliases resolved: pairs translations
  const DatasetPart* part = nullptr;  ///< of the manifest, which must outlive this
  bool stand_in = false;
  bool prefix = false;  ///< cut on purpose (`first_bytes`): see Extent in core/io/byte_source.h
};

/// Where the data sets of a workspace lie.
std::filesystem::path DataFolder(const std::filesystem::path& workspace);
/// Where SHA-256 of files are remembered (`FileHashes`).
std::filesystem::path HashesPath(const std::filesystem::path& workspace);

/// Where a data set lies: the manifest's own `folder`, else `DataFolder`/ID.
std::filesystem::path DatasetFolder(const DatasetManifest& manifest,
                                    const std::filesystem::path& workspace);

/// A folder's plain files at one moment, their names relative to it, sorted; none where there is no
/// such folder. Links are followed, but not into a folder that they lie in. Left out is what no
/// data set holds: names that begin with "." and unfinished downloads.
struct FolderListing {
  std::filesystem::path folder;
  std::vector<std::string> names;
};
/// Errors: kIo.
Result<FolderListing> ListFolder(const std::filesystem::path& folder);

/// The files of one part, sorted by name; empty when there is none.
std::vector<DatasetFileAt> MatchFiles(const DatasetManifest& manifest, const DatasetPart& part,
                                      const FolderListing& listing);

/// Whether `listing` holds a file of some part.
bool AnyAtHand(const DatasetManifest& manifest, const FolderListing& listing);

/// As `MatchFiles`. Errors: kNotFound, naming the folder, the patterns and how the set is got, when
/// there is none.
Result<std::vector<DatasetFileAt>> FilesOfPart(const DatasetManifest& manifest,
                                               const DatasetPart& part,
                                               const FolderListing& listing);

/// The name of a published file in a listing: where its publisher puts it; below a folder of the
/// set's name; or wherever a part finds it. It may be packed on top of that (`PackedOnTop`).
std::optional<std::string> FindPublished(const DatasetManifest& manifest, const PublishedFile& file,
                                         const FolderListing& listing);
/// Whether `name` is `path`, or a path that ends with it, packed by gzip, zstd, bzip2 or xz.
bool PackedOnTop(std::string_view name, std::string_view path);
/// "a.txt" of "a.txt", "a.txt.gz", ".zst", ".bz2" and ".xz".
std::string_view WithoutPacking(std::string_view name);

/// What of a part's `files` no file is there for, as paths; a path that is there in some of the
/// part's `languages` with the codes of the others: "{language}.testb (nl)".
std::vector<std::string> MissingPaths(const DatasetPart& part,
                                      const std::vector<DatasetFileAt>& found);

}  // namespace repro
