#include "experiments/data/batcher.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

#include "core/base/rng.h"

namespace repro {

PaddedRows PadRows(const std::vector<std::vector<std::int64_t>>& rows, std::int64_t pad) {
  PaddedRows padded;
  padded.rows = static_cast<std::int64_t>(rows.size());
  for (const auto& row : rows) {
    padded.lengths.push_back(static_cast<std::int64_t>(row.size()));
    padded.columns = std::max(padded.columns, padded.lengths.back());
  }
  padded.values.assign(static_cast<std::size_t>(padded.rows * padded.columns), pad);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::copy(rows[i].begin(), rows[i].end(),
              padded.values.begin() +
                  static_cast<std::ptrdiff_t>(i * static_cast<std::size_t>(padded.columns)));
  }
  return padded;
}

std::vector<std::size_t> OrderByLength(const std::vector<std::int64_t>& lengths) {
  std::vector<std::size_t> order(lengths.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return lengths[a] > lengths[b]; });
  return order;
}

std::vector<std::vector<std::size_t>> LengthBatches(const std::vector<std::int64_t>& lengths,
                                                    std::int64_t max_rows,
                                                    std::int64_t max_tokens) {
  std::vector<std::vector<std::size_t>> batches;
  std::int64_t columns = 0;  // of the open batch: its first row is its longest
  for (const std::size_t i : OrderByLength(lengths)) {
    const bool fits = !batches.empty() &&
                      static_cast<std::int64_t>(batches.back().size()) < max_rows &&
                      static_cast<std::int64_t>(batches.back().size() + 1) * columns <= max_tokens;
    if (!fits) {
      batches.emplace_back();
      columns = lengths[i];
    }
    batches.back().push_back(i);
  }
  return batches;
}

std::vector<std::vector<std::size_t>> BucketedBatches(const std::vector<std::int64_t>& lengths,
                                                      std::int64_t batch_size, std::uint64_t seed,
                                                      std::int64_t epoch) {
  constexpr std::size_t kBatchesSorted = 32;
  Rng rng(seed, "bucketed batches", static_cast<std::uint64_t>(epoch));
  std::vector<std::size_t> order(lengths.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  rng.Shuffle(order);
  const auto size = static_cast<std::size_t>(batch_size);
  for (std::size_t begin = 0; begin < order.size(); begin += size * kBatchesSorted) {
    const std::size_t end = std::min(order.size(), begin + size * kBatchesSorted);
    std::stable_sort(order.begin() + static_cast<std::ptrdiff_t>(begin),
                     order.begin() + static_cast<std::ptrdiff_t>(end),
                     [&](std::size_t a, std::size_t b) { return lengths[a] > lengths[b]; });
  }
  std::vector<std::vector<std::size_t>> batches;
  for (std::size_t begin = 0; begin < order.size(); begin += size) {
    const std::size_t end = std::min(order.size(), begin + size);
    batches.emplace_back(order.begin() + static_cast<std::ptrdiff_t>(begin),
                         order.begin() + static_cast<std::ptrdiff_t>(end));
  }
  rng.Shuffle(batches);
  return batches;
}

}  // namespace repro
