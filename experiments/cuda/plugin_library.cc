// librepro_cuda.so: what needs libtorch_cuda, behind the C table of plugin_api.h. No exception
// leaves this file.
#include <exception>
#include <string>

#include <ATen/ATen.h>
#include <ATen/cuda/CUDAContext.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>

#include "experiments/cuda/plugin_api.h"

namespace {

std::string& LastError() {
  thread_local std::string text;
  return text;
}

template <class Work>
std::int32_t Guarded(Work&& work) {
  try {
    work();
    return 0;
  } catch (const c10::Error& error) {
    LastError() = error.what_without_backtrace();
  } catch (const std::exception& error) {
    LastError() = error.what();
  }
  return 1;
}

std::int32_t DeviceCount(std::int32_t* count) {
  // Throws when a driver is there but too old; answers 0 when there is none.
  return Guarded(
      [&] { *count = static_cast<std::int32_t>(c10::cuda::device_count_ensure_non_zero()); });
}

std::int32_t DeviceInfo(std::int32_t device, ReproCudaDeviceInfo* info) {
  return Guarded([&] {
    const cudaDeviceProp* properties =
        at::cuda::getDeviceProperties(static_cast<c10::DeviceIndex>(device));
    *info = {};
    const std::string name = properties->name;
    name.copy(info->name, sizeof info->name - 1);
    info->compute_major = properties->major;
    info->compute_minor = properties->minor;
    info->memory_bytes = static_cast<std::int64_t>(properties->totalGlobalMem);
  });
}

std::int32_t Memory(std::int32_t device, ReproCudaMemory* memory) {
  return Guarded([&] {
    const auto stats =
        c10::cuda::CUDACachingAllocator::getDeviceStats(static_cast<c10::DeviceIndex>(device));
    memory->allocated_bytes = stats.allocated_bytes[0].current;
    memory->peak_bytes = stats.allocated_bytes[0].peak;
    memory->reserved_bytes = stats.reserved_bytes[0].current;
  });
}

std::int32_t ResetPeakMemory(std::int32_t device) {
  return Guarded([&] {
    c10::cuda::CUDACachingAllocator::resetPeakStats(static_cast<c10::DeviceIndex>(device));
  });
}

std::int32_t Seed(std::int32_t device, std::uint64_t seed) {
  return Guarded([&] {
    at::Generator generator = at::globalContext().defaultGenerator(
        at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(device)));
    generator.set_current_seed(seed);
  });
}

const char* LastErrorText() {
  return LastError().c_str();
}

}  // namespace

extern "C" __attribute__((visibility("default"))) const ReproCudaApi* ReproCudaPluginApi() {
  static constexpr ReproCudaApi kApi = {.version = kReproCudaApiVersion,
                                        .last_error = &LastErrorText,
                                        .device_count = &DeviceCount,
                                        .device_info = &DeviceInfo,
                                        .memory = &Memory,
                                        .reset_peak_memory = &ResetPeakMemory,
                                        .seed = &Seed};
  return &kApi;
}
