#pragma once
/// The languages of Table 6 and the named sets of them (manifests/languages.toml).

#include <cstdint>
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
  std::vector<std::string> SetNames() const;
};

/// Reads and checks languages.toml: codes known, sets without repetitions, sizes positive. Errors:
/// kNotFound, kIo, kInvalidArgument with all mistakes.
Result<LanguageTable> LoadLanguages(const std::filesystem::path& path);

/// Nested draws, for sets that the paper does not publish. Grows `core` to each of `sizes`
/// (ascending) by languages of `pool`, in proportion to strata: script group, family and Wikipedia
/// size class; ties are broken by a random stream of (seed, draw). Deterministic on every machine.
/// The result has one list per size, each contained in the next, in the order of `pool`. `sizes`
/// must not exceed the pool.
std::vector<std::vector<std::string>> DrawNestedSets(
    const std::map<std::string, Language>& languages, const std::vector<std::string>& core,
    const std::vector<std::string>& pool, const std::vector<std::size_t>& sizes, std::uint64_t seed,
    std::string_view draw);

}  // namespace repro
