#pragma once
/// Small draws from a random stream, two out of each 64-bit value: the generator's
/// inner loop. Integer arithmetic only.

#include <cstdint>
#include <span>
#include <string_view>

#include "core/base/rng.h"

namespace repro {

class Dice {
 public:
  Dice(std::uint64_t seed, std::string_view purpose, std::uint64_t index = 0)
      : rng_(seed, purpose, index) {}

  /// Uniform in [0, bound) up to a bias of bound / 2^32, which no text of ours can show. bound > 0.
  std::uint32_t Below(std::uint32_t bound) {
    return static_cast<std::uint32_t>((std::uint64_t{Next32()} * bound) >> 32U);
  }
  int Pick(int bound) { return static_cast<int>(Below(static_cast<std::uint32_t>(bound))); }
  /// True `share` times out of 1000.
  bool Chance(std::uint32_t share) { return Below(1000) < share; }
  /// Index drawn in proportion to `weights`.
  int Weighted(std::span<const std::uint32_t> weights) {
    std::uint32_t total = 0;
    for (const std::uint32_t weight : weights) total += weight;
    std::uint32_t draw = Below(total);
    int index = 0;
    for (const std::uint32_t weight : weights) {
      if (draw < weight) break;
      draw -= weight;
      ++index;
    }
    return index;
  }

  template <class Items>
  void Shuffle(Items& items) {
    for (auto i = static_cast<std::uint32_t>(items.size()); i > 1; --i) {
      using std::swap;
      swap(items[i - 1], items[Below(i)]);
    }
  }

 private:
  std::uint32_t Next32() {
    if (has_half_) {
      has_half_ = false;
      return half_;
    }
    const std::uint64_t word = rng_.Next();
    half_ = static_cast<std::uint32_t>(word >> 32U);
    has_half_ = true;
    return static_cast<std::uint32_t>(word);
  }

  Rng rng_;
  std::uint32_t half_ = 0;
  bool has_half_ = false;
};

}  // namespace repro
