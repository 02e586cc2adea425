#include "experiments/model/dropout.h"

#include <cmath>

#include <ATen/Parallel.h>

#include "core/base/rng.h"

namespace repro {
namespace {

// `x` times a mask of which `fill(row, begin of the row's elements)` writes one row at a time.
template <class Fill>
at::Tensor TimesMask(const at::Tensor& x, const Fill& fill) {
  at::Tensor mask = at::zeros(x.sizes(), at::TensorOptions(at::kFloat));
  const std::int64_t rows = x.size(0);
  const std::int64_t width = rows == 0 ? 0 : x.numel() / rows;
  float* values = mask.data_ptr<float>();
  at::parallel_for(0, rows, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) fill(row, width, values + row * width);
  });
  return x * mask.to(x.options().requires_grad(false));
}

}  // namespace

SequenceDropout DropoutRng::Next(double p, std::int64_t rows) {
  if (p <= 0) return {};
  TORCH_CHECK(sequences_.empty() || static_cast<std::int64_t>(sequences_.size()) == rows,
              "dropout for ", rows, " sequences, but ", sequences_.size(), " are numbered");
  SequenceDropout dropout;
  dropout.threshold = static_cast<std::uint32_t>(std::lround(p * 65536.0));
  dropout.scale = static_cast<float>(65536.0 / (65536.0 - dropout.threshold));
  const std::uint64_t use = MixSeed(seed_, "dropout", uses_++);
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int64_t sequence =
        sequences_.empty() ? row : sequences_[static_cast<std::size_t>(row)];
    dropout.keys.push_back(MixSeed(use, "sequence", static_cast<std::uint64_t>(sequence)));
  }
  return dropout;
}

SequenceDropout NextDropout(double p, std::int64_t rows, DropoutRng* rng) {
  return rng == nullptr ? SequenceDropout{} : rng->Next(p, rows);
}

void FillDropoutMask(const DropoutMask& dropout, std::int64_t first, std::int64_t count,
                     float* mask) {
  BestCpuKernels().dropout_mask(dropout, first, count, mask);
}

at::Tensor Dropout(const at::Tensor& x, double p, DropoutRng* rng) {
  const SequenceDropout dropout = NextDropout(p, x.size(0), rng);
  if (!dropout.Drops()) return x;
  return TimesMask(x, [&](std::int64_t row, std::int64_t width, float* mask) {
    FillDropoutMask(dropout.OfRow(static_cast<std::size_t>(row)), 0, width, mask);
  });
}

at::Tensor AttentionDropout(const at::Tensor& weights_BHTT,
                            const std::vector<std::int64_t>& lengths, double p, DropoutRng* rng) {
  const SequenceDropout dropout = NextDropout(p, weights_BHTT.size(0), rng);
  if (!dropout.Drops()) return weights_BHTT;
  const std::int64_t heads = weights_BHTT.size(1);
  const std::int64_t columns = weights_BHTT.size(3);
  return TimesMask(weights_BHTT, [&](std::int64_t row, std::int64_t, float* mask) {
    const std::int64_t tokens = lengths[static_cast<std::size_t>(row)];
    const DropoutMask of_row = dropout.OfRow(static_cast<std::size_t>(row));
    for (std::int64_t head = 0; head < heads; ++head) {
      for (std::int64_t i = 0; i < tokens; ++i) {
        FillDropoutMask(of_row, (head * tokens + i) * tokens, tokens,
                        mask + (head * columns + i) * columns);
      }
    }
  });
}

}  // namespace repro
