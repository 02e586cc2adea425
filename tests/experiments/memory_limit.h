#pragma once
/// Makes LibTorch's CPU allocator refuse large blocks, as a full device does, and count what is
/// held.

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <unordered_map>

#include <ATen/core/Tensor.h>
#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>

#include "core/base/check.h"

namespace repro {

/// Blocks of the limit or more are refused to the threads that asked for it.
class MemoryLimit {
 public:
  MemoryLimit() { Refusing::Installed(); }
  ~MemoryLimit() { Lift(); }
  MemoryLimit(const MemoryLimit&) = delete;
  MemoryLimit& operator=(const MemoryLimit&) = delete;

  /// From now on this thread gets no block of `bytes` or more.
  void Forbid(std::int64_t bytes) { Limit() = static_cast<std::size_t>(bytes); }
  void Lift() { Limit() = 0; }

  /// Bytes that all threads asked for since the first MemoryLimit of the process and still hold.
  std::int64_t live_bytes() const { return Refusing::Installed().live_bytes(); }

 private:
  static std::size_t& Limit() {
    thread_local std::size_t limit = 0;
    return limit;
  }

  class Refusing : public c10::Allocator {
   public:
    static Refusing& Installed() {
      static Refusing* const kRefusing = [] {
        auto* allocator = new Refusing(c10::GetCPUAllocator());  // outlives every tensor
        c10::SetCPUAllocator(allocator, /*priority=*/1);
        return allocator;
      }();
      return *kRefusing;
    }

    c10::DataPtr allocate(std::size_t bytes) override {
      TORCH_CHECK(Limit() == 0 || bytes < Limit(),
                  "DefaultCPUAllocator: can't allocate memory: you tried to allocate ", bytes,
                  " bytes. (simulated)");
      c10::DataPtr block = real_->allocate(bytes);
      if (block.get() == nullptr) return block;  // of 0 bytes
      REPRO_CHECK(block.compare_exchange_deleter(real_->raw_deleter(), &Release));
      const std::lock_guard lock(mutex_);
      sizes_[block.get()] = bytes;
      live_bytes_ += static_cast<std::int64_t>(bytes);
      return block;
    }
    c10::DeleterFnPtr raw_deleter() const override { return &Release; }
    void copy_data(void* to, const void* from, std::size_t bytes) const override {
      real_->copy_data(to, from, bytes);
    }
    std::int64_t live_bytes() {
      const std::lock_guard lock(mutex_);
      return live_bytes_;
    }

   private:
    explicit Refusing(c10::Allocator* real) : real_(real) {}

    static void Release(void* block) {
      Refusing& self = Installed();
      {
        const std::lock_guard lock(self.mutex_);
        if (const auto found = self.sizes_.find(block); found != self.sizes_.end()) {
          self.live_bytes_ -= static_cast<std::int64_t>(found->second);
          self.sizes_.erase(found);
        }
      }
      self.real_->raw_deleter()(block);
    }

    c10::Allocator* real_;
    std::mutex mutex_;
    std::unordered_map<void*, std::size_t> sizes_;
    std::int64_t live_bytes_ = 0;
  };
};

/// Bytes that a forward pass leaves behind as long as its output lives: the output, and what the
/// backward pass will need.
template <class Forward>
std::int64_t BytesHeldAfter(const Forward& forward) {
  const MemoryLimit memory;
  const std::int64_t before = memory.live_bytes();
  const at::Tensor output = forward();
  return memory.live_bytes() - before;
}

}  // namespace repro
