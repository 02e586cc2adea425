#pragma once
/// Where a task computes, as its spec states it (design: device class and thread count are part of
/// a task's key).

#include <cstdint>
#include <string>

#include <ATen/ATen.h>

#include "core/base/result.h"

namespace repro {

/// Sets the process's CPU threads and gives the device "cpu", or the GPU number `gpu` for "cuda".
/// Call once, before any other tensor work. Denormals are flushed to zero. Errors: kInvalidArgument
/// when "cuda" is asked for and this process has no GPU.
Result<at::Device> OpenDevice(const std::string& device, std::int64_t threads, int gpu = 0);

}  // namespace repro
