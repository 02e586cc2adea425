#include "experiments/corpus/clean/perplexity_buckets.h"

#include <charconv>
#include <cmath>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "core/base/check.h"
#include "core/base/text.h"
#include "core/io/file.h"

namespace repro {
namespace {

std::vector<std::string_view> Cells(std::string_view line) {
  std::vector<std::string_view> cells;
  for (;;) {
    const std::size_t comma = line.find(',');
    cells.push_back(line.substr(0, comma));
    if (comma == line.npos) return cells;
    line.remove_prefix(comma + 1);
  }
}

std::optional<double> Number(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || std::isnan(number)) return {};
  return number;
}

}  // namespace

const char* QualityBucketName(QualityBucket bucket) {
  switch (bucket) {
    case QualityBucket::kHead:
      return "head";
    case QualityBucket::kMiddle:
      return "middle";
    case QualityBucket::kTail:
      return "tail";
    case QualityBucket::kAll:
      break;
  }
  return "all";
}

QualityBucket PerplexityCutoffs::Bucket(double perplexity) const {
  if (perplexity < head) return QualityBucket::kHead;
  return perplexity < middle ? QualityBucket::kMiddle : QualityBucket::kTail;
}

void PerplexityDistribution::Add(double perplexity, std::int64_t times) {
  REPRO_CHECK(!std::isnan(perplexity) && times > 0);
  values_[perplexity] += times;
  count_ += times;
}

void PerplexityDistribution::Merge(const PerplexityDistribution& other) {
  for (const auto& [value, times] : other.values_) Add(value, times);
}

double PerplexityDistribution::At(std::int64_t rank) const {
  auto at = values_.begin();
  for (; rank >= at->second; ++at) rank -= at->second;
  return at->first;
}

std::optional<double> PerplexityDistribution::Percentile(double percent) const {
  REPRO_CHECK(percent >= 0 && percent <= 100);
  if (count_ == 0) return {};
  const double place = percent / 100 * static_cast<double>(count_ - 1);
  const auto rank = static_cast<std::int64_t>(place);
  const double share = place - static_cast<double>(rank);
  const double below = At(rank);
  const double above = rank + 1 < count_ ? At(rank + 1) : below;
  if (below == above) return below;
  // From the nearer end, as numpy.
  const double gap = above - below;
  return share < 0.5 ? below + gap * share : above - gap * (1 - share);
}

std::optional<PerplexityCutoffs> PerplexityDistribution::Cutoffs() const {
  if (count_ == 0) return {};
  return PerplexityCutoffs{*Percentile(kHeadPercentile), *Percentile(kMiddlePercentile)};
}

Result<std::map<std::string, PerplexityCutoffs>> LoadCutoffs(const std::filesystem::path& csv) {
  REPRO_ASSIGN_OR_RETURN(const std::string text, ReadFile(csv));
  std::vector<std::string_view> languages;
  std::map<std::string, PerplexityCutoffs> cutoffs;
  bool has_head = false;
  bool has_middle = false;
  int number = 0;
  for (std::string_view rest = text; !rest.empty();) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (line.ends_with('\r')) line.remove_suffix(1);
    ++number;
    const std::vector<std::string_view> cells = Cells(line);
    if (number == 1) {
      languages = cells;
      continue;
    }
    const auto fail = [&](std::string_view what) {
      return Fail(ErrorCode::kCorrupt, "{}:{}: {}: {}", csv.string(), number, what,
                  Brief(Printable(line)));
    };
    const auto percentile = Number(cells[0]);
    if (!percentile) return fail("expected a percentile in the first column");
    const bool is_head = *percentile == PerplexityDistribution::kHeadPercentile;
    const bool is_middle = *percentile == PerplexityDistribution::kMiddlePercentile;
    if (!is_head && !is_middle) continue;
    (is_head ? has_head : has_middle) = true;
    if (cells.size() != languages.size()) {
      return fail(fmt::format("expected {} columns, found {}", languages.size(), cells.size()));
    }
    for (std::size_t i = 1; i < cells.size(); ++i) {
      const auto value = Number(cells[i]);
      if (!value) return fail(fmt::format("column {} is no number", i + 1));
      PerplexityCutoffs& of = cutoffs[std::string(languages[i])];
      (is_head ? of.head : of.middle) = *value;
    }
  }
  if (!has_head || !has_middle) {
    return Fail(ErrorCode::kCorrupt,
                "{}: expected a table with a language over each column and a line for each of the "
                "percentiles {} and {}",
                csv.string(), PerplexityDistribution::kHeadPercentile,
                PerplexityDistribution::kMiddlePercentile);
  }
  for (const auto& [language, of] : cutoffs) {
    if (of.head > of.middle) {
      return Fail(ErrorCode::kCorrupt, "{}: '{}': percentile {} is {}, more than {} at {}",
                  csv.string(), Printable(language), PerplexityDistribution::kHeadPercentile,
                  of.head, of.middle, PerplexityDistribution::kMiddlePercentile);
    }
  }
  return cutoffs;
}

std::string CutoffTable(const std::map<std::string, PerplexityCutoffs>& cutoffs) {
  std::string languages;
  std::string head = fmt::format("{}", PerplexityDistribution::kHeadPercentile);
  std::string middle = fmt::format("{}", PerplexityDistribution::kMiddlePercentile);
  for (const auto& [language, of] : cutoffs) {
    languages += "," + language;
    head += fmt::format(",{}", of.head);
    middle += fmt::format(",{}", of.middle);
  }
  return languages + "\n" + head + "\n" + middle + "\n";
}

}  // namespace repro
