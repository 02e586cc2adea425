#pragma once
/// The synthetic world's parameters: one table, a reason each (docs and README of this folder).
/// Fixed before any claim is looked at.

#include <cstdint>

#include "core/manifest/fields.h"

namespace repro {

struct BabelSettings {
  std::int64_t seed = 1;  ///< the world: lexicons, grammars, texts
  double size_exponent =
      0.3;  ///< unique text ~ size^exponent (sampling uses the uncompressed size)
  std::int64_t sentences_at_1gb = 20'000;  ///< unique sentences of a language of 1 GB

  template <class V>
  void Visit(V& v) {
    v("seed", seed, AtLeast(0));
    v("size_exponent", size_exponent, Range(0, 1));
    v("sentences_at_1gb", sentences_at_1gb, Range(10, 100'000'000));
  }
};

}  // namespace repro
