#pragma once
/// Coded English (experiments/corpus/coded), two kinds. No natural language is involved.
///
/// `coded_types`: the word types of a cleaned English corpus. Input: "clean". Artifact: types.tsv.
///
/// `coded`: the text of one coded language: its slice of the English documents, recoded. Inputs:
/// "clean", "types". Artifact and metrics: those of `corpus`; limits count bytes of the English
/// text, so that languages have the same content.

#include <cstdint>
#include <string>

#include "core/manifest/fields.h"
#include "experiments/corpus/coded/settings.h"
#include "experiments/tasks/subset/spec.h"

namespace repro {

/// `[coded]` of a manifest.
struct CodedSection : CodedSettings {
  std::int64_t slices = 16;  ///< parts of the corpus; language k reads the k-th

  template <class V>
  void Visit(V& v) {
    CodedSettings::Visit(v);
    v("slices", slices, Range(1, 200));
  }
};

inline constexpr int kCodedTypesVersion = 1;
inline constexpr int kCodedVersion = 1;

struct CodedTypesSpec {
  std::int64_t types = 0;

  template <class V>
  void Visit(V& v) {
    v("types", types);
  }
};

struct CodedSpec {
  std::int64_t language = 0;  ///< 0: English itself
  CodedSection coded;
  SubsetSettings settings;
  bool drawn_order = false;  ///< as in SubsetSpec

  template <class V>
  void Visit(V& v) {
    v("language", language);
    v("coded", coded);
    v("settings", settings);
    v("drawn_order", drawn_order, AddedLater());
  }
};

}  // namespace repro
