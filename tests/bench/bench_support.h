#pragma once
/// What the benchmarks that scripts/bench compares with PyTorch have in common: their clock of
/// CPU time, their memory and weights without the time that exact initial values take.

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <CLI/CLI.hpp>
#include <sys/resource.h>
#include <time.h>

#include "experiments/model/heads.h"

namespace repro {

/// Of all threads of the process.
inline double CpuSeconds() {
  struct timespec now {};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Most resident memory so far, bytes (VmHWM).
inline std::int64_t PeakBytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word != "VmHWM:") continue;
    std::int64_t kib = 0;
    status >> kib;
    return kib * 1024;
  }
  return 0;
}

inline double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 != 0 ? values[half] : (values[half - 1] + values[half]) / 2;
}

/// The options that say which model is timed, and how.
inline void AddModelOptions(CLI::App& app, ModelShape& shape, std::int64_t& threads,
                            std::string& dtype) {
  app.add_option("--vocab", shape.vocab_size, "Rows of the embedding")
      ->check(CLI::Range(16, 1 << 24));
  app.add_option("--hidden", shape.settings.hidden, "Model width");
  app.add_option("--layers", shape.settings.layers, "Layers");
  app.add_option("--heads", shape.settings.heads, "Attention heads");
  app.add_option("--threads", threads, "CPU threads");
  app.add_option("--dtype", dtype, "Of matrix products")
      ->check(CLI::IsMember({"float32", "bfloat16"}));
}

/// Any model of VisitTensors with weights ~ N(0, 0.02), norms 1, biases 0: InitTensor's values take
/// seconds at Base size and no time measured here depends on them.
template <class Model>
void FillForTiming(Model& model) {
  VisitTensors(model, [](const std::string& name, at::Tensor& tensor) {
    const at::NoGradGuard no_grad;
    if (name.ends_with("bias")) {
      tensor.zero_();
    } else if (name.ends_with("LayerNorm.weight") || name.ends_with("layer_norm.weight")) {
      tensor.fill_(1);
    } else {
      tensor.normal_(0, 0.02);
    }
    tensor.requires_grad_(true);
  });
}

template <class Model>
std::int64_t CountParameters(Model& model) {
  std::int64_t count = 0;
  VisitTensors(model,
               [&](const std::string&, const at::Tensor& tensor) { count += tensor.numel(); });
  return count;
}

}  // namespace repro
