// bfloat16 and float16 as the 16 bits that they are, to float32 and back: to the nearest, ties to even. In integers and
// exact steps, so that a vector loop takes them on every instruction set; a GPU's own instructions give the same, but
// for the bits of NaN.
#pragma once
#include "portable.h"

namespace pyvae {

struct BFloat16 {
  uint16_t bits;
};
struct Float16 {
  uint16_t bits;
};

namespace detail {

constexpr int32_t kSign = static_cast<int32_t>(0x80000000u), kInfinityBits = 0x7f800000;

}  // namespace detail

// --- bfloat16: the upper half of a float32 ---------------------------------------------------------------------------

PYVAE_MATH float widened(BFloat16 x) { return bits_float(static_cast<int32_t>(static_cast<uint32_t>(x.bits) << 16)); }

PYVAE_MATH void round_to(BFloat16& half, float x) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(half.bits) : "f"(x));
#else
  const uint32_t bits = static_cast<uint32_t>(float_bits(x));
  const uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  half.bits = static_cast<uint16_t>(x == x ? rounded : 0x7fc0);
#endif
}

// --- float16: 5 bits of exponent, 10 of fraction ---------------------------------------------------------------------
//
// Its subnormal numbers are normal in float32. They go through a number of integer steps of 2^-24, and back through a
// sum with 1/2, whose last place is 2^-24; neither meets a subnormal float32, which the kernels take as zero.

PYVAE_MATH float widened(Float16 x) {
#if defined(__CUDA_ARCH__)
  float wide;
  asm("cvt.f32.f16 %0, %1;" : "=f"(wide) : "h"(x.bits));
  return wide;
#else
  constexpr int32_t kBias = (127 - 15) << 23, kSmallestNormal = 1 << 10, kInfinity = 31 << 10;
  const int32_t magnitude = x.bits & 0x7fff;
  const int32_t normal = (magnitude << 13) + kBias;
  const int32_t subnormal = float_bits(static_cast<float>(magnitude) * 5.9604644775390625e-8f);
  const int32_t finite = magnitude < kSmallestNormal ? subnormal : normal;
  const int32_t bits = magnitude < kInfinity ? finite : (magnitude << 13) | detail::kInfinityBits;
  return bits_float(bits | (static_cast<int32_t>(x.bits & 0x8000) << 16));
#endif
}

PYVAE_MATH void round_to(Float16& half, float x) {
#if defined(__CUDA_ARCH__)
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(half.bits) : "f"(x));
#else
  constexpr int32_t kBias = (127 - 15) << 23, kSmallestNormal = (127 - 14) << 23;
  // The least that rounds to infinity: half a unit above the largest float16, 65504.
  constexpr int32_t kOverflow = (127 + 15) << 23 | 0x7ff000;
  const int32_t magnitude = float_bits(x) & 0x7fffffff;
  const int32_t normal = (magnitude - kBias + 0xfff + ((magnitude >> 13) & 1)) >> 13;
  const int32_t subnormal = float_bits(bits_float(magnitude) + 0.5f) - float_bits(0.5f);
  const int32_t finite = magnitude < kSmallestNormal ? subnormal : normal;
  const int32_t bounded = magnitude < kOverflow ? finite : 0x7c00;
  const int32_t bits = magnitude <= detail::kInfinityBits ? bounded : 0x7e00;
  half.bits = static_cast<uint16_t>(bits | ((float_bits(x) & detail::kSign) >> 16 & 0x8000));
#endif
}

// --- What is computed in is stored as it is --------------------------------------------------------------------------

PYVAE_MATH float widened(float x) { return x; }
PYVAE_MATH double widened(double x) { return x; }
PYVAE_MATH void round_to(float& to, float x) { to = x; }
PYVAE_MATH void round_to(double& to, double x) { to = x; }

}  // namespace pyvae
