// Tokens a second of one training update on the CPU, one thread: forward, backward, AdamW, dropout
// on. CPU time counts, so a busy machine disturbs little. train_step_bench [LAYERS HIDDEN VOCAB
// TOKENS BATCH]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <vector>

#include <sys/resource.h>

#include "core/base/rng.h"
#include "experiments/model/device.h"
#include "experiments/train/train_step.h"

namespace {

double CpuSeconds() {
  struct rusage usage {};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

repro::MaskedBatch RandomBatch(std::int64_t rows, std::int64_t columns, std::int64_t vocab) {
  repro::Rng rng(1, "bench");
  repro::MaskedBatch batch;
  batch.rows = rows;
  batch.columns = columns;
  batch.tokens = rows * columns;
  for (std::int64_t i = 0; i < batch.tokens; ++i) {
    const auto id = static_cast<std::int64_t>(4 + rng.Below(static_cast<std::uint64_t>(vocab - 5)));
    const bool predicted = rng.Below(100) < 15;
    batch.inputs.push_back(predicted ? vocab - 1 : id);
    batch.targets.push_back(predicted ? id : repro::kIgnoreTarget);
    batch.predicted += predicted ? 1 : 0;
  }
  batch.lengths.assign(static_cast<std::size_t>(rows), columns);
  batch.languages.assign(static_cast<std::size_t>(rows), 0);
  batch.samples.resize(static_cast<std::size_t>(rows));
  std::iota(batch.samples.begin(), batch.samples.end(), 0);
  return batch;
}

}  // namespace

int main(int argc, char** argv) {
  const auto argument = [&](int index, std::int64_t otherwise) {
    return argc > index ? std::int64_t{std::atoll(argv[index])} : otherwise;
  };
  repro::ModelShape shape;
  shape.settings.layers = argument(1, 2);
  shape.settings.hidden = argument(2, 128);
  shape.settings.heads = std::max<std::int64_t>(1, shape.settings.hidden / 32);
  shape.vocab_size = argument(3, 4'000);
  const std::int64_t tokens = argument(4, 64);
  const std::int64_t rows = argument(5, 64);
  shape.max_positions = tokens + 2;

  const auto device = repro::OpenDevice("cpu", /*threads=*/1);
  if (!device) return 1;
  repro::MlmModel model = repro::InitMlmModel(shape, 1);
  model.encoder.bfloat16_products = argument(6, 0) != 0;
  repro::AdamW optimizer(repro::Parameters(model), {});
  const repro::MaskedBatch batch = RandomBatch(rows, tokens, shape.vocab_size);
  std::vector<double> seconds;
  double loss = 0;
  for (int update = 0; update < 12; ++update) {
    const double began = CpuSeconds();
    const auto step = repro::TrainStep(model, optimizer, batch, 1e-4,
                                       {.dropout_seed = static_cast<std::uint64_t>(update)});
    seconds.push_back(CpuSeconds() - began);
    if (!step) {
      std::printf("%s\n", step.error().message.c_str());
      return 1;
    }
    loss = step->loss;
  }
  std::sort(seconds.begin(), seconds.end());
  const double median = seconds[seconds.size() / 2];
  std::printf(
      "%s L %ld H %ld V %ld T %ld B %ld: %.1f ms an update, %.0f tokens/s of CPU time, best %.0f "
      "(loss %.4f)\n",
      model.encoder.bfloat16_products ? "bfloat16" : "float32", shape.settings.layers,
      shape.settings.hidden, shape.vocab_size, tokens, rows, 1e3 * median,
      static_cast<double>(batch.tokens) / median,
      static_cast<double>(batch.tokens) / seconds.front(), loss);
  return 0;
}
