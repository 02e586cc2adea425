// The NCCL half of the plugin's table, in a file of its own because the header costs half a minute.
// Built only where nccl.h is.
#include "experiments/cuda/plugin_nccl.h"

#include <ATen/ATen.h>
#include <c10/cuda/CUDAFunctions.h>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

#include "experiments/cuda/nccl_group.h"  // so that it is compiled where NCCL is

namespace repro {

void* NewNcclGroup(const void* store, std::int32_t device, std::int32_t rank, std::int32_t size,
                   std::int64_t timeout_ms) {
  c10::cuda::set_device(static_cast<c10::DeviceIndex>(device));
  auto options = c10d::ProcessGroupNCCL::Options::create();
  options->timeout = std::chrono::milliseconds(timeout_ms);
  c10::intrusive_ptr<c10d::Backend> backend = c10::make_intrusive<c10d::ProcessGroupNCCL>(
      *static_cast<const c10::intrusive_ptr<c10d::Store>*>(store), rank, size, std::move(options));
  return new c10::intrusive_ptr<c10d::Backend>(std::move(backend));
}

}  // namespace repro
