#include "experiments/data/batch_loader.h"

#include <utility>

#include "core/base/check.h"
#include "core/base/units.h"

namespace repro {

BatchLoader::BatchLoader(std::function<MaskedBatch(std::int64_t)> batch, std::int64_t first,
                         std::int64_t last, std::int64_t threads, std::int64_t ahead)
    : batch_(std::move(batch)), last_(last), ahead_(ahead), next_made_(first), next_taken_(first) {
  for (std::int64_t i = 0; i < threads; ++i) threads_.emplace_back([this] { Work(); });
}

BatchLoader::~BatchLoader() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  took_one_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void BatchLoader::Work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    took_one_.wait(lock, [&] {
      return stopping_ || next_made_ >= last_ || next_made_ < next_taken_ + ahead_;
    });
    if (stopping_ || next_made_ >= last_) return;
    const std::int64_t update = next_made_++;
    lock.unlock();
    Made made;
    try {
      made.batch = batch_(update);
    } catch (...) {
      made.error = std::current_exception();
    }
    lock.lock();
    made_.emplace(update, std::move(made));
    made_one_.notify_one();
  }
}

MaskedBatch BatchLoader::Next() {
  std::unique_lock lock(mutex_);
  REPRO_CHECK(next_taken_ < last_);
  if (!made_.contains(next_taken_)) {
    const double began = SteadySeconds();
    made_one_.wait(lock, [&] { return made_.contains(next_taken_); });
    waited_ += SteadySeconds() - began;
  }
  Made made = std::move(made_.extract(next_taken_).mapped());
  ++next_taken_;
  took_one_.notify_all();
  if (made.error) std::rethrow_exception(made.error);
  return std::move(made.batch);
}

double BatchLoader::TakeWaitedSeconds() {
  const std::lock_guard lock(mutex_);
  return std::exchange(waited_, 0.0);
}

}  // namespace repro
