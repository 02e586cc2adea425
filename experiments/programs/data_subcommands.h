#pragma once
/// The sub-commands of `repro data`, one file each.

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/cli/command.h"
#include "experiments/datasets/dataset_state.h"

namespace repro {

std::unique_ptr<Command> MakeDataListCommand();
std::unique_ptr<Command> MakeDataShowCommand();
std::unique_ptr<Command> MakeDataFetchCommand();
std::unique_ptr<Command> MakeDataCheckCommand();
std::unique_ptr<Command> MakeDataStatsCommand();

/// "babel" names the synthetic world where a data set could stand.
inline constexpr const char* kBabelWorld = "babel";

/// Where the suite's manifests of data sets are. Errors: kNotFound when they are not at hand.
Result<std::filesystem::path> DatasetManifestFolder(const CommandContext& context);

/// Where sets lie: in a mirror, or in the workspace, each in its own folder.
class DatasetPlaces {
 public:
  /// `mirror` empty: the workspace. Errors: kNotFound when the mirror is no folder, kIo.
  static Result<DatasetPlaces> Open(const CommandContext& context, const std::string& mirror);

  /// Errors: kIo.
  Result<DatasetState> Look(const DatasetManifest& manifest) const;
  /// What the mirror says of its files; empty for the workspace.
  const MirrorIndex& index() const { return index_; }
  const FolderListing& mirror() const { return mirror_; }
  bool is_mirror() const { return is_mirror_; }

 private:
  std::filesystem::path workspace_;
  bool is_mirror_ = false;
  FolderListing mirror_;
  MirrorIndex index_;
};

/// Codes of languages: those at hand, else those that the manifest names.
std::vector<std::string> DatasetLanguages(const DatasetManifest& manifest,
                                          const DatasetState& state);

/// What `data list --json` says of a set; `data show` adds to it.
Json DatasetToJson(const DatasetManifest& manifest, const DatasetState& state);

}  // namespace repro
