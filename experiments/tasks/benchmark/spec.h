#pragma once
/// `benchmark`: the labelled and parallel data of one language. Artifact:
///
///   xnli.{train,dev,test}.jsonl   {"id", "premise", "hypothesis", "label"}, see labels.json
///
///   topic.{train,dev,test}.jsonl  {"id", "text", "label"}
///
///   tags.{train,dev,test}.jsonl   {"id", "words": [..], "tags": ["O", "B-PER", ..]}
///
///   parallel.jsonl                {"id", "text"}
///
///   labels.json                   {"xnli": [names], "topic": [names], "tags": [names]}
///
/// The same id is the same content in every language of one world. `train` files are there only
/// where `with_train` is set (the source language). No sentence of it is in any corpus.

#include <cstdint>
#include <string>

#include "core/manifest/fields.h"
#include "experiments/corpus/babel/settings.h"

namespace repro {

/// `[benchmark]` of a manifest: how much labelled data the synthetic world makes.
struct BenchmarkSettings {
  std::int64_t train = 20'000;  ///< examples of each task in the source language
  std::int64_t dev = 500;       ///< examples a language
  std::int64_t test = 1'000;    ///< examples a language
  std::int64_t parallel = 500;  ///< parallel sentences for retrieval and pseudo-bits

  template <class V>
  void Visit(V& v) {
    v("train", train, Range(3, 10'000'000));
    v("dev", dev, Range(3, 1'000'000));
    v("test", test, Range(3, 1'000'000));
    v("parallel", parallel, Range(2, 1'000'000));
  }
};

inline constexpr int kBenchmarkVersion = 2;

struct BenchmarkSpec {
  std::string source;
  std::string language;
  bool with_train = false;
  bool null_world = false;
  BenchmarkSettings sizes;
  BabelSettings babel;

  template <class V>
  void Visit(V& v) {
    v("source", source);
    v("language", language);
    v("with_train", with_train);
    v("null_world", null_world);
    v("sizes", sizes);
    v("babel", babel);
  }
};

}  // namespace repro
