#pragma once
/// `subset`: the text of one language out of a cleaned corpus, no more of it than is asked for.
/// Input: "clean". Artifact and metrics: those of `corpus`.

#include <cstdint>
#include <string>
#include <vector>

#include "core/manifest/fields.h"

namespace repro {

/// Of `[corpus]`, for real text.
struct SubsetSettings {
  std::int64_t max_bytes = 0;      ///< of each language; 0: all
  std::int64_t max_sentences = 0;  ///< of each language; 0: all
  std::int64_t subset_seed = 1;  ///< of the order in which a subset grows, and of what is held out
  double heldout_share = 0.01;   ///< of the contents
  std::int64_t heldout_sentences = 2'000;  ///< at most
  std::int64_t min_bytes = 0;              ///< a language with less is left out of the model
  std::vector<std::string> buckets;        ///< "head", "middle", "tail"; empty: all

  template <class V>
  void Visit(V& v) {
    v("max_bytes", max_bytes, AtLeast(0));
    v("max_sentences", max_sentences, AtLeast(0));
    v("subset_seed", subset_seed, AtLeast(0));
    v("heldout_share", heldout_share, Range(0, 0.5));
    v("heldout_sentences", heldout_sentences, AtLeast(1));
    v("min_bytes", min_bytes, AtLeast(0));
    v("buckets", buckets, OneOf({"all", "head", "middle", "tail"}));
  }
};

inline constexpr int kSubsetVersion = 1;

struct SubsetSpec {
  std::string language;
  SubsetSettings settings;
  bool drawn_order = false;  ///< without a limit, too: a later task takes the beginning

  template <class V>
  void Visit(V& v) {
    v("language", language);
    v("settings", settings);
    v("drawn_order", drawn_order, AddedLater());
  }
};

}  // namespace repro
