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

/// Which elements fall out: SequenceDropout of experiments/model/dropout.h over packed rows, and
/// the same bits. Memory of the device, except the struct itself.
struct ReproCudaDropout {
  const std::uint64_t* keys;      ///< one a sequence
  const std::int32_t* sequences;  ///< one a row: which sequence it is of
  const std::int32_t* places;     ///< one a row: its place there, from 0
  std::uint32_t threshold;        ///< 0: nothing falls out, and the three may be null
  float scale;
};

/// Our own kernels (experiments/cuda/kernels.cuh says what each computes). Pointers are memory of
/// `device`; work is put on PyTorch's current stream there. `bfloat16`: not 0 when the arrays
/// marked T hold bfloat16, else float32. Widths and rows are of row-major, dense arrays.
struct ReproCudaKernels {
  std::int32_t (*cross_entropy)(std::int32_t device, std::int64_t rows, std::int64_t vocab,
                                const float* logits, const float* bias, const std::int64_t* targets,
                                std::int32_t bfloat16, void* d_logits_T, float* losses);
  std::int32_t (*bias_gelu)(std::int32_t device, std::int64_t rows, std::int64_t width,
                            std::int32_t bfloat16, const void* x_T, const float* bias, void* y_T);
  std::int32_t (*bias_gelu_grad)(std::int32_t device, std::int64_t rows, std::int64_t width,
                                 std::int32_t bfloat16, const void* x_T, const float* bias,
                                 const void* dy_T, void* dx_T);
  std::int32_t (*residual_norm)(std::int32_t device, std::int64_t rows, std::int64_t width,
                                std::int32_t bfloat16, const void* x_T, const float* bias,
                                const float* residual, const ReproCudaDropout* dropout,
                                const float* weight, const float* norm_bias, float eps, float* y,
                                void* y_copy_T, float* normed, float* inverse_sd);
  std::int32_t (*residual_norm_grad)(std::int32_t device, std::int64_t rows, std::int64_t width,
                                     std::int32_t bfloat16, const float* dy, const float* normed,
                                     const float* inverse_sd, const float* weight,
                                     const ReproCudaDropout* dropout, void* dx_T, float* d_residual,
                                     float* partial_sums);
  std::int32_t (*embedding_grad)(std::int32_t device, std::int64_t count, std::int64_t width,
                                 const std::int64_t* sorted_ids, const std::int64_t* order,
                                 const float* rows, float* table, float* partials);
};

/// Every function returns 0, or not 0 after an error whose text `last_error` gives (owned by the
/// plugin).
struct ReproCudaApi {
  std::int32_t version;  ///< kReproCudaApiVersion of the plugin's build
  const char* (*last_error)();
  std::int32_t (*device_count)(std::int32_t* count);
  std::int32_t (*device_info)(std::int32_t device, ReproCudaDeviceInfo* info);

  /// Bytes of tensors at their most since reset_peak_memory.
  std::int32_t (*peak_memory)(std::int32_t device, std::int64_t* bytes);
  std::int32_t (*reset_peak_memory)(std::int32_t device);
  /// The allocator takes no more than this part of the device's memory (0 .. 1]; past it, it throws
  /// c10::OutOfMemoryError as if the device were full. What it holds unused is given back first.
  std::int32_t (*set_memory_fraction)(std::int32_t device, double fraction);
  /// Gives what the allocator holds unused back to the device: after an out-of-memory error.
  std::int32_t (*empty_cache)(std::int32_t device);

  /// Waits until the device has done all its work, and reports what failed on it meanwhile.
  std::int32_t (*synchronize)(std::int32_t device);

  /// An NCCL process group. `store` points to a c10::intrusive_ptr<c10d::Store> of the caller and
  /// is only read. `*backend` becomes a pointer to a new c10::intrusive_ptr<c10d::Backend>, which
  /// the caller owns: take the value out and `delete` the pointer (OpenNcclGroup does). The group
  /// may outlive neither the process's CUDA context nor the plugin, which is never unloaded. Null
  /// in a plugin built without nccl.h.
  std::int32_t (*nccl_group)(const void* store, std::int32_t device, std::int32_t rank,
                             std::int32_t size, std::int64_t timeout_ms, void** backend);

  /// CUDA graphs; experiments/cuda/graph.h says when and how. A graph is made and used by one
  /// thread.
  std::int32_t (*graph_create)(std::int32_t device, void** graph);
  std::int32_t (*graph_enter_stream)(void* graph);  ///< the graph's own stream becomes current
  std::int32_t (*graph_leave_stream)(void* graph);  ///< back to the stream before, which waits
  std::int32_t (*graph_begin_capture)(void* graph);
  std::int32_t (*graph_end_capture)(void* graph);
  std::int32_t (*graph_replay)(void* graph);
  std::int32_t (*graph_destroy)(void* graph);

  const ReproCudaKernels* kernels;
};

}  // extern "C"

/// Raised when the table changes.
inline constexpr std::int32_t kReproCudaApiVersion = 4;
/// The plugin's one exported symbol: `const ReproCudaApi* ReproCudaPluginApi()`.
inline constexpr const char* kReproCudaApiSymbol = "ReproCudaPluginApi";

/// Row strips of residual_norm_grad: `partial_sums` is [kReproNormStrips, 3, width] (weight, norm
/// bias, bias), to be added up in order. A constant, so that the bits do not depend on the GPU.
inline constexpr std::int64_t kReproNormStrips = 512;
/// Sorted positions of an embedding_grad tile: `partials` is [2 * tiles, width], undefined before.
inline constexpr std::int64_t kReproEmbeddingTile = 64;
