#include "experiments/data/permutation.h"

#include <bit>

#include "core/base/check.h"
#include "core/base/rng.h"

namespace repro {
namespace {

// The finaliser of MurmurHash3: every input bit reaches every output bit.
std::uint64_t Scramble(std::uint64_t x) {
  x = (x ^ (x >> 33U)) * 0xFF51AFD7ED558CCDU;
  x = (x ^ (x >> 33U)) * 0xC4CEB9FE1A85EC53U;
  return x ^ (x >> 33U);
}

}  // namespace

Permutation::Permutation(std::uint64_t size, std::uint64_t seed, std::string_view purpose,
                         std::uint64_t index)
    : size_(size) {
  REPRO_CHECK(size > 0);
  const int bits = size <= 2 ? 2 : static_cast<int>(std::bit_width(size - 1));
  half_bits_ = (bits + 1) / 2;
  Rng rng(seed, purpose, index);
  for (std::uint64_t& key : keys_) key = rng.Next();
}

std::uint64_t Permutation::operator()(std::uint64_t i) const {
  REPRO_CHECK(i < size_);
  const std::uint64_t mask = (std::uint64_t{1} << static_cast<unsigned>(half_bits_)) - 1;
  const auto shift = static_cast<unsigned>(half_bits_);
  do {
    std::uint64_t left = i >> shift;
    std::uint64_t right = i & mask;
    for (const std::uint64_t key : keys_) {
      const std::uint64_t next = left ^ (Scramble(right ^ key) & mask);
      left = right;
      right = next;
    }
    i = (left << shift) | right;
  } while (i >= size_);
  return i;
}

}  // namespace repro
