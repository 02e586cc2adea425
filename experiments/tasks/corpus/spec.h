#pragma once
/// `corpus`: the text of one language. Artifact: text.txt and heldout.txt (one sentence a line, an
/// empty line between documents), stats.json {"language", "sentences", "documents", "bytes",
/// "words", "heldout_sentences", "nominal_units", "unique_share"}. `nominal_units` is the n_i of
/// sampling and of the vocabulary's sample: the uncompressed size of this language in the source
/// (babel: GB of Table 6 or Figure 1; real text: what was counted).

#include <cstdint>
#include <string>

#include "core/manifest/fields.h"
#include "experiments/corpus/babel/settings.h"
#include "experiments/tasks/subset/spec.h"

namespace repro {

struct CorpusSettings : SubsetSettings {
  /// "babel-wiki", "babel-cc"; "wiki", "cc": the paper's; "dataset:ID": a data set of real text.
  std::string source = "wiki";

  template <class V>
  void Visit(V& v) {
    v("source", source);
    SubsetSettings::Visit(v);
  }
};

inline constexpr int kCorpusVersion = 2;

struct CorpusSpec {
  std::string source;
  std::string language;     ///< code of Table 6, e.g. "sw" (babel speaks it as syn-sw)
  bool null_world = false;  ///< the control world: own unrelated concepts, same surface statistics
  double nominal_gb = 0;    ///< size by the rule of languages.toml
  BabelSettings babel;

  template <class V>
  void Visit(V& v) {
    v("source", source);
    v("language", language);
    v("null_world", null_world);
    v("nominal_gb", nominal_gb);
    v("babel", babel);
  }
};

}  // namespace repro
