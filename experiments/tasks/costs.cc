#include "experiments/tasks/costs.h"

#include <algorithm>
#include <cmath>

#include "experiments/text/vocab_memory.h"

namespace repro {
namespace {

constexpr double kGb = 1e9;
constexpr double kBytesPerToken = 4;  // of text, about
// An upper estimate: the 22 corpora of Figure 2 at smoke had 32 (sw) to 77 (hi), median 47.
constexpr double kBytesPerBabelSentence = 60;
// Lines of novels, scripture and Wikipedia in twelve languages: 304 and 231.
constexpr double kBytesPerLine = 300, kCharactersPerLine = 230;
// Half a minute of encoding: with less, other tasks need the core more.
constexpr double kEncodedBytesPerThread = 64e6;
// A sentence of a test set has more; and its two hashes, in lists that grow by doubling.
constexpr double kBytesPerTestLine = 50, kBytesPerHashedLine = 2 * 2 * sizeof(std::uint64_t);
// repro-task with LibTorch loaded, before any tensor; windows of files that are read fit in it.
constexpr std::int64_t kTorchProcessBytes = 400 << 20;

ModelShape ShapeOf(const ModelSettings& model, std::int64_t vocab_size, std::int64_t tokens) {
  return {.settings = model, .vocab_size = vocab_size, .max_positions = tokens + 2};
}

// Multiply-adds of one token through the layers, forward: 4 H^2 attention, 2 H F feed-forward, 2 T
// H scores and sums.
double LayerMacs(const ModelShape& shape, double tokens) {
  const auto hidden = static_cast<double>(shape.settings.hidden);
  const double per_layer = 4 * hidden * hidden +
                           2 * hidden * static_cast<double>(shape.FeedForward()) +
                           2 * tokens * hidden;
  return static_cast<double>(shape.settings.layers) * per_layer;
}

double HeadMacs(const ModelShape& shape) {
  const auto hidden = static_cast<double>(shape.settings.hidden);
  return hidden * (hidden + static_cast<double>(shape.vocab_size));
}

// Activations of one micro-batch in float32, kept for the backward pass: about 34 hidden-sized
// tensors a layer and token plus the attention maps (Korthikanti et al. 2022, section 4, counted
// for 2-byte floats; doubled here).
double ActivationBytes(const ModelShape& shape, double rows, double tokens) {
  const auto hidden = static_cast<double>(shape.settings.hidden);
  const auto layers = static_cast<double>(shape.settings.layers);
  const double maps = 10 * static_cast<double>(shape.settings.heads) * tokens / hidden;
  return rows * tokens * hidden * layers * (34 + maps) * 2;
}

double BabelSentences(const BabelSettings& babel, double gb) {
  return static_cast<double>(babel.sentences_at_1gb) * std::pow(gb, babel.size_exponent);
}

void AddNumericCosts(const ComputeSettings& compute, double gflop, double bytes, Task& task) {
  task.work = gflop;
  task.work_unit = "GFLOP";
  task.resources.threads = static_cast<int>(compute.threads);
  task.resources.gpus = compute.device == "cuda" ? 1 : 0;
  task.resources.memory_bytes = kTorchProcessBytes + static_cast<std::int64_t>(bytes);
}

}  // namespace

void AddImportCosts(const ImportRecord& record, Task& task) {
  task.work = static_cast<double>(record.TotalBytes()) / 1e6;
  task.work_unit = "MB";
  // The files are mapped; the vocabulary is read whole.
  task.resources.memory_bytes = kTorchProcessBytes;
  task.resources.disk_bytes = record.TotalBytes();
  std::int64_t weights = 0;
  for (const ImportedFile& file : record.files) {
    if (file.name.ends_with(".safetensors")) weights += file.bytes;
  }
  task.info = {{"folder", record.folder.string()},
               {"parameters",
                record.has_lm_head ? MlmParameters(record.shape) : EncoderParameters(record.shape)},
               {"encoder_parameters", EncoderParameters(record.shape)},
               {"weight_bytes", weights},
               {"checkpoint_bytes", CheckpointBytes(record.shape)}};
}

void AddCosts(const CorpusSpec& spec, Task& task) {
  const bool babel = spec.source.starts_with("babel-");
  const double bytes = babel ? BabelSentences(spec.babel, spec.nominal_gb) * kBytesPerBabelSentence
                             : spec.nominal_gb * kGb;
  task.work = bytes / 1e6;
  task.work_unit = "MB";
  task.resources.memory_bytes = kTorchProcessBytes;
  task.resources.disk_bytes = static_cast<std::int64_t>(bytes);
}

void AddCosts(const SubsetSpec& spec, double packed_mb, Task& task) {
  const double all = kUnpacked * packed_mb * 1e6;
  const double bytes = spec.settings.max_bytes > 0
                           ? std::min(all, static_cast<double>(spec.settings.max_bytes))
                           : all;
  task.work = bytes / 1e6;
  task.work_unit = "MB";
  task.resources.memory_bytes = kTorchProcessBytes;
  task.resources.disk_bytes = static_cast<std::int64_t>(bytes);
}

void AddCosts(const BenchmarkSpec& spec, Task& task) {
  const BenchmarkSettings& sizes = spec.sizes;
  const double examples =
      3.0 * static_cast<double>((spec.with_train ? sizes.train : 0) + sizes.dev + sizes.test) +
      static_cast<double>(sizes.parallel);
  task.work = examples;
  task.work_unit = "examples";
  task.resources.memory_bytes = kTorchProcessBytes;
  task.resources.disk_bytes = static_cast<std::int64_t>(examples * 150);
}

void AddCosts(const VocabSpec& spec, bool babel, Task& task) {
  const auto sentences = static_cast<double>(spec.settings.sample_sentences);
  task.work = sentences;
  task.work_unit = "sentences";
  task.resources.threads = static_cast<int>(spec.threads);
  // The texts are not there yet; the task itself says what its sample takes.
  const double bytes = sentences * (babel ? kBytesPerBabelSentence : kBytesPerLine);
  const double characters = sentences * (babel ? kBytesPerBabelSentence : kCharactersPerLine);
  task.resources.memory_bytes =
      kTorchProcessBytes + EstimateVocabMemory(spec.settings.model, bytes, characters);
  task.resources.disk_bytes = 20 * spec.settings.size;
}

void AddEncodeCosts(double nominal_gb, bool babel, const RunSettings& settings,
                    std::int64_t max_bytes, std::size_t languages, Task& task) {
  double bytes = nominal_gb * kGb;
  if (babel) {
    const auto count = static_cast<double>(languages);
    bytes = count * BabelSentences(settings.babel, nominal_gb / count) * kBytesPerBabelSentence;
  }
  if (max_bytes > 0) {
    bytes = std::min(bytes, static_cast<double>(languages) * static_cast<double>(max_bytes));
  }
  if (settings.corpus.max_tokens > 0) {
    bytes = std::min(bytes, static_cast<double>(languages) * kBytesPerToken *
                                static_cast<double>(settings.corpus.max_tokens));
  }
  task.work = bytes / 1e6;
  task.work_unit = "MB";
  task.resources.threads = static_cast<int>(
      std::clamp(bytes / kEncodedBytesPerThread, 1.0, 64.0));  // at most the machine's
  task.resources.memory_bytes = kTorchProcessBytes;
  task.resources.disk_bytes =
      static_cast<std::int64_t>(bytes / kBytesPerToken * sizeof(std::int32_t));
}

void AddCosts(const PretrainSpec& spec, std::int64_t vocab_size, std::int64_t processes,
              Task& task) {
  const PretrainSettings& s = spec.settings;
  const ModelShape shape = ShapeOf(spec.model, vocab_size, s.tokens_per_sample);
  const double tokens = static_cast<double>(s.updates) *
                        static_cast<double>(s.sequences_per_update) *
                        static_cast<double>(s.tokens_per_sample);
  const double macs =
      LayerMacs(shape, static_cast<double>(s.tokens_per_sample)) + s.mask_prob * HeadMacs(shape);
  const std::int64_t part = (s.sequences_per_update + processes - 1) / processes;
  const std::int64_t rows =
      s.sequences_per_micro_batch > 0 ? std::min(s.sequences_per_micro_batch, part) : part;
  // Weights, gradients, two moments; the logits of the masked tokens with their gradient;
  // activations.
  const double logits = 2 * 4.0 * s.mask_prob * static_cast<double>(rows * s.tokens_per_sample) *
                        static_cast<double>(vocab_size);
  const double bytes =
      4.0 / 3.0 * static_cast<double>(CheckpointBytes(shape)) + logits +
      ActivationBytes(shape, static_cast<double>(rows), static_cast<double>(s.tokens_per_sample));
  AddNumericCosts(spec.compute, 6 * tokens * macs / 1e9, bytes, task);
  task.resources.threads *= static_cast<int>(processes);
  task.resources.gpus *= static_cast<int>(processes);
  task.resources.memory_bytes *= processes;
  task.resources.disk_bytes = WeightBytes(shape) + s.checkpoints_kept * CheckpointBytes(shape);
  task.info = {{"parameters", MlmParameters(shape)},
               {"encoder_parameters", EncoderParameters(shape)},
               {"weight_bytes", WeightBytes(shape)},
               {"checkpoint_bytes", CheckpointBytes(shape)},
               {"tokens", tokens},
               {"processes", processes}};
}

void AddCosts(const FinetuneSpec& spec, const RunSettings& settings, Task& task) {
  const FinetuneSettings& s = spec.settings;
  const ModelShape shape =
      ShapeOf(settings.model, settings.vocab.size, settings.pretrain.tokens_per_sample);
  // Sentences fill about half of max_tokens; each validation scores every dev set.
  const double tokens_per_example = 0.5 * static_cast<double>(s.max_tokens);
  const double validations =
      std::ceil(static_cast<double>(s.updates) / static_cast<double>(s.validate_every));
  const double examples = 3.0 * static_cast<double>(s.updates * s.batch_size) +
                          validations * static_cast<double>(spec.languages.size()) *
                              static_cast<double>(settings.benchmark.dev);
  const double bytes =
      4.0 / 3.0 * static_cast<double>(CheckpointBytes(shape)) +
      ActivationBytes(shape, static_cast<double>(s.batch_size), static_cast<double>(s.max_tokens));
  AddNumericCosts(spec.compute,
                  2 * examples * tokens_per_example * LayerMacs(shape, tokens_per_example) / 1e9,
                  bytes, task);
  task.resources.disk_bytes = WeightBytes(shape) + CheckpointBytes(shape);
}

void AddCosts(const EvaluateSpec& spec, const RunSettings& settings, Task& task) {
  const ModelShape shape =
      ShapeOf(settings.model, settings.vocab.size, settings.pretrain.tokens_per_sample);
  const auto languages = static_cast<double>(spec.languages.size());
  const double tokens = 0.5 * static_cast<double>(spec.max_tokens);
  // Pseudo-bits pass each sentence once for each of its pieces.
  const double passes =
      spec.measure == "intrinsic"
          ? static_cast<double>(settings.benchmark.parallel) +
                tokens * static_cast<double>(settings.evaluate.pseudo_bits_sentences)
          : static_cast<double>(settings.benchmark.test);
  const double bytes = static_cast<double>(WeightBytes(shape)) +
                       ActivationBytes(shape, 64, static_cast<double>(spec.max_tokens)) /
                           static_cast<double>(std::max<std::int64_t>(1, settings.model.layers));
  AddNumericCosts(spec.compute, 2 * languages * passes * tokens * LayerMacs(shape, tokens) / 1e9,
                  bytes, task);
  task.resources.disk_bytes = static_cast<std::int64_t>(languages * passes * 60);
}

void AddCosts(const ControlsSpec& spec, Task& task) {
  task.work = static_cast<double>(spec.languages.size());
  task.work_unit = "languages";
  task.resources.memory_bytes = kTorchProcessBytes;
}

void AddCorpusStatsCosts(double text_mb, double evaluation_mb, Task& task) {
  task.work = text_mb;
  task.work_unit = "MB";
  const double lines = kUnpacked * evaluation_mb * 1e6 / kBytesPerTestLine;
  task.resources.memory_bytes =
      kTorchProcessBytes + static_cast<std::int64_t>(lines * kBytesPerHashedLine);
}

void AddCosts(const CorpusStatsSpec& spec, Task& task) {
  task.work = static_cast<double>(spec.languages.size());
  task.work_unit = "languages";
  task.resources.memory_bytes = kTorchProcessBytes;
}

}  // namespace repro
