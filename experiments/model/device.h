#pragma once
/// Where a task computes, as its spec states it (design: device class and thread count are part of
/// a task's key).

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <ATen/ATen.h>

#include "core/base/result.h"

namespace repro {

/// Sets the process's CPU threads and gives the device "cpu", or the GPU number `gpu` for "cuda".
/// Call once, before any other tensor work. Denormals are flushed to zero. Errors: kInvalidArgument
/// when "cuda" is asked for and ProcessCuda has none, or has no GPU of this number.
Result<at::Device> OpenDevice(const std::string& device, std::int64_t threads, int gpu = 0);

/// Errors: kInvalidArgument where this machine shows the process `shown` GPUs and number `gpu`,
/// that of the process in its team, is not among them.
Status CheckGpuNumber(int gpu, std::size_t shown);

/// A line for people where `dtype` "bfloat16" is slow on this `device`: a CPU without avx512_bf16.
std::optional<std::string> SlowProductsWarning(const std::string& device, const std::string& dtype);

/// Bit-equal repetition on a GPU: ATen's deterministic algorithms and cuDNN's, and
/// CUBLAS_WORKSPACE_CONFIG=:4096:8 (on Hopper the size that PyTorch takes anyway), which stays set.
/// Call it before the first matrix product (cuBLAS reads the variable when its handle is made) and
/// before a process group is opened (c10d then leaves out NCCL's NVLS sums); `use` false goes back
/// to the fast algorithms. Same input, layout, GPU and libraries then give the same bits.
///
/// What it changes on the model's path (ATen 2.11; without it these add by atomics, in any order):
/// the gradient of index_select (index_add_), index_add_ of the losses by language, scatter_add_ of
/// the loss and index_copy sort their indices first (index_put_); flash and memory-efficient
/// attention take one order of sums in the backward pass, and cuDNN's attention is not taken. The
/// two attentions do so only because `warn_only` is false: with it they keep their atomics. An
/// operation without a deterministic form throws; the path has none. Deterministic in any case: the
/// gradient of at::embedding (sorted segments), LayerNorm, sums, norms, fused AdamW, our own
/// kernels.
void UseDeterministicAlgorithms(bool use);

}  // namespace repro
