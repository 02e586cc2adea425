#include "experiments/corpus/coded/frequency_bands.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/base/rng.h"

namespace repro {

std::vector<FrequencyBand> FrequencyBands(std::size_t types, double ratio) {
  std::vector<FrequencyBand> bands;
  for (std::size_t place = 1; place <= types;) {
    const double wanted = std::floor(static_cast<double>(place) * ratio);
    std::size_t next = types + 1;
    if (wanted < static_cast<double>(next)) {
      next = std::max(place + 1, static_cast<std::size_t>(wanted));
    }
    bands.push_back({place - 1, next - 1});
    place = next;
  }
  return bands;
}

std::vector<bool> ChooseAnchors(const TypeInventory& inventory, const CodedSettings& settings) {
  const auto seed = static_cast<std::uint64_t>(settings.seed);
  const std::uint64_t key = MixSeed(seed, "coded.anchors");
  std::vector<bool> anchors(inventory.types().size());
  std::vector<std::pair<std::uint64_t, std::size_t>> by_hash;  // hash, rank
  for (const FrequencyBand& band : FrequencyBands(anchors.size(), settings.band_ratio)) {
    by_hash.clear();
    for (std::size_t rank = band.begin; rank < band.end; ++rank) {
      by_hash.emplace_back(MixSeed(key, inventory.types()[rank].word), rank);
    }
    std::sort(by_hash.begin(), by_hash.end());
    // The share from which on a type is an anchor: evenly spread over the band, wherever it begins.
    const double first = Rng(seed, "coded.anchors", band.begin).Uniform();
    for (std::size_t i = 0; i < by_hash.size(); ++i) {
      const double threshold =
          (static_cast<double>(i) + first) / static_cast<double>(by_hash.size());
      anchors[by_hash[i].second] = threshold < settings.anchor_share;
    }
  }
  return anchors;
}

}  // namespace repro
