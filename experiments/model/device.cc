#include "experiments/model/device.h"

#include <cstdlib>

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <c10/util/Logging.h>
#include <malloc.h>

#include "experiments/cuda/plugin.h"
#include "experiments/model/cpu_kernels.h"

namespace repro {
namespace {

// An update frees and takes the same large blocks again; handing them back to the system in between
// would cost a page fault for every 4 KiB.
void KeepFreedMemory() {
  mallopt(M_MMAP_THRESHOLD, 32 << 20);  // the most that glibc takes
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
}

}  // namespace

Result<at::Device> OpenDevice(const std::string& device, std::int64_t threads, int gpu) {
  at::set_num_threads(static_cast<int>(threads));
  FLAGS_caffe2_use_fatal_for_enforce = false;  // memory that runs out is an error to be caught
  at::globalContext().setFlushDenormal(true);  // before any worker thread starts: they inherit it
  KeepFreedMemory();
  if (device == "cpu") return at::Device(at::kCPU);
  const CudaPlugin& cuda = ProcessCuda();
  if (!cuda.available()) {
    return Fail(ErrorCode::kInvalidArgument,
                "compute.device is \"{}\", but this process has no GPU: {}; set compute.device = "
                "\"cpu\", or see to the GPU (`repro-task --version` says whether it can be used; "
                "`scripts/setup --cuda` installs the CUDA set)",
                device, cuda.Describe());
  }
  REPRO_RETURN_IF_ERROR(CheckGpuNumber(gpu, cuda.devices().size()));
  return at::Device(at::kCUDA, static_cast<at::DeviceIndex>(gpu));
}

Status CheckGpuNumber(int gpu, std::size_t shown) {
  if (static_cast<std::size_t>(gpu) < shown) return {};
  const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
  return Fail(
      ErrorCode::kInvalidArgument,
      "process {} wants GPU {}, this machine shows {}: set pretrain.processes to at most {} "
      "(CUDA_VISIBLE_DEVICES {})",
      gpu, gpu, shown, shown,
      visible != nullptr ? fmt::format("is \"{}\"", visible) : "is not set");
}

std::optional<std::string> SlowProductsWarning(const std::string& device,
                                               const std::string& dtype) {
  if (device != "cpu" || dtype != "bfloat16") return std::nullopt;
  if (FindCpuKernels("avx512_bf16") != nullptr) return std::nullopt;
  return "this CPU has no avx512_bf16: bfloat16 products are right here but slow; "
         "--set compute.dtype=\"float32\" is faster";
}

void UseDeterministicAlgorithms(bool use) {
  if (use) ::setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/1);
  at::Context& context = at::globalContext();
  context.setDeterministicAlgorithms(use, /*warn_only=*/false);
  context.setDeterministicCuDNN(use);
}

}  // namespace repro
