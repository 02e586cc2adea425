#pragma once
/// The seam between `repro-task` and librepro_cuda.so: plain C types, so that loader and plugin may
/// be built apart.

#include <cstdint>

extern "C" {

struct ReproCudaDeviceInfo {
  char name[256];
  std::int32_t compute_major;
  std::int32_t compute_minor;
  std::int64_t memory_bytes;
};

struct ReproCudaMemory {
  std::int64_t allocated_bytes;
  std::int64_t peak_bytes;
  std::int64_t reserved_bytes;
};

/// Every function returns 0, or not 0 after an error whose text `last_error` gives (owned by the
/// plugin).
struct ReproCudaApi {
  std::int32_t version;  ///< kReproCudaApiVersion of the plugin's build
  const char* (*last_error)();
  std::int32_t (*device_count)(std::int32_t* count);
  std::int32_t (*device_info)(std::int32_t device, ReproCudaDeviceInfo* info);
  std::int32_t (*memory)(std::int32_t device, ReproCudaMemory* memory);
  std::int32_t (*reset_peak_memory)(std::int32_t device);
  std::int32_t (*seed)(std::int32_t device, std::uint64_t seed);
};

}  // extern "C"

/// Raised when the table changes.
inline constexpr std::int32_t kReproCudaApiVersion = 1;
/// The plugin's one exported symbol: `const ReproCudaApi* ReproCudaPluginApi()`.
inline constexpr const char* kReproCudaApiSymbol = "ReproCudaPluginApi";
