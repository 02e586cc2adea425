#pragma once
/// Files of data sets that imported results were made from: names, sizes and digests, kept in
/// WORKSPACE/data/known.json. With them the keys of tasks are known where the data are not at hand.

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "experiments/datasets/dataset_files.h"

namespace repro {

class KnownFiles {
 public:
  struct Entry {
    std::int64_t bytes = 0;
    std::string sha256;
  };
  using Names = std::map<std::string, Entry, std::less<>>;

  /// None where the workspace has no such file. Errors: kIo; kCorrupt saying what to do.
  static Result<KnownFiles> Load(const std::filesystem::path& workspace);
  Status Save(const std::filesystem::path& workspace) const;

  /// Adds files of a set: results of another experiment may read other languages of it. But where
  /// one of them is known with another digest, the set was another one, and exactly `names` are
  /// known from now on. Returns whether that was so.
  bool Add(const std::string& set, Names names);
  /// Null where it is not known.
  const Entry* Find(std::string_view set, std::string_view name) const;
  /// As if the set's files lay in `folder`; no names where none is known.
  FolderListing ListingOf(std::string_view set, const std::filesystem::path& folder) const;

 private:
  std::map<std::string, Names, std::less<>> sets_;
};

}  // namespace repro
