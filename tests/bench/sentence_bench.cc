// Sentences a second of a classifier on the encoder: fine-tuning (batches of 32, forward, backward,
// AdamW, dropout on) or evaluation (no gradients). Layout "bucketed" is what repro-task does: like
// lengths together and no padding computed, evaluation in large batches; "padded" draws batches of
// 32 at random and computes each row to the longest of its batch. Prints one line of JSON;
// scripts/bench infer puts it beside peer_sentences.py, which takes the same arguments.
#include <cstdio>
#include <fstream>
#include <optional>

#include <CLI/CLI.hpp>

#include "core/base/rng.h"
#include "core/base/units.h"
#include "core/io/json_io.h"
#include "experiments/data/batcher.h"
#include "experiments/model/device.h"
#include "experiments/text/vocabulary.h"
#include "experiments/train/loss.h"
#include "experiments/train/optimizer.h"
#include "tests/bench/bench_support.h"

namespace {

constexpr std::int64_t kBatchSize = 32;
constexpr std::int64_t kLabels = 3;

using Sentences = std::vector<std::vector<std::int64_t>>;
using Batches = std::vector<std::vector<std::size_t>>;

Sentences RandomSentences(const std::vector<std::int64_t>& lengths, std::int64_t vocab) {
  repro::Rng rng(1, "bench");
  Sentences sentences;
  for (const std::int64_t length : lengths) {
    auto& sentence = sentences.emplace_back();
    for (std::int64_t i = 0; i < length; ++i) {
      sentence.push_back(
          static_cast<std::int64_t>(4 + rng.Below(static_cast<std::uint64_t>(vocab - 5))));
    }
  }
  return sentences;
}

at::Tensor Tokens(const Sentences& sentences, const std::vector<std::size_t>& batch,
                  std::int64_t pad) {
  Sentences rows;
  for (const std::size_t i : batch) rows.push_back(sentences[i]);
  const repro::PaddedRows padded = repro::PadRows(rows, pad);
  return at::tensor(padded.values, at::kLong).view({padded.rows, padded.columns});
}

}  // namespace

int main(int argc, char** argv) {
  repro::ModelShape shape{.settings = {}, .vocab_size = 250'002, .max_positions = 514};
  std::int64_t threads = 1;
  std::string dtype = "float32";
  std::string mode = "evaluate";
  std::string layout = "bucketed";
  std::string lengths_file;
  CLI::App app("Times a sentence classifier on random tokens.");
  repro::AddModelOptions(app, shape, threads, dtype);
  app.add_option("--mode", mode, "What is timed")->check(CLI::IsMember({"evaluate", "finetune"}));
  app.add_option("--layout", layout, "How batches are made")
      ->check(CLI::IsMember({"bucketed", "padded"}));
  app.add_option("--lengths", lengths_file, "File with one length a line")
      ->required()
      ->check(CLI::ExistingFile);
  CLI11_PARSE(app, argc, argv);

  if (const auto device = repro::OpenDevice("cpu", threads); !device) {
    std::fprintf(stderr, "%s\n", device.error().message.c_str());
    return 1;
  }
  std::vector<std::int64_t> lengths;
  std::ifstream file(lengths_file);
  for (std::int64_t length = 0; file >> length;) lengths.push_back(length);
  if (lengths.empty()) {
    std::fprintf(stderr, "%s: no lengths\n", lengths_file.c_str());
    return 1;
  }

  repro::Encoder encoder = repro::EncoderOfShape(shape);
  repro::FillForTiming(encoder);
  encoder.bfloat16_products = dtype == "bfloat16";
  repro::SequenceClassifier model = repro::AddSequenceHead(encoder, kLabels, 1);
  const Sentences sentences = RandomSentences(lengths, shape.vocab_size);
  const bool padded = layout == "padded";
  const bool trains = mode == "finetune";
  // Rows are filled with a word instead of <pad>, so that the encoder computes them.
  const std::int64_t pad = padded ? repro::kPadId + 4 : repro::kPadId;
  const std::vector<std::int64_t> alike(lengths.size(), 1);
  const Batches batches = padded   ? repro::BucketedBatches(alike, kBatchSize, 1, 0)
                          : trains ? repro::BucketedBatches(lengths, kBatchSize, 1, 0)
                                   : repro::LengthBatches(lengths);
  std::optional<repro::AdamW> optimizer;  // evaluation has no moments to hold
  if (trains) optimizer.emplace(repro::Parameters(model), repro::AdamWOptions{});
  double last = 0;
  const auto work = [&](const std::vector<std::size_t>& batch, std::uint64_t number) {
    const at::Tensor tokens_BT = Tokens(sentences, batch, pad);
    if (!trains) {
      const at::NoGradGuard no_grad;
      last = repro::SequenceLogits(model, tokens_BT).sum().item<double>();
      return;
    }
    optimizer->ZeroGrad();
    repro::DropoutRng dropout(repro::MixSeed(1, "dropout", number));
    const at::Tensor labels_B =
        at::arange(static_cast<std::int64_t>(batch.size()), at::kLong).remainder(kLabels);
    const at::Tensor loss =
        repro::ClassificationLoss(repro::SequenceLogits(model, tokens_BT, &dropout), labels_B);
    loss.backward();
    last = loss.item<double>();
    optimizer->Step(1e-5);
  };
  work({0, lengths.size() - 1}, 0);  // warms up
  const double wall_began = repro::SteadySeconds();
  const double cpu_began = repro::CpuSeconds();
  for (std::size_t i = 0; i < batches.size(); ++i) work(batches[i], i + 1);
  const repro::Json result = {{"wall_seconds", repro::SteadySeconds() - wall_began},
                              {"cpu_seconds", repro::CpuSeconds() - cpu_began},
                              {"sentences", lengths.size()},
                              {"batches", batches.size()},
                              {"peak_bytes", repro::PeakBytes()},
                              {"last", last}};
  std::printf("%s\n", result.dump().c_str());
  return 0;
}
