#pragma once
/// Puts a data set where it is looked for: from its publisher, or from a folder that holds it.

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "experiments/datasets/dataset_files.h"
#include "experiments/datasets/dataset_state.h"

namespace repro {

/// One file that a fetch is about.
struct FetchItem {
  std::string name;                     ///< below the data set's folder: where it is, or will be
  const PublishedFile* file = nullptr;  ///< what the manifest says of it, if it does
  std::filesystem::path source;         ///< in the mirror; empty: from its URL
  std::int64_t bytes = 0;               ///< that will be there; 0: not known
  bool there = false;                   ///< nothing has to be done
  bool differs = false;                 ///< what is there has another size or SHA-256
  std::string replaces;   ///< its name, where it is another than `name`: removed when this came
  bool unpacked = false;  ///< an archive: what is in it is there
};

struct FetchPlan {
  const DatasetManifest* manifest = nullptr;
  std::filesystem::path folder;  ///< where it goes
  std::filesystem::path hashes;  ///< `HashesPath` of the workspace
  std::vector<FetchItem> items;

  std::int64_t bytes_to_fetch() const;
  std::int64_t files_to_fetch() const;
  bool size_known() const;  ///< of all that is to be fetched
};

/// What its publisher gives and is not there, or is there with another size or SHA-256 than the
/// manifest or the record of the fetch says. A file may be there packed, or in another folder where
/// a part finds it; what archives would bring may have come from a mirror. A file of which
/// WORKSPACE/data/hashes.json remembers something is read where its size or time has changed; of
/// one that is not remembered only the size is looked at. With `verify` every file is read.
/// Errors: kNotFound where a person has to get it, with all that is known: from
/// whom, and how its files must lie; kInvalidArgument for a set that lies in a folder of its own
/// (`folder`) or is a mixture; kIo.
Result<FetchPlan> PlanFetch(const DatasetManifest& manifest, const std::filesystem::path& workspace,
                            bool verify = false);
/// What a mirror has of it; `index` is what the mirror says of its files. Errors: kNotFound naming
/// the patterns; as above.
Result<FetchPlan> PlanCopy(const DatasetManifest& manifest, const std::filesystem::path& workspace,
                           const FolderListing& mirror, const MirrorIndex& index = {},
                           bool verify = false);

struct FetchProgress {
  const FetchItem* item = nullptr;
  std::int64_t bytes = 0;  ///< of this file so far
  std::int64_t total = 0;  ///< 0: not known
  int failures = 0;        ///< tries in a row that brought nothing
  bool unpacking = false;
};

struct FetchOptions {
  MirrorIndex index;  ///< what the mirror says of its files: a copy must agree
  int retries = 5;
  double first_wait_seconds = 1.0;
  /// False: stop.
  std::function<bool(const FetchProgress&)> on_progress;
  /// After each file that was fetched or copied.
  std::function<void(const FetchItem&)> on_done;
};

struct FetchOutcome {
  std::int64_t fetched = 0;   ///< files that came
  std::int64_t there = 0;     ///< that were there
  std::int64_t unpacked = 0;  ///< files out of archives
  std::int64_t bytes = 0;     ///< that came
};

/// Size and SHA-256 of what was fetched into the set's folder, and of what was unpacked there, as
/// they were then; empty where nothing was, or nobody wrote it down.
MirrorIndex FetchedIndex(const DatasetManifest& manifest, const std::filesystem::path& folder);

/// Does the plan, file by file; an archive is unpacked once, and again when it came again, or what
/// came out of it is no longer so. What came from where stands in FOLDER/.fetched.json after each
/// file. Errors: kBusy when another process fetches the set; as `Download` and `UnpackArchive`;
/// kCorrupt where a copy is not what the index or manifest says.
Result<FetchOutcome> RunFetch(const FetchPlan& plan, const FetchOptions& options);

}  // namespace repro
