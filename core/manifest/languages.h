#pragma once
/// The languages of Table 6 and the named sets of them (manifests/languages.toml).

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/manifest/document.h"
#include "core/manifest/experiment.h"

namespace repro {

struct LanguageSet {
  std::string name;
  std::vector<std::string> codes;
  std::string status;  ///< "stated", "neighbour" or "guess"
  std::string source;
};

struct LanguageTable {
  std::map<std::string, Language> languages;             ///< by code
  std::map<std::string, LanguageSet, std::less<>> sets;  ///< by name; "wiki30" is the default draw
  Document document;  ///< languages.toml as written, for [[assumption]] keys

  const LanguageSet* FindSet(std::string_view name) const;
  /// For messages about a set that does not exist: "expected ...", with the nearest name or all of
  /// them.
  std::string ExpectedSet(std::string_view name) const;
};

/// Reads and checks languages.toml: codes known, sets without repetitions, sizes positive. Errors:
/// kNotFound, kIo, kInvalidArgument with all mistakes.
Result<LanguageTable> LoadLanguages(const std::filesystem::path& path);

}  // namespace repro
