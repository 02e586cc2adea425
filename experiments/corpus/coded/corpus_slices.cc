#include "experiments/corpus/coded/corpus_slices.h"

#include <algorithm>

#include "core/base/rng.h"

namespace repro {

Result<CorpusSlices> CorpusSlices::Make(std::int64_t seed, const std::vector<double>& shares) {
  constexpr double kRounding = 1e-9;  // n times 1/n may be more than 1
  CorpusSlices slices;
  slices.key_ = MixSeed(static_cast<std::uint64_t>(seed), "coded.slices");
  double end = 0;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    if (!(shares[i] > 0)) {
      return Fail(ErrorCode::kInvalidArgument, "slice {}: share {}: expected more than 0", i,
                  shares[i]);
    }
    end += shares[i];
    slices.ends_.push_back(end);
  }
  if (end > 1 + kRounding) {
    return Fail(ErrorCode::kInvalidArgument,
                "slices: the shares sum to {}: expected 1 or less, for no document is read twice",
                end);
  }
  return slices;
}

Result<CorpusSlices> CorpusSlices::Equal(std::int64_t seed, std::int64_t count) {
  return Make(
      seed, std::vector<double>(static_cast<std::size_t>(count), 1.0 / static_cast<double>(count)));
}

std::optional<std::size_t> CorpusSlices::SliceOf(std::string_view content_id) const {
  const double place = Rng(key_, content_id).Uniform();
  const auto slice = std::upper_bound(ends_.begin(), ends_.end(), place);
  if (slice == ends_.end()) return std::nullopt;
  return static_cast<std::size_t>(slice - ends_.begin());
}

}  // namespace repro
