#pragma once
/// `finetune`: one labelled task from a pretrained encoder, cross-lingual transfer: train on the
/// source language, score the dev sets of all, keep the checkpoint that the selection rule picks
/// (of equal scores the one with the lower dev loss). Inputs: "encoder" (`pretrain`), "vocab", and
/// one `benchmark` per evaluated language (role = code). Artifact: model.safetensors, config.json,
/// selection.json. Metrics: <task>.loss, <task>.accuracy or tags.f1 with split "dev" by language
/// and step, seed = this seed.

#include <cstdint>
#include <string>
#include <vector>

#include "core/manifest/fields.h"
#include "experiments/tasks/compute.h"

namespace repro {

struct FinetuneSettings {
  std::string setting = "cross-lingual-transfer";
  double learning_rate = 5e-6;
  std::int64_t batch_size = 128;
  std::int64_t updates = 150'000;       ///< at most
  std::int64_t validate_every = 5'000;  ///< updates between dev scores
  std::int64_t patience =
      5;  ///< validations without a better selection score before it stops; 0: never
  double warmup_share = 0.06;  ///< of `updates`, then linear decay
  double weight_decay = 0.1;
  double adam_beta1 = 0.9;
  double adam_beta2 = 0.98;
  double adam_eps = 1e-6;
  double dropout = 0.1;  ///< of hidden states; attention dropout stays the model's
  std::int64_t max_tokens = 128;

  template <class V>
  void Visit(V& v) {
    v("setting", setting, OneOf({"cross-lingual-transfer"}));
    v("learning_rate", learning_rate, {.min = 0, .max = 10, .min_open = true});
    v("batch_size", batch_size, Range(1, 1'000'000));
    v("updates", updates, AtLeast(1));
    v("validate_every", validate_every, AtLeast(1));
    v("patience", patience, AtLeast(0));
    v("warmup_share", warmup_share, HalfOpen(0, 1));
    v("weight_decay", weight_decay, Range(0, 1));
    v("adam_beta1", adam_beta1, HalfOpen(0, 1));
    v("adam_beta2", adam_beta2, HalfOpen(0, 1));
    v("adam_eps", adam_eps, Positive());
    v("dropout", dropout, HalfOpen(0, 1));
    v("max_tokens", max_tokens, Range(8, 65'536));
  }
};

inline constexpr int kFinetuneVersion = 5;

struct FinetuneSpec {
  std::string task;  ///< "xnli", "topic" or "tags"
  std::string source_language = "en";
  std::vector<std::string> languages;   ///< whose dev sets are scored; sorted, source included
  std::string selection = "joint-dev";  ///< "joint-dev", "per-language-dev" or "english-dev"
  FinetuneSettings settings;
  ComputeSettings compute;
  std::int64_t seed = 1;

  template <class V>
  void Visit(V& v) {
    v("task", task);
    v("source_language", source_language);
    v("languages", languages);
    v("selection", selection);
    v("settings", settings);
    v("compute", compute);
    v("seed", seed);
  }
};

}  // namespace repro
