#pragma once
/// selection.json of a `finetune` artifact: which folder of it holds the model for which language.

#include <filesystem>
#include <map>
#include <string>

#include "core/base/result.h"
#include "core/io/json_io.h"

namespace repro {

struct SelectionFile {
  std::string task;
  std::string selection;
  std::map<std::string, std::string>
      folders;  ///< language -> folder in the artifact; "." is the artifact itself
  Json details = Json::object();  ///< updates, best dev scores, history: for people and reports

  /// Errors: kNotFound, kCorrupt.
  static Result<SelectionFile> Load(const std::filesystem::path& artifact);
  Status Save(const std::filesystem::path& artifact) const;
};

}  // namespace repro
