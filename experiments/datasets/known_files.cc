#include "experiments/datasets/known_files.h"

#include <algorithm>
#include <utility>

#include "core/io/file.h"
#include "core/io/json_io.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

constexpr int kFormat = 1;
constexpr std::string_view kWhatToDo = "remove it, and import the results again that it came with";

fs::path PlaceOf(const fs::path& workspace) {
  return DataFolder(workspace) / "known.json";
}

}  // namespace

Result<KnownFiles> KnownFiles::Load(const fs::path& workspace) {
  KnownFiles files;
  const fs::path path = PlaceOf(workspace);
  const auto json = LoadJson(path);
  if (!json) {
    if (json.error().code == ErrorCode::kNotFound) return files;
    if (json.error().code != ErrorCode::kCorrupt) return tl::unexpected<Error>(json.error());
    return Fail(ErrorCode::kCorrupt, "{}; {}", json.error().message, kWhatToDo);
  }
  const auto bad = [&](std::string_view what) {
    return Fail(ErrorCode::kCorrupt, "{}: {}; {}", path.string(), what, kWhatToDo);
  };
  try {
    if (json->at("format").get<int>() != kFormat) {
      return bad(fmt::format("expected format {}", kFormat));
    }
    for (const auto& [set, names] : json->at("sets").items()) {
      for (const auto& [name, entry] : names.items()) {
        files.sets_[set][name] = {.bytes = entry.at("bytes").get<std::int64_t>(),
                                  .sha256 = entry.at("sha256").get<std::string>()};
      }
    }
  } catch (const Json::exception& error) {
    return bad(JsonProblem(error));
  }
  return files;
}

Status KnownFiles::Save(const fs::path& workspace) const {
  Json sets = Json::object();
  for (const auto& [set, names] : sets_) {
    for (const auto& [name, entry] : names) {
      sets[set][name] = {{"bytes", entry.bytes}, {"sha256", entry.sha256}};
    }
  }
  const fs::path path = PlaceOf(workspace);
  REPRO_RETURN_IF_ERROR(MakeDirectories(path.parent_path()));
  const Json json = {{"format", kFormat}, {"sets", std::move(sets)}};
  return WriteFileAtomic(path, json.dump(1) + "\n");
}

bool KnownFiles::Add(const std::string& set, Names names) {
  Names& known = sets_[set];
  const bool changed = std::any_of(names.begin(), names.end(), [&](const auto& file) {
    const auto before = known.find(file.first);
    return before != known.end() && before->second.sha256 != file.second.sha256;
  });
  if (changed) {
    known = std::move(names);
  } else {
    known.merge(names);
  }
  return changed;
}

const KnownFiles::Entry* KnownFiles::Find(std::string_view set, std::string_view name) const {
  const auto names = sets_.find(set);
  if (names == sets_.end()) return nullptr;
  const auto entry = names->second.find(name);
  return entry == names->second.end() ? nullptr : &entry->second;
}

FolderListing KnownFiles::ListingOf(std::string_view set, const fs::path& folder) const {
  FolderListing listing;
  listing.folder = folder;
  const auto names = sets_.find(set);
  if (names == sets_.end()) return listing;
  for (const auto& [name, entry] : names->second) listing.names.push_back(name);
  return listing;
}

}  // namespace repro
