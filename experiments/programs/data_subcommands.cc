#include "experiments/programs/data_subcommands.h"

#include <algorithm>
#include <set>
#include <system_error>

namespace repro {

namespace fs = std::filesystem;

Result<fs::path> DatasetManifestFolder(const CommandContext& context) {
  if (!context.suite.data_problem.empty()) {
    return Fail(ErrorCode::kNotFound, "{}", context.suite.data_problem);
  }
  return context.suite.manifest_dir / "datasets";
}

Result<DatasetPlaces> DatasetPlaces::Open(const CommandContext& context,
                                          const std::string& mirror) {
  DatasetPlaces places;
  places.workspace_ = context.options.workspace;
  if (mirror.empty()) return places;
  std::error_code error;
  const fs::path folder = fs::absolute(mirror, error).lexically_normal();
  if (error || !fs::is_directory(folder, error)) {
    return Fail(ErrorCode::kNotFound, "--mirror {}: no such folder", mirror);
  }
  places.is_mirror_ = true;
  REPRO_ASSIGN_OR_RETURN(places.mirror_, ListFolder(folder));
  REPRO_ASSIGN_OR_RETURN(places.index_, LoadMirrorIndex(folder));
  return places;
}

Result<DatasetState> DatasetPlaces::Look(const DatasetManifest& manifest) const {
  // A text of one's own says where it lies.
  if (is_mirror_ && manifest.folder.empty()) return LookAt(manifest, mirror_);
  REPRO_ASSIGN_OR_RETURN(const FolderListing listing,
                         ListFolder(DatasetFolder(manifest, workspace_)));
  return LookAt(manifest, listing);
}

std::vector<std::string> DatasetLanguages(const DatasetManifest& manifest,
                                          const DatasetState& state) {
  std::set<std::string> codes = state.languages;
  if (codes.empty()) {
    for (const DatasetPart& part : manifest.parts) {
      if (!part.language.empty()) codes.insert(part.language);
      codes.insert(part.languages.begin(), part.languages.end());
    }
  }
  return {codes.begin(), codes.end()};
}

Json DatasetToJson(const DatasetManifest& manifest, const DatasetState& state) {
  return {{"id", manifest.id},
          {"title", manifest.title},
          {"kind", manifest.kind},
          {"use", manifest.use},
          {"licence", manifest.licence},
          {"languages", DatasetLanguages(manifest, state)},
          {"at_hand", manifest.takes.empty() ? Json(AtHandName(state.at_hand)) : Json()},
          {"bytes", state.bytes},
          {"folder", state.folder.string()}};
}

}  // namespace repro
