#pragma once
// Of the plugin alone: see nccl_group in plugin_api.h.

#include <cstdint>

namespace repro {

/// A new c10::intrusive_ptr<c10d::Backend>. Throws what LibTorch throws.
void* NewNcclGroup(const void* store, std::int32_t device, std::int32_t rank, std::int32_t size,
                   std::int64_t timeout_ms);

}  // namespace repro
