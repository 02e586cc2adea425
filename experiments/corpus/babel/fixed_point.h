#pragma once
/// Powers without libm, whose last bit differs between machines. Unsigned fixed point, 32 bits
/// after the point.

#include <cstdint>

namespace repro {

/// `value` in Q32.32, cut off below 2^-32. Exact on every machine (a product with a power of two,
/// then truncation). Needs 0 <= value < 2^31.
std::uint64_t ToFixed(double value);

/// base^exponent in Q32.32; both Q32.32. Error below 2^-30 relative. base > 0; the result must be
/// below 2^31.
std::uint64_t PowFixed(std::uint64_t base, std::uint64_t exponent);

/// round(scale * base^exponent), at least 1; what sizes a corpus.
std::int64_t ScaledPower(std::int64_t scale, double base, double exponent);

}  // namespace repro
