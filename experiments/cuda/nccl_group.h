#pragma once
/// NCCL for c10d on a GPU. A header, because c10d's own cost half a minute to read: include it in
/// the one file that opens process groups.

#include <cstdint>
#include <memory>

#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include "experiments/cuda/plugin.h"

namespace repro {

/// The process group of `size` processes that meet at `store`; this one is `rank` and uses
/// `device`. Collectives that take longer than `timeout_ms` fail. Needs `plugin.available()`.
/// Errors: kFailed with what NCCL says, or when the plugin was built without nccl.h.
inline Result<c10::intrusive_ptr<c10d::Backend>> OpenNcclGroup(
    const CudaPlugin& plugin, const c10::intrusive_ptr<c10d::Store>& store, int device, int rank,
    int size, std::int64_t timeout_ms) {
  const ReproCudaApi& api = *plugin.api();
  if (api.nccl_group == nullptr) {
    return Fail(
        ErrorCode::kFailed,
        "this build's CUDA plugin has no NCCL: nccl.h was not found when it was configured");
  }
  void* group = nullptr;
  if (api.nccl_group(&store, device, rank, size, timeout_ms, &group) != 0) {
    return Fail(ErrorCode::kFailed, "GPU {}: NCCL: {}", device, api.last_error());
  }
  const std::unique_ptr<c10::intrusive_ptr<c10d::Backend>> owner(
      static_cast<c10::intrusive_ptr<c10d::Backend>*>(group));
  return *owner;
}

}  // namespace repro
