#pragma once
/// Most memory that some work takes.

#include <cstdint>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace repro::testing {

/// A sanitizer's allocator keeps what was freed, to know it again: peaks then say nothing.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kFreedMemoryIsKept = true;
#else
inline constexpr bool kFreedMemoryIsKept = false;
#endif

/// Bytes, in a process of its own, which begins with what this one holds. `work` says whether it
/// did well; what it prints and writes to files is all that is seen of it.
template <class Work>
std::int64_t PeakBytes(const Work& work) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(work() ? 0 : 1);
  int status = -1;
  struct rusage usage {};
  ::wait4(child, &status, 0, &usage);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  return static_cast<std::int64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace repro::testing
