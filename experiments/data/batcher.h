#pragma once
/// Sequences of different lengths -> one padded, row-major block.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace repro {

struct PaddedRows {
  std::int64_t rows = 0;
  std::int64_t columns = 0;           ///< the longest row
  std::vector<std::int64_t> values;   ///< rows x columns
  std::vector<std::int64_t> lengths;  ///< a row
};

/// `pad` fills what is behind a row's end.
PaddedRows PadRows(const std::vector<std::vector<std::int64_t>>& rows, std::int64_t pad);

/// Indices of `lengths`, longest first; equal lengths keep their order.
std::vector<std::size_t> OrderByLength(const std::vector<std::int64_t>& lengths);

/// Batches for inference: neighbours in length, at most `max_rows` rows and `max_tokens` padded
/// tokens each (a longer row is a batch of its own). Every index occurs once.
std::vector<std::vector<std::size_t>> LengthBatches(const std::vector<std::int64_t>& lengths,
                                                    std::int64_t max_rows = 256,
                                                    std::int64_t max_tokens = 4'096);

/// One epoch of training batches: shuffled, then neighbours in length together, so that little
/// padding is computed. Stretches of 32 batches are sorted by length and cut, then the batches are
/// shuffled (transformers' group_by_length is of this kind). Every index occurs once; only one
/// batch is short. Depends on the arguments alone.
std::vector<std::vector<std::size_t>> BucketedBatches(const std::vector<std::int64_t>& lengths,
                                                      std::int64_t batch_size, std::uint64_t seed,
                                                      std::int64_t epoch);

}  // namespace repro
