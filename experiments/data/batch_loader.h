#pragma once
/// Batches made ahead of their use, in threads of their own, so that training does not wait for
/// them.

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "experiments/data/batch_source.h"

namespace repro {

/// Gives the batches of updates first, first + 1, ... in order, whatever thread made them. `batch`
/// is called from the loader's threads and must be pure in the update number.
class BatchLoader {
 public:
  /// Updates [first, last); at most `ahead` batches are kept.
  BatchLoader(std::function<MaskedBatch(std::int64_t)> batch, std::int64_t first, std::int64_t last,
              std::int64_t threads = 1, std::int64_t ahead = 4);
  /// Lets what is under way end, and drops it.
  ~BatchLoader();
  BatchLoader(const BatchLoader&) = delete;
  BatchLoader& operator=(const BatchLoader&) = delete;

  /// The next batch. Throws what `batch` threw for it. Not to be called after the last.
  MaskedBatch Next();
  /// Seconds that Next() has waited since the last call of this.
  double TakeWaitedSeconds();

 private:
  struct Made {
    MaskedBatch batch;
    std::exception_ptr error;
  };
  void Work();

  const std::function<MaskedBatch(std::int64_t)> batch_;
  const std::int64_t last_;
  const std::int64_t ahead_;
  std::mutex mutex_;
  std::condition_variable made_one_;
  std::condition_variable took_one_;
  std::int64_t next_made_;
  std::int64_t next_taken_;
  std::map<std::int64_t, Made> made_;
  bool stopping_ = false;
  double waited_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace repro
