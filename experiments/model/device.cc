#include "experiments/model/device.h"

#include <cstdlib>

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <c10/util/Logging.h>
#include <malloc.h>

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
  if (!at::hasCUDA()) {
    return Fail(
        ErrorCode::kInvalidArgument,
        "compute.device is \"{}\", but this process has no GPU: `repro-task --version` says "
        "why; set compute.device = \"cpu\" or install the CUDA set (scripts/setup --cuda)",
        device);
  }
  return at::Device(at::kCUDA, static_cast<at::DeviceIndex>(gpu));
}

void UseDeterministicAlgorithms(bool use) {
  if (use) ::setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/1);
  at::Context& context = at::globalContext();
  context.setDeterministicAlgorithms(use, /*warn_only=*/false);
  context.setDeterministicCuDNN(use);
}

}  // namespace repro
