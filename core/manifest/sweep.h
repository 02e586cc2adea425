#pragma once
/// [sweep] and [[run]]: the points of an experiment.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/manifest/diagnostics.h"
#include "core/manifest/document.h"
#include "core/manifest/experiment.h"
#include "core/manifest/languages.h"

namespace repro {

struct Sweep {
  std::vector<std::string> keys;  ///< swept keys, sorted
  std::vector<Point> points;
  /// Values by key, as they are named in point ids: "languages" -> {"xlm7", "xnli15"}.
  std::map<std::string, std::vector<std::string>> values;

  /// Every value of every key and every point id, for messages.
  std::vector<std::string> Names() const;
};

/// The manifest without its generic keys: what belongs to the task kinds.
Document SectionsOf(const Document& manifest);

/// Points of a manifest whose scale is resolved: first the product of [sweep] (keys sorted, the
/// last varying fastest), then the [[run]] rows. A key is `languages` (a set's name or a list of
/// codes), `budget`, or a key of a section
/// ("vocab.size"). A point's id is its value of `languages`, then "/" and the value of each other
/// key that has several. Without [sweep] and
/// [[run]] there is one point, of the top-level `languages`.
/// Point::config holds the sections only, with the point's values in place; values keep their
/// positions.
/// `source_language` must be in every point; "" is not checked.
Sweep ReadSweep(const Document& manifest, const LanguageTable& languages,
                std::string_view source_language, Diagnostics& diagnostics);

}  // namespace repro
