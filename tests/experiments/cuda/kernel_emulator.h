#pragma once
/// Runs the device code of kernels.cuh on the CPU, so that its indexing, its sums and its barriers
/// are tested where there is no GPU. Every CUDA thread of a block is a fiber; at a barrier each
/// waits until all others of the block came there; blocks run one after the other. What it cannot
/// show: speed, memory alignment, and races between barriers. Include it before kernels.cuh.

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include <ucontext.h>

namespace repro::testing {

struct EmulatedDim {
  unsigned x = 0;
};

/// The block that runs now.
class EmulatedBlock {
 public:
  static EmulatedBlock& Now() {
    static EmulatedBlock block;
    return block;
  }

  EmulatedDim thread;
  EmulatedDim block;
  EmulatedDim block_size;
  EmulatedDim grid_size;

  void Barrier() { swapcontext(&fibers_[thread.x].context, &scheduler_); }

  float Exchange(float value, unsigned lane_mask) {
    slots_[thread.x] = value;
    Barrier();
    const float other = slots_[thread.x ^ lane_mask];
    Barrier();
    return other;
  }

  /// kernel<<<grid, threads>>>()
  void Launch(unsigned grid, unsigned threads, const std::function<void()>& kernel) {
    kernel_ = &kernel;
    grid_size.x = grid;
    block_size.x = threads;
    fibers_.resize(threads);
    slots_.resize(threads);
    for (block.x = 0; block.x < grid; ++block.x) RunBlock();
  }

 private:
  static constexpr std::size_t kStackBytes = 64 << 10;
  struct Fiber {
    ucontext_t context{};
    std::unique_ptr<char[]> stack = std::make_unique<char[]>(kStackBytes);
    bool done = false;
  };

  static void Start() {
    EmulatedBlock& now = Now();
    (*now.kernel_)();
    now.fibers_[now.thread.x].done = true;
  }

  void RunBlock() {
    for (Fiber& fiber : fibers_) {
      getcontext(&fiber.context);
      fiber.context.uc_stack.ss_sp = fiber.stack.get();
      fiber.context.uc_stack.ss_size = kStackBytes;
      fiber.context.uc_link = &scheduler_;
      fiber.done = false;
      makecontext(&fiber.context, &EmulatedBlock::Start, 0);
    }
    for (bool any = true; any;) {
      any = false;
      for (thread.x = 0; thread.x < fibers_.size(); ++thread.x) {
        if (fibers_[thread.x].done) continue;
        any = true;
        swapcontext(&scheduler_, &fibers_[thread.x].context);
      }
    }
  }

  const std::function<void()>* kernel_ = nullptr;
  std::vector<Fiber> fibers_;
  std::vector<float> slots_;
  ucontext_t scheduler_{};
};

}  // namespace repro::testing

// NOLINTBEGIN: CUDA's own words
#define __global__
#define __device__
#define __shared__ static
#define threadIdx (::repro::testing::EmulatedBlock::Now().thread)
#define blockIdx (::repro::testing::EmulatedBlock::Now().block)
#define blockDim (::repro::testing::EmulatedBlock::Now().block_size)
#define gridDim (::repro::testing::EmulatedBlock::Now().grid_size)
#define __syncthreads() (::repro::testing::EmulatedBlock::Now().Barrier())
#define __shfl_xor_sync(lanes, value, mask) \
  (::repro::testing::EmulatedBlock::Now().Exchange(value, static_cast<unsigned>(mask)))
// NOLINTEND
