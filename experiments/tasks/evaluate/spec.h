#pragma once
/// `evaluate`: scores of one model by language, predictions kept. Inputs: "vocab", one `benchmark`
/// per language (role = code), and "model": a `finetune` artifact for the labelled tasks, a
/// `pretrain` artifact for the intrinsic measures. Artifact: scores.json, and predictions.jsonl for
/// labelled tasks {"language", "id", "gold", "pred"}. Metrics, split "test": xnli.accuracy,
/// topic.accuracy (share, 0..1), tags.f1 (0..1), retrieval.accuracy (0..1, both directions
/// averaged), pseudo_bits.per_character, pseudo_bits.per_sentence.

#include <cstdint>
#include <string>
#include <vector>

#include "core/manifest/fields.h"
#include "experiments/tasks/compute.h"

namespace repro {

/// `[evaluate]` of a manifest.
struct EvaluateSettings {
  std::int64_t retrieval_layer =
      -1;  ///< whose mean-pooled states are compared; -1: the middle layer
  std::int64_t pseudo_bits_sentences = 100;  ///< parallel sentences a language
  /// Longer sentences are passed over, 0: none. A model reads no more tokens of one than it has
  /// positions, and how much text that is depends on its vocabulary. Lengths are those of each
  /// language, so with it languages are scored on different sentences: pseudo_bits.per_sentence is
  /// then comparable between models of one language, not between languages.
  std::int64_t pseudo_bits_characters = 0;

  template <class V>
  void Visit(V& v) {
    v("retrieval_layer", retrieval_layer, AtLeast(-1));
    v("pseudo_bits_sentences", pseudo_bits_sentences, AtLeast(1));
    v("pseudo_bits_characters", pseudo_bits_characters, AddedLater(AtLeast(0)));
  }
};

inline constexpr int kEvaluateVersion = 3;

struct EvaluateSpec {
  std::string measure;  ///< "xnli", "topic", "tags" or "intrinsic" (retrieval and pseudo-bits)
  std::string source_language = "en";
  std::vector<std::string> languages;  ///< sorted, source included
  EvaluateSettings settings;
  std::int64_t max_tokens = 128;
  ComputeSettings compute;
  std::int64_t seed = -1;  ///< fine-tuning seed for the metric rows; -1 for intrinsic measures

  template <class V>
  void Visit(V& v) {
    v("measure", measure);
    v("source_language", source_language);
    v("languages", languages);
    v("settings", settings);
    v("max_tokens", max_tokens);
    v("compute", compute);
    v("seed", seed);
  }
};

}  // namespace repro
