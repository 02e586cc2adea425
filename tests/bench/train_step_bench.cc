// One update of masked language modelling on the CPU: forward, backward, gradient norm, AdamW,
// dropout on. Prints one line of JSON; scripts/bench train puts it beside peer_train_step.py, which
// takes the same arguments and prints the same fields.
#include <cstdio>

#include <CLI/CLI.hpp>

#include "core/base/rng.h"
#include "core/base/units.h"
#include "core/io/json_io.h"
#include "experiments/model/device.h"
#include "experiments/train/train_step.h"
#include "tests/bench/bench_support.h"

namespace {

// Uniform ids; three positions of every twenty are predicted and read <mask>.
repro::MaskedBatch RandomBatch(std::int64_t rows, std::int64_t columns, std::int64_t vocab) {
  repro::Rng rng(1, "bench");
  repro::MaskedBatch batch;
  batch.rows = rows;
  batch.columns = columns;
  batch.tokens = rows * columns;
  for (std::int64_t i = 0; i < batch.tokens; ++i) {
    const auto id = static_cast<std::int64_t>(4 + rng.Below(static_cast<std::uint64_t>(vocab - 5)));
    const bool predicted = i * 3 % 20 < 3;
    batch.inputs.push_back(predicted ? vocab - 1 : id);
    batch.targets.push_back(predicted ? id : repro::kIgnoreTarget);
    batch.predicted += predicted ? 1 : 0;
  }
  batch.lengths.assign(static_cast<std::size_t>(rows), columns);
  batch.languages.assign(static_cast<std::size_t>(rows), 0);
  for (std::int64_t row = 0; row < rows; ++row) batch.samples.push_back(row);
  return batch;
}

}  // namespace

int main(int argc, char** argv) {
  repro::ModelShape shape{.settings = {.layers = 4, .hidden = 128, .heads = 4},
                          .vocab_size = 4'000};
  std::int64_t tokens = 64;
  std::int64_t rows = 32;
  std::int64_t threads = 1;
  std::int64_t warmup = 3;
  std::int64_t updates = 10;
  std::string dtype = "float32";
  CLI::App app("Times updates of masked language modelling on random tokens.");
  repro::AddModelOptions(app, shape, threads, dtype);
  app.add_option("--tokens", tokens, "Tokens of a sequence");
  app.add_option("--batch", rows, "Sequences of an update");
  app.add_option("--warmup", warmup, "Updates that are not timed");
  app.add_option("--updates", updates, "Updates that are timed")->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  shape.max_positions = tokens + 2;

  if (const auto device = repro::OpenDevice("cpu", threads); !device) {
    std::fprintf(stderr, "%s\n", device.error().message.c_str());
    return 1;
  }
  repro::MlmModel model = repro::MlmModelOfShape(shape);
  repro::FillForTiming(model);
  model.encoder.bfloat16_products = dtype == "bfloat16";
  repro::AdamW optimizer(repro::Parameters(model), {});
  const repro::MaskedBatch batch = RandomBatch(rows, tokens, shape.vocab_size);
  std::vector<double> wall;
  std::vector<double> cpu;
  double loss = 0;
  for (std::int64_t update = 0; update < warmup + updates; ++update) {
    const double wall_began = repro::SteadySeconds();
    const double cpu_began = repro::CpuSeconds();
    const auto step = repro::TrainStep(model, optimizer, batch, 1e-4,
                                       {.dropout_seed = static_cast<std::uint64_t>(update)});
    if (!step) {
      std::fprintf(stderr, "%s\n", step.error().message.c_str());
      return 1;
    }
    loss = step->loss;
    if (update < warmup) continue;
    wall.push_back(repro::SteadySeconds() - wall_began);
    cpu.push_back(repro::CpuSeconds() - cpu_began);
  }
  const repro::Json result = {{"wall_seconds", repro::Median(wall)},
                              {"cpu_seconds", repro::Median(cpu)},
                              {"tokens", batch.tokens},
                              {"predicted", batch.predicted},
                              {"parameters", repro::CountParameters(model)},
                              {"peak_bytes", repro::PeakBytes()},
                              {"loss", loss}};
  std::printf("%s\n", result.dump().c_str());
  return 0;
}
