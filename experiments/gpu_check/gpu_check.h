#pragma once
/// What has to hold on a GPU before its numbers are believed, and how fast it is: the checks of
/// `repro-gpu-check`.
///
/// - parity: the GPU's path against the plain path, and each of our own kernels against what ATen
///   computes in its place;
/// - resume: a run that was interrupted, restored from its checkpoint and continued ends with the
///   bits of an undisturbed one;
/// - memory: after an out-of-memory error the device goes on with half the micro-batch, and the
///   gradient is that of the whole one;
/// - throughput: tokens a second of the trainer's update of Base and Large at T 512 in bfloat16,
///   with and without each kernel, and model FLOPs utilisation; and what a CUDA graph would win.
///
/// On the CPU (a self-test of the program) the same code runs at a tiny size; what needs a GPU is
/// listed as skipped.

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/io/json_io.h"
#include "experiments/cuda/plugin.h"

namespace repro {

inline constexpr const char* kGpuCheckParts[] = {"parity", "resume", "memory", "throughput"};

struct GpuCheckOptions {
  bool self_test = false;  ///< on the CPU, tiny
  std::vector<std::string> parts = {std::begin(kGpuCheckParts), std::end(kGpuCheckParts)};
  double minutes = 9;               ///< no new measurement begins after that
  std::filesystem::path scratch{};  ///< an existing folder for checkpoints
  std::function<void(const std::string&)> say = [](const std::string&) {};  ///< a line a result
};

/// Errors: kInvalidArgument for a part that there is not.
Status CheckParts(const GpuCheckOptions& options);

/// Runs the parts and gives one object: "passed" (false when any check failed; skipped ones do not
/// count), "gpu", and one array or object a part (docs/formats.md). Needs `plugin.available()`
/// unless self_test. Errors: those of CheckParts; what stopped a check is in its result.
Result<Json> RunGpuCheck(const CudaPlugin& plugin, const GpuCheckOptions& options);

}  // namespace repro
