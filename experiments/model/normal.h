#pragma once
/// The normal distribution's quantile with IEEE additions, multiplications, divisions and square
/// roots alone, so that initial weights are the same on every machine (libm's logarithm is not).

namespace repro {

/// x with P(X <= x) = p for a standard normal X; 0 < p < 1. Wichura (1988), algorithm AS 241,
/// PPND16: relative error about 1e-16.
double NormalQuantile(double p);

}  // namespace repro
