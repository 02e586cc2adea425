#pragma once
/// A keyed permutation of [0, n) that is computed, not stored: a balanced Feistel network over the
/// next power of four, walked until it lands inside (format-preserving encryption, Black & Rogaway
/// 2002). Any element in O(1), so the order of an epoch costs no memory and no start-up time.

#include <array>
#include <cstdint>
#include <string_view>

namespace repro {

class Permutation {
 public:
  /// size > 0. The same (size, seed, purpose, index) is the same permutation on every machine.
  Permutation(std::uint64_t size, std::uint64_t seed, std::string_view purpose,
              std::uint64_t index = 0);

  /// Where position `i` in [0, size) goes.
  std::uint64_t operator()(std::uint64_t i) const;

 private:
  static constexpr int kRounds = 8;
  std::uint64_t size_;
  int half_bits_ = 1;
  std::array<std::uint64_t, kRounds> keys_{};
};

}  // namespace repro
