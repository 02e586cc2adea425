#pragma once
/// Sentence retrieval: is the nearest neighbour of a sentence its translation? Cosine between
/// mean-pooled states of one layer, no training. An intrinsic measure of how far languages share a
/// space (as in Artetxe & Schwenk 2019 on Tatoeba, which XTREME, Hu et al. 2020, runs on XLM-R's
/// middle layer).

#include <cstdint>
#include <vector>

#include <ATen/ATen.h>

#include "experiments/eval/length_batches.h"
#include "experiments/model/encoder.h"

namespace repro {

/// Which layer -1 means: the middle one, (L + 1) / 2, counting the embeddings as 0.
std::int64_t RetrievalLayer(const Encoder& encoder, std::int64_t layer);

/// Sentences as <s> A </s> -> unit vectors [N, C] on the CPU: the mean over the pieces of A (<s>
/// and </s> are the same in all and left out; a sentence without pieces gives <s>) of layer
/// `layer`'s output (0: the embeddings). Smaller batches where memory runs out, which `warn` is
/// told (length_batches.h). Errors: kFailed when not even one sentence fits.
Result<at::Tensor> SentenceVectors(const Encoder& encoder,
                                   const std::vector<std::vector<std::int64_t>>& sentences,
                                   std::int64_t layer, const WarningSink& warn);

/// Row i of `a_NC` and of `b_NC` are translations. The share of rows whose nearest row on the other
/// side is theirs, averaged over both directions. 0..1; chance is 1 / N.
double RetrievalAccuracy(const at::Tensor& a_NC, const at::Tensor& b_NC);

}  // namespace repro
