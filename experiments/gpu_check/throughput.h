#pragma once
/// Tokens a second of whole updates: see gpu_check.h.

#include <ATen/ATen.h>

#include "experiments/gpu_check/gpu_check.h"

namespace repro {

/// Of TrainStep, the trainer's own update, plain, with each of our kernels, with all of them, and
/// with checkpointed layers; and of an update of fixed shapes with and without a CUDA graph. An
/// array of {"size", "variant", "seconds", "tokens_per_second", "mfu", ...} or {"size",
/// "variant", "skipped"}. No measurement begins after `deadline` (SteadySeconds).
Json MeasureThroughput(const CudaPlugin& plugin, const GpuCheckOptions& options, at::Device device,
                       double deadline);

}  // namespace repro
