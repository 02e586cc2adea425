#pragma once
/// What the coded languages of one experiment have in common. The README of this folder gives a
/// reason for each value.

#include <cstdint>
#include <string>

#include "core/manifest/fields.h"

namespace repro {

struct CodedSettings {
  std::int64_t seed = 1;         ///< key of every permutation, choice and slice
  std::int64_t types = 100'000;  ///< most frequent word types, which are permuted
  double band_ratio = 2;         ///< last rank of a band over its first; 1: no type is permuted
  double anchor_share = 0.1;     ///< of the types, written as in English in every language
  std::string script = "own";  ///< own: each language has letters of its own; latin: all share them
  std::string order = "none";  ///< of the words; shuffled is a null, not a language
  bool keep_symbols = true;    ///< digits and punctuation mean the same in every language

  template <class V>
  void Visit(V& v) {
    v("seed", seed, AtLeast(0));
    v("types", types, Range(1, 10'000'000));
    v("band_ratio", band_ratio, Range(1, 1'000'000));
    v("anchor_share", anchor_share, Range(0, 1));
    v("script", script, OneOf({"own", "latin"}));
    v("order", order, OneOf({"none", "reversed", "local", "shuffled"}));
    v("keep_symbols", keep_symbols);
  }
};

}  // namespace repro
