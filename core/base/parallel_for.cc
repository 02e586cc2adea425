#include "core/base/parallel_for.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace repro {

Status ParallelFor(std::size_t count, int threads, const std::function<Status(std::size_t)>& work) {
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::size_t failed_at = count;
  Status failed;
  const auto loop = [&] {
    for (std::size_t i = next++; i < count; i = next++) {
      Status status;
      try {
        status = work(i);
      } catch (const std::exception& error) {  // std::bad_alloc among them; a thread must not throw
        status = Fail(ErrorCode::kFailed, "{}", error.what());
      }
      if (status) continue;
      const std::lock_guard lock(mutex);
      if (i < failed_at) {
        failed_at = i;
        failed = std::move(status);
      }
      next = count;
    }
  };
  const std::size_t wanted = static_cast<std::size_t>(std::max(1, threads));
  std::vector<std::thread> others;
  for (std::size_t i = 1; i < std::min(wanted, count); ++i) others.emplace_back(loop);
  loop();
  for (std::thread& thread : others) thread.join();
  return failed;
}

}  // namespace repro
