#include "experiments/tasks/finetune/selection_file.h"

#include "core/io/file.h"

namespace repro {

Result<SelectionFile> SelectionFile::Load(const std::filesystem::path& artifact) {
  const std::filesystem::path path = artifact / "selection.json";
  REPRO_ASSIGN_OR_RETURN(const Json json, LoadJson(path));
  try {
    return SelectionFile{
        json.at("task").get<std::string>(), json.at("selection").get<std::string>(),
        json.at("folders").get<std::map<std::string, std::string>>(), json.at("details")};
  } catch (const Json::exception& e) {
    return Fail(ErrorCode::kCorrupt, "{}: {}", path.string(), JsonProblem(e));
  }
}

Status SelectionFile::Save(const std::filesystem::path& artifact) const {
  const Json json = {
      {"task", task}, {"selection", selection}, {"folders", folders}, {"details", details}};
  return WriteFileAtomic(artifact / "selection.json", json.dump(1) + "\n");
}

}  // namespace repro
