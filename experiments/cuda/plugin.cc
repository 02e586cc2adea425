#include "experiments/cuda/plugin.h"

#include <array>
#include <filesystem>
#include <system_error>

#include <dlfcn.h>

#include "core/base/check.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPluginFile = "librepro_cuda.so";

// The driver's own library: without it no CUDA call can work, and 1 GB of libraries need not be
// loaded to find out.
bool DriverPresent() {
  void* driver = ::dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (driver == nullptr) return false;
  ::dlclose(driver);
  return true;
}

Result<fs::path> FindPlugin() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (error) return Fail(ErrorCode::kIo, "/proc/self/exe: {}", error.message());
  const fs::path folder = program.parent_path();
  for (const fs::path& candidate : {folder / kPluginFile, folder / "../lib" / kPluginFile}) {
    if (fs::exists(candidate, error)) return candidate.lexically_normal();
  }
  return Fail(
      ErrorCode::kNotFound,
      "this build has no CUDA plugin ({} is neither in {} nor in ../lib): build with nvcc at "
      "hand (scripts/build)",
      kPluginFile, folder.string());
}

Result<std::vector<CudaDevice>> ListDevices(const ReproCudaApi& api) {
  std::int32_t count = 0;
  if (api.device_count(&count) != 0) {
    return Fail(ErrorCode::kNotFound, "the GPU cannot be used: {}", api.last_error());
  }
  std::vector<CudaDevice> devices;
  for (std::int32_t device = 0; device < count; ++device) {
    ReproCudaDeviceInfo info{};
    if (api.device_info(device, &info) != 0) {
      return Fail(ErrorCode::kFailed, "GPU {}: {}", device, api.last_error());
    }
    devices.push_back({.name = info.name,
                       .compute_major = info.compute_major,
                       .compute_minor = info.compute_minor,
                       .memory_bytes = info.memory_bytes});
  }
  if (devices.empty()) return Fail(ErrorCode::kNotFound, "an NVIDIA driver, but no GPU");
  return devices;
}

}  // namespace

Result<CudaPlugin> LoadCudaPlugin() {
  if (!DriverPresent()) return Fail(ErrorCode::kNotFound, "no NVIDIA driver on this machine");
  REPRO_ASSIGN_OR_RETURN(const fs::path path, FindPlugin());
  // Global, so that libtorch_cuda's registrations and c10's type information are one for the
  // process.
  void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr) {
    return Fail(
        ErrorCode::kFailed,
        "{} does not load: {} (is the CPU set of LibTorch installed? `scripts/setup --cuda` "
        "installs the CUDA set)",
        path.string(), ::dlerror());
  }
  using GetApi = const ReproCudaApi* (*)();
  const auto get_api = reinterpret_cast<GetApi>(::dlsym(library, kReproCudaApiSymbol));
  const ReproCudaApi* api = get_api != nullptr ? get_api() : nullptr;
  if (api == nullptr || api->version != kReproCudaApiVersion) {
    return Fail(ErrorCode::kFailed, "{} is of another build: run scripts/build", path.string());
  }
  CudaPlugin plugin;
  REPRO_ASSIGN_OR_RETURN(plugin.devices_, ListDevices(*api));
  plugin.api_ = api;
  return plugin;
}

namespace {

CudaPlugin& Decided() {
  static CudaPlugin decided;
  return decided;
}

}  // namespace

CudaPlugin DecideOnCuda() {
  CudaPlugin plugin;
  auto loaded = LoadCudaPlugin();
  if (loaded) {
    plugin = std::move(loaded).value();
  } else {
    plugin.reason_ = loaded.error().message;
  }
  Decided() = plugin;
  return plugin;
}

const CudaPlugin& ProcessCuda() {
  return Decided();
}

std::string CudaPlugin::Describe() const {
  if (!available()) return "CUDA: none (" + reason_ + ")";
  std::string text = "CUDA:";
  for (std::size_t i = 0; i < devices_.size(); ++i) {
    const CudaDevice& device = devices_[i];
    text += fmt::format("{} GPU {}: {} (sm_{}{}, {:.0f} GiB)", i == 0 ? "" : ",", i, device.name,
                        device.compute_major, device.compute_minor,
                        static_cast<double>(device.memory_bytes) / (1LL << 30));
  }
  return text;
}

Status CudaPlugin::Check(std::int32_t code, int device) const {
  if (code == 0) return {};
  return Fail(ErrorCode::kFailed, "GPU {}: {}", device, api_->last_error());
}

Result<std::int64_t> CudaPlugin::PeakMemory(int device) const {
  REPRO_CHECK(available());
  std::int64_t bytes = 0;
  REPRO_RETURN_IF_ERROR(Check(api_->peak_memory(device, &bytes), device));
  return bytes;
}

Status CudaPlugin::ResetPeakMemory(int device) const {
  REPRO_CHECK(available());
  return Check(api_->reset_peak_memory(device), device);
}

Status CudaPlugin::SetMemoryFraction(int device, double fraction) const {
  REPRO_CHECK(available());
  return Check(api_->set_memory_fraction(device, fraction), device);
}

Status CudaPlugin::EmptyCache(int device) const {
  REPRO_CHECK(available());
  return Check(api_->empty_cache(device), device);
}

Status CudaPlugin::Synchronize(int device) const {
  REPRO_CHECK(available());
  return Check(api_->synchronize(device), device);
}

std::optional<double> PeakBfloat16Flops(std::string_view gpu_name) {
  // NVIDIA's data sheets, without sparsity. The first name that is contained counts.
  struct Peak {
    std::string_view name;
    double flops;
  };
  static constexpr std::array kPeaks = {
      Peak{"H100 PCIe", 756e12}, Peak{"H100 NVL", 835e12}, Peak{"H100", 989e12},
      Peak{"H200 NVL", 835e12},  Peak{"H200", 989e12},     Peak{"A100", 312e12},
  };
  for (const Peak& peak : kPeaks) {
    if (gpu_name.find(peak.name) != std::string_view::npos) return peak.flops;
  }
  return std::nullopt;
}

}  // namespace repro
