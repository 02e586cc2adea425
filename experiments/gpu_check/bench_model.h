#pragma once
/// Models and batches of the GPU checks: random weights made on the device, token ids by Zipf's
/// law, masked as in pretraining.

#include <cstdint>
#include <string>

#include "experiments/data/batch_source.h"
#include "experiments/model/heads.h"

namespace repro {

struct BenchShape {
  std::string name{};
  ModelSettings settings{};
  std::int64_t vocab = 0;
  std::int64_t tokens = 0;  ///< T
  std::int64_t rows = 0;    ///< sequences of a batch
  bool bfloat16 = false;
  bool padded = false;  ///< lengths differ

  ModelShape Model() const {
    return {.settings = settings, .vocab_size = vocab, .max_positions = tokens + 2};
  }
};

BenchShape TinyBenchShape();   ///< a fraction of a second on one core
BenchShape SmallBenchShape();  ///< for checks on a GPU
BenchShape BaseBenchShape();   ///< XLM-R Base: L 12, H 768, V 250002, T 512
BenchShape LargeBenchShape();  ///< XLM-R Large: L 24, H 1024

/// The same weights for the same shape and kind of device.
MlmModel BenchModel(const BenchShape& shape, at::Device device);
/// Batch number `index`; pure.
MaskedBatch BenchBatch(const BenchShape& shape, std::uint64_t index);
/// Tensors of the batch on the CPU.
at::Tensor IdsOf(const MaskedBatch& batch, const std::vector<std::int64_t>& ids);

/// The largest ||a - b|| / ||b|| over pairs of tensors, in float64. Not finite when any is not.
double RelativeError(const std::vector<at::Tensor>& found, const std::vector<at::Tensor>& expected);

}  // namespace repro
