#pragma once
/// Parity of the GPU's path and of each kernel: see gpu_check.h.

#include <ATen/ATen.h>

#include "experiments/gpu_check/gpu_check.h"

namespace repro {

/// An array of {"what", "dtype", "error", "tolerance", "passed"} or {"what", "skipped"}.
Json CheckParity(const CudaPlugin& plugin, const GpuCheckOptions& options, at::Device device);

}  // namespace repro
