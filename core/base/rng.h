#pragma once
/// Counter-based random streams.
///
/// Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"). A stream is
/// named by what it is for, (seed, purpose, index), so a draw never depends on thread count, on
/// order of work or on a resume. Only integer arithmetic is used, so the same stream gives the same
/// bytes on any machine, compiler and optimisation level.

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

namespace repro {

/// One Philox4x32-10 block: 4 words out of a 128-bit counter and a 64-bit key. Pure.
std::array<std::uint32_t, 4> Philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key);

/// A stream of random numbers. Cheap to make and copy; not shared between threads.
class Rng {
 public:
  /// `purpose` says what the stream is for ("mask", "babel.lexicon"); `index` is the item it
  /// serves.
  Rng(std::uint64_t seed, std::string_view purpose, std::uint64_t index = 0);

  /// Uniform over all 64-bit values.
  std::uint64_t Next();
  /// Uniform in [0, bound), unbiased (rejection). bound > 0.
  std::uint64_t Below(std::uint64_t bound);
  /// Uniform in [0, 1): a multiple of 2^-53, exact on every machine.
  double Uniform();

  /// Fisher-Yates over `items`, which has size() and operator[].
  template <class Items>
  void Shuffle(Items& items) {
    for (std::uint64_t i = items.size(); i > 1; --i) {
      using std::swap;
      swap(items[i - 1], items[Below(i)]);
    }
  }

 private:
  std::array<std::uint32_t, 2> key_;
  std::uint64_t index_;
  std::uint64_t position_ = 0;  // how many 64-bit values were drawn
};

/// A 64-bit mix of a seed and a name; for seeding libraries that take one integer.
std::uint64_t MixSeed(std::uint64_t seed, std::string_view purpose, std::uint64_t index = 0);

}  // namespace repro
