#pragma once
/// `encode`: corpora -> token shards. Inputs: "vocab" and one per language (role = code). Artifact:
/// <code>.train.tok, <code>.heldout.tok (format: docs/formats.md), meta.json with counts and
/// nominal_units by language: those of the corpus, or with `max_tokens` the sentences taken.

#include <cstdint>
#include <string>
#include <vector>

#include "core/manifest/fields.h"

namespace repro {

inline constexpr int kEncodeVersion = 1;

struct EncodeSpec {
  std::vector<std::string> languages;  ///< sorted
  /// Of the text of each language that is trained on: whole documents, from its beginning, as many
  /// as there is room for. 0: all. What is held out is not limited.
  std::int64_t max_tokens = 0;

  template <class V>
  void Visit(V& v) {
    v("languages", languages);
    v("max_tokens", max_tokens, AddedLater());
  }
};

}  // namespace repro
