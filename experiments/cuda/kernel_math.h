#pragma once
/// The arithmetic of one element in our CUDA kernels, for the GPU and (in tests, against the CPU's
/// kernels and ATen) for the host.

#include <cmath>
#include <cstdint>
#include <cstring>

#if defined(__CUDACC__)
#define REPRO_HOST_DEVICE __host__ __device__ __forceinline__
#else
#define REPRO_HOST_DEVICE inline
#endif

namespace repro::gpu {

/// Mix of experiments/model/cpu_kernels.inl: a counter-based hash.
REPRO_HOST_DEVICE std::uint32_t MixBits(std::uint32_t x) {
  x ^= x >> 16U;
  x *= 0x7FEB352DU;
  x ^= x >> 15U;
  x *= 0x846CA68BU;
  x ^= x >> 16U;
  return x;
}

/// 0 or `scale` for element i: the bits of CpuKernels::dropout_mask.
REPRO_HOST_DEVICE float DropoutFactor(std::uint64_t key, std::uint32_t threshold, float scale,
                                      std::int64_t i) {
  const std::uint32_t word = static_cast<std::uint32_t>(i / 32 * 16 + i % 16);
  const std::uint32_t bits = MixBits(MixBits(word ^ static_cast<std::uint32_t>(key)) +
                                     static_cast<std::uint32_t>(key >> 32U));
  const std::uint32_t draw = i % 32 < 16 ? bits & 0xFFFFU : bits >> 16U;
  return draw < threshold ? 0.0F : scale;
}

/// Normal distribution function.
REPRO_HOST_DEVICE float NormalCdf(float x) {
  return 0.5F * (1.0F + erff(x * 0.70710678118654752F));
}

REPRO_HOST_DEVICE float Gelu(float x) {
  return x * NormalCdf(x);
}

REPRO_HOST_DEVICE float GeluDerivative(float x) {
  return NormalCdf(x) + x * 0.39894228040143268F * expf(-0.5F * x * x);
}

/// Sixteen bits of a float; not arithmetic's type, only memory's.
struct Bfloat16 {
  std::uint16_t bits;
};

REPRO_HOST_DEVICE float ToFloat(float x) {
  return x;
}

REPRO_HOST_DEVICE float ToFloat(Bfloat16 x) {
  const std::uint32_t bits = static_cast<std::uint32_t>(x.bits) << 16U;
  float value = 0;
  memcpy(&value, &bits, sizeof value);
  return value;
}

REPRO_HOST_DEVICE void FromFloat(float x, float& out) {
  out = x;
}

/// Rounds to nearest, ties to even; NaN stays NaN.
REPRO_HOST_DEVICE void FromFloat(float x, Bfloat16& out) {
#if defined(__CUDA_ARCH__)
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(out.bits) : "f"(x));
#else
  std::uint32_t bits = 0;
  memcpy(&bits, &x, sizeof bits);
  if ((bits & 0x7FFFFFFFU) > 0x7F800000U) {
    out.bits = 0x7FFFU;
  } else {
    out.bits = static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16U) & 1U)) >> 16U);
  }
#endif
}

}  // namespace repro::gpu
