#pragma once
/// `encode`: corpora -> token shards. Inputs: "vocab" and one per language (role = code). Artifact:
/// <code>.train.tok, <code>.heldout.tok (format: docs/formats.md), meta.json with counts and
/// nominal_units by language.

#include <string>
#include <vector>

#include "core/manifest/fields.h"

namespace repro {

inline constexpr int kEncodeVersion = 1;

struct EncodeSpec {
  std::vector<std::string> languages;  ///< sorted

  template <class V>
  void Visit(V& v) {
    v("languages", languages);
  }
};

}  // namespace repro
