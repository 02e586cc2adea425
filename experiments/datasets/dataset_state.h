#pragma once
/// What of a data set is at hand, and whether it is what its publisher gave.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "experiments/datasets/dataset_files.h"

namespace repro {

/// kWhole: a file for every path of the manifest. kPart: for some. kStandIn: others, which the
/// manifest takes where these are missing.
enum class AtHand { kNothing, kPart, kStandIn, kWhole };
const char* AtHandName(AtHand at_hand);  ///< "nothing", "part", "stand-in", "whole"

struct PartState {
  const DatasetPart* part = nullptr;
  AtHand at_hand = AtHand::kNothing;
  std::vector<DatasetFileAt> files;
  std::vector<std::string> missing;  ///< `MissingPaths`
  std::int64_t bytes = 0;            ///< as stored
};

struct PublishedState {
  const PublishedFile* file = nullptr;
  std::optional<std::string> name;  ///< below the folder
  std::int64_t bytes = 0;           ///< as stored
  /// Without `name`: a file of its name in another folder, packed or not, that a part which would
  /// read it finds, and that is no other published one.
  std::optional<std::string> elsewhere;
  /// It is not there, and nothing is in its place: neither what was unpacked from it, nor a file of
  /// its name elsewhere, nor a stand-in. What parts lack is said there alone
  /// (`PartState::missing`).
  bool missing = false;
  std::int64_t unfinished = 0;  ///< bytes of it that an interrupted fetch left in PATH.part
};

struct DatasetState {
  std::filesystem::path folder;
  /// kWhole, kStandIn: all parts are at least that, and no published file is missing.
  AtHand at_hand = AtHand::kNothing;
  std::vector<PartState> parts;
  std::vector<PublishedState> published;
  std::set<std::string> languages;  ///< of files at hand
  std::int64_t bytes = 0;           ///< of all files of parts, as stored
};

/// The manifest must outlive it. Reads no file.
DatasetState LookAt(const DatasetManifest& manifest, const FolderListing& listing);

/// What a folder of files says about them in its MANIFEST.tsv: columns path, bytes,
/// uncompressed_bytes, lines, sha256, named in its first line, in any order; path, bytes and sha256
/// have to be there.
struct MirrorEntry {
  std::int64_t bytes = 0;
  std::string sha256;
};
using MirrorIndex = std::map<std::string, MirrorEntry, std::less<>>;
/// Of a file, or of what it unpacks to. Errors: kIo, kNotFound; kCorrupt where it cannot be
/// unpacked.
Result<MirrorEntry> DigestOf(const std::filesystem::path& path, bool unpacked);
/// Empty where the folder has no MANIFEST.tsv. Errors: kIo, kCorrupt with file:line.
Result<MirrorIndex> LoadMirrorIndex(const std::filesystem::path& folder);

struct DatasetProblem {
  std::string part;  ///< of the manifest; empty: of the files as published
  std::string path;  ///< a file, or the path that is missing
  std::string what;  ///< a sentence
};

struct DatasetCheck {
  std::int64_t files = 0;         ///< read through
  std::int64_t bytes = 0;         ///< as stored
  std::int64_t as_published = 0;  ///< files whose SHA-256 is the one in the manifest
  std::int64_t as_indexed = 0;    ///< of the others: the one in the index
  std::vector<DatasetProblem> problems;
};

/// Sizes, SHA-256 where the manifest or else `index` knows them, a file for every path of every
/// part and every one that `index` knows of it, and every published file; files that are packed on
/// top of what was published are unpacked for it. A stand-in is no problem. `index` is what a
/// mirror says of its files, or `FetchedIndex`. Errors: kIo alone; everything else is a problem.
Result<DatasetCheck> CheckDataset(const DatasetManifest& manifest, const DatasetState& state,
                                  const MirrorIndex& index);

}  // namespace repro
