#pragma once
/// Makes LibTorch's CPU allocator refuse large blocks, as a full device does.

#include <atomic>
#include <cstddef>

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>

namespace repro {

/// Blocks of more than the limit are refused to the threads that asked for it.
class MemoryLimit {
 public:
  MemoryLimit() {
    static Refusing* const refusing = [] {
      auto* allocator = new Refusing(c10::GetCPUAllocator());
      c10::SetCPUAllocator(allocator, /*priority=*/1);
      return allocator;
    }();
    (void)refusing;
  }
  ~MemoryLimit() { Lift(); }
  MemoryLimit(const MemoryLimit&) = delete;
  MemoryLimit& operator=(const MemoryLimit&) = delete;

  /// From now on this thread gets no block of `bytes` or more.
  void Forbid(std::int64_t bytes) { Limit() = static_cast<std::size_t>(bytes); }
  void Lift() { Limit() = 0; }

 private:
  static std::size_t& Limit() {
    thread_local std::size_t limit = 0;
    return limit;
  }

  class Refusing : public c10::Allocator {
   public:
    explicit Refusing(c10::Allocator* real) : real_(real) {}
    c10::DataPtr allocate(std::size_t bytes) override {
      TORCH_CHECK(Limit() == 0 || bytes < Limit(),
                  "DefaultCPUAllocator: can't allocate memory: you tried to allocate ", bytes,
                  " bytes. (simulated)");
      return real_->allocate(bytes);
    }
    c10::DeleterFnPtr raw_deleter() const override { return real_->raw_deleter(); }
    void copy_data(void* to, const void* from, std::size_t bytes) const override {
      real_->copy_data(to, from, bytes);
    }

   private:
    c10::Allocator* real_;
  };
};

}  // namespace repro
