#pragma once
/// `pretrain`: XLM-R encoder, masked language modelling on token shards. Inputs: "tokens" (an
/// `encode` artifact). With `updates` = 0 it writes the initial weights: the control "no
/// pretraining". Artifact: model.safetensors, config.json, history.json. Metrics: pretrain.loss,
/// pretrain.learning_rate, pretrain.gradient_norm, pretrain.tokens_per_second (by updates done),
/// valid.loss (by language and updates done), valid.unigram_loss, valid.context_free_loss (what a
/// model that tells languages apart and copies the visible tokens could reach),
/// pretrain.plateau_margin (the smaller of those two minus the final validation loss, nats a token;
/// by language and, without one, over all), pretrain.repeats (times each language's text was read),
/// pretrain.language_loss (training loss by language since the last row), pretrain.data_wait (share
/// of the time spent waiting for batches), pretrain.peak_memory (bytes), pretrain.mfu (where the
/// device's peak is known).

#include <cstdint>
#include <string>
#include <vector>

#include "core/manifest/fields.h"
#include "experiments/model/config.h"
#include "experiments/tasks/compute.h"

namespace repro {

/// `[sampling]`: how often each language is seen.
struct SamplingSettings {
  double alpha = 0.3;              ///< q_i proportional to p_i^alpha
  std::string unit = "sentences";  ///< what n_i counts: "sentences" (paper) or "blocks" (fairseq)

  template <class V>
  void Visit(V& v) {
    v("alpha", alpha, Range(0, 1));
    v("unit", unit, OneOf({"sentences", "blocks"}));
  }
};

struct PretrainSettings {
  std::int64_t updates = 125'000;              ///< optimizer steps
  std::int64_t sequences_per_update = 2048;    ///< effective batch
  std::int64_t sequences_per_micro_batch = 0;  ///< 0: the whole batch at once
  std::int64_t tokens_per_sample = 512;        ///< block length, <s> and </s> included
  double mask_prob = 0.15;
  double mask_token_prob = 0.8;
  double random_token_prob = 0.1;
  double peak_learning_rate = 5e-4;
  std::int64_t warmup_updates = 10'000;
  std::string schedule = "polynomial";  ///< linear warmup, then polynomial decay (power 1) to 0
  std::string optimizer = "adamw";      ///< torch's, or "fairseq-adam": where eps stands
  double adam_beta1 = 0.9;
  double adam_beta2 = 0.98;
  double adam_eps = 1e-6;
  double weight_decay = 0.01;
  std::string decay = "all";            ///< fairseq; "matrices": not biases and LayerNorm weights
  double clip_norm = 0;                 ///< 0: no clipping
  std::int64_t log_every = 50;          ///< updates between metric rows; also the first and last
  std::int64_t validate_every = 0;      ///< 0: only at the end
  std::int64_t valid_blocks = 64;       ///< held-out blocks a language
  std::int64_t checkpoint_every = 500;  ///< updates; also at a stop signal
  std::int64_t checkpoints_kept = 2;
  /// Of gradients on the way between processes: "float32", or "bfloat16" for half the traffic.
  std::string gradient_dtype = "float32";
  /// Keep a layer's input alone for the backward pass and compute the layer again there.
  bool activation_checkpointing = false;
  /// On a GPU: dropout by keyed masks and written-out attention, so that the division into
  /// processes and micro-batches changes nothing; slow. On the CPU it is so always.
  bool reproducible_dropout = false;

  template <class V>
  void Visit(V& v) {
    v("updates", updates, Range(0, 100'000'000));
    v("sequences_per_update", sequences_per_update, Range(1, 1'000'000));
    v("sequences_per_micro_batch", sequences_per_micro_batch, Range(0, 1'000'000));
    v("tokens_per_sample", tokens_per_sample, Range(8, 65'536));
    v("mask_prob", mask_prob, {.min = 0, .max = 1, .min_open = true, .max_open = true});
    v("mask_token_prob", mask_token_prob, Range(0, 1));
    v("random_token_prob", random_token_prob, Range(0, 1));
    v("peak_learning_rate", peak_learning_rate, {.min = 0, .max = 10, .min_open = true});
    v("warmup_updates", warmup_updates, AtLeast(0));
    v("schedule", schedule, OneOf({"polynomial"}));
    v("optimizer", optimizer, OneOf({"adamw", "fairseq-adam"}));
    v("adam_beta1", adam_beta1, HalfOpen(0, 1));
    v("adam_beta2", adam_beta2, HalfOpen(0, 1));
    v("adam_eps", adam_eps, Positive());
    v("weight_decay", weight_decay, Range(0, 1));
    v("decay", decay, OneOf({"all", "matrices"}));
    v("clip_norm", clip_norm, AtLeast(0));
    v("log_every", log_every, AtLeast(1));
    v("validate_every", validate_every, AtLeast(0));
    v("valid_blocks", valid_blocks, AtLeast(1));
    v("checkpoint_every", checkpoint_every, AtLeast(1));
    v("checkpoints_kept", checkpoints_kept, Range(1, 1000));
    v("gradient_dtype", gradient_dtype, OneOf({"float32", "bfloat16"}));
    v("activation_checkpointing", activation_checkpointing);
    v("reproducible_dropout", reproducible_dropout);
  }
};

inline constexpr int kPretrainVersion = 5;

struct PretrainSpec {
  std::vector<std::string> languages;  ///< sorted
  ModelSettings model;
  SamplingSettings sampling;
  PretrainSettings settings;
  ComputeSettings compute;
  std::int64_t seed = 1;

  template <class V>
  void Visit(V& v) {
    v("languages", languages);
    v("model", model);
    v("sampling", sampling);
    v("settings", settings);
    v("compute", compute);
    v("seed", seed);
  }
};

}  // namespace repro
