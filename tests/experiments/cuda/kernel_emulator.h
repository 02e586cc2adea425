#pragma once
/// Runs the device code of kernels.cuh on the CPU, so that its indexing, its sums and its barriers
/// are tested where there is no GPU. Every CUDA thread of a block is a fiber, and runs until it
/// waits or ends; blocks run one after the other. A barrier (__syncthreads) that not all threads of
/// the block come to, and a shuffle (__shfl_xor_sync) that not all threads of the warp come to,
/// ends the process: on a GPU either is undefined. What it cannot show: speed, memory alignment,
/// and races between barriers. Include it before kernels.cuh.

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include <ucontext.h>

#include "core/base/check.h"

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

  /// `line`: where it stands in the source.
  void Barrier(int line) { Wait(Fiber::State::kAtBarrier, line); }

  /// The value of the lane whose number differs in the bits of `lane_mask`.
  float Exchange(unsigned lanes, float value, unsigned lane_mask, int line) {
    REPRO_CHECK(lanes == 0xFFFFFFFFU && lane_mask < kWarp);
    Fiber& fiber = fibers_[thread.x];
    fiber.value = value;
    fiber.lane_mask = lane_mask;
    Wait(Fiber::State::kInShuffle, line);
    return fiber.value;
  }

  /// kernel<<<grid, threads>>>()
  void Launch(unsigned grid, unsigned threads, const std::function<void()>& kernel) {
    kernel_ = &kernel;
    grid_size.x = grid;
    block_size.x = threads;
    fibers_.resize(threads);
    for (block.x = 0; block.x < grid; ++block.x) RunBlock();
  }

 private:
  static constexpr std::size_t kStackBytes = 64 << 10;
  static constexpr std::size_t kWarp = 32;
  struct Fiber {
    enum class State { kRuns, kAtBarrier, kInShuffle, kDone };
    ucontext_t context{};
    std::unique_ptr<char[]> stack = std::make_unique<char[]>(kStackBytes);
    State state = State::kRuns;
    int line = 0;     ///< where it waits
    float value = 0;  ///< in a shuffle: what it gives, then what it gets
    unsigned lane_mask = 0;
  };

  static void Start() {
    EmulatedBlock& now = Now();
    (*now.kernel_)();
    Fiber& fiber = now.fibers_[now.thread.x];
    fiber.state = Fiber::State::kDone;
    fiber.line = 0;
  }

  void Wait(Fiber::State state, int line) {
    Fiber& fiber = fibers_[thread.x];
    fiber.state = state;
    fiber.line = line;
    swapcontext(&fiber.context, &scheduler_);
  }

  void RunBlock() {
    for (Fiber& fiber : fibers_) {
      getcontext(&fiber.context);
      fiber.context.uc_stack.ss_sp = fiber.stack.get();
      fiber.context.uc_stack.ss_size = kStackBytes;
      fiber.context.uc_link = &scheduler_;
      fiber.state = Fiber::State::kRuns;
      makecontext(&fiber.context, &EmulatedBlock::Start, 0);
    }
    for (;;) {
      for (thread.x = 0; thread.x < fibers_.size(); ++thread.x) {
        Fiber& fiber = fibers_[thread.x];
        if (fiber.state == Fiber::State::kRuns) swapcontext(&scheduler_, &fiber.context);
      }
      if (Shuffle()) continue;
      REPRO_CHECK(Together(fibers_));  // all threads of a block at one barrier, or at the end
      if (fibers_.front().state == Fiber::State::kDone) return;
      for (Fiber& fiber : fibers_) fiber.state = Fiber::State::kRuns;
    }
  }

  // Whether all wait at the same line, or all are done.
  static bool Together(std::span<const Fiber> fibers) {
    return std::all_of(fibers.begin(), fibers.end(), [&](const Fiber& fiber) {
      return fiber.state == fibers.front().state && fiber.line == fibers.front().line;
    });
  }

  // Gives the warps that wait in a shuffle their values. False where there is none.
  bool Shuffle() {
    bool any = false;
    for (std::size_t begin = 0; begin < fibers_.size(); begin += kWarp) {
      const std::size_t end = std::min(begin + kWarp, fibers_.size());
      const std::span<Fiber> warp = std::span(fibers_).subspan(begin, end - begin);
      if (std::none_of(warp.begin(), warp.end(), [](const Fiber& fiber) {
            return fiber.state == Fiber::State::kInShuffle;
          })) {
        continue;
      }
      REPRO_CHECK(warp.size() == kWarp && Together(warp));  // all threads of a warp in one shuffle
      std::array<float, kWarp> given{};
      for (std::size_t lane = 0; lane < kWarp; ++lane) given[lane] = warp[lane].value;
      for (std::size_t lane = 0; lane < kWarp; ++lane) {
        Fiber& fiber = warp[lane];
        fiber.value = given[lane ^ fiber.lane_mask];
        fiber.state = Fiber::State::kRuns;
      }
      any = true;
    }
    return any;
  }

  const std::function<void()>* kernel_ = nullptr;
  std::vector<Fiber> fibers_;
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
#define __syncthreads() (::repro::testing::EmulatedBlock::Now().Barrier(__LINE__))
#define __shfl_xor_sync(lanes, value, mask)                                                   \
  (::repro::testing::EmulatedBlock::Now().Exchange(lanes, value, static_cast<unsigned>(mask), \
                                                   __LINE__))
// NOLINTEND
