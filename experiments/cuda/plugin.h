#pragma once
/// The CUDA half of `repro-task`, loaded at run time, so that one build serves machines with and
/// without a GPU.
///
/// librepro_cuda.so owns all that needs libtorch_cuda. LibTorch caches whether CUDA is there at the
/// first question (at::hasCUDA, at::manual_seed, any backward), so DecideOnCuda must come before
/// any other call of LibTorch. This header and the loader use no LibTorch.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "experiments/cuda/plugin_api.h"

namespace repro {

/// One GPU as the plugin sees it.
struct CudaDevice {
  std::string name;
  int compute_major = 0;
  int compute_minor = 0;
  std::int64_t memory_bytes = 0;
};

/// What the GPU's data sheet says of dense bfloat16 products, FLOP/s, by the name that the driver
/// gives; for model FLOPs utilisation. Nothing for a GPU that is not in the table.
std::optional<double> PeakBfloat16Flops(std::string_view gpu_name);

/// What was decided. Copies share the loaded library, which stays loaded to the end of the process.
class CudaPlugin {
 public:
  /// True: CUDA tensors work in this process.
  bool available() const { return api_ != nullptr; }
  /// One line for people: the devices, or why there is none and what to do.
  std::string Describe() const;
  const std::vector<CudaDevice>& devices() const { return devices_; }

  /// All below need `available()`. Errors: kFailed with what CUDA says.
  /// The most bytes that tensors held at once since the last ResetPeakMemory.
  Result<std::int64_t> PeakMemory(int device) const;
  Status ResetPeakMemory(int device) const;
  /// At most this part, in (0, 1], of the device's memory for tensors; past it they throw
  /// c10::OutOfMemoryError, as on a full device.
  Status SetMemoryFraction(int device, double fraction) const;
  /// Hands what the allocator holds unused back to the device.
  Status EmptyCache(int device) const;
  /// Waits for the device. An error of earlier work may show only here.
  Status Synchronize(int device) const;

  /// The plugin's table, for the wrappers in this module and OpenNcclGroup; null when not
  /// `available()`.
  const ReproCudaApi* api() const { return api_; }

 private:
  Status Check(std::int32_t code, int device) const;

  friend Result<CudaPlugin> LoadCudaPlugin();
  friend CudaPlugin DecideOnCuda();
  const ReproCudaApi* api_ = nullptr;
  std::vector<CudaDevice> devices_;
  std::string reason_ = "this program looked for none";
};

/// Loads the plugin: looks for an NVIDIA driver, then for librepro_cuda.so beside the program or in
/// ../lib. Errors: kNotFound without driver, GPU, or plugin; kFailed when the plugin does not load
/// (the CPU set of LibTorch is installed), is of another build, or cannot describe a GPU; kIo
/// when the program's own place cannot be read. Once the plugin is loaded it stays, also where its
/// GPUs then cannot be listed: at::hasCUDA may say yes, so ask ProcessCuda. Before, nothing of
/// LibTorch was touched.
Result<CudaPlugin> LoadCudaPlugin();

/// LoadCudaPlugin as the first statement of `main`: a failure becomes the reason that `Describe`
/// gives.
CudaPlugin DecideOnCuda();

/// What DecideOnCuda decided for this process, as LibTorch remembers it for the process, too; none
/// available where nobody asked.
const CudaPlugin& ProcessCuda();

}  // namespace repro
