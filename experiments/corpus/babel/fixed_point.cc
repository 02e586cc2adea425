#include "experiments/corpus/babel/fixed_point.h"

#include <bit>

#include "core/base/check.h"

namespace repro {
namespace {

__extension__ using Wide = unsigned __int128;

constexpr int kPoint = 32;
constexpr int kInner = 62;  // the inner working format: Q2.62

std::uint64_t SquareRoot(Wide value) {
  std::uint64_t root = 0;
  for (int bit = 63; bit >= 0; --bit) {
    const std::uint64_t trial = root | (std::uint64_t{1} << bit);
    if (static_cast<Wide>(trial) * trial <= value) root = trial;
  }
  return root;
}

// log2 of a Q32.32 number as a signed Q.32 number: the integer part from the highest bit, each
// further bit by squaring.
std::int64_t Log2(std::uint64_t value) {
  const int high = 63 - std::countl_zero(value);
  std::uint64_t mantissa = high >= kInner ? value >> (high - kInner) : value << (kInner - high);
  std::int64_t result = static_cast<std::int64_t>(high - kPoint);
  for (int bit = 0; bit < kPoint; ++bit) {
    const Wide square = static_cast<Wide>(mantissa) * mantissa >> kInner;
    const bool above_two = (square >> (kInner + 1)) != 0;
    mantissa = static_cast<std::uint64_t>(above_two ? square >> 1 : square);
    result = result * 2 + (above_two ? 1 : 0);
  }
  return result;
}

// 2^x of a signed Q.32 number as Q32.32: the product of 2^(2^-k) over the set bits, each constant a
// square root of the one before.
std::uint64_t Exp2(std::int64_t x) {
  const std::int64_t whole = x >> kPoint;
  const auto fraction = static_cast<std::uint32_t>(x);
  std::uint64_t product = std::uint64_t{1} << kInner;
  Wide root_of = static_cast<Wide>(2) << kInner;  // 2.0
  for (int bit = kPoint - 1; bit >= 0; --bit) {
    const std::uint64_t factor = SquareRoot(root_of << kInner);
    root_of = factor;
    if ((fraction >> bit & 1U) != 0) {
      product = static_cast<std::uint64_t>(static_cast<Wide>(product) * factor >> kInner);
    }
  }
  const std::int64_t shift = kInner - kPoint - whole;
  REPRO_CHECK(whole < 31);
  if (shift >= 64) return 0;
  return (product + (std::uint64_t{1} << (shift - 1))) >> shift;
}

}  // namespace

std::uint64_t ToFixed(double value) {
  REPRO_CHECK(value >= 0 && value < 2147483648.0);
  return static_cast<std::uint64_t>(value * 4294967296.0);
}

std::uint64_t PowFixed(std::uint64_t base, std::uint64_t exponent) {
  REPRO_CHECK(base > 0);
  const std::int64_t log = Log2(base);
  const bool negative = log < 0;
  const auto magnitude = static_cast<std::uint64_t>(negative ? -log : log);
  const auto product = static_cast<std::int64_t>(static_cast<Wide>(magnitude) * exponent >> kPoint);
  return Exp2(negative ? -product : product);
}

std::int64_t ScaledPower(std::int64_t scale, double base, double exponent) {
  const Wide power = PowFixed(ToFixed(base), ToFixed(exponent));
  const Wide half = static_cast<Wide>(1) << (kPoint - 1);
  const auto result =
      static_cast<std::int64_t>((power * static_cast<Wide>(scale) + half) >> kPoint);
  return result < 1 ? 1 : result;
}

}  // namespace repro
