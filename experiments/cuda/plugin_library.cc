// librepro_cuda.so: what needs libtorch_cuda, behind the C table of plugin_api.h. No exception
// leaves this file.
#include <exception>
#include <memory>
#include <optional>
#include <string>

#include <ATen/ATen.h>
#include <ATen/core/CachingHostAllocator.h>
#include <ATen/cuda/CUDAContext.h>
#include <ATen/cuda/CUDAEvent.h>
#include <ATen/cuda/CUDAGeneratorImpl.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>

#include "experiments/cuda/kernel_launch.h"
#include "experiments/cuda/plugin_api.h"
#include "experiments/cuda/plugin_nccl.h"

namespace {

std::string& LastError() {
  thread_local std::string text;
  return text;
}

template <class Work>
std::int32_t Guarded(Work&& work) {
  try {
    work();
    return 0;
  } catch (const c10::Error& error) {
    LastError() = error.what_without_backtrace();
  } catch (const std::exception& error) {
    LastError() = error.what();
  }
  return 1;
}

std::int32_t DeviceCount(std::int32_t* count) {
  // Throws when a driver is there but too old; answers 0 when there is none.
  return Guarded(
      [&] { *count = static_cast<std::int32_t>(c10::cuda::device_count_ensure_non_zero()); });
}

std::int32_t DeviceInfo(std::int32_t device, ReproCudaDeviceInfo* info) {
  return Guarded([&] {
    const cudaDeviceProp* properties =
        at::cuda::getDeviceProperties(static_cast<c10::DeviceIndex>(device));
    *info = {};
    const std::string name = properties->name;
    name.copy(info->name, sizeof info->name - 1);
    info->compute_major = properties->major;
    info->compute_minor = properties->minor;
    info->memory_bytes = static_cast<std::int64_t>(properties->totalGlobalMem);
  });
}

std::int32_t PeakMemory(std::int32_t device, std::int64_t* bytes) {
  return Guarded([&] {
    const auto stats =
        c10::cuda::CUDACachingAllocator::getDeviceStats(static_cast<c10::DeviceIndex>(device));
    *bytes = stats.allocated_bytes[0].peak;
  });
}

std::int32_t ResetPeakMemory(std::int32_t device) {
  return Guarded([&] {
    c10::cuda::CUDACachingAllocator::resetPeakStats(static_cast<c10::DeviceIndex>(device));
  });
}

std::int32_t SetMemoryFraction(std::int32_t device, double fraction) {
  return Guarded([&] {
    // What is held unused would count against the limit, yet be there.
    c10::cuda::CUDACachingAllocator::emptyCache();
    c10::cuda::CUDACachingAllocator::setMemoryFraction(fraction,
                                                       static_cast<c10::DeviceIndex>(device));
  });
}

std::int32_t EmptyCache(std::int32_t device) {
  return Guarded([&] {
    const c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(device));
    c10::cuda::CUDACachingAllocator::emptyCache();
  });
}

std::int32_t Synchronize(std::int32_t device) {
  return Guarded([&] {
    const c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(device));
    c10::cuda::device_synchronize();
  });
}

#ifdef REPRO_HAVE_NCCL
std::int32_t NcclGroup(const void* store, std::int32_t device, std::int32_t rank, std::int32_t size,
                       std::int64_t timeout_ms, void** backend) {
  return Guarded([&] { *backend = repro::NewNcclGroup(store, device, rank, size, timeout_ms); });
}
constexpr auto kNcclGroup = &NcclGroup;
#else
constexpr decltype(ReproCudaApi::nccl_group) kNcclGroup = nullptr;
#endif

// ---- CUDA graphs

// What cannot be done any more is left.
template <class Work>
void Attempt(Work&& work) noexcept {
  try {
    work();
  } catch (const std::exception&) {
  }
}

/// A CUDAGraph that can also drop a recording. CUDAGraph itself has only capture_end, which stops
/// at the first error of CUDA and then leaves allocators and generators recording for good.
class RecordedGraph : public at::cuda::CUDAGraph {
 public:
  /// After capture_begin, also one that failed, and no capture_end that succeeded. Each step does
  /// nothing where the recording did not come so far.
  void Abandon(const c10::cuda::CUDAStream& stream, at::MempoolId_t pool) noexcept {
    const c10::DeviceIndex device = stream.device_index();
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    cudaStreamIsCapturing(stream.stream(), &status);
    if (status != cudaStreamCaptureStatusNone) {
      cudaGraph_t unfinished = nullptr;
      cudaStreamEndCapture(stream.stream(), &unfinished);
      if (unfinished != nullptr) cudaGraphDestroy(unfinished);
    }
    cudaGetLastError();  // else the next launch would report what this recording did
    for (auto& [generator, increment] : captured_generator_states_) generator->capturing_ = false;
    at::HostAllocator* const host = at::getHostAllocator(at::kCUDA);
    Attempt([&] { c10::cuda::CUDACachingAllocator::endAllocateToPool(device, pool); });
    Attempt([&] { host->end_allocate_to_pool(pool); });
    if (capture_ended_) return;  // its destructor releases the pool
    Attempt([&] { c10::cuda::CUDACachingAllocator::releasePool(device, pool); });
    Attempt([&] { host->release_pool(pool); });
  }
};

/// A graph, its stream and its memory pool. Destroyed in whatever state an error left it, it ends
/// the recording and makes the stream before it current again.
class Graph {
 public:
  explicit Graph(c10::DeviceIndex device)
      : stream_(c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device)),
        pool_(at::cuda::graph_pool_handle()) {}
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
  ~Graph() {
    if (recording_) {
      Attempt([&] {
        const c10::cuda::CUDAGuard guard(stream_.device_index());
        graph_.Abandon(stream_, pool_);
      });
    }
    if (before_) Attempt([&] { LeaveStream(); });
  }

  void EnterStream() {
    TORCH_CHECK(!before_, "the graph's stream is current already");
    before_ = c10::cuda::getCurrentCUDAStream(stream_.device_index());
    Order(*before_, stream_);
    c10::cuda::setCurrentCUDAStream(stream_);
  }
  void LeaveStream() {
    TORCH_CHECK(before_, "the graph's stream is not current");
    const c10::cuda::CUDAStream before = *before_;
    before_.reset();
    c10::cuda::setCurrentCUDAStream(before);
    Order(stream_, before);
  }
  void BeginCapture() {
    TORCH_CHECK(before_, "capturing needs the graph's stream to be current");
    TORCH_CHECK(!recording_, "the graph is being captured already");
    // Work of other streams that still runs would be seen by the capture.
    c10::cuda::device_synchronize();
    recording_ = true;
    graph_.capture_begin(pool_);
  }
  void EndCapture() {
    TORCH_CHECK(recording_, "no capture was begun");
    graph_.capture_end();
    recording_ = false;
  }
  void Replay() {
    const c10::cuda::CUDAGuard guard(stream_.device_index());
    graph_.replay();
  }

 private:
  static void Order(const c10::cuda::CUDAStream& first, const c10::cuda::CUDAStream& then) {
    at::cuda::CUDAEvent done;
    done.record(first);
    done.block(then);
  }

  c10::cuda::CUDAStream stream_;
  at::MempoolId_t pool_;
  RecordedGraph graph_;
  std::optional<c10::cuda::CUDAStream> before_;
  bool recording_ = false;
};

template <auto kMethod>
std::int32_t CallGraph(void* graph) {
  return Guarded([&] { (static_cast<Graph*>(graph)->*kMethod)(); });
}

std::int32_t GraphCreate(std::int32_t device, void** graph) {
  return Guarded(
      [&] { *graph = std::make_unique<Graph>(static_cast<c10::DeviceIndex>(device)).release(); });
}

std::int32_t GraphDestroy(void* graph) {
  return Guarded([&] { const std::unique_ptr<Graph> owner(static_cast<Graph*>(graph)); });
}

// ---- Our own kernels

// `launch(stream)` on the current stream of the device.
template <class Launch>
std::int32_t OnStream(std::int32_t device, Launch&& launch) {
  return Guarded([&] {
    const auto index = static_cast<c10::DeviceIndex>(device);
    const c10::cuda::CUDAGuard guard(index);
    const cudaError_t error = launch(c10::cuda::getCurrentCUDAStream(index).stream());
    TORCH_CHECK(error == cudaSuccess, cudaGetErrorString(error));
  });
}

std::int32_t CrossEntropy(std::int32_t device, std::int64_t rows, std::int64_t vocab,
                          const float* logits, const float* bias, const std::int64_t* targets,
                          std::int32_t bfloat16, void* d_logits, float* losses) {
  return OnStream(device, [&](cudaStream_t stream) {
    return repro::gpu::LaunchCrossEntropy(rows, vocab, logits, bias, targets, bfloat16 != 0,
                                          d_logits, losses, stream);
  });
}

std::int32_t BiasGelu(std::int32_t device, std::int64_t rows, std::int64_t width,
                      std::int32_t bfloat16, const void* x, const float* bias, void* y) {
  return OnStream(device, [&](cudaStream_t stream) {
    return repro::gpu::LaunchBiasGelu(rows, width, bfloat16 != 0, x, bias, y, stream);
  });
}

std::int32_t BiasGeluGrad(std::int32_t device, std::int64_t rows, std::int64_t width,
                          std::int32_t bfloat16, const void* x, const float* bias, const void* dy,
                          void* dx) {
  return OnStream(device, [&](cudaStream_t stream) {
    return repro::gpu::LaunchBiasGeluGrad(rows, width, bfloat16 != 0, x, bias, dy, dx, stream);
  });
}

std::int32_t ResidualNorm(std::int32_t device, std::int64_t rows, std::int64_t width,
                          std::int32_t bfloat16, const void* x, const float* bias,
                          const float* residual, const ReproCudaDropout* dropout,
                          const float* weight, const float* norm_bias, float eps, float* y,
                          void* y_copy, float* normed, float* inverse_sd) {
  return OnStream(device, [&](cudaStream_t stream) {
    return repro::gpu::LaunchResidualNorm(rows, width, bfloat16 != 0, x, bias, residual, *dropout,
                                          weight, norm_bias, eps, y, y_copy, normed, inverse_sd,
                                          stream);
  });
}

std::int32_t ResidualNormGrad(std::int32_t device, std::int64_t rows, std::int64_t width,
                              std::int32_t bfloat16, const float* dy, const float* normed,
                              const float* inverse_sd, const float* weight,
                              const ReproCudaDropout* dropout, void* dx, float* d_residual,
                              float* partial_sums) {
  return OnStream(device, [&](cudaStream_t stream) {
    return repro::gpu::LaunchResidualNormGrad(rows, width, bfloat16 != 0, dy, normed, inverse_sd,
                                              weight, *dropout, dx, d_residual, partial_sums,
                                              stream);
  });
}

std::int32_t EmbeddingGrad(std::int32_t device, std::int64_t count, std::int64_t width,
                           const std::int64_t* sorted_ids, const std::int64_t* order,
                           const float* rows, float* table, float* partials) {
  return OnStream(device, [&](cudaStream_t stream) {
    return repro::gpu::LaunchEmbeddingGrad(count, width, sorted_ids, order, rows, table, partials,
                                           stream);
  });
}

constexpr ReproCudaKernels kKernels = {.cross_entropy = &CrossEntropy,
                                       .bias_gelu = &BiasGelu,
                                       .bias_gelu_grad = &BiasGeluGrad,
                                       .residual_norm = &ResidualNorm,
                                       .residual_norm_grad = &ResidualNormGrad,
                                       .embedding_grad = &EmbeddingGrad};

const char* LastErrorText() {
  return LastError().c_str();
}

}  // namespace

extern "C" __attribute__((visibility("default"))) const ReproCudaApi* ReproCudaPluginApi() {
  static constexpr ReproCudaApi kApi = {.version = kReproCudaApiVersion,
                                        .last_error = &LastErrorText,
                                        .device_count = &DeviceCount,
                                        .device_info = &DeviceInfo,
                                        .peak_memory = &PeakMemory,
                                        .reset_peak_memory = &ResetPeakMemory,
                                        .set_memory_fraction = &SetMemoryFraction,
                                        .empty_cache = &EmptyCache,
                                        .synchronize = &Synchronize,
                                        .nccl_group = kNcclGroup,
                                        .graph_create = &GraphCreate,
                                        .graph_enter_stream = &CallGraph<&Graph::EnterStream>,
                                        .graph_leave_stream = &CallGraph<&Graph::LeaveStream>,
                                        .graph_begin_capture = &CallGraph<&Graph::BeginCapture>,
                                        .graph_end_capture = &CallGraph<&Graph::EndCapture>,
                                        .graph_replay = &CallGraph<&Graph::Replay>,
                                        .graph_destroy = &GraphDestroy,
                                        .kernels = &kKernels};
  return &kApi;
}
