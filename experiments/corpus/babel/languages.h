#pragma once
/// The languages of the synthetic world. Each stands in for a code of Table 6: it takes that code's
/// script and family, and its size from the manifest; it is called syn-<code> so that nobody takes
/// one for the other.

#include <span>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace repro {

enum class WordOrder { kSvo, kSov, kVso };
/// How plural, past and object are marked: a suffix, a prefix, or a word of its own.
enum class Marking { kSuffix, kPrefix, kParticle };

/// Grammar of a family; coarse typology of the real one.
struct Family {
  std::string_view name;
  WordOrder order;
  bool adjective_first;
  Marking marking;
};

struct BabelLanguage {
  std::string_view code;    ///< "sw"
  std::string_view script;  ///< ISO 15924: "Latn"
  std::string_view family;  ///< "Germanic": the group inside which words are inherited
  /// Code of the language whose words these are: differs for romanized rows and the second rows of
  /// my and zh, which are other spellings of the same language and belong to CC only.
  std::string_view base;
  bool cc_only() const { return base != code; }
};

/// All languages, sorted by code.
std::span<const BabelLanguage> BabelLanguages();

/// Errors: kNotFound, with the nearest codes. A leading "syn-" is accepted.
Result<BabelLanguage> FindBabelLanguage(std::string_view code);

/// Never fails for a family that BabelLanguages names.
const Family& FindFamily(std::string_view name);

}  // namespace repro
