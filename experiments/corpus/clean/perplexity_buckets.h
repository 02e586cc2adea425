#pragma once
/// CC-Net's three classes of quality: the documents of a language parted by their perplexity at its
/// 30th and 60th percentile (Wenzek et al. 2020, arXiv 1911.00359; cc_net/perplexity.py).

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "core/base/result.h"

namespace repro {

enum class QualityBucket {
  kHead,    ///< below the lower cutoff: most like the text that the model was trained on
  kMiddle,  ///< below the upper one
  kTail,
  kAll,  ///< not parted: no language model, no cutoffs, or no text
};
/// "head", "middle", "tail", "all"
const char* QualityBucketName(QualityBucket bucket);

struct PerplexityCutoffs {
  double head = 0;
  double middle = 0;

  QualityBucket Bucket(double perplexity) const;
};

/// The perplexities of one language. Exact: how often each value came is kept, so that memory grows
/// with the distinct values alone (some tens of thousands: they have one decimal). The order of
/// `Add` and `Merge` changes nothing.
class PerplexityDistribution {
 public:
  static constexpr double kHeadPercentile = 30;
  static constexpr double kMiddlePercentile = 60;

  void Add(double perplexity, std::int64_t times = 1);
  void Merge(const PerplexityDistribution& other);

  std::int64_t count() const { return count_; }
  const std::map<double, std::int64_t>& values() const { return values_; }

  /// Between the two nearest values linearly, as numpy.percentile does, to the last bit. (CC-Net
  /// publishes its table of cutoffs and not what made it.) Nothing without values. `percent`: 0 to
  /// 100.
  std::optional<double> Percentile(double percent) const;
  std::optional<PerplexityCutoffs> Cutoffs() const;

 private:
  /// The value at place `rank` from 0 of all of them, sorted.
  double At(std::int64_t rank) const;

  std::map<double, std::int64_t> values_;
  std::int64_t count_ = 0;
};

/// A table like CC-Net's cutoff.csv: a first line with a language over each column, then a line a
/// percentile, of which 30 and 60 are read. Errors: kNotFound, kIo; kCorrupt with file:line.
Result<std::map<std::string, PerplexityCutoffs>> LoadCutoffs(const std::filesystem::path& csv);
/// The same table with these two lines.
std::string CutoffTable(const std::map<std::string, PerplexityCutoffs>& cutoffs);

}  // namespace repro
