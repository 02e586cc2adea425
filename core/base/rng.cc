#include "core/base/rng.h"

#include "core/base/check.h"

namespace repro {
namespace {

// SplitMix64's finaliser: a bijection of 64-bit words with full avalanche.
std::uint64_t Mix64(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15U;
  x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27U)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31U);
}

std::uint64_t HashName(std::uint64_t seed, std::string_view name) {
  std::uint64_t h = Mix64(seed);
  for (const char c : name) h = Mix64(h ^ static_cast<unsigned char>(c));
  return Mix64(h ^ name.size());
}

}  // namespace

std::array<std::uint32_t, 4> Philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key) {
  constexpr std::uint64_t kMultiplier0 = 0xD2511F53U;
  constexpr std::uint64_t kMultiplier1 = 0xCD9E8D57U;
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = kMultiplier0 * counter[0];
    const std::uint64_t product1 = kMultiplier1 * counter[2];
    counter = {static_cast<std::uint32_t>(product1 >> 32U) ^ counter[1] ^ key[0],
               static_cast<std::uint32_t>(product1),
               static_cast<std::uint32_t>(product0 >> 32U) ^ counter[3] ^ key[1],
               static_cast<std::uint32_t>(product0)};
    key[0] += 0x9E3779B9U;
    key[1] += 0xBB67AE85U;
  }
  return counter;
}

Rng::Rng(std::uint64_t seed, std::string_view purpose, std::uint64_t index) : index_(index) {
  const std::uint64_t key = HashName(seed, purpose);
  key_ = {static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32U)};
}

std::uint64_t Rng::Next() {
  const std::uint64_t block = position_ / 2;
  const auto words =
      Philox4x32({static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32U),
                  static_cast<std::uint32_t>(index_), static_cast<std::uint32_t>(index_ >> 32U)},
                 key_);
  const std::size_t half = 2 * (position_ % 2);
  ++position_;
  return words[half] | (static_cast<std::uint64_t>(words[half + 1]) << 32U);
}

std::uint64_t Rng::Below(std::uint64_t bound) {
  REPRO_CHECK(bound > 0);
  const std::uint64_t threshold = (0 - bound) % bound;  // 2^64 mod bound
  for (;;) {
    const std::uint64_t draw = Next();
    if (draw >= threshold) return draw % bound;
  }
}

double Rng::Uniform() {
  return static_cast<double>(Next() >> 11U) * 0x1.0p-53;
}

std::uint64_t MixSeed(std::uint64_t seed, std::string_view purpose, std::uint64_t index) {
  return Mix64(HashName(seed, purpose) ^ index);
}

}  // namespace repro
