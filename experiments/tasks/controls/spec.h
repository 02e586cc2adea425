#pragma once
/// `controls`: do labels leak through the surface? Inputs: one `benchmark` per language (role =
/// code). Fits a hypothesis-only and a surface-only classifier on the source language's training
/// pairs and scores every language. Artifact: controls.json. Metrics, split "test", by language:
/// control.hypothesis_only.accuracy, control.surface_lookup.accuracy,
/// control.surface_regression.accuracy.

#include <string>
#include <vector>

#include "core/manifest/fields.h"

namespace repro {

inline constexpr int kControlsVersion = 1;

struct ControlsSpec {
  std::string source_language = "en";
  std::vector<std::string> languages;

  template <class V>
  void Visit(V& v) {
    v("source_language", source_language);
    v("languages", languages);
  }
};

}  // namespace repro
