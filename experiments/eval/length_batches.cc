#include "experiments/eval/length_batches.h"

#include <algorithm>
#include <exception>
#include <limits>

#include "experiments/data/batcher.h"
#include "experiments/model/out_of_memory.h"

namespace repro {

Status ForLengthBatches(const std::vector<std::int64_t>& lengths, const char* what,
                        const WarningSink& warn,
                        const std::function<void(const std::vector<std::size_t>&)>& work) {
  std::int64_t most_tokens = std::numeric_limits<std::int64_t>::max();
  for (const std::vector<std::size_t>& batch : LengthBatches(lengths)) {
    std::int64_t longest = 1;
    for (const std::size_t i : batch) longest = std::max(longest, lengths[i]);
    for (auto begin = batch.begin(); begin != batch.end();) {
      const std::int64_t rows = std::min<std::int64_t>(
          batch.end() - begin, std::max<std::int64_t>(1, most_tokens / longest));
      try {
        work(std::vector<std::size_t>(begin, begin + rows));
        begin += rows;
      } catch (const std::exception& error) {
        if (!IsOutOfMemory(error)) throw;
        REPRO_ASSIGN_OR_RETURN(const std::int64_t half,
                               HalfAsMany(rows, rows, what, WordsOf(error)));
        most_tokens = half * longest;
        warn(
            fmt::format("out of memory in evaluation with {} {}s of up to {} tokens at a time: "
                        "going on with {} ({})",
                        rows, what, longest, half, WordsOf(error)));
      }
    }
  }
  return {};
}

}  // namespace repro
