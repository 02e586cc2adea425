#pragma once
/// A tiny model, batches of a made-up language in which each token is the one before plus 1, and a
/// fixture that trains in a folder of its own.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/rng.h"
#include "core/io/file.h"
#include "experiments/train/trainer.h"
#include "tests/core/temp_folder.h"
#include "tests/experiments/one_thread.h"

namespace repro {

inline constexpr std::int64_t kTinyVocab = 50;

inline ModelShape TinyShape() {
  ModelShape shape;
  shape.vocab_size = kTinyVocab;
  shape.max_positions = 18;
  shape.settings = {.layers = 2, .hidden = 16, .heads = 2, .feed_forward = 32};
  return shape;
}

/// Batch `update` of a made-up language in which each token is the one before plus 1: learnable,
/// pure in the update.
inline MaskedBatch CountingBatch(std::int64_t update) {
  Rng rng(3, "counting", static_cast<std::uint64_t>(update));
  MaskedBatch batch;
  batch.rows = 6;
  batch.columns = 16;
  for (std::int64_t row = 0; row < batch.rows; ++row) {
    const std::int64_t length = 16 - 2 * row;
    const std::uint64_t start = rng.Below(kTinyVocab);
    for (std::int64_t column = 0; column < batch.columns; ++column) {
      const bool real = column < length;
      const auto id = static_cast<std::int64_t>(4 + (start + static_cast<std::uint64_t>(column)) %
                                                        (kTinyVocab - 5));
      const bool masked = real && (column == row || rng.Below(6) == 0);
      batch.inputs.push_back(!real ? 1 : masked ? kTinyVocab - 1 : id);
      batch.targets.push_back(masked ? id : kIgnoreTarget);
      batch.predicted += masked ? 1 : 0;
    }
    batch.lengths.push_back(length);
    batch.languages.push_back(row % 2);
    batch.samples.push_back(row);
    batch.tokens += length;
  }
  return batch;
}

inline TrainingData CountingData() {
  TrainingData data;
  data.batch = CountingBatch;
  data.languages = {"aa", "bb"};
  data.validation = {
      {"aa", CountingBatch(1'000'000), {.unigram = std::log(45.0), .context_free = 3.5}}};
  return data;
}

inline std::vector<at::Tensor> Copies(const MlmModel& model) {
  std::vector<at::Tensor> copies;
  for (const NamedTensor& parameter : Parameters(model)) {
    copies.push_back(parameter.tensor.detach().clone());
  }
  return copies;
}

inline bool BitEqual(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const at::Tensor& x, const at::Tensor& y) { return x.equal(y); });
}

/// Sets `stop` in the middle of the update before which so many are done (one of `stops`): it ends
/// and is the last. `done` counts over all attempts.
inline void StopAfter(MlmModel& model, const std::set<std::int64_t>& stops, std::int64_t& done,
                      StopFlag& stop) {
  model.encoder.word_embeddings_VC.register_hook([&stop, &done, stops](const at::Tensor& gradient) {
    if (stops.contains(++done)) stop.store(true);
    return gradient;
  });
}

class TrainTest : public ::testing::Test {
 protected:
  TrainerOptions Options(std::int64_t updates,
                         const std::string& checkpoints = "checkpoints") const {
    TrainerOptions options;
    options.schedule = {.peak = 5e-3, .warmup_updates = 3, .total_updates = updates};
    options.seed = 5;
    options.log_every = 4;
    options.checkpoint_every = 5;
    options.checkpoint_folder = folder_ / checkpoints;
    return options;
  }
  Result<TrainingHistory> Run(MlmModel& model, const TrainingData& data,
                              const TrainerOptions& options, const StopFlag& stop = kNever) {
    auto events = EventWriter::Open(folder_ / "events.jsonl");
    return Train(model, data, options, *events, stop);
  }
  std::string Events() const { return ReadFile(folder_ / "events.jsonl").value(); }

  static inline const StopFlag kNever{false};
  TempFolder folder_;
};

}  // namespace repro
