#pragma once
/// `vocab`: a SentencePiece model learnt on an alpha-smoothed sample of the corpora. Inputs: one
/// per language, role = language code (a `corpus` artifact). Artifact: sp.model, vocab.json.
/// Metrics: vocab.tokens_per_word, vocab.coverage, vocab.unknown_rate (per language, on held-out
/// text).

#include <cstdint>
#include <string>
#include <vector>

#include "core/manifest/fields.h"

namespace repro {

struct VocabSettings {
  std::string model = "unigram";  ///< on raw text; "bpe": on words (vocab_trainer.h)
  std::int64_t size = 32'000;     ///< rows of the embedding: pieces and fairseq's specials together
  double alpha = 0.3;             ///< smoothing of the text that the vocabulary is learnt from
  std::int64_t sample_sentences = 200'000;  ///< sentences drawn over all languages
  double character_coverage = 0.9995;

  template <class V>
  void Visit(V& v) {
    v("model", model, OneOf({"unigram", "bpe"}));
    v("size", size, Range(64, 2'000'000));
    v("alpha", alpha, Range(0, 1));
    v("sample_sentences", sample_sentences, Range(100, 100'000'000));
    v("character_coverage", character_coverage, {.min = 0.5, .max = 1});
  }
};

inline constexpr int kVocabVersion = 1;

struct VocabSpec {
  std::vector<std::string> languages;  ///< sorted; inputs have these roles
  VocabSettings settings;
  std::int64_t seed = 1;
  std::int64_t threads = 1;  ///< SentencePiece's result depends on it, so it is part of the key

  template <class V>
  void Visit(V& v) {
    v("languages", languages);
    v("settings", settings);
    v("seed", seed);
    v("threads", threads);
  }
};

}  // namespace repro
