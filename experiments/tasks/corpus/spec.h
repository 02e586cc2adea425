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
  /// "babel-wiki", "babel-cc"; "wiki", "cc": the paper's; "dataset:ID", "coded:ID": a data set of
  /// real text.
  std::string source = "wiki";
  /// Of each language, for real text; 0: all. `encode` takes no more: before it nobody knows them.
  std::int64_t max_tokens = 0;
  bool only = false;  ///< runs end with the text and what it holds (`corpus_stats`): no model

  template <class V>
  void Visit(V& v) {
    v("source", source);
    v("max_tokens", max_tokens, AtLeast(0));
    v("only", only);
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
